"""The simulated market: its answer is the one planted, its candles look like real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.simulate import SimulatedMarket, simulate
from candlecast.sources import read

NEW_YEAR = datetime(2021, 1, 1, tzinfo=UTC)
LONG = 310_000  # about as many candles as the real file has of 2021

# Each stylised fact and the band where minutes of a large coin market lie. The real file must lie
# there too, so the bands are not made to measure for the simulator.
BANDS = {
    "volatility_bp": (8, 25),
    "kurtosis": (10, 100),
    "q50_to_q75": (0.45, 0.57),
    "q99_to_q75": (3.8, 5.0),
    "q999_to_q75": (7.5, 10.0),
    "memory_1": (0.20, 0.42),
    "memory_10": (0.17, 0.33),
    "memory_60": (0.12, 0.27),
    "memory_360": (0.08, 0.21),
    "memory_1440": (0.05, 0.17),
    "season_peak_to_trough": (1.15, 1.5),
    "range_to_move": (1.8, 2.1),
    "range_with_move": (0.75, 0.85),
    "trades": (800, 2200),
    "trades_spread": (0.5, 0.75),
    "trades_with_move": (0.4, 0.65),
    "volume": (30, 110),
    "size_spread": (0.35, 0.5),
}
# How far the median fact of the simulated markets may lie from the real one, as a factor. A
# handful of minutes rules the kurtosis (8 to 148 by month in the real file), and the slow factor
# the level and the long memory, which is a quarter to a third weaker than in the real file.
FACTORS = dict.fromkeys(BANDS, 1.15) | {
    "volatility_bp": 1.25,
    "kurtosis": 2.5,
    "memory_1": 1.4,
    "memory_10": 1.5,
    "memory_60": 1.6,
    "memory_360": 1.8,
    "memory_1440": 1.8,
    "trades": 1.25,
    "trades_with_move": 1.35,
    "volume": 1.4,
}


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return simulate(LONG, start=NEW_YEAR)


@pytest.fixture(scope="module")
def simulated() -> list[Candles]:
    """Several markets, as the slow volatility makes each eight months unlike the next."""
    return [simulate(LONG, seed=seed, start=NEW_YEAR).candles for seed in range(5)]


@pytest.fixture(scope="module")
def real(article_file: Path) -> Candles:
    return read(article_file).between(NEW_YEAR, None)


def column(candles: Candles, name: str) -> NDArray[np.float64]:
    return candles.frame[name].to_numpy().astype(np.float64)


def log_returns(candles: Candles) -> NDArray[np.float64]:
    """From each close to the next; [rows - 1]."""
    return np.diff(np.log(column(candles, "close")))


def surprises(market: SimulatedMarket) -> NDArray[np.float64]:
    """What nobody could know of each next return, in standard deviations; [rows - 1]."""
    unforeseen = log_returns(market.candles) - market.expected_return[:-1]
    return np.asarray(unforeseen / market.volatility[:-1], dtype=np.float64)


def correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return float(np.corrcoef(x, y)[0, 1])


def by_hour(candles: Candles) -> NDArray[np.float64]:
    """The mean absolute return in each hour of the day relative to the mean of all; [24]."""
    moves = np.abs(log_returns(candles))
    hours = candles.frame["time"].dt.hour().to_numpy()[1:]
    return np.array([moves[hours == hour].mean() / moves.mean() for hour in range(24)])


def stylised_facts(candles: Candles) -> dict[str, float]:
    returns = log_returns(candles)
    moves = np.abs(returns)
    q50, q75, q99, q999 = np.quantile(moves, [0.5, 0.75, 0.99, 0.999])
    calm = np.minimum(moves, q999)  # a few minutes would rule every correlation
    ranges = np.log(column(candles, "high") / column(candles, "low"))[1:]
    trades = column(candles, "trades")[1:]
    volume = column(candles, "volume")[1:]
    traded = (trades > 0) & (volume > 0)
    season = by_hour(candles)
    return {
        "volatility_bp": 1e4 * returns.std(),
        "kurtosis": np.mean((returns - returns.mean()) ** 4) / returns.var() ** 2,
        "q50_to_q75": q50 / q75,
        "q99_to_q75": q99 / q75,
        "q999_to_q75": q999 / q75,
        **{f"memory_{lag}": correlation(calm[lag:], calm[:-lag]) for lag in (1, 10, 60, 360, 1440)},
        "season_peak_to_trough": season.max() / season.min(),
        "range_to_move": ranges.mean() / moves.mean(),
        "range_with_move": correlation(np.minimum(ranges, np.quantile(ranges, 0.999)), calm),
        "trades": trades.mean(),
        "trades_spread": np.log(trades[traded]).std(),
        "trades_with_move": correlation(trades, moves),
        "volume": volume.mean(),
        "size_spread": np.log(volume[traded] / trades[traded]).std(),
    }


def median_facts(markets: list[Candles]) -> dict[str, float]:
    facts = [stylised_facts(candles) for candles in markets]
    return {name: float(np.median([fact[name] for fact in facts])) for name in BANDS}


def outside_bands(facts: dict[str, float]) -> dict[str, float]:
    return {
        name: facts[name] for name, (low, high) in BANDS.items() if not low < facts[name] < high
    }


def test_the_same_seed_gives_the_same_market() -> None:
    one, two = simulate(500, seed=7), simulate(500, seed=7)
    assert one.candles.sha256 == two.candles.sha256
    np.testing.assert_array_equal(one.expected_return, two.expected_return)
    np.testing.assert_array_equal(one.volatility, two.volatility)


def test_another_seed_gives_another_market() -> None:
    assert simulate(500, seed=7).candles.sha256 != simulate(500, seed=8).candles.sha256


def test_the_market_has_the_shape_that_was_asked_for() -> None:
    hour = timedelta(hours=1)
    market = simulate(100, start=datetime(2020, 2, 28), interval=hour, symbol="LAB")
    assert (market.candles.symbol, market.candles.interval) == ("LAB", hour)
    assert market.candles.first == datetime(2020, 2, 28, tzinfo=UTC)
    assert len(market.candles) == len(market.expected_return) == len(market.volatility) == 100
    assert market.candles.missing == 0


def test_the_default_market_crosses_the_end_of_a_month() -> None:
    candles = simulate().candles
    assert candles.first.month < candles.last.month


def test_a_start_in_another_zone_is_the_same_instant() -> None:
    tokyo = datetime.fromisoformat("2021-01-20T09:00+09:00")
    assert simulate(500, start=tokyo).candles.sha256 == simulate(500).candles.sha256


@pytest.mark.parametrize("r2", [0.0, 0.01, 0.3, 0.9])
def test_the_expected_return_is_a_share_of_the_last_return_given_back(r2: float) -> None:
    market = simulate(5_000, r2)
    returns = log_returns(market.candles)
    np.testing.assert_allclose(market.expected_return[1:], -np.sqrt(r2) * returns, atol=1e-12)


@pytest.mark.parametrize("r2", [0.01, 0.3])
def test_the_planted_r2_is_found(r2: float) -> None:
    market = simulate(LONG, r2)
    returns, expected = log_returns(market.candles), market.expected_return[:-1]
    realised = 1 - np.sum((returns - expected) ** 2) / np.sum(returns**2)
    # The standard error is about 4 √(r2 / n); see simulate.
    assert realised == pytest.approx(r2, abs=3 * 4 * np.sqrt(r2 / LONG))
    # The law itself, free of that noise: the forecast's mean square over the return's.
    assert np.sum(expected**2) / np.sum(returns**2) == pytest.approx(r2, rel=0.001)


@pytest.mark.parametrize("r2", [0.01, 0.3])
def test_the_next_return_regressed_on_the_expected_has_slope_one(r2: float) -> None:
    market = simulate(LONG, r2)
    # Divided by its volatility each residual has variance 1, so the slope's error is 1 / √Σx².
    x = market.expected_return[:-1] / market.volatility[:-1]
    y = log_returns(market.candles) / market.volatility[:-1]
    assert (x @ y) / (x @ x) == pytest.approx(1, abs=4 / float(np.sqrt(x @ x)))


def test_the_volatility_is_that_of_the_next_return(market: SimulatedMarket) -> None:
    z = surprises(market)
    # Var(z²) of Student's t with 8 degrees of freedom is its kurtosis, 4.5, less 1.
    assert np.mean(z**2) == pytest.approx(1, abs=4 * np.sqrt(3.5 / len(z)))


def test_the_volatility_of_returns_does_not_depend_on_the_r2() -> None:
    blind, clear = (log_returns(simulate(LONG, r2).candles).std() for r2 in (0.0, 0.3))
    assert clear == pytest.approx(blind, rel=0.05)


def test_an_r2_of_zero_gives_a_martingale() -> None:
    assert not simulate(500, r2=0).expected_return.any()


@pytest.mark.parametrize("r2", [0.0, 0.1])
def test_nothing_in_the_past_candles_tells_the_surprise(r2: float) -> None:
    market = simulate(LONG, r2)
    z, candles = surprises(market), market.candles
    returns = np.append(0.0, log_returns(candles)) / market.volatility
    high, low, close = (np.log(column(candles, name)) for name in ("high", "low", "close"))
    share = column(candles, "taker_buy_volume") / column(candles, "volume")
    known = {
        **{f"return {lag} ago": np.roll(returns, lag) for lag in range(6)},
        "place in the range": (close - low) / (high - low),
        "range": np.log(high - low),
        "trades": np.log(column(candles, "trades")),
        "taker share": share,
    }
    # z is independent of all of it: each correlation has standard error 1 / √n.
    for name, feature in known.items():
        assert abs(correlation(feature[10:-1], z[10:])) < 4 / np.sqrt(len(z)), name


@pytest.mark.parametrize(
    "interval", [timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)]
)
@pytest.mark.parametrize("r2", [0.0, 0.999])
def test_prices_volumes_and_counts_agree_with_each_other(r2: float, interval: timedelta) -> None:
    frame = simulate(20_000, r2, interval=interval).candles.frame
    assert frame["time"].len() == 20_000
    low, high = frame["low"], frame["high"]
    assert (low <= frame["open"]).all()
    assert (high >= frame["close"]).all()
    assert (low < high).all()
    assert (frame["trades"] >= 4).all()
    assert (frame["volume"] > 0).all()
    assert (frame["taker_buy_volume"] > 0).all()
    assert (frame["taker_buy_volume"] < frame["volume"]).all()
    for coins, money in (
        ("volume", "quote_volume"),
        ("taker_buy_volume", "taker_buy_quote_volume"),
    ):
        assert (frame[money] / frame[coins]).is_between(low, high).all()


def test_candles_open_beside_the_last_close(market: SimulatedMarket) -> None:
    steps = np.log(column(market.candles, "open")[1:] / column(market.candles, "close")[:-1])
    np.testing.assert_allclose(np.abs(steps), 0.2e-4, rtol=1e-6)


def test_takers_buy_where_the_price_rises(market: SimulatedMarket) -> None:
    share = column(market.candles, "taker_buy_volume") / column(market.candles, "volume")
    assert correlation(share[1:], log_returns(market.candles)) > 0.4
    assert share.mean() == pytest.approx(0.5, abs=0.005)


def test_an_hour_of_simulated_candles_is_as_wild_as_sixty_minutes() -> None:
    minutes = log_returns(simulate(LONG, 0.0).candles).std()
    hours = log_returns(simulate(20_000, 0.0, interval=timedelta(hours=1)).candles).std()
    assert hours == pytest.approx(
        np.sqrt(60) * minutes, rel=0.3
    )  # each a sample of slow volatility


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 1}, "at least 2 candles"),
        ({"r2": 1.0}, "below 1"),
        ({"r2": -0.1}, "0 .nothing. or more"),
        ({"r2": float("nan")}, "r2 is nan"),
        ({"seed": -1}, "seed is -1"),
        ({"interval": timedelta(0)}, "whole seconds"),
        ({"interval": timedelta(minutes=-1)}, "whole seconds"),
        ({"interval": timedelta(seconds=1.5)}, "whole seconds"),
        ({"interval": timedelta(weeks=1), "rows": 1_000_000}, "past the year 9999"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(**arguments)


def test_stylised_facts_lie_in_their_bands(simulated: list[Candles]) -> None:
    assert outside_bands(median_facts(simulated)) == {}


def test_the_real_candles_lie_in_the_same_bands(real: Candles) -> None:
    assert outside_bands(stylised_facts(real)) == {}


def test_stylised_facts_resemble_those_of_the_real_candles(
    simulated: list[Candles], real: Candles
) -> None:
    ours, theirs = median_facts(simulated), stylised_facts(real)
    far = {
        name: (ours[name], theirs[name])
        for name, factor in FACTORS.items()
        if not 1 / factor < ours[name] / theirs[name] < factor
    }
    assert far == {}


def test_the_day_has_the_season_of_the_real_candles(
    simulated: list[Candles], real: Candles
) -> None:
    ours, theirs = np.mean([by_hour(candles) for candles in simulated], axis=0), by_hour(real)
    assert correlation(ours, theirs) > 0.75
    np.testing.assert_allclose(ours, theirs, atol=0.12)


def test_returns_are_uncorrelated_but_for_the_bounce(market: SimulatedMarket) -> None:
    scaled = log_returns(market.candles) / market.volatility[:-1]
    error = 4 / np.sqrt(len(scaled))
    assert correlation(scaled[1:], scaled[:-1]) == pytest.approx(-0.1, abs=error + 0.01)
    for lag in (5, 10, 60):
        assert abs(correlation(scaled[lag:], scaled[:-lag])) < error
