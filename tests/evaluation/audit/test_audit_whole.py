"""The audit of a whole recipe: the default is clean, and the article's has its one leak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import pytest
from audit_helpers import Drift, leak_of

import candlecast
from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.evaluation.audit import Finding, audit
from candlecast.evaluation.folds import plan_folds
from candlecast.models.forecaster import Forecaster
from candlecast.models.roster import makers
from candlecast.recipe import Recipe
from candlecast.splits import Split
from small import SMALL, SMALL_ARTICLE, SMALL_TRAINING, small_default


def network_of(recipe: Recipe) -> Callable[[], Forecaster]:
    return makers(recipe)["lstm"]


@pytest.mark.parametrize(
    ("gap", "overrides"),
    [(False, SMALL), (True, SMALL_TRAINING)],
    ids=["few features", "all features about a gap"],
)
def test_the_default_recipe_is_clean(gap: bool, overrides: list[str]) -> None:
    recipe = Recipe.load("default", overrides)
    candles = candlecast.simulate(rows=6_000).candles
    if gap:
        kept = np.r_[0:2_500, 2_520:6_000].tolist()
        candles = Candles(candles.frame[kept], candles.symbol, candles.interval)
    found = audit(recipe, candles, {"lstm": network_of(recipe)})
    assert found.is_clean
    assert [finding.subject for finding in found.findings] == [
        *(f"feature {name}" for name in recipe.features),
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
    recipe = Recipe.load("article", SMALL_ARTICLE)
    candles = candlecast.simulate(rows=20_000).candles
    found = audit(recipe, candles, {"lstm": network_of(recipe)})
    (leak,) = found.leaks
    assert leak.subject == "split"
    assert leak_of(leak).startswith("Choices are made on the test rows")


def test_a_recipe_that_resamples_has_its_resampling_audited() -> None:
    recipe = small_default("data.interval=5m")
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

    found = audit(small_default(), candles, {"patient": Patient})
    assert found.is_clean
    assert "patient was tried on 900 candles" in found.notes[1]
    few = Candles(candles.frame[:700], candles.symbol, candles.interval)
    assert_not_audited(few, Patient, "patient could not be audited: give more candles")


def assert_not_audited(candles: Candles, make: Callable[[], Forecaster], note: str) -> None:
    """The model has a note and no leak, and another one is audited all the same."""
    found = audit(small_default(), candles, {"patient": make, "drift": Drift})
    assert found.is_clean
    assert note in found.notes
    (told,) = (finding for finding in found.findings if finding.subject == "patient")
    assert (told.check, told.note) == ("not audited, as a note explains", note)
    assert "forecasts of drift" in [finding.subject for finding in found.findings]
    assert not any("patient was tried" in each for each in found.notes)


@pytest.mark.parametrize(
    ("error", "sizes", "reason"),
    [
        (InputError("there are too few rows"), [1, 2, 4, 8], "there are too few rows"),
        (InputError("the option is unknown"), [1], "the option is unknown"),
        (CandlecastError("no fit. Give more candles"), [1, 2, 4, 8], "no fit. Give more candles"),
        (CandlecastError("the weights are not finite"), [1], "the weights are not finite"),
        (ValueError("give more candles"), [1], "ValueError: give more candles"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_tried_no_more_than_it_asks_for(
    error: Exception, sizes: list[int], reason: str
) -> None:
    asked: list[int] = []

    class Refusing(Drift):
        def fit(self, candles: Candles, split: Split) -> Self:
            assert split.test.stop == len(candles)
            asked.append(len(candles))
            raise error

    market = candlecast.simulate(rows=6_000).candles
    assert_not_audited(market, Refusing, f"patient could not be audited: {reason}")
    assert asked == [times * asked[0] for times in sizes]


@pytest.mark.parametrize("fits", [0, 1, 2])
def test_ctrl_c_while_a_model_is_fitted_comes_out(candles: Candles, fits: int) -> None:
    done: list[int] = []

    class Stopped(Drift):
        def fit(self, candles: Candles, split: Split) -> Self:
            if len(done) == fits:
                raise KeyboardInterrupt
            done.append(len(candles))
            return super().fit(candles, split)

    with pytest.raises(KeyboardInterrupt):
        audit(small_default(), candles, {"stopped": Stopped})


def test_a_model_that_looks_far_back_can_be_given_more_candles(candles: Candles) -> None:
    recipe = small_default()
    found = audit(recipe, candles, {"drift": Drift}, least_rows={"drift": 700})
    assert "drift was tried on 700 candles" in found.notes[1]


def test_a_walk_forward_of_the_articles_recipe_is_audited_on_its_folds() -> None:
    recipe = Recipe.load("article", ["walkforward.first_train=1d", "walkforward.refit=2000"])
    candles = candlecast.simulate(rows=20_000).candles
    splits = [fold.split for fold in plan_folds(candles, recipe)]
    found = audit(recipe, candles, splits=splits)
    assert found.is_clean
    checks = [finding.check for finding in found.findings if finding.subject == "split"]
    assert checks == [
        f"time order, no row in two parts, in each of {len(splits)} splits",
        f"choices made on other rows than the test rows, in each of {len(splits)} splits",
    ]
    assert "Models were not audited; `candlecast audit` does that." in found.notes


def test_splits_that_were_used_stand_for_one_that_could_not_be_made(candles: Candles) -> None:
    recipe = small_default("split.embargo=500")
    with pytest.raises(InputError, match="part has no row"):
        audit(recipe, candles)
    used = Split(range(500), range(500, 700), range(700, 900))
    assert audit(recipe, candles, splits=[used]).is_clean


def test_resampling_is_tried_on_as_many_candles_as_it_takes() -> None:
    recipe = small_default("data.interval=1d")
    found = audit(recipe, candlecast.simulate(rows=30_000).candles)
    assert found.is_clean
    assert (found.findings[0].subject, found.findings[0].note) == ("resampling to 1d", None)


def test_candles_outside_the_recipes_span_are_refused(candles: Candles) -> None:
    with pytest.raises(InputError, match="there are 0 candles"):
        audit(small_default("data.start=2030-01-01"), candles)
