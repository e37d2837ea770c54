"""What candle files come in: gzip, zip, folders and globs, unpacked within limits.

Names inside an archive are shown and never used as paths: everything is unpacked in memory.
"""

from __future__ import annotations

import glob
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from candlecast.errors import InputError

MAX_UNPACKED = 8 * 2**30
"""No archive is unpacked to more bytes than this."""
MAX_RATIO = 200
"""Nor to more than this times its own size: candles pack to a tenth or so, bombs to a thousandth"""
FREE = 64 * 2**20
"""but whatever the ratio, so much is let pass."""
MAX_FILES = 10_000

SUFFIXES = (".csv", ".txt", ".tsv", ".json", ".jsonl", ".parquet", ".feather", ".arrow", ".ipc")
_PACKED = (".gz", ".zip", ".xz", ".zst", ".bz2", ".7z", ".rar")
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
_EMPTY_ZIP_MAGIC = b"PK\x05\x06"
_FOREIGN = {
    b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "Zstandard", b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR", **{f"BZh{level}1AY&SY".encode(): "bzip2" for level in range(1, 10)},
}  # fmt: skip
"""Packings that are known by their first bytes, to be named and not unpacked."""
_MARK = b"\xef\xbb\xbf"
_BLANK = _MARK + b" \t\r\n\v\f"


@dataclass(frozen=True)
class Member:
    """One candle file, wherever it lay.

    Attributes:
        place: What errors call it, such as ``months.zip, BTCUSDT-1m-2024-12.csv``.
        name: Its own name, which may tell the symbol.
        content: Its bytes, unpacked.
    """

    place: str
    name: str
    content: bytes


def members(path: str | Path) -> Iterator[Member]:
    """The candle files of a file, archive, folder or glob, one at a time.

    Raises:
        InputError: If there is none, one cannot be read or is empty, or an archive is damaged or
            unpacks to more than any candles would.
    """
    for file in _files(path):
        yield from _unpacked(_content(file), str(file), file.name, depth=0, budget=None)


def _files(path: str | Path) -> list[Path]:
    file = Path(path)
    try:
        if file.is_dir():
            return _in_folder(file)
        if not file.exists() and glob.has_magic(str(path)):
            return _in_glob(str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the file cannot be read ({error}). Check the path.") from error
    return [file]


def _in_folder(folder: Path) -> list[Path]:
    found: list[Path] = []
    for inner, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        found += [Path(inner, name) for name in sorted(names) if _is_candle_file(name)]
        if len(found) > MAX_FILES:
            raise InputError(f"{folder}: more than {MAX_FILES:,} files. Give a folder further in.")
    if not found:
        raise InputError(
            f"{folder}: this is a folder without candle files. Give one with files that end in "
            f"{', '.join((*SUFFIXES, *_PACKED[:2]))}."
        )
    return found


def _raise(error: OSError) -> None:
    """A folder that may not be looked into is no empty one."""
    raise InputError(
        f"{error.filename}: the folder cannot be read ({error.strerror}). Check its permissions."
    ) from error


def _in_glob(pattern: str) -> list[Path]:
    parts = Path(pattern).parts
    magic = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    found = sorted(Path(*parts[:magic]).glob(str(Path(*parts[magic:]))))
    files = [file for file in found if file.is_file() and _is_candle_file(file.name)]
    if not files:
        raise InputError(f"{pattern}: no candle file has such a name. Check the pattern.")
    return files


def _is_candle_file(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith((*SUFFIXES, *_PACKED))


def _content(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: this is no file that ends. Write it to a file first.")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file. Check the path.") from error
    except PermissionError as error:
        raise InputError(f"{path}: the file may not be read. Check its permissions.") from error
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path!r}: the path is none ({error}).") from error


@dataclass
class _Budget:
    """How many bytes may yet be unpacked from one outer file."""

    left: int

    @classmethod
    def of(cls, packed: int) -> _Budget:
        return cls(min(MAX_UNPACKED, max(FREE, MAX_RATIO * packed)))


def _unpacked(
    content: bytes, place: str, name: str, *, depth: int, budget: _Budget | None
) -> Iterator[Member]:
    packed = content.startswith((_GZIP_MAGIC, _ZIP_MAGIC, _EMPTY_ZIP_MAGIC))
    if not packed:
        _refuse_foreign(content, place)
        if not content[:4096].removeprefix(_MARK).strip() and not content.strip(_BLANK):
            raise InputError(f"{place}: the file is empty. Give a file with candles.")
        yield Member(place, name, content)
        return
    if depth == 2:
        raise InputError(f"{place}: archives in archives in archives. Unpack it first.")
    budget = budget or _Budget.of(len(content))
    if content.startswith(_GZIP_MAGIC):
        inner = _gunzip(content, place, budget)
        yield from _unpacked(inner, place, name, depth=depth + 1, budget=budget)
    else:
        yield from _unzipped(content, place, depth, budget)


def _refuse_foreign(content: bytes, place: str) -> None:
    packing = next((name for magic, name in _FOREIGN.items() if content.startswith(magic)), None)
    if packing is not None:
        raise InputError(f"{place}: this is packed by {packing}. Unpack it first, or use gzip.")


def _gunzip(content: bytes, place: str, budget: _Budget) -> bytes:
    """All members of a gzip stream."""
    parts: list[bytes] = []
    rest = content
    try:
        while rest.startswith(_GZIP_MAGIC):
            stream = zlib.decompressobj(wbits=31)
            parts.append(stream.decompress(rest, budget.left + 1))
            _spend(len(parts[-1]), budget, place)
            if not stream.eof:
                raise InputError(_CUT.format(place=place, why="it ends early"))
            rest = stream.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise InputError(_CUT.format(place=place, why=error)) from error
    if rest:
        raise InputError(_CUT.format(place=place, why="something stands behind its end"))
    return parts[0] if len(parts) == 1 else b"".join(parts)


_CUT = "{place}: the gzip stream is cut or damaged ({why}). Download the file again."


_ENCRYPTED = 0x1


def _unzipped(content: bytes, place: str, depth: int, budget: _Budget) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = _candle_entries(archive.infolist(), place)
            if any(entry.flag_bits & _ENCRYPTED for entry in entries):
                raise InputError(f"{place}: the zip archive is encrypted. Unpack it first.")
            for entry in entries:
                name = PurePosixPath(entry.filename.replace("\\", "/")).name
                inner = _entry(archive, entry, place, budget)
                shown = f"{place}, {ascii(name)[1:-1]}"
                yield from _unpacked(inner, shown, name, depth=depth + 1, budget=budget)
    except InputError:
        raise
    except _BROKEN_ZIP as error:
        raise InputError(
            f"{place}: the zip archive is cut or damaged ({error}). Download the file again."
        ) from error


_BROKEN_ZIP = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, IndexError,
    NotImplementedError, OverflowError, MemoryError, RuntimeError,
)  # fmt: skip
"""What `zipfile` raises for archives that lie about themselves."""


def _candle_entries(entries: list[zipfile.ZipInfo], place: str) -> list[zipfile.ZipInfo]:
    if len(entries) > MAX_FILES:
        raise InputError(f"{place}: more than {MAX_FILES:,} files in it. Unpack it first.")
    files = [each for each in entries if not each.is_dir() and "__MACOSX" not in each.filename]
    named = [each for each in files if _is_candle_file(PurePosixPath(each.filename).name)]
    chosen = named or (files if len(files) == 1 else [])
    if any(each.filename.startswith("xl/") for each in files):
        raise InputError(f"{place}: this is a spreadsheet. Save its sheet as CSV.")
    if not chosen:
        raise InputError(f"{place}: there is no candle file in the archive. Give another.")
    return chosen


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: str, budget: _Budget) -> bytes:
    if entry.file_size > budget.left:
        _spend(entry.file_size, budget, place)
    with archive.open(entry) as stream:
        content = stream.read(budget.left + 1)
    _spend(len(content), budget, place)
    return content


def _spend(size: int, budget: _Budget, place: str) -> None:
    budget.left -= size
    if budget.left < 0:
        raise InputError(
            f"{place}: it unpacks to far more than candles would. If you trust it, unpack it "
            "yourself and give the file."
        )
