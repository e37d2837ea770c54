"""The candles that a recipe is carried out on: read or simulated, and bounded by its `data`."""

from __future__ import annotations

from pathlib import Path

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.intervals import parse_interval
from candlecast.markets import Markets, with_markets
from candlecast.recipe import Recipe
from candlecast.simulate import simulate
from candlecast.sources import read

SIMULATED = "simulated"


def load_candles(recipe: Recipe, candles: Candles | str | Path | None) -> Candles:
    """The candles that a recipe is carried out on.

    Args:
        recipe: Its `data` section counts.
        candles: Candles, the path of a candle file, or a symbol in the store; None or ``simulated``
            simulates a market.

    Raises:
        InputError: If there is no such file, it holds no candles, or none is left of them.
    """
    return bounded(all_candles(recipe, candles), recipe)


def all_candles(
    recipe: Recipe, candles: Candles | str | Path | None, markets: Markets | None = None
) -> Candles:
    """The candles as they are read or simulated, before the recipe's `data` bounds them.

    Args:
        recipe: Its `data.simulated` counts.
        candles: Candles, the path of a candle file, or a symbol in the store; None or ``simulated``
            simulates a market.
        markets: Other markets to put beside them; see `with_market`.

    Raises:
        InputError: If there is no such file, it holds no candles, or a market cannot stand beside
            them.
    """
    return with_markets(_read_or_simulated(recipe, candles), markets)


def _read_or_simulated(recipe: Recipe, candles: Candles | str | Path | None) -> Candles:
    if not isinstance(recipe, Recipe):
        raise InputError(f"this takes a Recipe, not {recipe!r}; Recipe.load reads one.")
    if isinstance(candles, Candles):
        return candles
    if not isinstance(candles, str | Path | None):
        raise InputError(
            f"a run takes Candles or a path, not {type(candles).__name__}; "
            "Candles.from_frame makes Candles of a frame."
        )
    if candles is None or is_simulated(candles):
        market = recipe.data.simulated
        return simulate(rows=market.rows, r2=market.r2, seed=recipe.seed).candles
    return read(candles)


def is_simulated(candles: Candles | str | Path | None) -> bool:
    """Whether the candles that were asked for are to be simulated."""
    return candles is None or (isinstance(candles, str) and candles == SIMULATED)


def bounded(candles: Candles, recipe: Recipe) -> Candles:
    """The candles that a recipe's `data` section asks for.

    Raises:
        InputError: If none is left, or the interval cannot be had.
    """
    kept = candles.between(recipe.data.start, recipe.data.end)
    if recipe.data.interval is not None:
        kept = kept.resample(parse_interval(recipe.data.interval))
    if not len(kept):
        raise InputError(
            f"no candle is left: the candles are {candles!r}, and the recipe asks for data.start "
            f"{recipe.data.start}, data.end {recipe.data.end}."
        )
    return kept
