"""An exchange on the loopback, what it knows, and a clock that passes time at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from candlecast.candles import Candles
from candlecast.fetching import Fetched, fetch
from candlecast.fetching.archive import Part
from candlecast.fetching.clock import Clock
from candlecast.fetching.exchange import Market
from candlecast.store import Span, Store
from servers import ArchiveFiles, Rest, Served

HOUR = timedelta(hours=1)
LISTED = datetime(2024, 11, 15, tzinfo=UTC)
NOW = datetime(2025, 3, 10, 9, 30, tzinfo=UTC)
"""The exchange's clock. The archive has months through February and days through 8 March."""

ARCHIVED = datetime(2025, 3, 9, tzinfo=UTC)
SINCE = datetime(2024, 12, 1, tzinfo=UTC)
JANUARY = Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))


@dataclass
class Waits:
    """A clock that passes time at once and keeps what was waited for."""

    slept: list[float] = field(default_factory=list)
    passed: float = 0.0

    def pause(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.passed += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.passed, jitter=lambda: 0.5, pause=self.pause)


@dataclass
class Venue:
    """An exchange: what it knows, and its two servers."""

    candles: Candles
    rest: Rest
    files: ArchiveFiles
    api: Served
    archive: Served

    @property
    def urls(self) -> dict[str, str]:
        """The options that lead to it."""
        return {"base_url": self.api.url, "archive_url": self.archive.url}

    @property
    def closed(self) -> Candles:
        """All candles that are closed by its clock."""
        return self.candles.between(None, self.rest.now.replace(minute=0))

    def put(self, candles: Candles, span: Span) -> str:
        """A file of its archive with these candles of a span; where it lies."""
        return put(self.files, candles, span)


def put(files: ArchiveFiles, candles: Candles, span: Span) -> str:
    """A file of an archive with these candles of a span; where it lies."""
    part = Part(Market("binance", candles.symbol, candles.interval), span)
    files.put_candles(candles, part.path, span)
    return part.path


def fetched(
    venue: Venue,
    store: Store,
    waits: Waits,
    since: datetime | None = SINCE,
    symbol: str = "BTCUSDT",
    **options: Any,
) -> Fetched:
    """A fetch of hours from the venue."""
    usual: dict[str, Any] = {
        "interval": "1h",
        "store": store,
        "clock": waits.clock,
        "show_progress": False,
    }
    return fetch(symbol, since=since, **(usual | venue.urls | options))
