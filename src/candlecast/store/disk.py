"""The disk: one writer at a time, and bytes that have arrived before anything counts on them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from candlecast.errors import CandlecastError

_LOCK = ".lock"
_MOVE_WAITS_S = (0.01, 0.05, 0.2, 0.5)


@contextmanager
def locked(folder: Path, wait_s: float) -> Iterator[None]:
    """Be the only writer of a folder; the system frees the lock when its holder ends or is killed.

    Args:
        folder: The folder; made where it is not there.
        wait_s: How long to wait for another writer.

    Raises:
        CandlecastError: If another writes for longer than that, or the folder cannot be written to.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / _LOCK)
        try:
            lock.acquire(timeout=wait_s)
        except Timeout:
            raise CandlecastError(
                f"{folder}: another process is writing here, after {wait_s:g} s still. Wait until "
                "it is done, or end it, and try again."
            ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Say in the user's words that the disk refused."""
    try:
        yield
    except OSError as error:
        raise CandlecastError(
            f"{error.filename or place}: the store cannot be written to ({error.strerror or error})"
            ". What it held is kept. Make room, or get the right to write there, and try again."
        ) from error


def write_synced(path: Path, content: bytes) -> None:
    """Write a file and wait until the disk has it."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def move(path: Path, target: Path) -> None:
    """Put a file in another's place, in one step.

    Windows refuses that while somebody has the other file open, as readers have for a moment.
    """
    for wait_s in _MOVE_WAITS_S:
        try:
            path.replace(target)
        except PermissionError:
            time.sleep(wait_s)
        else:
            return
    path.replace(target)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has a folder's names, where the system lets one wait for that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
