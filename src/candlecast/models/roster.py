"""The models of a recipe: its baselines and its network, made, fitted and asked alike."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.errors import CandlecastError
from candlecast.forecast import Forecast
from candlecast.models.adapters.forecaster import AdapterForecaster
from candlecast.models.adapters.foreign import AdapterSettings
from candlecast.models.baselines import BASELINES
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.models.boosting.forecaster import BoostingForecaster, BoostingSettings
from candlecast.models.ensemble.forecaster import EnsembleForecaster, EnsembleSettings
from candlecast.models.forecaster import Forecaster
from candlecast.models.kinds import TrainedAlone
from candlecast.models.own_network import allow, is_own
from candlecast.models.sequence.forecaster import SequenceForecaster, SequenceSettings
from candlecast.models.trained import Trained
from candlecast.models.windowed.forecaster import NetworkForecaster, NetworkSettings
from candlecast.recipe import CHRONOS, ENSEMBLE, NEURALFORECAST, TREES, BaselineName, Recipe
from candlecast.splits import Split

_log = logging.getLogger("candlecast")

Model = TypeVar("Model", bound=Forecaster)
Result = TypeVar("Result")


def make_baseline(recipe: Recipe, rule: BaselineName) -> Baseline:
    """One baseline for the recipe's horizons, not fitted."""
    across_gaps = recipe.windows.across_gaps
    return Baseline(BaselineSettings(rule=rule, horizons=recipe.horizons, across_gaps=across_gaps))


def make_baselines(recipe: Recipe) -> list[Baseline]:
    """The recipe's baselines, persistence first, not fitted."""
    return [make_baseline(recipe, rule) for rule in recipe.baselines]


def make_network(recipe: Recipe) -> Trained | None:
    """The recipe's network, not fitted; None if it has none."""
    return None if recipe.model is None else _network(recipe)


def _network(recipe: Recipe) -> Trained:
    model = recipe.needed_model()
    if model.network != ENSEMBLE:
        return _alone(recipe)
    members = [_member(recipe.model_copy(update={"model": member})) for member in model.of]
    return EnsembleForecaster(members, EnsembleSettings.from_recipe(recipe))


def _member(recipe: Recipe) -> TrainedAlone | Baseline:
    """A member of an ensemble, which the recipe's model has become."""
    rule = next((name for name in BASELINES if name == recipe.needed_model().name), None)
    return _alone(recipe) if rule is None else make_baseline(recipe, rule)


def _alone(recipe: Recipe) -> TrainedAlone:
    network = recipe.needed_model().network
    if is_own(network):
        allow(network)  # the recipe is carried out because its user asked for it
    if network == TREES:
        return BoostingForecaster(BoostingSettings.from_recipe(recipe))
    if network in (NEURALFORECAST, CHRONOS):
        return AdapterForecaster(AdapterSettings.from_recipe(recipe))
    if recipe.training is not None and recipe.training.sequence is not None:
        return SequenceForecaster(SequenceSettings.from_recipe(recipe), recipe.training)
    return NetworkForecaster(NetworkSettings.from_recipe(recipe), recipe.training)


def makers(recipe: Recipe) -> dict[str, Callable[[], Forecaster]]:
    """A maker of each model by its name, for work that needs fresh ones again and again."""
    made: dict[str, Callable[[], Forecaster]] = {
        rule: partial(make_baseline, recipe, rule) for rule in recipe.baselines
    }
    if recipe.model is not None:
        made[recipe.model.name] = partial(_network, recipe)
    return made


def fit_each(
    models: Iterable[Model], candles: Candles, split: Split
) -> tuple[list[Model], dict[str, str]]:
    """Fit models one by one.

    Returns:
        Those that could be fitted, and why the others could not, by name.

    Raises:
        RunInterruptedError: If Ctrl-C was pressed.
    """
    return _each(models, lambda model: model.fit(candles, split))


def common_origins(
    models: Iterable[Forecaster], candles: Candles, rows: range
) -> NDArray[np.int64]:
    """The origins in some rows at which every model can forecast and every target is known."""
    origins = np.arange(rows.start, rows.stop, dtype=np.int64)
    for model in models:
        origins = np.intersect1d(origins, model.origins(candles, rows, known=True))
    return origins


def forecast_each(
    models: Iterable[Model], candles: Candles, origins: NDArray[np.int64]
) -> tuple[list[Forecast], dict[str, str]]:
    """What each fitted model says at the same origins.

    Returns:
        The forecasts, and why there are none of the other models, by name.
    """
    return _each(models, lambda model: model.forecast(candles, origins))


def _each(
    models: Iterable[Model], work: Callable[[Model], Result]
) -> tuple[list[Result], dict[str, str]]:
    """Do the same with each model; one that fails is named and does not hinder the others."""
    results: list[Result] = []
    failures: dict[str, str] = {}
    for model in models:
        try:
            results.append(work(model))
        except (CandlecastError, ArithmeticError, RuntimeError, ValueError) as error:
            failures[model.name] = " ".join(str(error).split())
            _log.warning("%s is left out: %s", model.name, failures[model.name])
    return results, failures
