"""Models: `Forecaster`, the protocol, and one file for each that implements it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from candlecast.artifact import ModelDocument, read_model
from candlecast.errors import InputError
from candlecast.models.forecaster import Forecaster, State
from candlecast.models.network import NetworkForecaster, NetworkSettings
from candlecast.models.persistence import Persistence, PersistenceSettings

KINDS: dict[str, type[NetworkForecaster] | type[Persistence]] = {
    "network": NetworkForecaster,
    "persistence": Persistence,
}

__all__ = [
    "KINDS",
    "Forecaster",
    "NetworkForecaster",
    "NetworkSettings",
    "Persistence",
    "PersistenceSettings",
    "State",
    "load_model",
]


def load_model(folder: Path) -> tuple[ModelDocument, Forecaster]:
    """Load a saved model; nothing in its files is executed.

    Raises:
        InputError: If it is absent, damaged, or of another version.
    """
    document, state = read_model(folder)
    if document.kind not in KINDS:
        raise InputError(f"{folder}: model kind '{document.kind}' is not known to this version.")
    try:
        return document, KINDS[document.kind].from_state(state)
    except (KeyError, RuntimeError, TypeError, ValidationError) as error:
        raise InputError(
            f"{folder}: model.json and weights.safetensors do not fit together "
            f"({' '.join(str(error).split())}). Train the model again."
        ) from error
