"""`fetch`: candles from an exchange to the store, as far as the store lacks them."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import httpx

from candlecast.errors import InputError
from candlecast.fetching import archive, rest
from candlecast.fetching.ccxt_source import open_ccxt
from candlecast.fetching.clock import Clock
from candlecast.fetching.exchange import Exchange, Market, OffGrid
from candlecast.fetching.fetched import Fetched
from candlecast.fetching.http import Http, checked_base
from candlecast.fetching.plan import Plan, carry_out
from candlecast.intervals import as_utc, interval_text, parse_interval
from candlecast.progress import Progress
from candlecast.store import Store
from candlecast.store.names import checked_symbol

BINANCE = "binance"
NO_ARCHIVE = "none"

_CCXT = "ccxt:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTERVALS = ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d"]
_BINANCE_DOMAINS = ("binance.com", "binance.vision")


def fetch(
    symbol: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    interval: str = "1m",
    source: str = BINANCE,
    store: Store | str | Path | None = None,
    base_url: str | None = None,
    archive_url: str | None = None,
    recheck: bool = True,
    off_grid: OffGrid = "stop",
    show_progress: bool = True,
    clock: Clock | None = None,
) -> Fetched:
    """Fetch what the store lacks of a symbol's candles, closed ones only.

    Args:
        symbol: Such as ``BTCUSDT`` or ``BTC/USDT``.
        since: The first open time that is wanted, UTC if without a zone; None goes on from the
            first that the store has.
        until: The open time before which it ends; None takes all that is closed.
        interval: Such as ``1m``.
        source: ``binance``, or ``ccxt:`` and ccxt's name of an exchange.
        store: The store or its folder; None takes the default one.
        base_url: Where Binance's REST interface is; None takes its own.
        archive_url: Where its archive is; ``none`` does without; None takes its own, or does
            without where `base_url` is another exchange's.
        recheck: Whether to look if the archive replaced files that the store has candles from.
        off_grid: What to do with candles that open between the interval's open times: ``stop``
            with an error, or ``drop`` and count them.
        show_progress: Whether to draw a bar.
        clock: What waits; tests give their own.

    Raises:
        InputError: If something that is asked for is not there or cannot be.
        MissingCodeError: If the source needs code that is not installed.
        FetchError: If the exchange or its archive does not answer as it should.
        CandlecastError: If the disk refuses, or another process writes for too long.
    """
    step = parse_interval(interval)
    _check_options(source, off_grid, base_url, archive_url)
    kept = store if isinstance(store, Store) else Store(store)
    clock = clock or Clock()
    with ExitStack() as open_things:
        progress = open_things.enter_context(Progress(shown=show_progress))
        exchange: Exchange
        files = None
        if source == BINANCE:
            market = _binance_market(symbol, step, off_grid)
            host = checked_base(base_url or rest.HOST, "--base-url")
            http = open_things.enter_context(Http(clock))
            exchange = rest.BinanceRest(http, clock, market, host)
            archive_host = _archive_host(host, archive_url)
            files = None if archive_host is None else archive.Archive(http, clock, archive_host)
        else:
            exchange = open_ccxt(source.removeprefix(_CCXT), symbol, step, off_grid, clock)
        span = _bounds(kept, exchange.market, since, until)
        return carry_out(Plan(kept, exchange, files, clock, progress), *span, recheck=recheck)


def _check_options(
    source: str, off_grid: str, base_url: str | None, archive_url: str | None
) -> None:
    if re.fullmatch(rf"{BINANCE}|{_CCXT}[a-z0-9_]+", source) is None:
        raise InputError(
            f"--source {source}: write binance, or ccxt: and an exchange, such as ccxt:kraken."
        )
    if off_grid not in get_args(OffGrid):
        raise InputError(f"off_grid is {off_grid!r}: give {' or '.join(get_args(OffGrid))}.")
    if source != BINANCE and (base_url or archive_url):
        raise InputError("--base-url and --archive-url are for --source binance. Leave them out.")


def _binance_market(symbol: str, interval: timedelta, off_grid: OffGrid) -> Market:
    text = interval_text(interval)
    if text not in _INTERVALS:
        raise InputError(
            f"Binance has no candles of {text} to fetch, but of {', '.join(_INTERVALS)}. "
            "Fetch finer ones and resample them."
        )
    return Market(BINANCE, checked_symbol(symbol.replace("/", "")), interval, off_grid)


def _archive_host(rest_host: str, archive_url: str | None) -> str | None:
    """Where the archive is: another exchange's REST interface does not go with Binance's."""
    if archive_url == NO_ARCHIVE:
        return None
    if archive_url is not None:
        return checked_base(archive_url, "--archive-url")
    host = httpx.URL(rest_host).host
    same = any(host == domain or host.endswith(f".{domain}") for domain in _BINANCE_DOMAINS)
    return archive.HOST if same else None


def _bounds(
    store: Store, market: Market, since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime | None]:
    """From when until when; without a beginning, from the first candle that the store has."""
    until = None if until is None else as_utc(until)
    if since is None:
        since = _first_stored(store, market)
    since = max(as_utc(since), _EPOCH)  # exchanges count from there, and none is older
    if until is not None and since >= until:
        raise InputError(f"since {since} is not before until {until}. Give a stretch of time.")
    return since, until


def _first_stored(store: Store, market: Market) -> datetime:
    name = (market.exchange, market.symbol, interval_text(market.interval))
    first = store.first(*name)
    if first is None:
        raise InputError(
            f"the store in {store.root} has no {'/'.join(name)} to go on with. Say from when, "
            "such as --since 2021-01-01."
        )
    return first
