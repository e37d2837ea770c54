"""Volumes and counts beside what was usual agree with loops."""

from __future__ import annotations

import numpy as np
from feature_references import column, ewm, values_of

from candlecast.candles import Candles


def test_volumes_and_counts_agree_with_loops(candles: Candles) -> None:
    volume, trades = column(candles, "volume"), column(candles, "trades")
    usual, long_usual = ewm(volume, 100) + 1e-9, ewm(volume, 1000) + 1e-9
    usual_size = long_usual / (ewm(trades, 1000) + 1)
    reference = {
        "log_volume": np.log1p(volume),
        "relative_volume": np.log((volume + 1e-9) / usual + 0.01),
        "volume_trend": np.log(usual / long_usual),
        "relative_trades": np.log((trades + 0.5) / (ewm(trades, 100) + 0.5)),
        "trade_size": np.log((volume + 1e-6) / (trades + 1) / usual_size),
    }
    for name, values in reference.items():
        np.testing.assert_allclose(
            values_of(candles, name), values, rtol=1e-9, atol=1e-9, err_msg=name
        )
