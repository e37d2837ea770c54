"""The article's nine features of every row.

candlecast computes them, in less time than the article's pandas takes: to the favour of all others
who train on them.
"""

from __future__ import annotations

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.features import compute_features
from candlecast.recipe import Recipe


def article_features(candles: Candles) -> tuple[tuple[str, ...], Floats]:
    """The features' names, and their values; shape [rows, 9]."""
    names = Recipe.load("article").features
    return names, compute_features(candles, names, across_gaps=True)
