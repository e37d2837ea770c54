"""Month files as they are read: of one state of the series, each held against its checksum."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from candlecast.errors import InputError
from candlecast.intervals import parse_interval
from candlecast.store.commit import aside_of, file_of
from candlecast.store.manifest import Manifest, Month, read_manifest
from candlecast.store.months import decoded, sha256

_ADVICE = "Take it out with `candlecast data verify --drop`, then fetch or import it again."


def load_months(
    folder: Path,
    since: datetime | None,
    until: datetime | None,
    which: Callable[[Month, timedelta], bool] | None = None,
) -> tuple[Manifest, dict[str, pl.DataFrame]]:
    """The manifest and the months that touch a span, oldest first, all of one state of the series.

    No lock is needed: a file whose checksum differs was replaced by a writer since the manifest was
    read, so the manifest is read again. If it is still the same, the file is damaged.

    Args:
        folder: The series' folder.
        since: The first open time that is wanted; None leaves the side open.
        until: The time before which the last opens; None leaves the side open.
        which: Whether a month is loaded at all, by its entry and the interval; None loads all. Of
            one that is not, the file must be there all the same, and of its size.

    Raises:
        InputError: If there is no such series, or a file is missing or damaged.
    """
    manifest = _present(folder)
    loaded: dict[str, tuple[str, pl.DataFrame]] = {}
    while True:
        step = parse_interval(manifest.interval)
        between = manifest.months_between(since, until)
        wanted = {
            name: month for name, month in between.items() if which is None or which(month, step)
        }
        try:
            for name, month in between.items():
                if name not in wanted:
                    _check_there(folder, name, month)
            for name, month in wanted.items():
                if loaded.get(name, ("",))[0] != month.file_sha256:
                    loaded[name] = month.file_sha256, load_month(folder, name, month)
        except InputError:
            newer = _present(folder)
            if newer.generation == manifest.generation:
                raise
            manifest = newer
        else:
            return manifest, {name: loaded[name][1] for name in wanted}


def load_month(folder: Path, name: str, month: Month) -> pl.DataFrame:
    """The candles of one month file.

    Raises:
        InputError: If it is missing, or is not the file that the manifest lists.
    """
    path = file_of(folder, name)
    content = _content(aside_of(folder, name, month.generation))
    if content is None:
        content = _content(path)
    if content is None:
        raise not_there(path)
    if sha256(content) != month.file_sha256:
        raise _changed(path, "checksum")
    try:
        return decoded(content)
    except ValueError as error:
        raise InputError(f"{path}: the file cannot be read: {error}. {_ADVICE}") from error


def _check_there(folder: Path, name: str, month: Month) -> None:
    """Raise an `InputError` if a month's file is not there, or of another size."""
    path = file_of(folder, name)
    size = _size(aside_of(folder, name, month.generation))
    if size is None:
        size = _size(path)
    if size is None:
        raise not_there(path)
    if size != month.size:
        raise _changed(path, "size")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def not_there(path: Path) -> InputError:
    """What is said of a month's file that is gone."""
    return InputError(f"{path}: the manifest lists this file, and it is not there. {_ADVICE}")


def _changed(path: Path, what: str) -> InputError:
    return InputError(
        f"{path}: the file is damaged or was changed by another program: its {what} is not the "
        f"manifest's. {_ADVICE}"
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from error


def _present(folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError(f"{folder}: there is no series. `candlecast data list` shows what is.")
    return manifest
