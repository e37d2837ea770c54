"""`Trained`: the forecasters that are no baselines, and have a loss on the validation rows."""

from __future__ import annotations

from candlecast.models.adapters.forecaster import AdapterForecaster
from candlecast.models.boosting.forecaster import BoostingForecaster
from candlecast.models.sequence.forecaster import SequenceForecaster
from candlecast.models.windowed.forecaster import NetworkForecaster

Trained = NetworkForecaster | SequenceForecaster | BoostingForecaster | AdapterForecaster
