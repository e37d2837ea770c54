"""The audit of a whole recipe: the default is clean, and the article's has its one leak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import pytest
from audit_helpers import Drift, leak_of

import candlecast
from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.audit import Finding, audit
from candlecast.models.forecaster import Forecaster
from candlecast.models.network import NetworkForecaster, NetworkSettings
from candlecast.recipe import Recipe
from candlecast.splits import Split


def network_of(recipe: Recipe) -> Callable[[], Forecaster]:
    assert recipe.training is not None
    training = recipe.training.model_copy(update={"min_epochs": 1, "max_epochs": 1})
    return lambda: NetworkForecaster(NetworkSettings.from_recipe(recipe), training)


SMALL = ["model.options.hidden=4", "model.options.layers=1", "model.options.dropout=0.0"]


@pytest.mark.parametrize("gap", [False, True])
def test_the_default_recipe_is_clean(gap: bool) -> None:
    recipe = Recipe.load("default")
    candles = candlecast.simulate(rows=6_000).candles
    if gap:
        kept = np.r_[0:2_500, 2_520:6_000].tolist()
        candles = Candles(candles.frame[kept], candles.symbol, candles.interval)
    found = audit(recipe, candles, {"lstm": network_of(recipe)})
    assert found.is_clean
    assert [finding.subject for finding in found.findings] == [
        "feature log_return",
        "feature log_range",
        "feature log_volume",
        "split",
        "split",
        "windows of lstm",
        "scalers of lstm",
        "what lstm learned",
        "scaled inputs of lstm",
        "forecasts of lstm",
        "last candle",
    ]
    assert f"{int(gap)} gap" in found.notes[1]
    assert "no file can prove" in found.notes[-1]


def test_the_articles_recipe_has_one_leak() -> None:
    recipe = Recipe.load("article", SMALL)
    candles = candlecast.simulate(rows=20_000).candles
    found = audit(recipe, candles, {"lstm": network_of(recipe)})
    (leak,) = found.leaks
    assert leak.subject == "split"
    assert leak_of(leak).startswith("Choices are made on the test rows")


def test_a_recipe_that_resamples_has_its_resampling_audited() -> None:
    recipe = Recipe.load("default", ["data.interval=5m"])
    found = audit(recipe, candlecast.simulate(rows=4_000).candles)
    assert found.findings[0] == Finding(
        "resampling to 5m", "changing, shuffling and deleting what comes after each candle's close"
    )
    assert found.is_clean


def test_a_model_that_needs_more_candles_is_given_more(candles: Candles) -> None:
    class Patient(Drift):
        def fit(self, candles: Candles, split: Split) -> Self:
            if len(split.train) < 400:
                raise InputError("give more candles")
            return super().fit(candles, split)

    found = audit(Recipe.load("default"), candles, {"patient": Patient})
    assert found.is_clean
    assert "patient was tried on 900 candles" in found.notes[1]
    few = Candles(candles.frame[:700], candles.symbol, candles.interval)
    with pytest.raises(InputError, match="give more candles"):
        audit(Recipe.load("default"), few, {"patient": Patient})


def test_a_model_that_looks_far_back_can_be_given_more_candles(candles: Candles) -> None:
    recipe = Recipe.load("default")
    found = audit(recipe, candles, {"drift": Drift}, least_rows={"drift": 700})
    assert "drift was tried on 700 candles" in found.notes[1]


def test_candles_outside_the_recipes_span_are_refused(candles: Candles) -> None:
    with pytest.raises(InputError, match="there are 0 candles"):
        audit(Recipe.load("default", ["data.start=2030-01-01"]), candles)
