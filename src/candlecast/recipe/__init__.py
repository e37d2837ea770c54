"""`Recipe`: one experiment in one YAML file, every key checked."""

from candlecast.recipe.recipe import Recipe
from candlecast.recipe.sections import (
    CHRONOS,
    ENSEMBLE,
    NEURALFORECAST,
    TREES,
    BaselineName,
    CalibrationSettings,
    Count,
    HeadName,
    ModelSettings,
    Option,
    SplitSettings,
    TrainingSettings,
    WalkForwardSettings,
    network_name,
)
from candlecast.recipe.text import packaged_recipes

__all__ = [
    "CHRONOS",
    "ENSEMBLE",
    "NEURALFORECAST",
    "TREES",
    "BaselineName",
    "CalibrationSettings",
    "Count",
    "HeadName",
    "ModelSettings",
    "Option",
    "Recipe",
    "SplitSettings",
    "TrainingSettings",
    "WalkForwardSettings",
    "network_name",
    "packaged_recipes",
]
