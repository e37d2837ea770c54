"""Targets are found again by their exact inverse."""

from __future__ import annotations

import numpy as np
import pytest

from candlecast.candles import Candles
from candlecast.features import TargetName, target_values, to_price


@pytest.mark.parametrize("target", ["close", "log_return"])
def test_a_target_turns_back_into_the_price_that_came(candles: Candles, target: TargetName) -> None:
    close = candles.frame["close"].to_numpy()
    values = target_values(candles, target, [1, 5])
    assert np.isnan(values[-1, 0])
    assert np.isnan(values[-5:, 1]).all()
    prices = to_price(target, values[:-5], close[:-5])
    np.testing.assert_allclose(prices[:, 0], close[1:-4], rtol=1e-14)
    np.testing.assert_allclose(prices[:, 1], close[5:], rtol=1e-14)
