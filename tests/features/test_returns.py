"""Returns over one candle and over many agree with numpy and pandas."""

from __future__ import annotations

import numpy as np
import pytest
from feature_references import column, ewm, log_prices, log_returns, values_of, volatility

from candlecast.candles import Candles


def test_one_candle_s_changes_agree_with_pandas(candles: Candles) -> None:
    close = candles.to_pandas()["close"]
    changes = close.diff().fillna(0.0).to_numpy()
    np.testing.assert_array_equal(values_of(candles, "close_change"), changes)
    returns = log_returns(candles)
    np.testing.assert_allclose(values_of(candles, "log_return"), returns, rtol=0, atol=1e-15)
    scaled = returns / volatility(candles)
    np.testing.assert_allclose(values_of(candles, "scaled_return"), scaled, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [3, 5, 15, 60])
def test_a_momentum_is_the_change_over_so_many_candles(candles: Candles, count: int) -> None:
    close = np.log(column(candles, "close"))
    change = np.append(np.zeros(count), close[count:] - close[:-count])
    reference = change / (volatility(candles) * np.sqrt(count))
    found = values_of(candles, f"momentum_{count}")
    np.testing.assert_allclose(found, reference, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("count", [5, 20, 60, 240])
def test_a_deviation_is_the_distance_from_the_mean(candles: Candles, count: int) -> None:
    *_, close = log_prices(candles)
    reference = (close - ewm(close, count)) / (volatility(candles) * np.sqrt(count))
    found = values_of(candles, f"deviation_{count}")
    np.testing.assert_allclose(found, reference, rtol=1e-8, atol=1e-9)
