"""Recipes made so small that they train in a moment, for tests of all around them."""

from __future__ import annotations

from candlecast.recipe import Recipe

SMALL_TRAINING = [
    "model.options={hidden: 4}",
    "model.members=2",
    "training.sequence=20",
    "training.batch_size=16",
    "training.steps=4",
    "training.min_epochs=1",
    "training.max_epochs=2",
]
"""Overrides of how the network is made and trained; its inputs and horizons stay."""

SMALL = [
    *SMALL_TRAINING,
    "features=[scaled_return, scaled_range, close_location, imbalance]",
    "market_features=[]",
    "horizons=[1, 5]",
    "windows.lookback=10",
]
"""Overrides of all that takes time."""

SMALL_ARTICLE = [
    "model.options={hidden: 4, layers: 1, dropout: 0.0}",
    "training.batch_size=512",
    "training.min_epochs=1",
    "training.max_epochs=1",
]
"""The same for the article's recipe; its inputs and windows stay."""


def small_default(*overrides: str) -> Recipe:
    """The small default recipe, with further overrides."""
    return Recipe.load("default", [*SMALL, *overrides])
