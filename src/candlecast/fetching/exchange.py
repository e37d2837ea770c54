"""What a fetch asks of an exchange, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

import polars as pl

from candlecast.candles import Candles
from candlecast.checks import first_true
from candlecast.errors import CandleError, FetchError
from candlecast.fetching.calendar import is_open_time, uncovered
from candlecast.store.spans import Span

OffGrid = Literal["stop", "drop"]
"""What to do with candles that open between the interval's open times."""


@dataclass(frozen=True)
class Market:
    """What is fetched.

    Attributes:
        exchange: The exchange's name in the store.
        symbol: The symbol in the store.
        interval: The candles' interval.
        off_grid: What to do with candles that open between the interval's open times.
    """

    exchange: str
    symbol: str
    interval: timedelta
    off_grid: OffGrid = "stop"


@dataclass(frozen=True)
class Stretch:
    """What there is of a span.

    Attributes:
        candles: Its candles; None if it has none.
        holes: Where it has none.
        off_grid: How many candles were left out for their open times.
    """

    candles: Candles | None
    holes: list[Span] = field(default_factory=list)
    off_grid: int = 0


class Exchange(Protocol):
    """One symbol at one interval, at an exchange that can be asked."""

    @property
    def market(self) -> Market:
        """What it is asked for."""
        ...

    @property
    def page(self) -> int:
        """How many candles one request gives."""
        ...

    @property
    def threads(self) -> int:
        """How many may ask it at once."""
        ...

    def listed(self, since: datetime, until: datetime | None) -> Span | None:
        """From the first candle on or after `since` to the last that is closed before `until`.

        A candle is closed when the exchange says so, whatever time it is here. None if there is
        none.

        Raises:
            InputError: If the exchange does not know the symbol.
            FetchError: If it does not answer as it should.
        """
        ...

    def stretch(self, span: Span) -> Stretch:
        """The candles of a span within what is `listed`; its holes have candles after them.

        Raises:
            FetchError: If it does not answer as it should.
        """
        ...


def stretch_of(table: pl.DataFrame, span: Span, market: Market, where: str) -> Stretch:
    """A table, sorted and each candle once, as the candles of a span.

    Raises:
        FetchError: If a candle is not valid, or opens off the clock where that is not allowed.
    """
    inside = table.filter(pl.col("time").is_between(*span, closed="left"))
    kept = _on_clock(inside, market, where)
    dropped = inside.height - kept.height
    if kept.is_empty():
        return Stretch(None, [span], dropped)
    try:
        candles = Candles.from_frame(kept, market.symbol, market.interval)
    except CandleError as error:
        time = "" if error.row is None else f", candle of {_text(kept['time'][error.row])}"
        raise FetchError(
            f"{where}{time}: {error.problem}. This is what the exchange gives; fetch the stretches "
            "around it with --since and --until."
        ) from error
    holes = uncovered(candles.frame["time"], span, market.interval)
    return Stretch(candles, holes, dropped)


def _on_clock(table: pl.DataFrame, market: Market, where: str) -> pl.DataFrame:
    """The candles that open on the interval's clock, which all do unless the user lets some go."""
    on_clock = table.select(is_open_time(market.interval)).to_series()
    row = first_true(~on_clock)
    if row is None or market.off_grid == "drop":
        return table.filter(on_clock)
    raise FetchError(
        f"{where}: a candle opens at {_text(table['time'][row])}, between the open times of its "
        "interval, as old candles of some exchanges do. Fetch the stretches around them with "
        "--since and --until, or leave such candles out with --drop-off-grid."
    )


def _text(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="milliseconds" if moment.microsecond else "minutes")
