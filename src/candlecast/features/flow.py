"""Order flow: what takers bought, and at which mean prices.

A taker is who crosses the spread; what takers did not buy, they sold.
"""

from __future__ import annotations

import polars as pl

from candlecast.features.market import LEAST_VOLUME, Market, ewm

_USUAL_CANDLES = 100
_MOST_TIMES_USUAL = 20.0
_IMBALANCE = (10, 60)
_LEAST_SIDE = 1e-9  # of the volume; less is rounding and has no mean price
_WIDEST_SPREAD = 5.0  # in units of volatility


def flow_features(market: Market) -> dict[str, pl.Expr]:
    """The balance of buyers and sellers, and their mean prices in units of volatility."""
    volume, bought = market.volume, market.column("taker_buy_volume")
    net = 2 * bought - volume
    imbalance = pl.when(volume == 0).then(0.0).otherwise(net / volume)
    times_usual = volume / (ewm(volume, _USUAL_CANDLES) + LEAST_VOLUME)
    features = {
        "imbalance": imbalance,
        "signed_volume": imbalance * times_usual.clip(upper_bound=_MOST_TIMES_USUAL).sqrt(),
    }
    features |= {
        f"imbalance_{candles}": ewm(net, candles) / (ewm(volume, candles) + LEAST_VOLUME)
        for candles in _IMBALANCE
    }
    deviation = (market.log_close - _mean_price(market).log()) / market.volatility
    return features | {"vwap_deviation": deviation, "taker_spread": _taker_spread(market)}


def _mean_price(market: Market) -> pl.Expr:
    """The mean price weighted by volume; the close where nothing was traded."""
    volume, quote = market.volume, market.column("quote_volume")
    nothing = (volume == 0) | (quote == 0)
    return pl.when(nothing).then(market.column("close")).otherwise(quote / volume)


def _taker_spread(market: Market) -> pl.Expr:
    """How much more takers paid when they bought than they got when they sold."""
    bought, paid = market.column("taker_buy_volume"), market.column("taker_buy_quote_volume")
    sold, got = market.volume - bought, market.column("quote_volume") - paid
    ratio = _side_price(market, bought, paid) / _side_price(market, sold, got)
    return (ratio.log() / market.volatility).clip(-_WIDEST_SPREAD, _WIDEST_SPREAD)


def _side_price(market: Market, volume: pl.Expr, quote: pl.Expr) -> pl.Expr:
    """The mean price of one side; that of both where the side did not trade."""
    nothing = (volume <= _LEAST_SIDE * market.volume) | (quote <= 0)
    return pl.when(nothing).then(_mean_price(market)).otherwise(quote / volume)
