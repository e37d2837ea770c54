"""Whether a fitted model's scaled inputs or forecasts depend on what comes after their row."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.look_ahead import (
    all_rows,
    find_look_ahead,
    look_ahead_finding,
)
from candlecast.evaluation.audit.places import spread, trial_origins
from candlecast.forecast import Forecast
from candlecast.models.forecaster import Forecaster

_ASKED_BEFORE = 16  # origins in a row up to each change, at which a model is asked again
_ASKED_EARLIER = 4
_ASKED_AFTER = 4


@runtime_checkable
class ShowsInputs(Protocol):
    """A forecaster that shows the scaled inputs of its model, so that they can be audited."""

    def inputs(self, candles: Candles) -> Any:
        """An array or tensor; shape [rows, features]."""
        ...


def audit_inputs(model: Forecaster, candles: Candles, seed: int) -> list[Finding]:
    """Whether scaled inputs look ahead; a model that does not show them has no finding."""
    if not isinstance(model, ShowsInputs):
        return []
    shown = model

    def known(table: Candles, origin: int, _alone: bool) -> NDArray[Any]:
        return np.asarray(shown.inputs(table))[: origin + 1]

    subject = f"scaled inputs of {model.name}"
    found = find_look_ahead(known, all_rows, candles, trial_origins(candles, seed, others=2), seed)
    return [look_ahead_finding(subject, found, "A scaled input")]


def audit_forecasts(
    model: Forecaster, candles: Candles, possible: NDArray[np.int64], seed: int
) -> Finding:
    """Whether what a model forecasts, or where it offers to, looks ahead.

    Args:
        model: A fitted model.
        candles: Candles to try it on.
        possible: All origins that it can forecast at.
        seed: Of the other futures.
    """

    def asked(origin: int) -> NDArray[np.int64]:
        past = possible[possible <= origin]
        return np.union1d(spread(past, _ASKED_EARLIER), past[-_ASKED_BEFORE:])

    def forecasts(table: Candles, origin: int, alone: bool) -> NDArray[Any]:
        past = asked(origin)
        later = possible[possible > origin][: 0 if alone else _ASKED_AFTER]
        together = np.concatenate([past, later])
        return numbers(model.forecast(table, together))[: len(past)]

    def offered(table: Candles, origin: int, _alone: bool) -> NDArray[Any]:
        origins = model.origins(table, range(origin + 1), known=False)
        return np.isin(all_rows(origin), origins)

    origins = [
        origin for origin in trial_origins(candles, seed, gaps=1, others=2) if origin >= possible[0]
    ]
    subject = f"forecasts of {model.name}"
    found = find_look_ahead(forecasts, asked, candles, origins, seed)
    if found is not None:
        return look_ahead_finding(subject, found, f"A forecast of {model.name}")
    found = find_look_ahead(offered, all_rows, candles, origins, seed)
    return look_ahead_finding(subject, found, f"Where {model.name} offers to forecast")


def numbers(forecast: Forecast) -> Floats:
    """All that a forecast says of the future; shape [origins, numbers]."""
    said_of_it = (forecast.mean, forecast.quantiles, forecast.variance)
    return np.concatenate(
        [np.reshape(each, (len(forecast), -1)) for each in said_of_it if each is not None], axis=1
    )
