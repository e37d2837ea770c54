"""What a recipe's features come to: those that the candles allow, and the rest by name."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl
import pytest

from candlecast.candles import OPTIONAL, Candles
from candlecast.errors import InputError
from candlecast.experiment import predict, run
from candlecast.features import own
from candlecast.markets import with_market
from candlecast.recipe import Recipe
from candlecast.runs.inputs import own_of, resolve_features, with_inputs
from candlecast.simulate import simulate
from candlecast.walk_forward import walkforward

FLOW = "features=[log_return, imbalance, relative_trades, trade_size, 'imbalance@2']"


@pytest.fixture(scope="module")
def bare(candles: Candles) -> Candles:
    """Candles without trade counts and taker volumes."""
    return Candles(candles.frame.drop(*OPTIONAL), candles.symbol, candles.interval)


@pytest.fixture(scope="module")
def both(candles: Candles) -> Candles:
    """Candles with two others beside them; one is without flow."""
    other = simulate(rows=900, seed=8).candles
    bare = Candles(other.frame.drop(*OPTIONAL), "SOLUSDT", other.interval)
    return with_market(with_market(candles, "ETHUSDT", other), "SOLUSDT", bare)


def _recipe(*settings: str) -> Recipe:
    return Recipe.load("default", ["market_features=[]", *settings])


def test_whole_candles_allow_every_feature(
    candles: Candles, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = _recipe(FLOW)
    assert with_inputs(recipe, candles) == (recipe, {})
    assert caplog.text == ""


def test_features_that_lack_a_column_are_left_out_and_named_in_one_line(
    bare: Candles, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "candlecast"):
        recipe, dropped = with_inputs(_recipe(FLOW), bare)
    assert recipe.features == ("log_return",)
    assert dropped == {
        "imbalance": ["taker_buy_volume"],
        "relative_trades": ["trades"],
        "trade_size": ["trades"],
        "imbalance@2": ["taker_buy_volume"],
    }
    assert [record.getMessage() for record in caplog.records] == [
        "no taker volumes in these candles: left out imbalance, imbalance@2; "
        "no trade counts in these candles: left out relative_trades, trade_size"
    ]


def test_a_column_that_only_some_candles_have_is_lacking(
    candles: Candles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    some = pl.when(pl.int_range(pl.len()) != 700).then(pl.col("trades")).alias("trades")
    holed = Candles(candles.frame.with_columns(some), candles.symbol, candles.interval)
    code = "import polars as pl\ndef mine() -> pl.Expr:\n    return pl.col('trades').fill_null(0)\n"
    (tmp_path / "mine.py").write_text(code)
    own = f"features_file={tmp_path / 'mine.py'}"
    features = "features=[log_return, relative_trades, imbalance, mine]"
    with caplog.at_level(logging.WARNING, "candlecast"):
        recipe, dropped = with_inputs(_recipe(own, features), holed)
    assert dropped == {"relative_trades": ["trades"]}
    assert recipe.features == ("log_return", "imbalance", "mine")
    assert [record.getMessage() for record in caplog.records] == [
        "no trade counts in some of these candles: left out relative_trades"
    ]


def test_another_market_that_no_feature_reads_is_remarked(
    both: Candles, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = _recipe("features=[log_return, 'ETHUSDT:scaled_return@1']")
    with caplog.at_level(logging.WARNING, "candlecast"):
        with_inputs(recipe, both)
    (record,) = caplog.records
    assert record.getMessage().startswith("SOLUSDT stands beside these candles and no feature")


def test_a_recipe_without_any_feature_left_is_refused(bare: Candles) -> None:
    recipe = _recipe("features=[imbalance]")
    with pytest.raises(InputError, match="none of the recipe's features can be computed: no taker"):
        with_inputs(recipe, bare)
    assert resolve_features(Recipe.load("econometric"), bare) == ()


def test_market_features_are_those_of_every_other_market(both: Candles) -> None:
    recipe = _recipe("features=[log_return]", "market_features=[scaled_return, lead_5, imbalance]")
    resolved, dropped = with_inputs(recipe, both)
    assert resolved.features == (
        "log_return",
        *("ETHUSDT:scaled_return", "ETHUSDT:lead_5", "ETHUSDT:imbalance"),
        *("SOLUSDT:scaled_return", "SOLUSDT:lead_5"),
    )
    assert dropped == {"SOLUSDT:imbalance": ["SOLUSDT:taker_buy_volume"]}
    assert with_inputs(resolved, both)[0] == resolved, "nothing is added twice"
    alone = simulate(rows=900).candles
    assert resolve_features(recipe, alone) == ("log_return",)
    with pytest.raises(InputError, match="no candle of ETHUSDT beside these"):
        with_inputs(resolved, alone)


MINE = "import polars as pl\ndef mine() -> pl.Expr:\n    return pl.col('close').{}\n"


def test_a_features_file_lies_beside_its_recipe_and_is_pinned(
    candles: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(MINE.format("log()"))
    tree = _recipe("features=[log_return, mine, log_volume]", "features_file=mine.py")
    (tmp_path / "mine.yaml").write_text(tree.to_yaml())
    recipe = Recipe.load(tmp_path / "mine.yaml")
    resolved, _ = with_inputs(recipe, candles)
    assert resolved.features == ("log_return", "mine", "log_volume")
    assert list(own_of(resolved)) == ["mine"]
    assert with_inputs(resolved, candles)[0] == resolved
    monkeypatch.chdir(tmp_path)
    here = _recipe("features_file=mine.py", "features=[mine]")
    assert with_inputs(here, candles)[0].features_file_sha256 == resolved.features_file_sha256
    (tmp_path / "mine.py").write_text(MINE.format("sqrt()"))
    with pytest.raises(InputError, match="another features file than the one that was used"):
        with_inputs(resolved, candles)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("nosuch()", "function mine: it fails .AttributeError"),
        ("str.len_chars()", "feature 'mine' of the features file cannot be computed"),
    ],
)
def test_a_feature_of_one_s_own_that_cannot_be_computed_is_named(
    candles: Candles, tmp_path: Path, code: str, message: str
) -> None:
    (tmp_path / "mine.py").write_text(MINE.format(code))
    recipe = _recipe(f"features_file={tmp_path / 'mine.py'}", "features=[mine]")
    with pytest.raises(InputError, match=message):
        with_inputs(recipe, candles)


def test_an_unknown_feature_is_told_when_the_file_is_read(candles: Candles, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE.format("log()"))
    settings = [f"features_file={tmp_path / 'mine.py'}", "features=[mien]"]
    with pytest.raises(InputError, match=r"'mien' is not known\. Did you mean 'mine'"):
        with_inputs(_recipe(*settings), candles)


def test_a_walk_forward_tells_its_inputs_as_a_run_does(tmp_path: Path) -> None:
    settings = [
        *("model=null", "training=null", "baselines=[persistence]"),
        *("horizons=[1]", "walkforward.first_train=25h", "walkforward.refit=400"),
        "features=[log_return, imbalance]",
        "market_features=[scaled_return]",
    ]
    market = simulate(rows=2200).candles
    bare = Candles(market.frame.drop("taker_buy_volume"), market.symbol, market.interval)
    other = simulate(rows=2200, seed=8).candles
    done = walkforward(
        Recipe.load("default", settings), bare, tmp_path / "walk", markets={"ETHUSDT": other}
    )
    assert done.metrics["data"]["markets"] == ["ETHUSDT"]
    assert done.metrics["data"]["dropped_features"] == {"imbalance": ["taker_buy_volume"]}
    written = Recipe.load(tmp_path / "walk" / "recipe.yaml")
    assert written.features == ("log_return", "ETHUSDT:scaled_return")


def test_a_saved_model_asks_for_the_file_whose_features_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(MINE.format("log().diff(5).fill_null(0.0)"))
    (tmp_path / "other.py").write_text(MINE.format("log().diff(9).fill_null(0.0)"))
    settings = [
        *(f"features_file={tmp_path / 'mine.py'}", "features=[scaled_return, mine]"),
        *("horizons=[1]", "baselines=[persistence]", "windows.lookback=10"),
        *("model.members=1", "model.options={hidden: 4, layers: 1}", "training.sequence=60"),
        *("training.steps=3", "training.min_epochs=1", "training.max_epochs=1"),
        "split.validation=0.1",
    ]
    candles = simulate(rows=3000).candles
    recipe = Recipe.load("default", [*settings, "market_features=[]"])
    run(recipe, candles, tmp_path / "run", progress=False)
    whole = predict(tmp_path / "run", candles, progress=False)
    monkeypatch.setattr(own, "_loaded", {})
    with pytest.raises(InputError, match="reads features of its user's own file"):
        predict(tmp_path / "run", candles, progress=False)
    with pytest.raises(InputError, match="another features file than the one that was used"):
        predict(tmp_path / "run", candles, features_file=tmp_path / "other.py", progress=False)
    again = predict(tmp_path / "run", candles, features_file=tmp_path / "mine.py", progress=False)
    assert again.equals(whole)
