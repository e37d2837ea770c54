"""`simulate`: a seeded market of one-minute candles whose best forecast is known exactly.

It is the laboratory of the judge: what there is to find is known, so a score can be checked. With
ε independent of everything before it, with mean 0 and variance 1, the log return of candle t is

    r[t] = -a r[t-1] + √(1 - a²) s[t] ε[t],     a = √R²

- **Predictable part.** Each candle gives the share a of the last move back: the bounce (Roll 1984,
  "A simple implicit measure of the effective bid-ask spread in an efficient market"). So
  E[r[t+1] | past] = -a r[t] and, r being stationary, E[(a r[t])²] / E[r[t+1]²] = a²: the R² asked
  for, whatever s does. A forecaster that sees only closes can reach it, and none can beat it.
  With R² = 0 the log close is a martingale.
- **Volatility.** s goes its own way, apart from ε: a daily season times a constant share plus a
  log-normal one, whose logarithm sums a slow, a middling and a fast AR(1) factor. Such a sum has
  the long memory of |r| (Taylor 1986, "Modelling Financial Time Series"; Corsi 2009, "A simple
  approximate long-memory model of realized volatility").
- **Fat tails.** ε[t] = √w[t] n[t], n normal and w inverse gamma: Student's t. The hidden w is the
  flow of news in the minute; it widens the candle's range and brings trades along (Clark 1973, "A
  subordinated stochastic process model with finite variance for speculative prices"; Tauchen and
  Pitts 1983, "The price variability-volume relationship on speculative markets").
- **Candle.** The open lies half a spread from the last close. Highest and lowest price are those of
  a Brownian bridge from open to close (Glasserman 2004, "Monte Carlo Methods in Financial
  Engineering", section 6.4), drawn apart from each other: each has its exact law, not both jointly.
- **Flow.** Trades are Poisson around an intensity that rises with volatility, news and season;
  volume is trades times a log-normal mean size; buyers take more of it as the price rises.

The constants are those of BTC/USDT, January to August 2021. Prices are not rounded to a tick:
that would blur what is known exactly. Volatility does not react to the sign of a return.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import TIME, Candles
from candlecast.errors import InputError
from candlecast.intervals import interval_text

_Vector = NDArray[np.float64]

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 1440

_START_PRICE = 30_000.0
_HALF_SPREAD = 0.2e-4  # in log price
_VOLATILITY = 17e-4  # of the log return in one minute, before the factors
_CALM = 0.3  # the share of volatility that the factors do not move
_TAIL_DEGREES = 8.0  # of freedom, of Student's t

# Sums of AR(1) factors of a logarithm: (half life in minutes, standard deviation).
_VOLATILITY_FACTORS = ((9.0, 0.46), (230.0, 0.48), (10_600.0, 0.58))
_TRADES_FACTORS = ((0.1, 0.18), (10.0, 0.20), (110.0, 0.20), (11_700.0, 0.13))
_SIZE_FACTORS = ((0.1, 0.28), (22.0, 0.22), (350.0, 0.14), (19_000.0, 0.22))

# Bumps of log volatility in the UTC day: (centre and width in hours, height).
_SEASON_BUMPS = ((0.4, 0.5, 0.28), (14.5, 2.5, 0.17))

_FEWEST_TRADES = 4  # open, high, low and close
_TRADES = 2100.0  # in a minute, before the factors
_TRADES_PER_VOLATILITY = 0.90  # elasticity
_TRADES_PER_SEASON = 0.5  # elasticity, on top of that by way of volatility
_TRADE_SIZE = 0.045  # coins
_TAKER_PULL = 0.3  # of the minute's move on the log odds that a coin was bought by a taker
_TAKER_NOISE = 0.35


@dataclass(frozen=True, eq=False)
class SimulatedMarket:
    """Candles and what nobody knows of a real market: its best forecast.

    Attributes:
        candles: The market, without gaps.
        expected_return: At each candle the conditional mean of the log return from its close to the
            next close, given this candle and all before; float64 [rows]. No forecast has a smaller
            expected squared error.
        volatility: At each candle the conditional standard deviation of that same log return, given
            the past and the hidden state of volatility; float64 [rows].
    """

    candles: Candles
    expected_return: _Vector
    volatility: _Vector


def simulate(
    rows: int = 40_000,
    r2: float = 0.01,
    seed: int = 42,
    start: datetime = datetime(2021, 1, 20, tzinfo=UTC),
    interval: timedelta = _MINUTE,
    symbol: str = "SIMULATED",
) -> SimulatedMarket:
    """Simulate a market; the same arguments give the same candles.

    Args:
        rows: Candles, 2 or more.
        r2: The share of the variance of the next log return that the past tells, 0 ≤ r2 < 1. It
            holds for the market's law; a sample of n candles shows it with a standard error of
            about 4 √(r2 / n), since a few wild minutes carry much of the variance.
        seed: 0 or more.
        start: Open time of the first candle; without a zone it is read as UTC.
        interval: Whole seconds. Volatility grows with its root, trades in proportion.
        symbol: The market's name.

    Raises:
        InputError: If an argument is out of its range, or the candles run past the year 9999.
    """
    _check(rows, r2, seed, interval)
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    times = _open_times(rows, start, interval)
    bounce = math.sqrt(r2)
    # A stream to each: what volumes draw leaves the prices as they are.
    to_volatility, to_returns, to_paths, to_flow = np.random.default_rng(seed).spawn(4)

    # One candle more than asked for: the last row's next return has a volatility too.
    minutes = interval / _MINUTE
    season = _season(start, minutes, rows + 1)
    unrest = _wander(to_volatility, rows + 1, minutes, _VOLATILITY_FACTORS)
    state = season * (_CALM + (1 - _CALM) * unrest)
    scale = _VOLATILITY * math.sqrt(minutes) * state
    volatility = math.sqrt(1 - r2) * scale

    news = np.sqrt((_TAIL_DEGREES - 2) / to_returns.chisquare(_TAIL_DEGREES, rows))
    push = to_returns.standard_normal(rows)
    returns = _ar1(scale[:-1] * news * push, -bounce)
    prices = _prices(to_paths, returns, volatility[:-1] * news)

    activity = minutes * season[:-1] ** _TRADES_PER_SEASON
    activity *= (state[:-1] * news) ** _TRADES_PER_VOLATILITY
    flow = _flow(to_flow, activity, push, prices, minutes)

    frame = pl.DataFrame({"time": times, **prices, **flow})
    return SimulatedMarket(
        candles=Candles.from_frame(frame, symbol, interval),
        expected_return=-bounce * returns,
        volatility=volatility[1:],
    )


def _check(rows: int, r2: float, seed: int, interval: timedelta) -> None:
    if rows < 2:
        raise InputError(f"rows is {rows}. Ask for at least 2 candles.")
    if not 0 <= r2 < 1:
        raise InputError(
            f"r2 is {r2}. Give the share of the next return's variance that the past is to tell: "
            "0 (nothing) or more, below 1."
        )
    if seed < 0:
        raise InputError(f"seed is {seed}. Give a whole number of 0 or more.")
    if interval < _SECOND or interval % _SECOND:
        raise InputError(f"interval is {interval}. Give whole seconds, 1 or more.")


def _open_times(rows: int, start: datetime, interval: timedelta) -> pl.Series:
    try:
        end = start + rows * interval
    except OverflowError:
        raise InputError(
            f"{rows:,} candles of {interval_text(interval)} from {start:%Y-%m-%d} run past the "
            "year 9999. Ask for fewer rows or a shorter interval."
        ) from None
    return pl.datetime_range(start, end, interval, closed="left", eager=True).cast(TIME)


def _season(start: datetime, minutes: float, rows: int) -> _Vector:
    """The daily season of volatility at each open: bumps on the clock's circle, mean square 1."""

    def profile(minute: _Vector) -> _Vector:
        bumps = np.zeros_like(minute)
        for centre, width, height in _SEASON_BUMPS:  # von Mises: a normal curve on a circle
            angle = 2 * np.pi * (minute / _DAY_MINUTES - centre / 24)
            bumps += height * np.exp((np.cos(angle) - 1) * (24 / (2 * np.pi * width)) ** 2)
        return np.exp(bumps)

    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    clock = (start - midnight) / _MINUTE + minutes * np.arange(rows, dtype=np.float64)
    day = profile(np.arange(_DAY_MINUTES, dtype=np.float64))
    return profile(clock) / math.sqrt(np.mean(day**2))


def _wander(
    rng: np.random.Generator, rows: int, minutes: float, factors: tuple[tuple[float, float], ...]
) -> _Vector:
    """A stationary log-normal series of mean square 1: its log is a sum of AR(1) factors."""
    log = np.zeros(rows)
    for half_life, deviation in factors:
        shocks = rng.standard_normal(rows)
        log += deviation * _ar1(shocks, 0.5 ** (minutes / half_life)) - deviation**2
    return np.exp(log)


def _ar1(shocks: _Vector, phi: float) -> _Vector:
    """x[t] = phi x[t-1] + √(1 - phi²) shock[t] from x[0] = shock[0]: as variable as its shocks."""
    from scipy.signal import lfilter  # half a second to import: only when a market is made

    drive = math.sqrt(1 - phi**2) * shocks
    drive[0] = shocks[0]
    return np.asarray(lfilter([1.0], [1.0, -phi], drive), dtype=np.float64)


def _prices(rng: np.random.Generator, returns: _Vector, volatility: _Vector) -> dict[str, _Vector]:
    """Open, high, low and close, whose extremes are those of a Brownian bridge.

    A bridge over the distance d with variance v rises above its start by (d + √(d² + 2 v e)) / 2
    at most, e being standard exponential.
    """
    closes = np.log(_START_PRICE) + np.cumsum(returns)
    opens = closes - returns + _HALF_SPREAD * rng.choice([-1.0, 1.0], len(returns))
    distance = closes - opens
    up, down = np.sqrt(
        distance**2 + 2 * volatility**2 * rng.standard_exponential((2, len(returns)))
    )
    opened, closed = np.exp(opens), np.exp(closes)
    return {
        "open": opened,
        "high": np.maximum(np.exp(opens + (distance + up) / 2), np.maximum(opened, closed)),
        "low": np.minimum(np.exp(opens + (distance - down) / 2), np.minimum(opened, closed)),
        "close": closed,
    }


def _flow(
    rng: np.random.Generator,
    activity: _Vector,
    push: _Vector,
    prices: dict[str, _Vector],
    minutes: float,
) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """Trades and volumes: many where there is activity, bought by takers where the push is up."""
    from scipy.special import expit  # as above

    rows = len(activity)
    rate = _TRADES * activity * _wander(rng, rows, minutes, _TRADES_FACTORS)
    trades = _FEWEST_TRADES + rng.poisson(rate)
    volume = trades * _TRADE_SIZE * _wander(rng, rows, minutes, _SIZE_FACTORS)
    taker_share = expit(_TAKER_PULL * push + _TAKER_NOISE * rng.standard_normal(rows))
    mean_price = np.mean(list(prices.values()), axis=0)
    return {
        "volume": volume,
        "quote_volume": volume * mean_price,
        "trades": trades,
        "taker_buy_volume": volume * taker_share,
        "taker_buy_quote_volume": volume * taker_share * mean_price,
    }
