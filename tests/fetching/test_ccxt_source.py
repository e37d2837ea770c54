"""Other exchanges through ccxt: tested with a module that behaves as ccxt does."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from candlecast.candles import Candles
from candlecast.errors import FetchError, InputError, MissingCodeError
from candlecast.fetching import Fetched, fetch
from candlecast.simulate import simulate
from candlecast.store import Span, Store
from venues import Waits

START = datetime(2024, 12, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class CcxtError(Exception):
    """ccxt's BaseError."""


class CcxtNetworkError(CcxtError):
    """ccxt's NetworkError, which overload belongs to."""


class CcxtSymbolError(CcxtError):
    """ccxt's BadSymbol."""


@dataclass
class FakeExchange:
    """An exchange as ccxt has it, whose pages are windows of 300 candles.

    Attributes:
        candles: What it has; the last one is open.
        options: What it was made with.
        errors: What the next calls raise.
        asked: The calls for candles.
        page: The longest page.
    """

    candles: pl.DataFrame
    options: dict[str, object] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)
    asked: list[int | None] = field(default_factory=list)
    page: int = 300
    has: ClassVar[dict[str, bool]] = {"fetchOHLCV": True}
    timeframes: ClassVar[dict[str, str]] = {"1m": "1", "1h": "60", "1w": "7D", "1M": "1M"}
    features: ClassVar[dict[str, object]] = {"spot": {"fetchOHLCV": {"limit": 300}}}

    def load_markets(self) -> dict[str, dict[str, bool]]:
        return {
            "BTC/USDT": {"spot": True},
            "ETH/USDT": {"spot": True},
            "BTC/USDT:USDT": {"spot": False},
        }

    def fetch_ohlcv(
        self, pair: str, timeframe: str, since: int | None, limit: int | None
    ) -> list[list[float]]:
        assert (pair, timeframe, limit) == ("BTC/USDT", "1m", 300)
        self.asked.append(since)
        if self.errors:
            raise self.errors.pop()
        names = ("open", "high", "low", "close", "volume")
        table = self.candles.select(pl.col("time").dt.epoch("ms"), *names)
        if since is None:
            return [list(row) for row in table.tail(self.page).rows()]
        window = pl.col("time").is_between(since, since + self.page * 60_000, closed="left")
        return [list(row) for row in table.filter(window).rows()]


@pytest.fixture
def market() -> Candles:
    """Three days of minutes over a year's end, the last of them open."""
    return simulate(rows=3 * 1440, start=START, symbol="BTCUSDT").candles


@pytest.fixture
def exchange(market: Candles, monkeypatch: pytest.MonkeyPatch) -> FakeExchange:
    """An exchange behind a module that takes ccxt's place."""
    made = FakeExchange(market.frame)

    def make(options: dict[str, object]) -> FakeExchange:
        made.options = options
        return made

    module: Any = SimpleNamespace(
        __version__="4.5.0",
        exchanges=["somewhere"],
        somewhere=make,
        BaseError=CcxtError,
        NetworkError=CcxtNetworkError,
        BadSymbol=CcxtSymbolError,
    )
    monkeypatch.setitem(sys.modules, "ccxt", module)
    return made


def fetched(store: Store, waits: Waits, symbol: str = "BTCUSDT", **options: Any) -> Fetched:
    usual: dict[str, Any] = {"source": "ccxt:somewhere", "since": START, "show_progress": False}
    return fetch(symbol, store=store, clock=waits.clock, **(usual | options))


def plain(candles: Candles) -> pl.DataFrame:
    return candles.frame.select("time", "open", "high", "low", "close", "volume")


def test_all_but_the_newest_candle_is_stored_and_a_later_fetch_goes_on(
    exchange: FakeExchange, market: Candles, store: Store, waits: Waits
) -> None:
    exchange.candles = market.frame[:-100]
    fetched(store, waits, "BTC/USDT")
    held = store.read("BTCUSDT", exchange="somewhere")
    assert_frame_equal(held.frame, plain(market)[:-101])
    assert exchange.options == {"enableRateLimit": True, "requests_trust_env": True}
    exchange.candles, exchange.asked = market.frame, []
    assert fetched(store, waits, since=None).added == 100
    assert exchange.asked[0] is None, "the newest candle"
    assert len(exchange.asked) == 2
    assert_frame_equal(store.read("BTCUSDT").frame, plain(market)[:-1])


def test_an_empty_window_before_a_later_candle_is_a_hole_once_it_came_twice(
    exchange: FakeExchange, market: Candles, store: Store, waits: Waits
) -> None:
    first, last = START + 500 * MINUTE, START + 1400 * MINUTE
    inside = pl.col("time").is_between(first, last, closed="left")
    exchange.candles = market.frame.filter(~inside)
    done = fetched(store, waits)
    assert done.holes == [Span(first, last)]
    assert all(exchange.asked.count(since) <= 2 for since in exchange.asked)
    exchange.asked = []
    fetched(store, waits)
    assert exchange.asked == [None]


def test_overload_passes_and_other_errors_are_said_in_words(
    exchange: FakeExchange, store: Store, waits: Waits
) -> None:
    exchange.errors = [CcxtNetworkError("429 Too Many Requests")] * 3
    fetched(store, waits, until=START + 200 * MINUTE)
    assert waits.slept == [1.0, 2.0, 4.0]
    assert len(store.read("BTCUSDT")) == 200
    for error, kind, message in (
        (CcxtNetworkError("gone"), FetchError, r"cannot be reached \(gone\).*6 times in a row"),
        (CcxtSymbolError("no BTC/USDT"), InputError, "does not know the symbol"),
        (CcxtError("maintenance"), FetchError, r"refuses the request \(maintenance\)"),
    ):
        exchange.errors = [error] * 6
        with pytest.raises(kind, match=message):
            fetched(store, waits)


def test_what_is_not_there_is_said_before_any_candle_is_asked_for(
    exchange: FakeExchange, store: Store, waits: Waits
) -> None:
    for symbol, options, message in (
        ("XRPUSDT", {}, "no spot market XRPUSDT. Write it as BASE/QUOTE"),
        ("BTCEUR", {}, r"no spot market BTCEUR.*there is BTC/USDT\."),
        ("BTCUSDT", {"interval": "5m"}, r"no candles of 5m to fetch, but of 1m, 1h\."),
        ("BTCUSDT", {"interval": "1w"}, r"no candles of 1w to fetch, but of 1m, 1h\."),
        ("BTCUSDT", {"source": "ccxt:nowhere"}, "ccxt 4.5.0 knows no such exchange"),
        ("BTCUSDT", {"source": "ccxt:__doc__"}, "knows no such exchange"),
    ):
        with pytest.raises(InputError, match=message):
            fetched(store, waits, symbol, **options)
    assert exchange.asked == []


def test_without_ccxt_the_command_that_installs_it_is_said(
    store: Store, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(MissingCodeError, match=r"pip install 'candlecast\[ccxt\]'"):
        fetched(store, waits)
