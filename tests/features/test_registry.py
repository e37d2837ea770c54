"""A feature's name stands for one expression, and a wrong one is told with the nearest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from candlecast.errors import InputError
from candlecast.features import FEATURES, check_names, expression
from candlecast.features.market import Market
from candlecast.features.registry import market_features

TABLE = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clse", "feature 'clse' is not known. Did you mean 'close'?"),
        ("zzz", "feature 'zzz' is not known. Known features: open, high, low, close"),
        ("close@0", "feature 'close@0' is not known"),
        ("close@", "feature 'close@' is not known"),
        ("ETHUSDT:clse", "feature 'ETHUSDT:clse' is not known. Did you mean 'close'?"),
        ("ETHUSDT:lead_7", "feature 'ETHUSDT:lead_7' is not known. Did you mean 'lead_"),
        ("ETHUSDT:minute_of_day", "feature 'ETHUSDT:minute_of_day' is not known"),
        ("ethusdt:close", "feature 'ethusdt:close' is not known"),
        ("talib:rsi", "feature 'talib:rsi' is not written like talib:RSI"),
        ("talib:RSI(14)", r"feature 'talib:RSI\(14\)' is not written like talib:RSI"),
        ("mine", "feature 'mine' is not known"),
    ],
)
def test_a_wrong_name_is_told(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_names(["close", name])


def test_what_an_indicator_is_called_is_checked_without_ta_lib() -> None:
    check_names(["talib:NOSUCH(x=1, y=2.5).z", "talib:RSI@2"])


def test_a_name_of_the_user_s_own_may_stand_where_there_is_a_file() -> None:
    check_names(["close", "mine", "mine@3"], with_own=True)
    with pytest.raises(InputError, match="feature 'not mine' is not known"):
        check_names(["not mine"], with_own=True)


def test_an_expression_reads_the_columns_of_its_market() -> None:
    assert set(expression("body").meta.root_names()) == {"open", "high", "low", "close"}
    assert set(expression("ETHUSDT:volume_trend").meta.root_names()) == {
        "ETHUSDT:volume",
        "ETHUSDT:close",
    }
    assert "close" in expression("ETHUSDT:lead_5").meta.root_names()


def test_the_documented_features_are_those_there_are() -> None:
    documented = re.findall(r"^\| `([a-zA-Z0-9_:]+)` \| .+ \|.* \|$", TABLE, re.MULTILINE)
    plain = [name for name in documented if ":" not in name]
    assert sorted(plain) == sorted(FEATURES)
    of_others = {name.removeprefix("ETHUSDT:") for name in documented if ":" in name}
    assert of_others == {f"lead_{candles}" for candles in (1, 3, 5, 15, 60)}


def test_the_families_do_not_take_names_from_each_other() -> None:
    assert len(FEATURES) == 79
    assert set(market_features(Market())) < set(FEATURES)
