"""`Fetched`: what a fetch did, in figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from candlecast.fetching.exchange import Market
from candlecast.intervals import interval_text
from candlecast.store.spans import Span


@dataclass
class Fetched:
    """What a fetch did.

    Attributes:
        market: What was fetched.
        span: From the first candle that the exchange has of what was asked for to the last that is
            closed; None if it has none.
        added: Candles that the store did not have.
        replaced: Candles that the archive has other figures of than it had.
        months: Month files of the archive that were read.
        days: Day files of the archive that were read.
        pieces: Stretches that the exchange itself was asked for.
        renewed: Files that the archive had replaced, by their place in it.
        holes: Stretches that the exchange lacks, found in this fetch.
        off_grid: Candles left out because they open off the interval's clock.
    """

    market: Market
    span: Span | None = None
    added: int = 0
    replaced: int = 0
    months: int = 0
    days: int = 0
    pieces: int = 0
    renewed: list[str] = field(default_factory=list)
    holes: list[Span] = field(default_factory=list)
    off_grid: int = 0

    @property
    def lacking(self) -> int:
        """How many candles the holes lack."""
        return sum(hole.candles(self.market.interval) for hole in self.holes)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return {
            "exchange": self.market.exchange,
            "symbol": self.market.symbol,
            "interval": interval_text(self.market.interval),
            "since": None if self.span is None else self.span.since.isoformat(),
            "until": None if self.span is None else self.span.until.isoformat(),
            "added": self.added,
            "replaced": self.replaced,
            "months": self.months,
            "days": self.days,
            "pieces": self.pieces,
            "renewed": self.renewed,
            "holes": [[moment.isoformat() for moment in hole] for hole in self.holes],
            "off_grid": self.off_grid,
        }

    def describe(self) -> str:
        """What was done, for a terminal."""
        name = f"{self.market.symbol} {interval_text(self.market.interval)}"
        if self.span is None:
            return f"{name}: {self.market.exchange} has no closed candle of what was asked for."
        lines = [
            f"{name} from {_text(self.span.since)} until {_text(self.span.until)} UTC is complete: "
            f"{self.added:,} candles added (month files: {self.months}, day files: {self.days}, "
            f"stretches asked of the exchange: {self.pieces})"
        ]
        if self.renewed:
            lines.append(
                f"the archive had replaced {len(self.renewed)} files: {self.replaced:,} candles "
                "have other figures now"
            )
        if self.holes:
            lines.append(
                f"{self.market.exchange} itself lacks {self.lacking:,} candles in "
                f"{len(self.holes)} holes, which are noted and not asked for again"
            )
        if self.off_grid:
            lines.append(f"{self.off_grid:,} candles that open off the clock were left out")
        return "\n".join(lines)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
