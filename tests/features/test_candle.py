"""The candle's own features agree with numpy, and stay finite for odd candles."""

from __future__ import annotations

import numpy as np
import pytest
from feature_references import candles_of, column, log_prices, values_of, volatility

from candlecast.candles import Candles


def test_prices_are_those_of_the_candles(candles: Candles) -> None:
    for name in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(values_of(candles, name), column(candles, name))


def test_sizes_agree_with_numpy(candles: Candles) -> None:
    opened, high, low, close = log_prices(candles)
    scale = volatility(candles)
    gap = opened - np.append(opened[0], close[:-1])
    reference = {
        "log_range": high - low,
        "scaled_range": (high - low) / scale,
        "close_location": (2 * close - high - low) / (high - low),
        "body": (close - opened) / scale,
        "upper_wick": (high - np.maximum(opened, close)) / scale,
        "lower_wick": (np.minimum(opened, close) - low) / scale,
        "opening_gap": gap / scale,
    }
    for name, values in reference.items():
        np.testing.assert_allclose(
            values_of(candles, name), values, rtol=1e-8, atol=1e-9, err_msg=name
        )


def test_the_shape_of_one_candle_adds_up() -> None:
    candles = candles_of(2, open=[10.0, 10.0], high=[10.0, 16.0], low=[10.0, 8.0], close=[10.0, 12])
    body, above, below, size = (
        values_of(candles, name)[1] for name in ("body", "upper_wick", "lower_wick", "scaled_range")
    )
    assert body + above + below == pytest.approx(size)
    assert body / size == pytest.approx(np.log(12 / 10) / np.log(16 / 8))
    location = np.log(12 * 12 / (16 * 8)) / np.log(16 / 8)
    np.testing.assert_allclose(values_of(candles, "close_location"), [0.0, location])
