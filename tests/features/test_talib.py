"""TA-Lib's indicators by name are those that TA-Lib computes, segment by segment."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import talib
from feature_references import column, values_of

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import compute_features, usable


def test_indicators_agree_with_ta_lib_s_own_functions(candles: Candles) -> None:
    high, low, close, volume = (
        column(candles, name) for name in ("high", "low", "close", "volume")
    )
    macd, _, hist = talib.MACD(close, fastperiod=5, slowperiod=12, signalperiod=9)
    reference = {
        "talib:RSI": talib.RSI(close, timeperiod=14),
        "talib:RSI(timeperiod=5)": talib.RSI(close, timeperiod=5),
        "talib:MACD(fastperiod=5, slowperiod=12).macd": macd,
        "talib:MACD(fastperiod=5, slowperiod=12).macdhist": hist,
        "talib:BBANDS(nbdevup=1.5).upperband": talib.BBANDS(close, nbdevup=1.5)[0],
        "talib:ATR(timeperiod=7)": talib.ATR(high, low, close, timeperiod=7),
        "talib:OBV": talib.OBV(close, volume),
        "talib:CDLDOJI": talib.CDLDOJI(column(candles, "open"), high, low, close),
    }
    for name, values in reference.items():
        np.testing.assert_array_equal(values_of(candles, name), np.nan_to_num(values), err_msg=name)


def test_an_indicator_starts_anew_after_a_gap(gappy_candles: Candles) -> None:
    found = values_of(gappy_candles, "talib:RSI(timeperiod=14)")
    for segment in gappy_candles.segments:
        rows = slice(segment.start, segment.stop)
        alone = talib.RSI(column(gappy_candles, "close")[rows], timeperiod=14)
        np.testing.assert_array_equal(found[rows], np.nan_to_num(alone))
        assert not found[rows][:14].any()
        assert found[rows][14:].all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("talib:NOSUCH", "TA-Lib has no indicator NOSUCH"),
        ("talib:RSI(period=14)", "RSI has no parameter period. It has timeperiod"),
        ("talib:RSI(timeperiod=1.5)", "'talib:RSI.timeperiod=1.5.': .*expected int"),
        ("talib:RSI(timeperiod=0)", "'talib:RSI.timeperiod=0.': .*Bad Parameter"),
        ("talib:MACD", "which of its outputs is not said. Write one of talib:MACD.macd, "),
        ("talib:MACD(fastperiod=5).x", r"no such output. Write one of talib:MACD\(fastperiod=5\)"),
        ("talib:MAVP", "reads column periods, which candles do not have"),
    ],
)
def test_what_ta_lib_does_not_know_is_told(candles: Candles, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        compute_features(candles, [name])
    with pytest.raises(InputError, match=message):
        usable(candles, [name])


def test_without_the_extra_the_way_to_install_it_is_told(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "talib", None)
    with pytest.raises(InputError, match=r"Install it with: pip install 'candlecast\[talib\]'"):
        compute_features(candles, ["talib:RSI"])
