"""A run's forecasts with their calibrated bands, and what is carried from fold to fold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candlecast.conformal import ConformalState, calibrate
from candlecast.files import written_whole
from candlecast.forecast import Forecast
from candlecast.recipe import CalibrationSettings

States = Mapping[str, ConformalState]


def calibrate_each(
    forecasts: Iterable[Forecast], settings: CalibrationSettings, states: States | None = None
) -> tuple[list[Forecast], dict[str, ConformalState]]:
    """Give each model's forecast its calibrated bands, if the recipe asks for them.

    Args:
        forecasts: One a model, in time order.
        settings: The recipe's.
        states: Where each model left off; one that is not there starts anew.

    Returns:
        The forecasts, and where each model is now; one that forecast nothing is where it was.
    """
    if not settings.adaptive:
        return list(forecasts), {}
    after = dict(states or {})
    given = []
    for forecast in forecasts:
        banded, after[forecast.model] = calibrate(
            forecast, settings.gain, after.get(forecast.model)
        )
        given.append(banded)
    return given, after


def write_states(path: Path, states: States) -> None:
    """Save where each model is, as arrays."""
    arrays: dict[str, Any] = {
        f"{model}/{name}": values
        for model, state in states.items()
        for name, values in state.arrays().items()
    }
    with written_whole(path) as aside, aside.open("wb") as file:
        np.savez(file, **arrays)


def read_states(path: Path) -> dict[str, ConformalState]:
    """Where each model was; nothing if the file is not there."""
    if not path.is_file():
        return {}
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    with np.load(path) as arrays:
        for key in arrays:
            model, _, name = key.rpartition("/")
            parts.setdefault(model, {})[name] = arrays[key]
    return {model: ConformalState.from_arrays(each) for model, each in parts.items()}
