"""`Trained`: the forecasters whose network is trained, and so have weights, epochs and a loss."""

from __future__ import annotations

from candlecast.models.network import NetworkForecaster
from candlecast.models.sequence import SequenceForecaster

Trained = NetworkForecaster | SequenceForecaster
