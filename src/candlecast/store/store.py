"""`Store`: candles on this machine's disk, a plain folder of Parquet files with small manifests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.intervals import as_utc, interval_text, parse_interval
from candlecast.store.changing import changed_months, with_hole, with_source, without_filled_holes
from candlecast.store.commit import commit, settle
from candlecast.store.coverage import Series, covered, described_series
from candlecast.store.disk import locked
from candlecast.store.finding import find, names_in
from candlecast.store.loading import load_months
from candlecast.store.manifest import Facts, Manifest, read_manifest
from candlecast.store.months import check_grid, check_storable, known_columns
from candlecast.store.names import SeriesName, checked_name
from candlecast.store.scanning import scan_series
from candlecast.store.spans import Span, joined, on_grid, without
from candlecast.store.verifying import Damage, drop_damaged, find_damage

OnConflict = Literal["stop", "newer"]
"""What happens to candles that differ from those in the store: an error, or they take the place."""


class Written(NamedTuple):
    """What a write changed: candles added, candles replaced, and the months written anew."""

    added: int
    replaced: int
    months: tuple[str, ...]


def default_root() -> Path:
    """The store's folder: the variable CANDLECAST_STORE, else ~/.local/share/candlecast."""
    return Path(os.environ.get("CANDLECAST_STORE") or "~/.local/share/candlecast").expanduser()


class Store:
    """Candles by exchange, symbol, interval and month: EXCHANGE/SYMBOL/INTERVAL/YYYY-MM.parquet.

    Any program may read the files. What this class reads it holds against each series' manifest, so
    that no reader meets half a write; writers of one series take turns.

    Args:
        root: Its folder, made with the first write; None takes `default_root`.
        wait_s: How long a writer waits for another of the same series.
    """

    def __init__(self, root: str | Path | None = None, *, wait_s: float = 60.0) -> None:
        self.root = default_root() if root is None else Path(root)
        self._wait_s = wait_s

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def write(
        self,
        candles: Candles,
        exchange: str,
        *,
        source: str | None = None,
        facts: Facts | None = None,
        repairs: Mapping[str, int] | None = None,
        on_conflict: OnConflict = "stop",
    ) -> Written:
        """Add candles to their series, all or none; those that are there and agree stay.

        Candles agree if all that both know of them is equal; a column that only one knows is kept.

        Args:
            candles: Of one market; their symbol and interval name the series.
            exchange: Where they were traded, such as ``binance``.
            source: What they came from, such as a file's name, to be noted in the manifest.
            facts: What is known of the source, such as its checksum; replaces what was noted of it.
            repairs: How often which policy was applied to the source's candles.
            on_conflict: ``stop`` raises for a candle that differs; ``newer`` replaces it.

        Raises:
            InputError: If a name or a column cannot be stored, a candle differs, or the candles
                open between those that are there. Nothing is written then.
            CandlecastError: If the disk refuses, or another process writes for too long.
        """
        if on_conflict not in ("stop", "newer"):
            raise InputError(f"on_conflict is {on_conflict!r}. Give 'stop' or 'newer'.")
        check_storable(candles)
        name = checked_name(exchange, candles.symbol, interval_text(candles.interval))
        folder = self.root / name.folder
        with locked(folder, self._wait_s):
            before = _settled(folder, name)
            if len(candles) and before.first is not None:
                check_grid(before.first, candles)
            months, files, replaced = changed_months(
                folder, before, candles, newer_wins=on_conflict == "newer"
            )
            after = with_source(before.with_months(months), source, facts, repairs)
            _commit_changes(folder, before, without_filled_holes(after, candles), files)
        return Written(after.rows - before.rows, replaced, tuple(months))

    def read(
        self,
        symbol: str,
        interval: str = "1m",
        *,
        exchange: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Candles:
        """The candles with since ≤ open time < until, validated and of one state of the series.

        Args:
            symbol: Such as ``BTCUSDT``.
            interval: Such as ``1m``.
            exchange: Where they were traded; may be left out if one exchange alone has the symbol.
            since: None leaves the side open; without a zone it is read as UTC.
            until: Likewise.

        Raises:
            InputError: If there are none, a file is damaged, or several exchanges have the symbol.
        """
        name = find(self.root, symbol, interval, exchange)
        since, until = _utc(since), _utc(until)
        manifest, tables = load_months(self.root / name.folder, since, until)
        step = parse_interval(name.interval)
        candles = Candles(pl.concat(tables.values()), name.symbol, step) if tables else None
        if candles is None or not len(candles := candles.between(since, until)):
            raise InputError(
                f"the store in {self.root} holds no candle of {name} with {_bounds(since, until)}: "
                f"it has those from {manifest.first} to {manifest.last}."
            )
        table = candles.frame.select(known_columns(candles.frame))
        return Candles.from_frame(table, name.symbol, step)

    def scan(
        self,
        symbols: str | Iterable[str] | None = None,
        interval: str = "1m",
        *,
        exchange: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pl.LazyFrame:
        """A panel of one or many symbols, read only as far as it is asked for.

        Nothing is loaded here: Polars reads the files piece by piece when the frame is collected,
        best with ``collect(engine="streaming")``. A file that is replaced meanwhile is read whole
        as it was or as it is; checksums are not computed.

        Args:
            symbols: One, several, or None for all that have candles of the interval.
            interval: Such as ``1m``.
            exchange: May be left out if no symbol is at several exchanges.
            since: None leaves the side open; without a zone it is read as UTC.
            until: Likewise.

        Returns:
            `symbol`, `time` and all columns of candles, null where not known; by symbol, then time.

        Raises:
            InputError: If a symbol is not there, or at several exchanges, or a file is gone.
        """
        if symbols is None:
            held = names_in(self.root, exchange=exchange, interval=interval)
            symbols = dict.fromkeys(name.symbol for name in held)
        elif isinstance(symbols, str):
            symbols = [symbols]
        names = [find(self.root, symbol, interval, exchange) for symbol in symbols]
        if not names:
            raise InputError(f"the store in {self.root} holds no candles of {interval}.")
        since, until = _utc(since), _utc(until)
        return pl.concat(
            [scan_series(self.root, name, since, until, self._wait_s) for name in names]
        )

    def series(self) -> list[Series]:
        """What is there: each series with its span, gaps and known holes, by name.

        Raises:
            InputError: If a manifest or a file that has to be looked into is damaged.
        """
        return [described_series(self.root / name.folder) for name in names_in(self.root)]

    def missing(
        self, exchange: str, symbol: str, interval: str, since: datetime, until: datetime
    ) -> list[Span]:
        """The spans with since ≤ open time < until that a series lacks, oldest first.

        What the exchange is known to lack (`note_hole`) is left out.

        Raises:
            InputError: If a name cannot be, or a file that has to be looked into is damaged.
        """
        name = checked_name(exchange, symbol, interval)
        step = parse_interval(name.interval)
        wanted = Span(as_utc(since), as_utc(until))
        folder = self.root / name.folder
        if read_manifest(folder) is None:
            return joined([on_grid(wanted, step)])
        manifest, stretches = covered(folder, wanted.since, wanted.until)
        wanted = on_grid(wanted, step, *filter(None, [manifest.first]))
        return without([wanted], [*stretches, *(hole.span for hole in manifest.holes)])

    def note_hole(
        self,
        exchange: str,
        symbol: str,
        interval: str,
        since: datetime,
        until: datetime,
        reason: str = "",
    ) -> None:
        """Note that the exchange itself lacks the candles with since ≤ open time < until.

        Where the series has candles in that span after all, those count.

        Raises:
            InputError: If a name cannot be, or since is not before until.
            CandlecastError: If the disk refuses, or another process writes for too long.
        """
        name = checked_name(exchange, symbol, interval)
        span = Span(as_utc(since), as_utc(until))
        if span.since >= span.until:
            raise InputError(f"a hole from {since} until {until} holds nothing.")
        folder = self.root / name.folder
        with locked(folder, self._wait_s):
            before = _settled(folder, name)
            stretches = covered(folder, span.since, span.until)[1] if before.months else []
            _commit_changes(folder, before, with_hole(before, span, reason, stretches), {})

    def first(self, exchange: str, symbol: str, interval: str) -> datetime | None:
        """Open time of a series' oldest candle; None where there is none."""
        manifest = read_manifest(self.root / checked_name(exchange, symbol, interval).folder)
        return None if manifest is None else manifest.first

    def sources(self, exchange: str, symbol: str, interval: str) -> dict[str, Facts]:
        """What was noted of a series' sources, by name; empty where there is no such series."""
        manifest = read_manifest(self.root / checked_name(exchange, symbol, interval).folder)
        return {} if manifest is None else dict(manifest.sources)

    def verify(self) -> list[Damage]:
        """Hold every file against its checksums; what is wrong is listed, not raised."""
        return find_damage(self.root)

    def drop_damaged(self) -> list[Damage]:
        """Take damaged months out of their series, so that they are missing and can be fetched.

        The files stay, under the ending ``.damaged``.

        Returns:
            What was found, dropped or not.

        Raises:
            CandlecastError: If the disk refuses, or another process writes for too long.
        """
        return drop_damaged(self.root, self._wait_s)


def _settled(folder: Path, name: SeriesName) -> Manifest:
    """The manifest after what an interrupted writer began is finished; the lock is held."""
    manifest = read_manifest(folder)
    settle(folder, manifest)
    if manifest is not None:
        return manifest
    return Manifest(exchange=name.exchange, symbol=name.symbol, interval=name.interval)


def _commit_changes(
    folder: Path, before: Manifest, after: Manifest, files: Mapping[str, bytes]
) -> None:
    """Write the new state as the next generation, if anything changed."""
    if after != before:
        commit(folder, after.model_copy(update={"generation": before.generation + 1}), files)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else as_utc(moment)


def _bounds(since: datetime | None, until: datetime | None) -> str:
    return f"since {since or 'the first'} and until {until or 'the last'}"
