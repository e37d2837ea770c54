"""The units that scores are measured in come from the train rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from candlecast.candles import Candles
from candlecast.recipe import Recipe
from candlecast.runs.yardsticks import naive_mae, target_scale
from candlecast.splits import split_rows


def test_the_scale_of_the_target_is_that_of_the_train_rows(candles: Candles) -> None:
    recipe = Recipe.load("default")
    split = split_rows(len(candles), recipe.split)
    returns = np.diff(np.log(candles.frame["close"].to_numpy()[: split.train.stop]), prepend=np.nan)
    returns[0] = 0.0
    assert target_scale(recipe, candles, split) == pytest.approx(1 / returns.std())


def test_a_target_that_never_changes_has_no_scale(candles: Candles) -> None:
    recipe = Recipe.load("econometric")
    flat = Candles(
        candles.frame.with_columns(pl.lit(5.0).alias("close")), candles.symbol, candles.interval
    )
    assert target_scale(recipe, flat, split_rows(len(flat), recipe.split)) is None


def test_the_usual_change_leaves_out_the_jump_over_a_gap(gappy_candles: Candles) -> None:
    close = gappy_candles.frame["close"].to_numpy()
    changes = np.abs(np.diff(close[:400]))
    assert naive_mae(gappy_candles, range(400)) == pytest.approx(np.delete(changes, 299).mean())
    assert naive_mae(gappy_candles, range(1)) is None
