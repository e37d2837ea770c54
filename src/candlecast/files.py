"""Files that are whole or not there: written aside first, then moved into place."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from candlecast.errors import InputError


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write a file or folder to, beside `path`, which takes its place at the end.

    If the work inside fails, `path` is as it was before.
    """
    aside = path.with_name(f".candlecast-{secrets.token_hex(8)}")  # short, and never another's
    try:
        yield aside
        if path.is_dir():
            shutil.rmtree(path)
        aside.replace(path)
    finally:
        if aside.is_dir():
            shutil.rmtree(aside)
        else:
            aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with written_whole(path) as aside:
        aside.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> list[Path]:
    """Make a folder that can be written to.

    Returns:
        The folders that were not there before, innermost first.

    Raises:
        InputError: If a file is in its place, or it cannot be made or written to.
    """
    made = []
    try:
        for folder in (path, *path.parents):
            if folder.exists():
                break
            made.append(folder)
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path}: a file stands in the way. Choose another folder.") from error
    except OSError as error:
        remove_empty(made)
        raise InputError(
            f"{path}: the folder cannot be made ({error.strerror}). Choose one that can."
        ) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise InputError(f"{path}: the folder may not be written to. Choose another.")
    return made


def remove_empty(folders: list[Path]) -> None:
    """Remove folders, innermost first, that are there and empty."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()
