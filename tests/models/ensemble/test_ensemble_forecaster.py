"""An ensemble is fitted, saved, and run like any model, and follows its better member."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.experiment import predict, run
from candlecast.models.ensemble.forecaster import EnsembleForecaster
from candlecast.models.roster import make_baseline, make_network
from candlecast.recipe import Recipe, SplitSettings
from candlecast.simulate import simulate
from candlecast.splits import Split, split_rows
from candlecast.walk_forward import walkforward
from small import small_default

SHAPE = "{network: lstm, options: {hidden: 4}, members: 2, linear: 1.0}"
NETWORK = f"model={{network: ensemble, of: [{SHAPE}, {{network: har}}]}}"
YARDSTICKS = (
    "model={network: ensemble, options: {memory: 500}, of: "
    "[{network: har}, {network: persistence}]}"
)
BASELINES = "baselines=[persistence, har]"
NOTHING_LEARNED = ("training=null", "features=[]", "market_features=[]", "horizons=[1, 5]")


@pytest.fixture(scope="module")
def market() -> Candles:
    return simulate(rows=6_000, seed=4).candles


def parts(candles: Candles) -> Split:
    return split_rows(len(candles), SplitSettings(train=0.6, validation=0.2))


def of_yardsticks() -> Recipe:
    return Recipe.load("default", [YARDSTICKS, BASELINES, *NOTHING_LEARNED])


def test_an_ensemble_of_a_network_and_a_baseline_is_run_and_asked_again(
    market: Candles, tmp_path: Path
) -> None:
    done = run(small_default(NETWORK, BASELINES), market, tmp_path / "run", progress=False)
    assert done.metrics["model"]["name"] == "ensemble"
    assert done.metrics["model"]["parameters"] > 100
    assert done.metrics["model"]["val_loss"] is None
    assert done.metrics["scores"]["ensemble"]["1"]["n"] > 500
    table = predict(done.folder, market, progress=False)
    said = table.filter(horizon=1)["mean"].to_numpy()
    kept = load_model(done.folder / "model")[1]
    origins = kept.origins(market, range(len(market)), known=False)
    np.testing.assert_array_equal(said, kept.forecast(market, origins).mean[:, 0])


def test_it_walks_forward_and_a_training_that_was_interrupted_has_a_place_for_each_member(
    market: Candles, tmp_path: Path
) -> None:
    settings = ["walkforward.first_train=2d", "walkforward.refit=1440"]
    recipe = small_default(NETWORK, BASELINES, *settings)
    done = walkforward(recipe, market, tmp_path / "walk", progress=False)
    assert [fold["failures"] for fold in done.metrics["folds"]] == [{}] * 3
    assert done.metrics["scores"]["ensemble"]["5"]["n"] > 2_000


def test_the_member_that_foretells_better_is_believed(market: Candles) -> None:
    recipe, split = of_yardsticks(), parts(market)
    together = make_network(recipe)
    assert isinstance(together, EnsembleForecaster)
    origins = np.arange(split.test.start, len(market) - 5)
    said = together.fit(market, split).forecast(market, origins)
    har, persistence = (
        make_baseline(recipe, rule).fit(market, split).forecast(market, origins)
        for rule in ("har", "persistence")
    )
    assert said.distribution is not None
    scores = [
        np.nanmean(each.distribution.log_density(each.actual_return), axis=0)
        for each in (said, har, persistence)
        if each.distribution is not None
    ]
    assert (scores[1] > scores[2] + 0.02).all(), "the market has no telling difference"
    assert (scores[0] > scores[1] - 0.01).all()


def test_what_is_said_of_one_origin_does_not_hang_on_the_others_asked(market: Candles) -> None:
    together = make_network(of_yardsticks())
    assert together is not None
    together.fit(market, parts(market))
    many = together.forecast(market, np.arange(4_000, 4_100))
    alone = together.forecast(market, np.array([4_050]))
    np.testing.assert_array_equal(many.mean[50], alone.mean[0])
    assert len(together.forecast(market, np.array([], dtype=np.int64))) == 0


def test_a_member_with_another_distribution_is_refused(market: Candles) -> None:
    mixture = SHAPE.replace("members", "head: normal_mixture, members")
    recipe = small_default(NETWORK.replace(SHAPE, mixture))
    model = make_network(recipe)
    assert model is not None
    model.fit(market, parts(market))
    with pytest.raises(InputError, match="lstm forecasts no Student's t"):
        model.forecast(market, np.arange(4_000, 4_010))


def test_a_saved_ensemble_is_the_same_to_the_bit(market: Candles, tmp_path: Path) -> None:
    model = make_network(of_yardsticks())
    assert model is not None
    save_model(tmp_path / "model", model.fit(market, parts(market)), market)
    _, again = load_model(tmp_path / "model")
    origins = np.arange(5_000, 5_100)
    first, second = (each.forecast(market, origins) for each in (model, again))
    np.testing.assert_array_equal(first.mean, second.mean)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{network: ensemble}", "'model.of' is to name two models or more"),
        ("{network: ensemble, of: [{network: har}]}", "two models or more"),
        (
            f"{{network: ensemble, of: [{{network: har}}, {{network: ensemble, of: [{SHAPE}]}}]}}",
            "none of them an ensemble",
        ),
        (
            "{network: ensemble, of: [{network: har, members: 2}, {network: drift}]}",
            "a baseline does not know 'model.of.0.members'",
        ),
        (f"{{network: ensemble, members: 2, of: [{SHAPE}, {SHAPE}]}}", "an ensemble does not know"),
        (f"{{network: lstm, of: [{SHAPE}, {SHAPE}]}}", "does not know 'model.of'"),
        (f"{{network: ensemble, of: [{SHAPE}, {{netwrk: har}}]}}", "did you mean 'network'"),
    ],
)
def test_an_ensemble_that_cannot_be_is_refused_in_words(model: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        small_default(f"model={model}")


def test_an_option_that_an_ensemble_does_not_take_is_named() -> None:
    recipe = small_default(NETWORK.replace("of:", "options: {memry: 3}, of:"))
    with pytest.raises(InputError, match=r"model.options.memry: .* ensemble takes memory"):
        make_network(recipe)
