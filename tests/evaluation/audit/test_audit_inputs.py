"""The audit of a recipe covers features of other markets, indicators, and the user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_helpers import leak_of

import candlecast
from candlecast.auditing import audit_recipe
from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.audit import Audit
from candlecast.evaluation.audit.futures import change_after, other_futures
from candlecast.markets import with_market
from candlecast.recipe import Recipe

ALONE = ["model=null", "training=null", "baselines=[persistence]", "market_features=[]"]
FILE = """
import polars as pl

def honest() -> pl.Expr:
    return pl.col("close").log().diff(3).fill_null(0.0)

def {name}() -> pl.Expr:
    return {code}
"""


@pytest.fixture(scope="module")
def other() -> Candles:
    """Another market, which begins later and has a hole."""
    market = candlecast.simulate(rows=3_000, seed=8).candles
    kept = [*range(500, 1_500), *range(1_530, 3_000)]
    return Candles.from_frame(market.frame[kept], "ETHUSDT", market.interval)


def audited(folder: Path, name: str, code: str) -> Audit:
    (folder / "mine.py").write_text(FILE.format(name=name, code=code), encoding="utf-8")
    settings = [f"features_file={folder / 'mine.py'}", f"features=[honest, {name}, '{name}@2']"]
    recipe = Recipe.load("default", [*ALONE, *settings])
    return audit_recipe(recipe, candlecast.simulate(rows=3_000).candles, progress=False)


@pytest.mark.parametrize(
    ("name", "code", "rows", "words"),
    [
        ("tomorrow", 'pl.col("close").shift(-1)', 1, "is the target itself: the close 1 candle"),
        ("soon", 'pl.col("volume").shift(-3)', 3, "looks 3 rows ahead"),
        ("whole", 'pl.col("close") / pl.col("close").mean()', None, "to the very last row"),
    ],
)
def test_a_user_s_feature_that_looks_ahead_is_caught(
    tmp_path: Path, name: str, code: str, rows: int | None, words: str
) -> None:
    found = audited(tmp_path, name, code)
    first = found.leaks[0]
    assert first.subject == f"feature {name}"
    assert words in leak_of(first)
    assert rows in (None, first.rows)
    assert "feature honest" not in [leak.subject for leak in found.leaks]


def test_a_user_s_honest_feature_is_clean(tmp_path: Path) -> None:
    found = audited(tmp_path, "steady", 'pl.col("close").rolling_mean(5, min_samples=1)')
    assert found.is_clean
    names = ("honest", "steady", "steady@2")
    assert [finding.subject for finding in found.findings][:6] == [
        *(f"feature {name}" for name in names),
        *(f"feature {name} on all candles" for name in names),
    ]


def test_a_user_s_leak_into_another_market_is_caught(tmp_path: Path, other: Candles) -> None:
    code = 'pl.col("ETHUSDT:close").shift(-2).fill_null(0.0)'
    (tmp_path / "mine.py").write_text(FILE.format(name="lead", code=code), encoding="utf-8")
    settings = [f"features_file={tmp_path / 'mine.py'}", "features=[lead]"]
    candles = candlecast.simulate(rows=3_000).candles
    recipe = Recipe.load("default", [*ALONE, *settings])
    found = audit_recipe(recipe, candles, markets={"ETHUSDT": other}, progress=False)
    assert [(leak.subject, leak.rows) for leak in found.leaks] == [("feature lead", 2)]
    with pytest.raises(InputError, match="reads ETHUSDT, and there is no candle of ETHUSDT beside"):
        audit_recipe(recipe, candles, progress=False)


@pytest.mark.parametrize("code", ['pl.col("close").shift(-5_000)', 'pl.col("low").shift(-9_500)'])
def test_a_user_s_feature_that_looks_further_ahead_than_a_stretch_reaches_is_caught(
    tmp_path: Path, code: str
) -> None:
    (tmp_path / "mine.py").write_text(FILE.format(name="late", code=f"{code}.fill_null(0.0)"))
    settings = [f"features_file={tmp_path / 'mine.py'}", "features=[honest, late]"]
    recipe = Recipe.load("default", [*ALONE, *settings])
    found = audit_recipe(recipe, candlecast.simulate(rows=12_000).candles, progress=False)
    rows = int(code.partition("-")[2][:-1].replace("_", ""))
    assert [(leak.subject, leak.rows) for leak in found.leaks] == [
        ("feature late on all candles", rows)
    ]
    assert f"late looks {rows:,} rows ahead" in leak_of(found.leaks[0])


def test_features_of_another_market_and_indicators_are_clean(other: Candles) -> None:
    recipe = Recipe.load(
        "default",
        [
            *ALONE,
            "features=['talib:RSI(timeperiod=14)', 'talib:BBANDS.upperband@1', log_return]",
            "market_features=[scaled_return, 'scaled_return@3', lead_15, parkinson, imbalance_10]",
        ],
    )
    candles = candlecast.simulate(rows=3_000).candles
    found = audit_recipe(recipe, candles, markets={"ETHUSDT": other}, progress=False)
    assert [leak.leak for leak in found.leaks] == []
    subjects = [finding.subject for finding in found.findings]
    assert "feature ETHUSDT:scaled_return@3" in subjects
    assert "feature talib:BBANDS.upperband@1" in subjects


def test_resampling_is_audited_with_what_stands_beside_the_candles(other: Candles) -> None:
    settings = ["features=[]", "market_features=[scaled_return]", "data.interval=5m"]
    recipe = Recipe.load("default", [*ALONE, *settings])
    candles = candlecast.simulate(rows=3_000).candles
    resampled = audit_recipe(recipe, candles, markets={"ETHUSDT": other}, progress=False)
    assert [leak.leak for leak in resampled.leaks] == []
    assert resampled.findings[0].subject == "resampling to 5m"


def test_another_future_is_another_one_of_every_market(candles: Candles, other: Candles) -> None:
    both = with_market(candles, "ETHUSDT", other)
    for origin in (-1, 200, 700):
        table = change_after(both, origin).frame
        for name in both.frame.columns[1:]:
            assert table[name][: origin + 1].equals(both.frame[name][: origin + 1])
            after = table[name][origin + 1 :]
            assert after.is_null().equals(both.frame[name][origin + 1 :].is_null())
            assert not (after == both.frame[name][origin + 1 :]).any()
        for prefix in ("", "ETHUSDT:"):
            prices = (table[prefix + name] for name in ("low", "open", "close", "high"))
            low, opened, closed, high = prices
            assert (low <= opened).all()
            assert (low <= closed).all()
            assert (high >= opened).all()
            assert (high >= closed).all()
    assert {way: len(table) for way, table in other_futures(both, 700).items()} == {
        "changed": 900,
        "shuffled": 900,
        "deleted": 701,
    }
