"""What the store has, as a table in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from candlecast.intervals import parse_interval
from candlecast.store.coverage import Series
from candlecast.store.spans import Span

_GAPS_SHOWN = 5
_MB = 1e6


def print_series(root: Path, series: Iterable[Series], console: Console) -> None:
    """One line a series, then the longest gaps of each that has any."""
    held = list(series)
    if not held:
        console.print(
            f"{root}: the store is empty. Fill it with: candlecast data fetch BTCUSDT --since DAY",
            highlight=False,
            soft_wrap=True,
        )
        return
    console.print(f"{root}", highlight=False, soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("series", overflow="fold")
    for heading in ("candles", "first", "last", "gaps", "missing", "MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in held:
        table.add_row(*_cells(each))
    console.print(table)
    for each in held:
        for line in _gap_lines(each):
            console.print(line, highlight=False, soft_wrap=True)


def _cells(series: Series) -> tuple[str, ...]:
    return (
        str(series.name),
        f"{series.rows:,}",
        _day(series.first),
        _day(series.last),
        f"{len(series.gaps):,}",
        f"{series.missing:,}",
        f"{series.size / _MB:,.1f}",
    )


def _gap_lines(series: Series) -> list[str]:
    """The longest gaps in words, and how much of them is the exchange's own."""
    if not series.gaps:
        return []
    interval = parse_interval(series.name.interval)
    longest = sorted(series.gaps, key=_length, reverse=True)[:_GAPS_SHOWN]
    lines = [
        f"{series.name} lacks {_moment(gap.since)} until {_moment(gap.until)}"
        f" ({gap.candles(interval):,} candles)"
        for gap in sorted(longest)
    ]
    rest = len(series.gaps) - len(longest)
    if rest:
        lines.append(f"{series.name} has {rest:,} more gaps, none longer")
    known = series.missing - series.unexplained
    if known:
        lines.append(f"{series.name}: {known:,} of the missing candles are missing at the exchange")
    return lines


def _length(gap: Span) -> float:
    return (gap.until - gap.since).total_seconds()


def _day(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
