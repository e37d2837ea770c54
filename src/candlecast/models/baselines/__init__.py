"""The baselines: simple models that a better one has to beat, one file each.

Each is a *rule* for mean and variance of the next log returns (`rule.Rule`: two functions); around
it `Baseline` fits Student's t and does what every `Forecaster` does. To add one, write its module
and add its line to `BASELINES`.
"""

from __future__ import annotations

from candlecast.models.baselines import (
    ar,
    drift,
    ewma_t,
    garch_t,
    har,
    persistence,
    seasonal_naive,
)
from candlecast.models.baselines.rule import Rule
from candlecast.recipe import BaselineName

BASELINES: dict[BaselineName, Rule] = {
    "persistence": persistence,
    "drift": drift,
    "seasonal_naive": seasonal_naive,
    "ar": ar,
    "ewma_t": ewma_t,
    "garch_t": garch_t,
    "har": har,
}
