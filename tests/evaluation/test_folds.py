"""The folds of a walk-forward: what trains never touches what tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.folds import Fold, how_apart, plan_folds, plan_table
from candlecast.recipe import Recipe
from candlecast.simulate import simulate
from candlecast.windows import window_origins


def recipe_of(
    lookback: int = 1, horizons: tuple[int, ...] = (1,), embargo: int = 0, **walkforward: Any
) -> Recipe:
    return Recipe.from_tree(
        {
            "name": "folds",
            "horizons": list(horizons),
            "windows": {"lookback": lookback},
            "split": {"train": 0.8, "validation": 0.1, "embargo": embargo},
            "walkforward": walkforward,
        }
    )


@pytest.fixture(scope="module")
def hours() -> Candles:
    """Half a year of hours, with a hole."""
    whole = simulate(
        rows=4380, interval=timedelta(hours=1), start=datetime(2021, 1, 10, tzinfo=UTC)
    )
    kept = np.r_[0:2000, 2010:4380]
    frame = whole.candles.frame[kept.tolist()]
    return Candles.from_frame(frame, "BTCUSDT", timedelta(hours=1))


@settings(max_examples=60)
@given(
    lookback=st.integers(1, 200),
    horizon=st.integers(1, 60),
    embargo=st.integers(0, 30),
    window=st.sampled_from(["expanding", "rolling"]),
    refit=st.one_of(st.just("month"), st.integers(200, 1500)),
    across_gaps=st.booleans(),
)
def test_no_target_that_was_learned_from_touches_an_input_of_the_test(
    hours: Candles,
    lookback: int,
    horizon: int,
    embargo: int,
    window: str,
    refit: str | int,
    *,
    across_gaps: bool,
) -> None:
    recipe = recipe_of(
        lookback, (horizon,), embargo, window=window, refit=refit, first_train="120d"
    )
    for fold in plan_folds(hours, recipe):
        parts = [
            window_origins(hours, rows, lookback, horizon, across_gaps=across_gaps)
            for rows in (fold.split.train, fold.split.validation, fold.split.test)
        ]
        parts[2] = fold.among(parts[2])
        for earlier, later in pairwise(parts):
            if earlier.size and later.size:
                last_target = earlier[-1] + horizon
                first_input = later[0] - lookback + 1
                assert last_target + embargo < first_input


def rows_of(folds: list[Fold]) -> list[int]:
    return [row for fold in folds for row in fold.tested]


def test_every_candle_from_the_first_test_on_is_tested_once(hours: Candles) -> None:
    for refit in ("month", 500):
        folds = plan_folds(hours, recipe_of(lookback=50, first_train="60d", refit=refit))
        tested = rows_of(folds)
        assert tested == list(range(tested[0], len(hours)))
        first = window_origins(hours, folds[0].split.test, 50, 1)[0]
        assert first == folds[0].tested.start, "no tested candle is lost to the lookback"


def test_a_model_of_a_shorter_lookback_is_not_tested_on_a_candle_twice(hours: Candles) -> None:
    folds = plan_folds(hours, recipe_of(200, (1, 30), first_train="60d", refit=20, validation=0.3))
    origins = [
        fold.among(window_origins(hours, fold.split.test, lookback=1, ahead=30, across_gaps=True))
        for fold in folds
    ]
    together = np.concatenate(origins)
    first = folds[0].tested.start
    assert together.tolist() == list(range(first, len(hours) - 30)), "each once, in order"


def test_a_fold_a_month_starts_on_the_first_of_it(hours: Candles) -> None:
    folds = plan_folds(hours, recipe_of(first_train="60d"))
    times = hours.frame["time"]
    starts = [times[fold.tested.start] for fold in folds]
    assert [(start.month, start.day, start.hour) for start in starts] == [
        (month, 1, 0) for month in (4, 5, 6, 7)
    ]
    assert [fold.number for fold in folds] == [1, 2, 3, 4]


def test_an_expanding_window_keeps_all_and_a_rolling_one_its_length(hours: Candles) -> None:
    expanding = plan_folds(hours, recipe_of(first_train="60d"))
    assert {fold.split.train.start for fold in expanding} == {0}
    rolling = plan_folds(hours, recipe_of(first_train="60d", window="rolling"))
    for fold in rolling:
        span = hours.frame["time"][fold.tested.start] - hours.frame["time"][fold.split.train.start]
        assert span == timedelta(days=60)


def test_the_newest_share_of_each_training_validates(hours: Candles) -> None:
    for fold in plan_folds(hours, recipe_of(lookback=10, first_train="60d", validation=0.25)):
        learned = len(fold.split.train) + len(fold.split.validation)
        assert len(fold.split.validation) == int(learned * 0.25)
        assert fold.split.validation.stop == fold.tested.start - 9
        assert fold.split.train.stop == fold.split.validation.start


def test_the_first_test_can_be_named(hours: Candles) -> None:
    folds = plan_folds(hours, recipe_of(start="2021-05-10T12:00:00Z"))
    assert hours.frame["time"][folds[0].tested.start] == datetime(2021, 5, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("walkforward", "lookback", "message"),
    [
        ({"first_train": "400d"}, 1, "nothing left to test"),
        ({"start": "2030-01-01"}, 1, "nothing left to test"),
        ({"start": "2021-01-10T05:00:00Z"}, 1, "validation part has 0 rows and one window needs 2"),
        ({"start": "2000-01-01"}, 1, "train part has 0 rows"),
        ({"first_train": "30d"}, 500, "part has .* rows and one window needs 501"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused_in_words(
    hours: Candles, walkforward: dict[str, Any], lookback: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        plan_folds(hours, recipe_of(lookback, **walkforward))


def test_the_plan_names_first_and_last_candle_of_each_part(hours: Candles) -> None:
    recipe = recipe_of(lookback=24, horizons=(1, 6), first_train="60d")
    folds = plan_folds(hours, recipe)
    table = plan_table(hours, folds)
    assert table.height == len(folds)
    assert table["test_first"].to_list() == [hours.frame["time"][f.tested.start] for f in folds]
    assert table["test_rows"].sum() == len(rows_of(folds))
    assert (table["train_last"] < table["test_first"]).all()
    said = how_apart(recipe)
    assert "the last 6 origins" in said
    assert "lie 23 rows" in said
    assert isinstance(table, pl.DataFrame)
