"""The volatility of the same time on other days is that of a plain loop, never of the future."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from feature_references import squared_returns, volatility

from candlecast.candles import Candles
from candlecast.features import compute_features
from candlecast.simulate import simulate


@pytest.fixture(scope="module")
def days() -> Candles:
    """Three days of minutes."""
    return simulate(rows=4_400, r2=0.0, seed=4).candles


@pytest.mark.parametrize("span", [10, 60])
def test_a_day_ago_is_the_span_that_began_1440_minutes_before(days: Candles, span: int) -> None:
    values = compute_features(days, [f"day_before_{span}"])[:, 0]
    squared, sigma = squared_returns(days), volatility(days)
    for row in (1_600, 2_000, 4_399):
        ago = squared[row - 1440 + 1 : row - 1440 + 1 + span]
        reference = np.log(np.sqrt(ago.mean()) / sigma[row])
        np.testing.assert_allclose(values[row], reference, rtol=1e-6)
    assert (values[:1_439] == 0).all(), "nothing reaches back so far"
    assert values[1_439] != 0


def test_a_week_is_the_mean_of_the_days_that_there_are(days: Candles) -> None:
    values = compute_features(days, ["week_before_60"])[:, 0]
    squared, sigma = squared_returns(days), volatility(days)
    row = 4_399
    spans = [squared[row - 1440 * day + 1 : row - 1440 * day + 61] for day in (1, 2, 3)]
    reference = np.mean([np.log(np.sqrt(span.mean()) / sigma[row]) for span in spans])
    np.testing.assert_allclose(values[row], reference, rtol=1e-6)


def test_what_comes_does_not_reach_it(days: Candles) -> None:
    names = ["day_before_10", "day_before_60", "week_before_10", "week_before_60"]
    whole = compute_features(days, names)
    doubled = days.frame.with_columns(
        pl.when(pl.int_range(pl.len()) > 2_000).then(pl.col(name) * 2).otherwise(pl.col(name))
        for name in ("open", "high", "low", "close")
    )
    other = compute_features(Candles(doubled, days.symbol, days.interval), names)
    np.testing.assert_array_equal(other[:2_001], whole[:2_001])
    assert (other[2_001] != whole[2_001]).all()


def test_where_a_day_is_shorter_than_the_span_nothing_to_come_is_read(days: Candles) -> None:
    hourly = days.resample(timedelta(hours=1))
    names = ["day_before_60", "week_before_60", "day_before_10"]
    whole = compute_features(hourly, names)
    cut = Candles(hourly.frame[:50], hourly.symbol, hourly.interval)
    np.testing.assert_array_equal(compute_features(cut, names), whole[:50])
    doubled = hourly.frame.with_columns(
        pl.when(pl.int_range(pl.len()) >= 50).then(pl.col(name) * 2).otherwise(pl.col(name))
        for name in ("open", "high", "low", "close")
    )
    other = Candles(doubled, hourly.symbol, hourly.interval)
    np.testing.assert_array_equal(compute_features(other, names)[:50], whole[:50])
