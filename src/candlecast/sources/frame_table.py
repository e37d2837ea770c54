"""Parquet, Arrow (feather) and JSON files, opened as a frame."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import polars as pl

from candlecast.checks import first_true
from candlecast.errors import CandleError
from candlecast.sources.tables import NOT_KNOWN, REQUIRED_ROLES, TEXTS, TIMES

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
    row = first_true(typed.is_null()) if role in REQUIRED_ROLES or role in TIMES else None
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
        return json.loads(content)
    except json.JSONDecodeError:
        lines = content.split(b"\n")
        if len(lines) > 1 and lines[0].rstrip().endswith((b"}", b"]")):
            return [json.loads(line) for line in lines if line.strip()]
        raise


def _json_frame(document: Any) -> tuple[pl.DataFrame, bool]:
    """The frame, and whether its columns have names."""
    if (
        isinstance(document, dict)
        and document
        and all(isinstance(cells, list) for cells in document.values())
    ):
        return pl.DataFrame(document, strict=False), True
    if isinstance(document, list) and document:
        if all(isinstance(row, dict) for row in document):
            names = dict.fromkeys(name for row in document for name in row)
            cells = {name: [row.get(name) for row in document] for name in names}
            return pl.DataFrame({k: _column(v) for k, v in cells.items()}), True
        if all(isinstance(row, list) for row in document):
            return _from_rows(document), False
    raise CandleError(
        "the JSON holds no candles", "Give a list of rows, a list of objects or columns of lists."
    )


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
    if kinds <= {int}:
        return pl.Series(cells, dtype=pl.Int64)
    if kinds <= {int, float}:
        return pl.Series(
            [None if cell is None else float(cell) for cell in cells], dtype=pl.Float64
        )
    if kinds <= {int, float, str}:
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
