"""Boosted trees find what is planted, spread as widely as they err, and are saved as text."""

from __future__ import annotations

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.errors import InputError, MissingCodeError
from candlecast.experiment import predict, run
from candlecast.models.boosting.forecaster import BoostingForecaster, BoostingSettings
from candlecast.models.boosting.trees import Ground, TreeOptions, Trees, _in_arrays
from candlecast.models.roster import make_network
from candlecast.recipe import Option, Recipe, SplitSettings
from candlecast.simulate import simulate
from candlecast.splits import Split, split_rows
from candlecast.walk_forward import walkforward
from small import small_default

lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed")

HORIZONS = (1, 5, 15)
QUICK: dict[str, Option] = {"rounds": 60, "min_leaf": 100, "learning_rate": 0.1}
FEATURES = ("scaled_return", "scaled_range", "close_location", "log_volatility")


def boosting(*, linear: float | None = None, **options: Option) -> BoostingForecaster:
    settings = BoostingSettings(
        options=QUICK | options,
        linear=linear,
        features=FEATURES,
        horizons=HORIZONS,
        lookback=30,
        seed=1,
    )
    return BoostingForecaster(settings)


@pytest.fixture(scope="module")
def market() -> Candles:
    return simulate(rows=12_000, r2=0.05, seed=3).candles


@pytest.fixture(scope="module")
def split(market: Candles) -> Split:
    return split_rows(len(market), SplitSettings(train=0.6, validation=0.2))


@pytest.fixture(scope="module")
def fitted(market: Candles, split: Split) -> BoostingForecaster:
    return boosting().fit(market, split)


def test_the_location_follows_what_is_planted(
    fitted: BoostingForecaster, market: Candles, split: Split
) -> None:
    forecast = fitted.forecast(market, fitted.origins(market, split.test, known=True))
    came, said = forecast.actual_return[:, 0], forecast.mean_return[:, 0]
    assert np.corrcoef(came, said)[0, 1] > 0.12, "of 0.22 that there is"
    assert np.mean((came - said) ** 2) < np.mean(came**2)


def test_bands_cover_what_their_levels_say(
    fitted: BoostingForecaster, market: Candles, split: Split
) -> None:
    forecast = fitted.forecast(market, fitted.origins(market, split.test, known=True))
    assert forecast.distribution is not None
    pit = forecast.distribution.cdf(forecast.actual_return)
    np.testing.assert_allclose(np.mean(np.abs(pit - 0.5) <= 0.4, axis=0), 0.8, atol=0.06)


def test_scale_and_variance_grow_with_the_horizon(
    fitted: BoostingForecaster, market: Candles
) -> None:
    model = BoostingForecaster.from_state(fitted.state())
    model.spread_ = model.spread_.copy()
    model.spread_[0] *= np.array([1.0, 0.1, 0.01])  # as if errors had said otherwise
    for each in (fitted, model):
        forecast = each.forecast(market, np.arange(9_000, 9_500))
        assert forecast.distribution is not None
        assert forecast.variance is not None
        assert forecast.quantiles is not None
        widths = forecast.quantiles[:, :, :3:-1] - forecast.quantiles[:, :, :3]  # 95, 80, 50 %
        assert (np.diff(widths, axis=1) >= -1e-9 * widths[:, :1]).all()
        assert (np.diff(forecast.variance, axis=1) > 0).all()


def test_it_cannot_tell_up_from_down(market: Candles, split: Split) -> None:
    origins = np.arange(9_000, 11_000)
    model = boosting(rows=1.0, columns=1.0).fit(market, split)
    upright, mirrored = (
        model.forecast(each, origins).mean_return[:, 0] for each in (market, market.mirrored())
    )
    assert np.corrcoef(upright, mirrored)[0, 1] < -0.95


def test_the_variance_is_what_is_realised_in_the_mean(
    fitted: BoostingForecaster, market: Candles, split: Split
) -> None:
    forecast = fitted.forecast(market, fitted.origins(market, split.test, known=True))
    assert forecast.variance is not None
    ratio = np.mean(forecast.realised_variance / forecast.variance, axis=0)
    np.testing.assert_allclose(ratio, 1.0, atol=0.15)


def test_the_outcome_counts_the_trees_that_were_kept(fitted: BoostingForecaster) -> None:
    outcome = fitted.outcome_
    assert 1 <= outcome.best_epoch <= outcome.epochs <= 60
    losses = [each["val_loss"] for each in outcome.history]
    assert outcome.val_loss == min(losses) == losses[outcome.best_epoch - 1]
    assert fitted.parameters > 4 * outcome.best_epoch


def test_a_saved_model_needs_no_lightgbm(
    fitted: BoostingForecaster, market: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(tmp_path / "model", fitted, market)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    origins = np.arange(9_000, 9_100)
    again = load_model(tmp_path / "model")[1].forecast(market, origins)
    np.testing.assert_array_equal(again.mean, fitted.forecast(market, origins).mean)


@pytest.mark.parametrize(
    ("array", "place", "value", "message"),
    [
        ("children", 3, [0, 4], "do not lead to leaves"),
        ("children", 3, [4, 1_000_000], "nodes or inputs that there are not"),
        ("roots", 0, -1, "nodes or inputs that there are not"),
        ("feature", 0, -2, "nodes or inputs that there are not"),
        ("feature", 0, 99, "more inputs than there are"),
    ],
)
def test_trees_that_lead_nowhere_are_refused(
    fitted: BoostingForecaster,
    market: Candles,
    tmp_path: Path,
    array: str,
    place: int,
    value: object,
    message: str,
) -> None:
    model = BoostingForecaster.from_state(deepcopy(fitted.state()))
    getattr(model.location_, array)[place] = value
    save_model(tmp_path / "model", model, market)
    with pytest.raises(InputError, match=rf"damaged .*{message}.* Train it again"):
        load_model(tmp_path / "model")


def test_trees_of_arrays_that_do_not_fit_each_other_are_refused(
    fitted: BoostingForecaster,
) -> None:
    arrays = fitted.location_.arrays()
    with pytest.raises(ValueError, match="trees of the shapes"):
        Trees(**(arrays | {"value": arrays["value"][:-1]}))


def test_trees_say_what_lightgbm_says_of_them() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((5_000, 4)).astype(np.float32)
    inputs[:, 1] = inputs[:, 1].round()
    target = inputs[:, 0] * inputs[:, 1] + rng.standard_normal(5_000)
    settings = {"num_leaves": 20, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(inputs, target), 30)
    trees = _in_arrays([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]])
    np.testing.assert_allclose(trees(inputs), booster.predict(inputs), rtol=1e-12, atol=1e-12)


def test_growing_twice_gives_the_same_trees() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((3_000, 5)).astype(np.float32)
    target = inputs[:, 0] * inputs[:, 1] + rng.standard_normal(3_000)
    options = TreeOptions(rounds=20, min_leaf=50)
    first, second = (
        Ground(inputs[:2_000], inputs[2_000:], options, seed=7)
        .grow("regression", target[:2_000], target[2_000:])[0]
        .arrays()
        for _ in range(2)
    )
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


def test_a_mean_of_what_is_above_0_is_found_by_the_gamma_deviance() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2, (20_000, 1)).astype(np.float32)
    target = np.where(inputs[:, 0] > 0, 3.0, 0.5) * rng.exponential(size=20_000)
    options = TreeOptions(rounds=100, learning_rate=0.3, rows=1.0, columns=1.0)
    ground = Ground(inputs[:15_000], inputs[15_000:], options, seed=0)
    trees, _ = ground.grow("gamma", target[:15_000], target[15_000:])
    said = trees(np.array([[0.0], [1.0]], dtype=np.float32))
    np.testing.assert_allclose(np.exp(said), [0.5, 3.0], rtol=0.05)
    assert trees(np.empty((0, 1), dtype=np.float32)).shape == (0,)


def test_without_lightgbm_it_says_how_to_get_it(
    market: Candles, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingCodeError, match=r"pip install 'candlecast\[lightgbm\]'"):
        boosting().fit(market, split)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_leafs": 3}, "model.options.num_leafs: .* takes rounds, patience"),
        ({"num_leaves": 1}, "model.options.num_leaves: .*equal to 2"),
        ({"learning_rate": 2.0}, "model.options.learning_rate: .*equal to 1"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        boosting(**options)


def recipe_of(*overrides: str) -> Recipe:
    options = "{rounds: 10, min_leaf: 20, num_leaves: 4}"
    return small_default("model.network=lightgbm", f"model.options={options}", *overrides)


def test_a_recipe_of_trees_needs_no_training() -> None:
    recipe = recipe_of("training=null")
    assert isinstance(make_network(recipe), BoostingForecaster)
    with pytest.raises(InputError, match="key 'training' is missing"):
        Recipe.load("default", ["training=null"])


def test_a_run_and_its_predict_are_whole(candles: Candles, tmp_path: Path) -> None:
    finished = run(recipe_of("training=null"), candles, tmp_path / "run", progress=False)
    assert finished.metrics["model"]["name"] == "lightgbm"
    assert finished.metrics["model"]["best_epoch"] >= 1
    assert "lightgbm" in finished.scorecard.scores
    assert predict(tmp_path / "run", candles, progress=False).height > 0


def test_a_walk_forward_grows_new_trees_in_each_fold(candles: Candles, tmp_path: Path) -> None:
    folds = "walkforward={first_train: 400m, refit: 200, warm_start: true, validation: 0.2}"
    finished = walkforward(recipe_of(folds), candles, tmp_path / "run", progress=False)
    assert len(finished.metrics["folds"]) > 1
    assert not any(fold["failures"].get("lightgbm") for fold in finished.metrics["folds"])
