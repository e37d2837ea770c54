"""`Trained`: the forecasters that are no baselines."""

from __future__ import annotations

from candlecast.models.ensemble.forecaster import EnsembleForecaster
from candlecast.models.kinds import TrainedAlone

Trained = TrainedAlone | EnsembleForecaster
