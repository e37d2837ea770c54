"""Parquet, Arrow (feather) and JSON files, opened as a frame."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import polars as pl

from candlecast.checks import first_repeated, first_true
from candlecast.errors import CandleError
from candlecast.sources.frames import polars_frame
from candlecast.sources.tables import NOT_KNOWN, TEXTS, TIMES

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS = 4_000_000_000
"""More cells than this are no candles but a file made to fill the memory (32 GB)."""

PARQUET = b"PAR1"
ARROW = b"ARROW1"
ARROW_STREAM = b"\xff\xff\xff\xff"

_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)
_DAMAGED = (*_UNREADABLE, TypeError, OverflowError, MemoryError)


@dataclass(frozen=True)
class FrameTable:
    """A file that is a frame already; see `Table`."""

    form: str
    frame: pl.DataFrame
    columns: list[str]
    first: tuple[str, int] = ("row", 1)

    @property
    def head(self) -> list[list[str]]:
        """The cells of the first rows as text."""
        return [[str(cell) for cell in row] for row in self.frame.head(20).rows()]

    def typed(self, roles: Mapping[str, int]) -> pl.DataFrame:
        """The columns at these places by role; see `Table.typed`."""
        if self.frame.is_empty():
            raise CandleError("there are no rows", "Give a file with candles.")
        return pl.DataFrame(
            [_typed(self.frame.to_series(place), role) for role, place in roles.items()]
        )


def _typed(column: pl.Series, role: str) -> pl.Series:
    name = column.name
    if role in TEXTS:
        return column.cast(pl.String, strict=False).alias(role)
    typed = column.alias(role) if role in TIMES else _number(column, name).alias(role)
    row = first_true(typed.is_null()) if role in TIMES else None
    if row is not None:
        raise CandleError(f"{name} is missing", "Every candle needs it.", row)
    return typed


def _number(column: pl.Series, name: str) -> pl.Series:
    if column.dtype.is_integer() or column.dtype.is_float():
        return column.cast(pl.Float64) if column.dtype != pl.Int64 else column
    if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Null)):
        raise CandleError(f"column {name} holds {column.dtype}", "Give numbers.")
    if column.dtype == pl.String:
        column = column.str.strip_chars()
        known = ~column.str.to_lowercase().is_in(NOT_KNOWN)
        column = column.to_frame().select(pl.when(known).then(pl.col(column.name))).to_series()
    numbers = column.cast(pl.Float64, strict=False)
    row = first_true(numbers.is_null() & column.is_not_null())
    if row is not None:
        raise CandleError(
            f"'{str(column[row])[:40]}' in column {name} is not a number", "Correct it.", row
        )
    return numbers


def frame_table(frame: pl.DataFrame | pd.DataFrame) -> FrameTable:
    """A frame that the user holds already.

    Raises:
        InputError: If it is none, or cannot be read.
    """
    table = polars_frame(frame)
    return FrameTable("frame", table, table.columns)


def parquet_table(content: bytes) -> FrameTable:
    """Open a Parquet file.

    Raises:
        CandleError: If it is cut, damaged, or claims more cells than fit.
    """
    try:
        lazy = pl.scan_parquet(io.BytesIO(content))
        width = len(lazy.collect_schema())
        rows = int(lazy.select(pl.len()).collect().item())
        _check_size(rows, width)
        frame = pl.read_parquet(io.BytesIO(content))
    except _DAMAGED as error:
        _raise_damaged("Parquet", error)
    return FrameTable("Parquet", frame, frame.columns)


def arrow_table(content: bytes) -> FrameTable:
    """Open an Arrow file or stream, such as feather.

    Raises:
        CandleError: If it is cut or damaged.
    """
    try:
        if content.startswith(ARROW):
            frame = pl.read_ipc(io.BytesIO(content))
        else:
            frame = pl.read_ipc_stream(io.BytesIO(content))
    except _DAMAGED as error:
        _raise_damaged("Arrow", error)
    _check_size(frame.height, frame.width)
    return FrameTable("Arrow", frame, frame.columns)


def json_table(content: bytes) -> FrameTable:
    """Open JSON: a list of rows or objects, an object of lists, or an object a line.

    Raises:
        CandleError: If it is cut, damaged, or none of these.
    """
    try:
        frame, named = _json_frame(_decoded(content))
    except RecursionError as error:
        raise CandleError("the JSON is nested too deep", "Give a list of candles.") from error
    except CandleError:
        raise
    except _DAMAGED as error:
        _raise_damaged("JSON", error)
    return FrameTable("JSON", frame, frame.columns if named else [])


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content, object_pairs_hook=_object)
    except json.JSONDecodeError:
        lines = content.split(b"\n")
        if len(lines) > 1 and lines[0].rstrip().endswith((b"}", b"]")):
            return [json.loads(each, object_pairs_hook=_object) for each in lines if each.strip()]
        raise


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, which may give each name once alone."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = first_repeated([name for name, _ in pairs])
        raise CandleError(f"an object gives '{name}' twice", "Keep one of them.")
    return found


def _json_frame(document: Any) -> tuple[pl.DataFrame, bool]:
    """The frame, and whether its columns have names."""
    if (
        isinstance(document, dict)
        and document
        and all(isinstance(cells, list) for cells in document.values())
    ):
        return _from_columns(document), True
    if isinstance(document, list) and document:
        if all(isinstance(row, dict) for row in document):
            names = dict.fromkeys(name for row in document for name in row)
            return _from_columns({n: [row.get(n) for row in document] for n in names}), True
        if all(isinstance(row, list) for row in document):
            return _from_rows(document), False
    if isinstance(document, dict) and document and _rows_alike(document):
        return _from_columns({name: [*cells.values()] for name, cells in document.items()}), True
    raise CandleError(
        "the JSON holds no candles", "Give a list of rows, a list of objects or columns of lists."
    )


def _rows_alike(columns: dict[str, Any]) -> bool:
    """Whether it is what pandas writes: for each column an object from row to cell."""
    cells = list(columns.values())
    return all(isinstance(each, dict) and each.keys() == cells[0].keys() for each in cells)


def _from_columns(columns: dict[str, list[Any]]) -> pl.DataFrame:
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        short, full = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise CandleError(
            f"column {short} has {lengths[short]} values where {full} has {lengths[full]}",
            "Give columns of one length.",
        )
    return pl.DataFrame({name: _column(cells) for name, cells in columns.items()})


def _from_rows(rows: list[list[Any]]) -> pl.DataFrame:
    width = len(rows[0])
    row = next((n for n, cells in enumerate(rows) if len(cells) != width), None)
    if row is not None:
        raise CandleError(
            f"the row has {len(rows[row])} cells where the first has {width}",
            "Complete it, or download the file again.",
            row,
        )
    return pl.DataFrame(
        {f"c{place}": _column(list(cells)) for place, cells in enumerate(zip(*rows, strict=True))}
    )


def _column(cells: list[Any]) -> pl.Series:
    """One type for a column; whole numbers among others become fractions, the rest text."""
    kinds = {type(cell) for cell in cells} - {type(None)}
    too_long = any(isinstance(cell, int) and abs(cell) >= 2**63 for cell in cells)
    if kinds <= {int} and not too_long:
        return pl.Series(cells, dtype=pl.Int64)
    if kinds <= {int, float} and not too_long:
        return pl.Series(
            [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64
        )
    if kinds <= {int, float, str, bool} and kinds != {bool}:
        return pl.Series([None if cell is None else str(cell) for cell in cells], dtype=pl.String)
    return pl.Series(cells, strict=False)


def _check_size(rows: int, width: int) -> None:
    if rows * width > MAX_CELLS:
        raise CandleError(
            f"the file claims {rows:,} rows of {width} columns",
            "That is no candle file of one series. Read a part of it with Polars first.",
        )


def _raise_damaged(form: str, error: BaseException) -> NoReturn:
    raise CandleError(
        f"the {form} file is cut or damaged", "Download or write it again."
    ) from error
