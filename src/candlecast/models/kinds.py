"""The classes of models that stand alone, by the names that they are saved under."""

from __future__ import annotations

from candlecast.models.adapters.forecaster import AdapterForecaster
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.boosting.forecaster import BoostingForecaster
from candlecast.models.sequence.forecaster import SequenceForecaster
from candlecast.models.windowed.forecaster import NetworkForecaster

TrainedAlone = NetworkForecaster | SequenceForecaster | BoostingForecaster | AdapterForecaster
"""They have a loss on the validation rows."""

KINDS: dict[str, type[TrainedAlone] | type[Baseline]] = {
    "network": NetworkForecaster,
    "sequence": SequenceForecaster,
    "boosting": BoostingForecaster,
    "adapter": AdapterForecaster,
    "baseline": Baseline,
}


def kind_of(model: TrainedAlone | Baseline) -> str:
    """The name of a model's class."""
    return next(kind for kind, made in KINDS.items() if type(model) is made)
