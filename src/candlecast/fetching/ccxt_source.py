"""Any other exchange, through ccxt's one interface to a hundred of them.

ccxt keeps each exchange's pace. A page is a list of ``[ms, open, high, low, close, volume]``, and
may be a window: empty where there are no candles, though there are some later.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from candlecast.errors import FetchError, InputError, MissingCodeError
from candlecast.fetching.calendar import ceiled, floored
from candlecast.fetching.clock import Clock
from candlecast.fetching.exchange import Market, OffGrid, Stretch, stretch_of
from candlecast.fetching.pages import page_table
from candlecast.fetching.paging import read_pages, unless_twice_empty
from candlecast.fetching.retries import PassingError, persistently
from candlecast.intervals import interval_text, parse_interval
from candlecast.store.names import checked_exchange, checked_symbol
from candlecast.store.spans import Span

_COLUMNS = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}
_UNTOLD_PAGE = 100  # fewer than any exchange gives
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class CcxtExchange:
    """One symbol at one interval at an exchange that ccxt knows; `open_ccxt` makes it.

    Args:
        ccxt: The module.
        exchange: Its exchange.
        pair: What ccxt calls the symbol, such as ``BTC/USDT``.
        market: What is asked for.
        clock: What waits between tries.
    """

    threads = 1  # ccxt's exchanges are not for several

    def __init__(self, ccxt: Any, exchange: Any, pair: str, market: Market, clock: Clock) -> None:
        self._ccxt = ccxt
        self._exchange = exchange
        self._pair = pair
        self._market = market
        self._clock = clock
        self._limit = _page_limit(exchange)

    @property
    def market(self) -> Market:
        """What is asked for."""
        return self._market

    @property
    def page(self) -> int:
        """The most candles that one request surely gives."""
        return self._limit or _UNTOLD_PAGE

    def listed(self, since: datetime, until: datetime | None) -> Span | None:
        """From `since` to the exchange's newest candle, which counts as open, or to `until`.

        So no clock is needed: a candle is closed when the exchange has a newer one.
        """
        newest = unless_twice_empty(lambda: self._page_from(None))
        if newest is None:
            return None
        interval = self._market.interval
        ends = floored(newest["time"][-1], interval)
        if until is not None:
            ends = ceiled(min(ends, until), interval)
        return Span(ceiled(since, interval), ends) if since < ends else None

    def stretch(self, span: Span) -> Stretch:
        """The candles of a span within what is `listed`."""
        table = read_pages(self._page, span, self._market.interval, self.page)
        if table is None:
            return Stretch(None, [span])
        return stretch_of(table, span, self._market, self._market.exchange)

    def _page(self, since: datetime, until: datetime) -> pl.DataFrame | None:
        """The candles from a moment on."""
        del until  # ccxt has no such bound
        page = self._page_from(since)
        later = None if page is None else page.filter(pl.col("time") >= since)
        return None if later is None or later.is_empty() else later

    def _page_from(self, since: datetime | None) -> pl.DataFrame | None:
        """One page; None as the moment asks for the newest."""
        page = persistently(lambda: self._asked(since), self._clock)
        return None if page.is_empty() else page

    def _asked(self, since: datetime | None) -> pl.DataFrame:
        """One page, asked for once."""
        start = None if since is None else (since - _EPOCH) // _MS
        interval = interval_text(self._market.interval)
        rows = called(
            self._ccxt,
            self._market.exchange,
            lambda: self._exchange.fetch_ohlcv(self._pair, interval, start, self._limit),
        )
        return page_table(rows, _COLUMNS, self._market.exchange)


def open_ccxt(
    name: str, symbol: str, interval: timedelta, off_grid: OffGrid, clock: Clock
) -> CcxtExchange:
    """An exchange by ccxt's name for it, with its markets loaded.

    Args:
        name: Such as ``kraken``.
        symbol: As ccxt writes it, ``BTC/USDT``, or without the stroke.
        interval: The candles' interval.
        off_grid: What to do with candles that open between the interval's open times.
        clock: What waits between tries.

    Raises:
        MissingCodeError: If ccxt is not installed.
        InputError: If it does not know the exchange, the symbol or the interval.
        FetchError: If the exchange does not answer as it should.
    """
    try:
        ccxt = importlib.import_module("ccxt")
    except ModuleNotFoundError as missing:
        raise MissingCodeError(
            f"--source ccxt:{name} needs {missing.name}. Install it with: "
            "pip install 'candlecast[ccxt]'"
        ) from missing
    if name not in ccxt.exchanges:
        raise InputError(
            f"--source ccxt:{name}: ccxt {ccxt.__version__} knows no such exchange. Its names are "
            "in small letters, such as ccxt:kraken."
        )
    exchange = getattr(ccxt, name)({"enableRateLimit": True, "requests_trust_env": True})
    if not exchange.has.get("fetchOHLCV"):
        raise InputError(f"--source ccxt:{name}: the exchange gives no candles. Choose another.")
    _check_interval(exchange, interval, name)
    markets = persistently(lambda: called(ccxt, name, exchange.load_markets), clock)
    pair = _pair(markets, symbol, name)
    market = Market(
        checked_exchange(name), checked_symbol(_plain(pair)), interval, off_grid=off_grid
    )
    return CcxtExchange(ccxt, exchange, pair, market, clock)


def called(ccxt: Any, name: str, call: Callable[[], Any]) -> Any:
    """What a call of ccxt gives, its errors in our words.

    Raises:
        PassingError: For an error of the network, which ccxt counts overload among.
        InputError: For a symbol that the exchange does not know.
        FetchError: For any other that ccxt has.
    """
    try:
        return call()
    except ccxt.NetworkError as error:
        raise PassingError(
            f"{name} cannot be reached ({_told(error)})",
            "Check the network and the proxy variables (HTTPS_PROXY, NO_PROXY).",
        ) from error
    except ccxt.BadSymbol as error:
        raise InputError(f"{name} does not know the symbol ({_told(error)}).") from error
    except ccxt.BaseError as error:
        raise FetchError(
            f"{name} refuses the request ({_told(error)}). What was fetched is kept."
        ) from error


def _check_interval(exchange: Any, interval: timedelta, name: str) -> None:
    """Longer candles than a day open on other days at each exchange, so they are not fetched."""
    has = [text for text in exchange.timeframes or {} if _at_most_a_day(text)]
    text = interval_text(interval)
    if text not in has:
        raise InputError(
            f"{name} has no candles of {text} to fetch, but of {', '.join(has)}. "
            "Fetch finer ones and resample them."
        )


def _at_most_a_day(text: str) -> bool:
    """Whether ccxt's name of an interval is one of ours, and no longer than a day."""
    try:
        return parse_interval(text) <= _DAY
    except InputError:
        return False


def _pair(markets: Mapping[str, Any], symbol: str, name: str) -> str:
    """The spot market that a symbol names, as ccxt writes it."""
    spot = [pair for pair, market in markets.items() if market.get("spot")]
    found = [pair for pair in spot if symbol.upper() in (pair.upper(), _plain(pair))]
    if len(found) != 1:
        near = [pair for pair in spot if pair.startswith(symbol.upper()[:3])][:5]
        said = f"{', '.join(found)} are meant" if found else f"has no spot market {symbol}"
        raise InputError(
            f"{name}: {said}. Write it as BASE/QUOTE"
            + (f"; there is {', '.join(near)}." if near else ".")
        )
    return found[0]


def _plain(pair: str) -> str:
    return pair.replace("/", "").upper()


def _page_limit(exchange: Any) -> int | None:
    """The most candles a page has, where ccxt knows it."""
    features = getattr(exchange, "features", None) or {}
    told = ((features.get("spot") or {}).get("fetchOHLCV") or {}).get("limit")
    return told if isinstance(told, int) and told > 0 else None


def _told(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
