"""Order flow agrees with loops; a side that did not trade has the price of both."""

from __future__ import annotations

import numpy as np
from feature_references import candles_of, column, ewm, log_prices, values_of, volatility

from candlecast.candles import Candles


def test_flow_agrees_with_loops(candles: Candles) -> None:
    volume, quote = column(candles, "volume"), column(candles, "quote_volume")
    bought, paid = column(candles, "taker_buy_volume"), column(candles, "taker_buy_quote_volume")
    *_, close = log_prices(candles)
    assert (bought > 0).all()
    assert (volume > bought).all()
    balance = 2 * bought / volume - 1
    usual = ewm(volume, 100) + 1e-9
    net = 2 * bought - volume
    spread = np.log(paid / bought * (volume - bought) / (quote - paid)) / volatility(candles)
    reference = {
        "imbalance": balance,
        "signed_volume": balance * np.sqrt(np.minimum(volume / usual, 20)),
        "imbalance_10": ewm(net, 10) / (ewm(volume, 10) + 1e-9),
        "imbalance_60": ewm(net, 60) / (ewm(volume, 60) + 1e-9),
        "vwap_deviation": (close - np.log(quote / volume)) / volatility(candles),
        "taker_spread": np.clip(spread, -5, 5),
    }
    for name, values in reference.items():
        np.testing.assert_allclose(
            values_of(candles, name), values, rtol=1e-6, atol=1e-8, err_msg=name
        )


def test_a_side_that_did_not_trade_has_the_price_of_both() -> None:
    candles = candles_of(
        4,
        high=[10.0, 20.0, 20.0, 20.0],
        close=[10.0, 20.0, 20.0, 20.0],
        volume=[1.0, 2.0, 2.0, 0.0],
        quote_volume=[10.0, 30.0, 30.0, 0.0],
        taker_buy_volume=[0.5, 2.0, 0.0, 0.0],
        taker_buy_quote_volume=[5.0, 30.0, 0.0, 0.0],
    )
    assert values_of(candles, "imbalance").tolist() == [0.0, 1.0, -1.0, 0.0]
    assert values_of(candles, "taker_spread").tolist() == [0.0, 0.0, 0.0, 0.0]
    deviation = values_of(candles, "vwap_deviation") * values_of(candles, "volatility")
    np.testing.assert_allclose(deviation, [0.0, np.log(20 / 15), np.log(20 / 15), 0.0], atol=1e-15)


def test_a_volume_far_above_the_usual_counts_as_twenty_times_it() -> None:
    rows = 300
    volume = np.ones(rows)
    volume[-1] = 1e6
    candles = candles_of(rows, volume=volume, taker_buy_volume=volume)
    usual = ewm(volume, 100)[-1]
    assert volume[-1] / usual > 20
    assert values_of(candles, "signed_volume")[-1] == np.sqrt(20)
