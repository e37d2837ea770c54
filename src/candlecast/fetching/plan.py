"""What to fetch from where: what the store lacks, from the archive as far as it goes.

1. Files of the archive that are in the store and were replaced since are read again.
2. Months that lack wholly come from the archive's month files,
3. days that lack wholly from its day files,
4. and all that is still missing from the exchange: the newest stretch, months and days that the
   archive has not (yet), and what its files lack. What the exchange lacks, too, when it is asked
   for once more, is noted as a hole.

Each step asks the store anew what is missing, and each file is in the store before the next, so
that a fetch that was interrupted goes on where it was, and a second one has nothing left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from candlecast.fetching.archive import Archive, Download, Part
from candlecast.fetching.calendar import pieces, whole_days, whole_months
from candlecast.fetching.clock import Clock
from candlecast.fetching.exchange import Exchange, Stretch
from candlecast.fetching.fetched import Fetched
from candlecast.fetching.parallel import in_parallel
from candlecast.intervals import interval_text
from candlecast.progress import Progress
from candlecast.store import Store
from candlecast.store.manifest import Facts
from candlecast.store.spans import Span
from candlecast.store.store import OnConflict

T = TypeVar("T")
R = TypeVar("R")

PAGES_A_PIECE = 100
"""How much is asked of the exchange before it is stored."""

_DAY = timedelta(days=1)
_MONTH = timedelta(days=31)
_ARCHIVE_THREADS = 4
_REASON = "the exchange has no candles here"


@dataclass(frozen=True)
class Plan:
    """Where candles come from and go to.

    Attributes:
        store: Where they go.
        exchange: Who knows what there is, and has the newest.
        archive: Where whole months and days come from; None does without.
        clock: What stops threads.
        progress: Who is told how far the work is.
    """

    store: Store
    exchange: Exchange
    archive: Archive | None
    clock: Clock
    progress: Progress

    def missing(self, span: Span) -> list[Span]:
        """What the store lacks of a span."""
        market = self.exchange.market
        return self.store.missing(
            market.exchange, market.symbol, interval_text(market.interval), *span
        )


def carry_out(plan: Plan, since: datetime, until: datetime | None, *, recheck: bool) -> Fetched:
    """Fetch what the store lacks.

    Args:
        plan: Where candles come from and go to.
        since: The first open time that is wanted.
        until: The open time before which it ends; None takes all that is closed.
        recheck: Whether to look if the archive replaced what the store has of it.

    Raises:
        InputError: If the exchange does not know the symbol.
        FetchError: If the exchange or the archive does not answer as it should.
        CandlecastError: If the disk refuses, or another process writes for too long.
    """
    done = Fetched(plan.exchange.market)
    plan.progress.start("asking what there is", None)
    done.span = plan.exchange.listed(since, until)
    if done.span is None:
        return done
    if plan.archive is not None:
        if recheck:
            _renew(plan, plan.archive, done, done.span)
        months = whole_months(plan.missing(done.span))
        done.months = _take(plan, plan.archive, done, months, "months")
        if plan.exchange.market.interval < _DAY:
            days = whole_days(plan.missing(done.span))
            done.days = _take(plan, plan.archive, done, days, "days")
    _ask_exchange(plan, done, done.span)
    return done


def _renew(plan: Plan, archive: Archive, done: Fetched, span: Span) -> None:
    """Read the files of the archive again whose checksum is not the one that is noted."""
    market = plan.exchange.market
    noted = plan.store.sources(market.exchange, market.symbol, interval_text(market.interval))
    around = [Span(span.since - _MONTH, span.until + _MONTH)]
    parts = [Part(market, each) for each in (*whole_months(around), *whole_days(around))]
    known = [part for part in parts if part.path in noted]
    replaced = [
        part
        for part, sha256 in _each(plan, "looking for replaced files", archive.checksum, known)
        if sha256 not in (None, noted[part.path].get("sha256"))
    ]
    for part, download in _each(plan, "replaced files", archive.download, replaced):
        if download is not None:
            _keep(plan, done, download, part, "newer")
            done.renewed.append(part.path)


def _take(plan: Plan, archive: Archive, done: Fetched, spans: list[Span], what: str) -> int:
    """Store the archive's files of these spans, as far as it has them; how many those are."""
    parts = [Part(plan.exchange.market, span) for span in spans]
    taken = 0
    for part, download in _each(plan, what, archive.download, parts):
        if download is not None:
            _keep(plan, done, download, part, "stop")
            taken += 1
    return taken


def _keep(
    plan: Plan, done: Fetched, download: Download, part: Part, on_conflict: OnConflict
) -> None:
    """Store a file's candles under its place in the archive, so that a new one is noticed."""
    facts = {"sha256": download.sha256}
    _write(plan, done, download.stretch, part.path, facts, on_conflict)


def _ask_exchange(plan: Plan, done: Fetched, span: Span) -> None:
    """Store what the exchange has of all that is missing; what it lacks twice is a hole."""
    for piece, stretch in _asked(plan, span, "the rest"):
        _write(plan, done, stretch, _source(piece))
        done.pieces += 1
        done.off_grid += stretch.off_grid  # with those of the archive, which are missing as well
    for piece, stretch in _asked(plan, span, "holes, once more"):
        _write(plan, done, stretch, _source(piece))
        _note_holes(plan, done, stretch.holes)
    done.holes.sort()  # they came as they got done


def _asked(plan: Plan, span: Span, description: str) -> Iterator[tuple[Span, Stretch]]:
    """What the exchange has of all that is missing, piece by piece."""
    exchange = plan.exchange
    longest = PAGES_A_PIECE * exchange.page * exchange.market.interval
    spans = pieces(plan.missing(span), longest)
    return _each(plan, description, exchange.stretch, spans, exchange.threads)


def _source(piece: Span) -> str:
    """What the store calls a piece that the exchange was asked for."""
    return f"exchange, from {piece.since:%Y-%m-%d %H:%M}"


def _write(
    plan: Plan,
    done: Fetched,
    stretch: Stretch,
    source: str,
    facts: Facts | None = None,
    on_conflict: OnConflict = "stop",
) -> None:
    if stretch.candles is None:
        return
    named = facts or stretch.off_grid  # a source of which nothing is to be said is not noted
    written = plan.store.write(
        stretch.candles,
        plan.exchange.market.exchange,
        source=source if named else None,
        facts=facts,
        repairs={"off_grid: drop": stretch.off_grid} if stretch.off_grid else None,
        on_conflict=on_conflict,
    )
    done.added += written.added
    done.replaced += written.replaced


def _note_holes(plan: Plan, done: Fetched, holes: Iterable[Span]) -> None:
    market = plan.exchange.market
    interval = interval_text(market.interval)
    for hole in holes:
        plan.store.note_hole(market.exchange, market.symbol, interval, *hole, _REASON)
        done.holes.append(hole)


def _each(
    plan: Plan,
    description: str,
    work: Callable[[T], R],
    items: Sequence[T],
    threads: int = _ARCHIVE_THREADS,
) -> Iterator[tuple[T, R]]:
    """Each item and what came of it, as they get done, with the bar."""
    plan.progress.start(description, len(items))
    for item, result in in_parallel(work, items, threads, plan.clock):
        yield item, result
        plan.progress.advance()
