"""Which keys of a recipe each kind of model needs, and which it reads.

A key that nothing reads would promise what does not happen, so it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from candlecast.recipe.sections import (
    CHRONOS,
    ENSEMBLE,
    NEURALFORECAST,
    TREES,
    ModelSettings,
    TrainingSettings,
)

_FEATURES = ("features", "features_file", "market_features")
_WINDOWS = ("target", "scaler", "windows.across_gaps")
_NETWORK = ("head", "members", "dropout", "linear")
_STEPS = ("training.steps", "training.mirror")
_WARM = ("walkforward.warm_start",)
_NEEDED = ("features", "windows", "training")


@dataclass(frozen=True)
class Kind:
    """A kind of model.

    Attributes:
        words: What it is, for messages.
        needs: Keys that must be there.
        reads: Of the keys that some kinds read and others do not, those that it reads.
        reads_of_model: Likewise, of the section `model`.
    """

    words: str
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    reads_of_model: tuple[str, ...]


_BASELINE = Kind("a baseline", (), (), ())
_FOREIGN = Kind("a model of another library", ("windows",), (), ("options",))
_TREES = Kind(
    "a model of trees",
    ("features", "windows"),
    # What a recipe says of a network that trees are tried in the place of does no harm.
    (*_FEATURES, "training", *_STEPS, *_WARM),
    ("options", "members", "dropout", "linear"),
)
_SEQUENCES = Kind(
    "a model that reads candles in sequence",
    _NEEDED,
    (*_FEATURES, "training", *_STEPS, *_WARM),
    ("options", *_NETWORK),
)
_LAST_STEP = Kind(
    "a network that learns from windows",
    _NEEDED,
    (*_FEATURES, *_WINDOWS, "training", *_WARM),
    ("options",),
)
_ALL = (*_FEATURES, *_WINDOWS, "training", *_STEPS, *_WARM)
_ALL_OF_MODEL = ("options", *_NETWORK, "of")


def check_keys(
    recipe: BaseModel, model: ModelSettings | None, training: TrainingSettings | None
) -> None:
    """Raise a `ValueError` about a key that is needed and not there, or there and not read.

    Args:
        recipe: The whole recipe.
        model: Its model.
        training: Its training settings.
    """
    if model is None:
        if training is not None:
            raise ValueError("there is 'training' and no 'model' to train; give both or neither")
        return
    kind = _kind(model, training)
    _check_model(model, kind, training, "model")
    for key in kind.needs:
        if key not in recipe.model_fields_set or getattr(recipe, key) in (None, ()):
            raise ValueError(f"key '{key}' is missing or empty: the 'model' needs it")
    for key in _given(recipe, _ALL):
        if key not in kind.reads:
            raise ValueError(f"{kind.words} does not know '{key}'; leave it out")


def _check_model(
    model: ModelSettings, kind: Kind, training: TrainingSettings | None, where: str
) -> None:
    for key in _given(model, _ALL_OF_MODEL):
        if key not in kind.reads_of_model:
            raise ValueError(f"{kind.words} does not know '{where}.{key}'; leave it out")
    for number, member in enumerate(model.of):
        kind_of_member = _kind(member, training)
        if kind_of_member is _TREES:  # here they stand in no network's place
            kind_of_member = replace(_TREES, reads_of_model=("options", "linear"))
        _check_model(member, kind_of_member, training, f"{where}.of.{number}")


def _kind(model: ModelSettings, training: TrainingSettings | None) -> Kind:
    """What kind of model it is."""
    if model.network == ENSEMBLE:
        return _ensemble(model, training)
    if model.is_baseline:
        return _BASELINE
    if model.network == TREES:
        return _TREES
    if model.network in (NEURALFORECAST, CHRONOS):
        return _FOREIGN
    return _SEQUENCES if training is None or training.sequence is not None else _LAST_STEP


def _ensemble(model: ModelSettings, training: TrainingSettings | None) -> Kind:
    """It needs and reads what its members do."""
    if len(model.of) < 2 or any(member.network == ENSEMBLE for member in model.of):
        raise ValueError("'model.of' is to name two models or more, none of them an ensemble")
    other = next((member.name for member in model.of if member.head != "student_t"), None)
    if other is not None:
        raise ValueError(
            f"an ensemble pools Student's t alone; give its member {other} no other 'head'"
        )
    members = [_kind(member, training) for member in model.of]
    needs = dict.fromkeys(key for member in members for key in member.needs)
    reads = dict.fromkeys(key for member in members for key in member.reads if key not in _WARM)
    return Kind("an ensemble", tuple(needs), tuple(reads), ("options", "of"))


def _given(section: BaseModel, keys: Sequence[str]) -> list[str]:
    """The keys whose value is another than it would be by itself."""
    return [key for key in keys if _value(section, key) != _usual(section, key)]


def _value(section: BaseModel, key: str) -> object:
    first, _, rest = key.partition(".")
    value = getattr(section, first)
    return _value(value, rest) if rest and isinstance(value, BaseModel) else value


def _usual(section: BaseModel, key: str) -> object:
    first, _, rest = key.partition(".")
    value = getattr(section, first)
    if rest and isinstance(value, BaseModel):
        return _usual(value, rest)
    return type(section).model_fields[first].default
