"""Binance's REST interface: `GET /api/v3/klines`, a page of up to 1,000 candles at a time.

A row is a list: open time in ms, open, high, low, close, volume, close time, quote volume, trades,
taker buy volume, taker buy quote volume, and a field without meaning; prices and volumes as text.
`startTime` gives the candles from there on, oldest first, past any hole; so an empty page says that
there is none after it, and a page that begins later says that the exchange lacks what lies before.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl

from candlecast.errors import FetchError
from candlecast.fetching.calendar import ceiled, floored
from candlecast.fetching.clock import Clock
from candlecast.fetching.exchange import Market, Stretch, stretch_of
from candlecast.fetching.http import Answer, Http
from candlecast.fetching.pace import Pace
from candlecast.fetching.pages import page_table
from candlecast.fetching.paging import read_pages, unless_twice_empty
from candlecast.fetching.retries import PassingError, persistently
from candlecast.fetching.statuses import check_status, server_date
from candlecast.intervals import interval_text
from candlecast.store.spans import Span

HOST = "https://api.binance.com"

PAGE = 1000
"""The most candles that one request gives."""

_COLUMNS = {
    "open": 1,
    "high": 2,
    "low": 3,
    "close": 4,
    "volume": 5,
    "quote_volume": 7,
    "trades": 8,
    "taker_buy_volume": 9,
    "taker_buy_quote_volume": 10,
}
_ROW_BYTES = 400  # a row has about 170
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class BinanceRest:
    """One symbol at one interval, asked over REST.

    Args:
        http: What sends the requests.
        clock: What waits between them.
        market: What is asked for.
        base_url: Where; a host that speaks the same.
    """

    page = PAGE
    threads = 4

    def __init__(self, http: Http, clock: Clock, market: Market, base_url: str = HOST) -> None:
        self._http = http
        self._clock = clock
        self._market = market
        self._base_url = base_url
        self._pace = Pace(clock)

    @property
    def market(self) -> Market:
        """What is asked for."""
        return self._market

    def listed(self, since: datetime, until: datetime | None) -> Span | None:
        """From the first candle on or after `since` to the last that is closed before `until`.

        The first answer dates from before the second question, so a candle that was closed then
        is closed; the machine's own clock is not asked.
        """
        interval = self._market.interval
        ends = floored(self._server_time(), interval)
        if until is not None:
            ends = ceiled(min(ends, until), interval)
        newest = {"endTime": _ms(ends) - 1, "limit": 1}
        last = unless_twice_empty(lambda: self._page(newest))
        if last is None or last["time"][-1] < since:
            return None
        first = self._full_page(since, since + interval)
        starts = max(ceiled(since, interval), floored(first["time"][0], interval))
        span = Span(starts, min(ends, floored(last["time"][-1], interval) + interval))
        return span if span.since < span.until else None

    def stretch(self, span: Span) -> Stretch:
        """The candles of a span within what is `listed`."""
        table = read_pages(self._full_page, span, self._market.interval, PAGE)
        if table is None:
            return Stretch(None, [span])
        return stretch_of(table, span, self._market, self._base_url)

    def _full_page(self, since: datetime, until: datetime) -> pl.DataFrame:
        """The candles from a moment on, of which there are some.

        One more is asked for than are wanted: the candle after a hole proves it.
        """
        wanted = Span(since, until).candles(self._market.interval)
        query = {"startTime": _ms(since), "limit": min(wanted + 1, PAGE)}

        def asked() -> pl.DataFrame:
            page = self._asked(query)
            later = None if page is None else page.filter(pl.col("time") >= since)
            if later is None or later.is_empty():
                raise PassingError(
                    f"{self._base_url} gave no candle after {since:%Y-%m-%d %H:%M} UTC, though it "
                    "has some",
                    "Try again later.",
                )
            return later

        return persistently(asked, self._clock)

    def _page(self, query: dict[str, int]) -> pl.DataFrame | None:
        return persistently(lambda: self._asked(query), self._clock)

    def _asked(self, query: dict[str, int]) -> pl.DataFrame | None:
        """One page, asked for once; None if it is empty."""
        names = {
            "symbol": self._market.symbol,
            "interval": interval_text(self._market.interval),
        }
        answer = self._answer("/api/v3/klines", names | query, PAGE * _ROW_BYTES)
        table = page_table(_decoded(answer), _COLUMNS, self._base_url)
        return None if table.is_empty() else table

    def _answer(self, path: str, query: dict[str, str | int], at_most: int) -> Answer:
        """An answer whose status is good; others hold back all threads that share the pace."""
        self._pace.wait()
        answer = self._http.get(self._base_url + path, query, at_most=at_most)
        self._pace.note(answer.headers)
        try:
            check_status(answer)
        except PassingError as fault:
            self._pace.hold(fault.wait_s or 0.0)
            raise
        return answer

    def _server_time(self) -> datetime:
        """The exchange's clock: as it says when asked, else as it dates its answer."""

        def asked() -> datetime:
            self._pace.wait()
            answer = self._http.get(f"{self._base_url}/api/v3/time", at_most=10_000)
            if answer.status != 404:
                check_status(answer)
                return _told_time(answer)
            date = server_date(answer.headers)
            if date is None:
                raise FetchError(
                    f"{answer.host} does not say what time it is, so no candle of it is known to "
                    "be closed. Is the address right?"
                )
            return date

        return persistently(asked, self._clock)


def _decoded(answer: Answer) -> object:
    try:
        decoded: object = json.loads(answer.content)
    except (ValueError, RecursionError):
        begins = answer.content[:40].decode(errors="replace").strip()
        raise PassingError(
            f"{answer.url} answered with something else than JSON (it begins {begins!r})",
            "Is the address right, or is a proxy or a login page in between?",
        ) from None
    return decoded


def _told_time(answer: Answer) -> datetime:
    said = _decoded(answer)
    time = said.get("serverTime") if isinstance(said, dict) else None
    if not isinstance(time, int) or not 0 < time < _ms(datetime(2100, 1, 1, tzinfo=UTC)):
        raise PassingError(f"{answer.url} does not say what time it is", "Is the address right?")
    return _EPOCH + time * _MS


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MS
