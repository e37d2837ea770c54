"""Whether a model's windows, learning, inputs or forecasts see what they may not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.forecasts import audit_forecasts, audit_inputs
from candlecast.evaluation.audit.learning import (
    Make,
    audit_constancy,
    audit_learning,
    audit_scalers,
    learned,
    shown,
)
from candlecast.evaluation.audit.parts import audit_windows
from candlecast.models.forecaster import Forecaster
from candlecast.splits import Split


def audit_forecaster(make: Make, candles: Candles, split: Split, *, seed: int = 0) -> list[Finding]:
    """Whether a model's forecasts, inputs, scalers or choices see what they may not.

    It is fitted about four times; more often only to measure a leak.

    Args:
        make: Makes a fresh model.
        candles: Candles to try it on, just enough for a few windows in each part.
        split: Their parts.
        seed: Of the other futures.

    Returns:
        Findings on its windows, its scalers (what is saved under a name with ``scaler`` in it), all
        that it learned, its scaled inputs (if it has a method `inputs`) and its forecasts.

    Raises:
        InputError: If it finds no origin to forecast at. What its `fit` raises comes out as it is.
    """
    model = make().fit(candles, split)
    possible = model.origins(candles, range(len(candles)), known=False)
    if not possible.size:
        raise InputError(
            f"{model.name} cannot forecast at any of {len(candles)} candles. Give more candles."
        )
    before = learned(model)
    forecasts = shown(model, candles, split)
    return [
        _audit_windows_of(model, candles, split, possible),
        *audit_scalers(model.name, before, make, candles, split, seed),
        audit_learning(model.name, before, forecasts, make, candles, split, seed),
        *audit_inputs(model, candles, seed),
        audit_forecasts(model, candles, possible, seed),
        *audit_constancy(model, before),
    ]


def _audit_windows_of(
    model: Forecaster, candles: Candles, split: Split, possible: NDArray[np.int64]
) -> Finding:
    horizons = model.forecast(candles, possible[:1]).horizons
    origins = {name: model.origins(candles, rows, known=True) for name, rows in split.parts.items()}
    return audit_windows(origins, split, ahead=max(horizons), subject=f"windows of {model.name}")
