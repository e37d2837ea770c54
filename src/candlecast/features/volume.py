"""How much was traded, and in how many trades."""

from __future__ import annotations

import polars as pl

from candlecast.features.market import LEAST_VOLUME, Market, ewm

_USUAL_CANDLES = 100
_LONG_CANDLES = 1000


def volume_features(market: Market) -> dict[str, pl.Expr]:
    """Volumes and trade counts, as they are and beside what was usual lately."""
    volume, trades = market.volume, market.trades
    usual = ewm(volume, _USUAL_CANDLES) + LEAST_VOLUME
    long_usual = ewm(volume, _LONG_CANDLES) + LEAST_VOLUME
    size = (volume + 1e-6) / (trades + 1)
    usual_size = long_usual / (ewm(trades, _LONG_CANDLES) + 1)
    return {
        "log_volume": volume.log1p(),
        # The hundredth keeps a candle without a trade from standing too far out.
        "relative_volume": ((volume + LEAST_VOLUME) / usual + 0.01).log(),
        "volume_trend": (usual / long_usual).log(),
        "relative_trades": ((trades + 0.5) / (ewm(trades, _USUAL_CANDLES) + 0.5)).log(),
        "trade_size": (size / usual_size).log(),
    }
