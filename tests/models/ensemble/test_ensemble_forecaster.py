"""An ensemble is fitted, saved, and run like any model, and follows its better member."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.distributions import StudentT
from candlecast.errors import InputError
from candlecast.experiment import predict, run
from candlecast.forecast import Forecast
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.models.ensemble.forecaster import EnsembleForecaster, EnsembleSettings
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
    assert [each["name"] for each in done.metrics["model"]["members"]] == ["lstm", "har"]
    assert done.metrics["scores"]["ensemble"]["1"]["n"] > 500
    table = predict(done.folder, market, progress=False)
    said = table.filter(horizon=1)["mean"].to_numpy()
    kept = load_model(done.folder / "model")[1]
    origins = kept.origins(market, range(len(market)), known=False)
    np.testing.assert_array_equal(said, kept.forecast(market, origins).mean[:, 0])


def test_it_walks_forward(market: Candles, tmp_path: Path) -> None:
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


class Learned(Baseline):
    """Knows the returns of the rows that it was fitted to, and next to nothing of others."""

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        said = super().forecast(candles, origins)
        assert isinstance(said.distribution, StudentT)
        known = (origins < 3_600)[:, None] & np.isfinite(said.actual_return)
        location = np.where(known, np.nan_to_num(said.actual_return), 0.0)
        scale = said.distribution.scale * np.where(known, 0.5, 3.0)
        return replace(said, distribution=StudentT(location, scale, said.distribution.degrees))


def test_what_a_member_learned_by_heart_does_not_make_it_believed(market: Candles) -> None:
    settings = BaselineSettings(rule="ewma_t", horizons=(1, 5))
    har = make_baseline(of_yardsticks(), "har")
    both = EnsembleForecaster(
        [Learned(settings), har], EnsembleSettings(horizons=(1, 5), memory=100_000)
    )
    split = parts(market)
    assert split.train.stop == 3_600
    origins = np.arange(split.test.start, len(market) - 5)
    said = both.fit(market, split).forecast(market, origins)
    alone = har.forecast(market, origins)
    assert said.distribution is not None
    assert alone.distribution is not None
    np.testing.assert_allclose(said.distribution.width, alone.distribution.width, rtol=1e-6)


def test_a_member_with_another_distribution_is_refused_before_anything_is_trained() -> None:
    mixture = SHAPE.replace("members", "head: normal_mixture, members")
    with pytest.raises(InputError, match="give its member lstm no other 'head'"):
        small_default(NETWORK.replace(SHAPE, mixture))


def test_it_reads_the_user_s_own_features_and_is_asked_with_their_file(
    market: Candles, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mine.py").write_text(
        "import polars as pl\ndef slope() -> pl.Expr:\n"
        "    return pl.col('close').log().diff(5).fill_null(0.0)\n"
    )
    own = [f"features_file={tmp_path / 'mine.py'}", "features=[scaled_return, slope]"]
    recipe = small_default(NETWORK, BASELINES, *own)
    done = run(recipe, market, tmp_path / "run", progress=False)
    caplog.clear()
    asked = predict(done.folder, market, features_file=tmp_path / "mine.py", progress=False)
    assert asked.height > 10_000
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_across_gaps_it_is_scored_at_the_same_outcomes_as_the_others(
    market: Candles, tmp_path: Path
) -> None:
    frame = market.frame[[*range(3_000), *range(3_040, 6_000)]]
    holed = Candles(frame, market.symbol, market.interval)
    network = "{network: lstm, options: {hidden: 4, layers: 1, dropout: 0.0}}"
    recipe = Recipe.load(
        "article",
        [
            *("data={}", "features=[close_change, close]", "windows.lookback=10", BASELINES),
            *("training.max_epochs=1", "training.min_epochs=1", "training.batch_size=512"),
            f"model={{network: ensemble, of: [{network}, {{network: ewma_t}}]}}",
        ],
    )
    done = run(recipe, holed, tmp_path / "run", progress=False)
    assert recipe.windows.across_gaps
    assert done.metrics["scores"]["ensemble"]["1"]["n"] > 500


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
