"""What is damaged in a store: every file held against its checksums and its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from candlecast.errors import InputError
from candlecast.intervals import parse_interval
from candlecast.store.commit import commit, file_of, settle
from candlecast.store.disk import disk_errors, locked, move
from candlecast.store.finding import names_in
from candlecast.store.loading import load_month
from candlecast.store.manifest import MANIFEST, Manifest, Month, read_manifest
from candlecast.store.months import described, encoded


class Damage(NamedTuple):
    """One file that is not as it should be, and what is wrong with it."""

    file: Path
    problem: str


def find_damage(root: Path) -> list[Damage]:
    """What is wrong in a store, series by series."""
    return [damage for name in names_in(root) for damage in _damage_of(root / name.folder)]


def drop_damaged(root: Path, wait_s: float) -> list[Damage]:
    """Take damaged months out of their manifests; their files then end in ``.damaged``."""
    found = []
    for name in names_in(root):
        folder = root / name.folder
        with locked(folder, wait_s):
            damage = _damage_of(folder)
            found += damage
            if damage and not _is_manifest(damage[0]):
                _drop(folder, damage)
    return found


def _damage_of(folder: Path) -> list[Damage]:
    """What is wrong in a series, seen in one state of it."""
    while True:
        try:
            manifest = read_manifest(folder)
            damage = _wrong_files(folder, manifest) if manifest is not None else []
            now = read_manifest(folder)
        except InputError as error:
            return [Damage(folder / MANIFEST, str(error))]
        if now == manifest:
            return damage


def _wrong_files(folder: Path, manifest: Manifest) -> list[Damage]:
    files = {file_of(folder, name): (name, month) for name, month in manifest.months.items()}
    problems = ((path, _problem(folder, manifest, *each)) for path, each in files.items())
    return [
        *(Damage(path, problem) for path, problem in problems if problem is not None),
        *(
            Damage(path, f"{path}: no manifest lists this file, so candlecast does not read it.")
            for path in sorted(folder.glob(file_of(folder, "*").name))
            if path not in files
        ),
    ]


def _problem(folder: Path, manifest: Manifest, name: str, month: Month) -> str | None:
    try:
        table = load_month(folder, name, month)
    except InputError as error:
        return str(error)
    interval = parse_interval(manifest.interval)
    found = described(table, encoded(table), manifest.symbol, interval)
    same = {"generation": month.generation, "file_sha256": month.file_sha256, "size": month.size}
    if found.model_copy(update=same) == month:
        return None
    return f"{file_of(folder, name)}: the candles are not those that the manifest describes."


def _drop(folder: Path, damage: list[Damage]) -> None:
    """Forget the files first and rename them then: a kill between leaves files nobody lists."""
    manifest = read_manifest(folder)
    assert manifest is not None
    settle(folder, manifest)
    bad = {each.file for each in damage}
    kept = {
        name: month for name, month in manifest.months.items() if file_of(folder, name) not in bad
    }
    if len(kept) < len(manifest.months):
        emptied = manifest.model_copy(update={"months": {}, "generation": manifest.generation + 1})
        commit(folder, emptied.with_months(kept), {})
    with disk_errors(folder):
        for path in sorted(bad):
            if path.exists():
                move(path, path.with_suffix(".damaged"))


def _is_manifest(damage: Damage) -> bool:
    return damage.file.name == MANIFEST
