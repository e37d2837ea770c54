"""`Trained`: the forecasters that are trained step by step, and so have epochs and a loss."""

from __future__ import annotations

from candlecast.models.boosting import BoostingForecaster
from candlecast.models.network import NetworkForecaster
from candlecast.models.sequence import SequenceForecaster

Trained = NetworkForecaster | SequenceForecaster | BoostingForecaster
