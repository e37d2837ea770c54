"""`Trained`: the forecasters that are trained step by step, and so have epochs and a loss."""

from __future__ import annotations

from candlecast.models.boosting.forecaster import BoostingForecaster
from candlecast.models.sequence.forecaster import SequenceForecaster
from candlecast.models.windowed.forecaster import NetworkForecaster

Trained = NetworkForecaster | SequenceForecaster | BoostingForecaster
