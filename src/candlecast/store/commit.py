"""How a series' folder changes: all at once, at the moment its manifest is replaced.

1. New months are written beside the old as ``YYYY-MM.GENERATION.new``.
2. The manifest that lists them takes the old one's place: from here on they count.
3. Each is moved to its place, ``YYYY-MM.parquet``.

A kill before 2 leaves the old state and some files that nobody lists, which the next writer
removes. A kill after 2 leaves the new state, of which some files have not moved; readers look for
them under both names, and the next writer moves them. So one file a month ends in ``.parquet`` at
any moment, for whoever reads the folder with a glob.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from candlecast.store.disk import disk_errors, move, sync_folder, write_synced
from candlecast.store.manifest import MANIFEST, Manifest

_ASIDE = ".new"


def commit(folder: Path, manifest: Manifest, changed: Mapping[str, bytes]) -> None:
    """Put a new manifest and the month files that it lists anew in place of the old.

    The caller holds the lock and has called `settle` for the old manifest. The new one lists each
    changed month under its own generation.
    """
    with disk_errors(folder):
        for month, content in changed.items():
            write_synced(aside_of(folder, month, manifest.generation), content)
        sync_folder(folder)
        aside = folder / f"{MANIFEST}{_ASIDE}"
        write_synced(aside, manifest.model_dump_json(indent=1).encode() + b"\n")
        move(aside, folder / MANIFEST)
        sync_folder(folder)
    settle(folder, manifest)


def settle(folder: Path, manifest: Manifest | None) -> None:
    """Finish what a writer began: move what the manifest lists, remove what it does not.

    The caller holds the lock.
    """
    with disk_errors(folder):
        aside = {path.name for path in folder.glob(f"*{_ASIDE}")}
        for month, path in pending(folder, manifest).items():
            move(path, file_of(folder, month))
            aside.remove(path.name)
        for name in aside:
            (folder / name).unlink()
        sync_folder(folder)


def pending(folder: Path, manifest: Manifest | None) -> dict[str, Path]:
    """The files that count and have not been moved to their place, by month."""
    if manifest is None:
        return {}
    aside = {path.name for path in folder.glob(f"*{_ASIDE}")}
    paths = {
        name: aside_of(folder, name, month.generation) for name, month in manifest.months.items()
    }
    return {name: path for name, path in paths.items() if path.name in aside}


def file_of(folder: Path, month: str) -> Path:
    """Where a month's file lies at rest."""
    return folder / f"{month}.parquet"


def aside_of(folder: Path, month: str, generation: int) -> Path:
    """Where it lies until its manifest counts."""
    return folder / f"{month}.{generation}{_ASIDE}"
