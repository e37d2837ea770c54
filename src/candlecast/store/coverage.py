"""What a series has: its stretches without a gap, told by the manifest as far as it can be.

A month whose rows fill the span from its first to its last open time has no gap; only the times of
the others are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from candlecast.candles import SCHEMA
from candlecast.intervals import parse_interval
from candlecast.store.loading import load_months
from candlecast.store.manifest import Facts, Manifest, Month
from candlecast.store.months import stretches
from candlecast.store.names import SeriesName
from candlecast.store.spans import Span, joined, without


@dataclass(frozen=True)
class Series:
    """What the store has of one symbol at one interval.

    Attributes:
        name: Its exchange, symbol and interval.
        rows: Candles.
        first: Open time of the oldest; None without candles.
        last: Open time of the newest; None without candles.
        gaps: The spans that it lacks between the two, oldest first.
        holes: The spans that the exchange is known to lack, oldest first.
        columns: Those that hold any value.
        months: Month files.
        size: Of all of them, in bytes.
        sources: What the candles came from, by name.
        repairs: How often which policy was applied, by source.
    """

    name: SeriesName
    rows: int
    first: datetime | None
    last: datetime | None
    gaps: list[Span]
    holes: list[Span]
    columns: tuple[str, ...]
    months: int
    size: int
    sources: dict[str, Facts]
    repairs: dict[str, dict[str, int]]

    @property
    def missing(self) -> int:
        """How many candles the gaps lack."""
        return _candles(self.gaps, parse_interval(self.name.interval))

    @property
    def unexplained(self) -> int:
        """How many of them the exchange may have."""
        return _candles(without(self.gaps, self.holes), parse_interval(self.name.interval))

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            **self.name._asdict(),
            "rows": self.rows,
            "first": _text(self.first),
            "last": _text(self.last),
            "missing": self.missing,
            "unexplained": self.unexplained,
            "gaps": [_spelled(span) for span in self.gaps],
            "holes": [_spelled(span) for span in self.holes],
            "columns": list(self.columns),
            "months": self.months,
            "bytes": self.size,
            "sources": {source: dict(facts) for source, facts in self.sources.items()},
            "repairs": self.repairs,
        }


def covered(
    folder: Path, since: datetime | None = None, until: datetime | None = None
) -> tuple[Manifest, list[Span]]:
    """A series' manifest and the stretches of open times that its months between two times have.

    Raises:
        InputError: If there is no series, or a file that has to be looked into is damaged.
    """
    manifest, tables = load_months(folder, since, until, which=_has_gaps)
    step = parse_interval(manifest.interval)
    months = manifest.months_between(since, until)
    whole = [
        Span(month.first, month.last + step) for name, month in months.items() if name not in tables
    ]
    cut = [span for table in tables.values() for span in stretches(table, step)]
    return manifest, joined([*whole, *cut])


def described_series(folder: Path) -> Series:
    """What the store says of one series."""
    manifest, spans = covered(folder)
    months = list(manifest.months.values())
    gaps = [Span(before.until, after.since) for before, after in pairwise(spans)]
    known = {column for month in months for column in month.columns}
    return Series(
        manifest.name,
        manifest.rows,
        manifest.first,
        manifest.last,
        gaps,
        joined(hole.span for hole in manifest.holes),
        tuple(name for name in SCHEMA if name in known),
        len(months),
        sum(month.size for month in months),
        dict(manifest.sources),
        manifest.repairs,
    )


def _has_gaps(month: Month, interval: timedelta) -> bool:
    return month.rows <= (month.last - month.first) // interval


def _candles(spans: list[Span], interval: timedelta) -> int:
    return sum(span.candles(interval) for span in spans)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _spelled(span: Span) -> dict[str, str]:
    return {"since": span.since.isoformat(), "until": span.until.isoformat()}
