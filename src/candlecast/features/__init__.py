"""Causal features, each a name and a Polars expression, and the targets they help to forecast.

A feature at row t may read rows up to t and none after it. What is known ahead, the calendar of the
next candle, it may tell.
"""

from candlecast.features.compute import compute_features, feature_table, in_segments, usable
from candlecast.features.market import EWMA_VOLATILITY
from candlecast.features.registry import FEATURES, NO_OWN, OwnFeatures, check_names, expression
from candlecast.features.targets import TargetName, target_values, to_price

__all__ = [
    "EWMA_VOLATILITY",
    "FEATURES",
    "NO_OWN",
    "OwnFeatures",
    "TargetName",
    "check_names",
    "compute_features",
    "expression",
    "feature_table",
    "in_segments",
    "target_values",
    "to_price",
    "usable",
]
