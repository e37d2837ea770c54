"""Where candles come from: one file a place, each a small function from bytes to `Candles`.

To add a layout, write its module, which has what `Source` lists, and add it to `SOURCES`.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Protocol

from candlecast.candles import Candles
from candlecast.errors import CandleError, InputError
from candlecast.sources import cryptodatadownload, parquet


class Source(Protocol):
    """What each module of this folder has."""

    LAYOUT: str
    FIRST_ROW: str  # where the first candle stands, such as "line 2"

    def recognises(self, head: str) -> bool:
        """Whether this is the layout, by the file's first 4 KB."""
        ...

    def parse(self, content: bytes, name: str) -> Candles:
        """Candles from the whole file; a `CandleError` carries the row, counted in the file.

        Args:
            content: The file's bytes, gzip undone.
            name: The file's name, for a layout that has the symbol in it.
        """
        ...


SOURCES: tuple[Source, ...] = (cryptodatadownload, parquet)

_GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 4096


def read(path: str | Path) -> Candles:
    """Read a candle file; the layout is recognised by content, and gzip is undone.

    Args:
        path: The file.

    Returns:
        The candles, oldest first, validated.

    Raises:
        InputError: If the file is absent, empty, cut short, of an unknown layout, or holds a candle
            that is not valid; the message names the file and the line.
    """
    path = Path(path)
    content = _content(path)
    if not content.removeprefix(b"\xef\xbb\xbf").strip():
        raise InputError(f"{path}: the file is empty. Give a file with candles.")
    head = content[:_HEAD_BYTES].decode("utf-8", errors="replace")
    for source in SOURCES:
        if source.recognises(head):
            try:
                return source.parse(content, path.name)
            except CandleError as error:
                raise InputError(error.describe(_place(path, source, error.row))) from error
    first_line = head.splitlines()[0][:80]
    raise InputError(
        f"{path}: the layout is not known (the first line is {first_line!r}). Known layouts: "
        f"{', '.join(source.LAYOUT for source in SOURCES)}. For any other, build the table "
        "yourself and pass it to candlecast.Candles.from_frame."
    )


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(
            f"{path}: the gzip stream is cut or damaged ({error}). Download the file again."
        ) from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file. Check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: this is a folder. Give one candle file.") from error
    except PermissionError as error:
        raise InputError(f"{path}: the file may not be read. Check its permissions.") from error
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror}).") from error


def _place(path: Path, source: Source, row: int | None) -> str:
    """A row counted from 0 as a place in the file."""
    if row is None:
        return f"{path}: "
    unit, first = source.FIRST_ROW.split()
    return f"{path}, {unit} {int(first) + row}: "
