"""Estimators of volatility agree with loops, and with the law of a simulated random walk."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from feature_references import (
    candles_of,
    ewm,
    log_prices,
    log_returns,
    squared_returns,
    values_of,
    volatility,
)

from candlecast.candles import Candles
from candlecast.features import EWMA_VOLATILITY, feature_table


def test_the_yardstick_agrees_with_a_loop(candles: Candles) -> None:
    np.testing.assert_allclose(values_of(candles, "volatility"), volatility(candles), rtol=1e-9)
    np.testing.assert_allclose(
        values_of(candles, "log_volatility"), np.log(volatility(candles)), rtol=1e-9
    )
    table = feature_table(candles).select(EWMA_VOLATILITY).to_series().to_numpy()
    np.testing.assert_array_equal(table, values_of(candles, "volatility"))


def test_estimators_agree_with_loops(candles: Candles) -> None:
    opened, high, low, close = log_prices(candles)
    squared = squared_returns(candles)
    moves = np.sqrt(squared)
    variances = {
        "volatility_ratio": ewm(squared, 500),
        **{f"volatility_ratio_{k}": ewm(squared, k) for k in (10, 120, 1440, 5000)},
        **{f"absolute_ratio_{k}": ewm(moves, k) ** 2 for k in (60, 1440)},
        "realised_60": pd.Series(squared).rolling(60, min_periods=1).mean().to_numpy(),
        "bipower": ewm(np.pi / 2 * moves * np.append(moves[0], moves[:-1]), 33.3),
        "parkinson": ewm((high - low) ** 2 / (4 * np.log(2)), 10),
        "garman_klass": ewm(
            0.5 * (high - low) ** 2 - (2 * np.log(2) - 1) * (close - opened) ** 2, 10
        ),
        "rogers_satchell": ewm(
            (high - close) * (high - opened) + (low - close) * (low - opened), 10
        ),
    }
    for name, variance in variances.items():
        reference = np.log(np.sqrt(variance) / volatility(candles))
        np.testing.assert_allclose(
            values_of(candles, name), reference, rtol=1e-7, atol=1e-8, err_msg=name
        )


@pytest.fixture(scope="module")
def walk() -> Candles:
    """Candles of a driftless random walk of 1,000 steps a candle, 0.1 % volatility a candle."""
    rng = np.random.default_rng(3)
    steps = rng.normal(scale=1e-3 / np.sqrt(1000), size=(1500, 1000))
    path = np.cumsum(steps.ravel()).reshape(steps.shape)
    opened = np.append(0.0, path[:-1, -1])
    return candles_of(
        1500,
        open=np.exp(opened),
        high=np.exp(np.maximum(path.max(axis=1), opened)),
        low=np.exp(np.minimum(path.min(axis=1), opened)),
        close=np.exp(path[:, -1]),
    )


@pytest.mark.parametrize(
    "name", ["parkinson", "garman_klass", "rogers_satchell", "bipower", "realised_60"]
)
def test_on_a_random_walk_every_estimator_finds_its_volatility(walk: Candles, name: str) -> None:
    found = np.exp(values_of(walk, name)) * values_of(walk, "volatility")
    # A range over 1,000 steps misses the extremes between them, by some 2 %.
    assert np.sqrt((found[100:] ** 2).mean()) == pytest.approx(1e-3, rel=0.06)


def test_a_jump_shows_in_the_squares_and_not_in_bipower() -> None:
    close = np.exp(np.append(np.zeros(200), np.full(200, 0.1)) + 1e-3 * (np.arange(400) % 2))
    wide = candles_of(400, open=close, high=close, low=close, close=close)
    ratio = values_of(wide, "bipower")
    assert ratio[199] == pytest.approx(0.5 * np.log(np.pi / 2), abs=0.02)
    assert ratio[201] < -1.5


def test_a_segment_begins_with_a_candle_s_range(gappy_candles: Candles) -> None:
    first = gappy_candles.segments[1].start
    _, high, low, _ = log_prices(gappy_candles)
    expected = (high[first] - low[first]) / np.sqrt(4 * np.log(2))
    assert values_of(gappy_candles, "volatility")[first] == pytest.approx(expected)
    assert log_returns(gappy_candles)[first] != 0
    assert values_of(gappy_candles, "scaled_return")[first] == 0
