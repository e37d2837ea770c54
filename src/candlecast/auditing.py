"""The leak audit of a recipe: its features, its split, and its models."""

from __future__ import annotations

from pathlib import Path

from candlecast.candles import Candles
from candlecast.evaluation.audit import Audit, audit
from candlecast.markets import Markets
from candlecast.models.roster import makers
from candlecast.progress import Progress
from candlecast.recipe import Recipe
from candlecast.runs.chosen_candles import all_candles, bounded
from candlecast.runs.inputs import with_inputs

_EPOCHS = 3
"""Enough for an epoch to be chosen; what leaks, leaks in the first."""

_LEAST_ROWS = {"seasonal_naive": 3 * 1440, "har": 3 * 1440}
"""Candles that a model needs for the audit to reach all that it reads."""


def audit_recipe(
    recipe: Recipe,
    candles: Candles | str | Path | None = None,
    *,
    markets: Markets | None = None,
    progress: bool = True,
) -> Audit:
    """Look for anything in a recipe that knows the future.

    Changes, shuffles and deletes what comes after a candle, and holds features, scaled inputs,
    forecasts and all that is learned against what they were, to the bit. Models are tried on a
    short stretch of the candles and trained for a few epochs.

    Args:
        recipe: What to audit.
        candles: Candles, or the path of a candle file; None or ``simulated`` simulates a market.
        markets: Other markets by symbol, as candles or paths of candle files.
        progress: Whether to show a progress bar in a terminal.

    Raises:
        InputError: If the candles are not fit for the recipe.
    """
    given = all_candles(recipe, candles, markets)
    recipe, _ = with_inputs(recipe, bounded(given, recipe))
    quick = recipe
    if recipe.training is not None:
        epochs = {"min_epochs": 1, "max_epochs": min(_EPOCHS, recipe.training.max_epochs)}
        quick = recipe.model_copy(update={"training": recipe.training.model_copy(update=epochs)})
    with Progress(shown=progress) as bar:
        return audit(
            recipe,
            given,
            makers(quick),
            least_rows=_LEAST_ROWS,
            progress=bar,
        )
