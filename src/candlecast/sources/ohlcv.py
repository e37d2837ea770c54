"""Any table with a time, open, high, low, close and volume, under the names that are common.

What a column is called elsewhere, the user says: ``read(path, columns={"open": "o"})``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from candlecast.candles import SCHEMA
from candlecast.errors import CandleError
from candlecast.sources.names import has_prices, mapped_roles
from candlecast.sources.raw import Raw
from candlecast.sources.tables import Table
from candlecast.sources.times import Moments, agreeing_moments, moments

LAYOUT = "CSV, Parquet, Arrow or JSON (time, open, high, low, close, volume …)"

_VALUES = ("open", "high", "low", "close", "volume")
_YES = ("true", "1", "yes", "1.0")
_NO = ("false", "0", "no", "0.0")


def recognises(table: Table) -> bool:
    """Whether the prices are there by name, or six unnamed columns start with a time."""
    if table.columns:
        return has_prices(table.columns)
    cells = table.head[0] if table.head else []
    return len(cells) == 6 and re.match(r"\d{4}[-/\d]|\d{1,2}/\d", cells[0]) is not None


def parse(table: Table, columns: Mapping[str, str] | None = None) -> Raw:
    """The rows of one file.

    Args:
        table: The file.
        columns: What the file calls a column of candles, such as ``{"open": "o"}``.

    Raises:
        CandleError: If a column is missing, or a cell is absent, not a number or no time.
        InputError: If `columns` names what is not there.
    """
    roles = _roles(table, columns or {})
    cells = table.typed(roles)
    time, notes = _time(cells)
    values = [cells[name] for name in cells.columns if name in SCHEMA and name != "time"]
    frame = pl.DataFrame([time.values, *values, *_beside(cells)])
    return Raw(frame, f"{table.form} of OHLCV", time.unit, _symbol(cells), notes)


def _roles(table: Table, columns: Mapping[str, str]) -> dict[str, int]:
    if not (table.columns or columns):
        return {role: place for place, role in enumerate(("time", *_VALUES))}
    roles = mapped_roles(table.columns, columns)
    lacking = [] if roles.keys() & {"time", "unix", "date"} else ["time"]
    lacking += [role for role in _VALUES if role not in roles]
    if lacking:
        raise CandleError(
            f"missing column{'s' if len(lacking) > 1 else ''} {', '.join(lacking)}",
            f"The columns are {', '.join(table.columns)}. If one is called otherwise, say so with "
            f'columns={{"{lacking[0]}": "its name"}}.',
        )
    return roles


def _time(cells: pl.DataFrame) -> tuple[Moments, tuple[str, ...]]:
    """The open time; where a number and a date both tell it, they must agree."""
    names = [role for role in ("unix", "time", "date") if role in cells.columns]
    if len(names) == 1:
        return moments(cells[names[0]]), ()
    return agreeing_moments(cells[names[0]], cells[names[1]])


def _beside(cells: pl.DataFrame) -> list[pl.Series]:
    beside = []
    if "close_time" in cells.columns:
        beside.append(moments(cells["close_time"]).values.alias("close_time"))
    if "closed" in cells.columns:
        words = cells["closed"].str.to_lowercase()
        no, yes = words.is_in(_NO), words.is_in(_YES)
        said = pl.when(no).then(pl.lit(value=False)).when(yes).then(pl.lit(value=True))
        beside.append(pl.select(said.alias("closed")).to_series())
    return beside


def _symbol(cells: pl.DataFrame) -> str | None:
    if "symbol" not in cells.columns:
        return None
    names = cells["symbol"].unique().drop_nulls().to_list()
    if len(names) > 1:
        raise CandleError(
            f"there are {len(names)} symbols, {names[0]} and {names[1]} among them",
            "Keep one symbol a file.",
        )
    return re.sub(r"[^A-Z0-9]", "", str(names[0]).upper()) if names else None
