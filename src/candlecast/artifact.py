"""A saved model: `model.json` and `weights.safetensors` in one folder. Loading executes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from candlecast.candles import Candles
from candlecast.errors import InputError, MissingCodeError, MissingWeightsError
from candlecast.files import written_whole
from candlecast.intervals import IntervalText, interval_text
from candlecast.models import kinds
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.ensemble.forecaster import EnsembleForecaster
from candlecast.models.forecaster import Forecaster, State
from candlecast.models.trained import Trained

_DOCUMENT = "model.json"
_WEIGHTS = "weights.safetensors"

KINDS: dict[str, type[Trained] | type[Baseline]] = kinds.KINDS | {"ensemble": EnsembleForecaster}


class ModelDocument(BaseModel):
    """The content of `model.json`.

    Attributes:
        schema_version: Of this document; another number is refused.
        kind: Which class made it, a name in `KINDS`.
        symbol: The market it was trained on.
        interval: The interval it was trained on.
        model: What that class needs besides its arrays.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    kind: str
    symbol: str
    interval: IntervalText
    model: dict[str, Any]


def save_model(folder: Path, forecaster: Trained | Baseline, candles: Candles) -> None:
    """Save a fitted model; the folder is whole or not there.

    Args:
        folder: Where to; an older model there is replaced.
        forecaster: The model.
        candles: What it was trained on; only symbol and interval are kept.
    """
    state = forecaster.state()
    document = ModelDocument(
        kind=next(kind for kind, made in KINDS.items() if type(forecaster) is made),
        symbol=candles.symbol,
        interval=interval_text(candles.interval),
        model=dict(state.document),
    )
    with written_whole(folder) as aside:
        aside.mkdir()
        text = json.dumps(document.model_dump(), indent=2)
        (aside / _DOCUMENT).write_text(text + "\n", encoding="utf-8")
        # safetensors writes the bytes as they lie, so a transposed view would be scrambled.
        arrays = {name: np.ascontiguousarray(array) for name, array in state.arrays.items()}
        save_file(arrays, aside / _WEIGHTS)


def load_model(folder: Path) -> tuple[ModelDocument, Forecaster]:
    """Load a saved model; nothing in its files is executed.

    Raises:
        InputError: If a file is absent, damaged, or of another version.
        MissingCodeError: If it needs code that is not installed, or that only its user may execute;
            see `candlecast.models.own_network`.
        MissingWeightsError: If the weights of another library's model are not where they were.
    """
    try:
        text = (folder / _DOCUMENT).read_text(encoding="utf-8")
        arrays = load_file(folder / _WEIGHTS)
        document = ModelDocument.model_validate_json(text)
        return document, KINDS[document.kind].from_state(State(document.model, arrays))
    except OSError as error:
        raise InputError(
            f"{folder}: there is no whole saved model here ({_DOCUMENT} and {_WEIGHTS}). Name the "
            "folder of a finished run."
        ) from error
    except (MissingCodeError, MissingWeightsError) as error:
        raise type(error)(f"{folder}: {error}") from error
    except (IndexError, KeyError, RuntimeError, SafetensorError, TypeError, ValueError) as error:
        raise _damaged(folder, error) from error


def _damaged(folder: Path, error: Exception) -> InputError:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    else:
        detail = " ".join(str(error).split())
    return InputError(
        f"{folder}: the saved model is damaged or of another version ({detail}). Train it again."
    )
