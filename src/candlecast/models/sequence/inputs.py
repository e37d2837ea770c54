"""What a sequence network reads of every candle, and what it is to foretell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.features import compute_features, target_values
from candlecast.features.own import own_features
from candlecast.models.forecaster import State
from candlecast.models.location.directional import (
    directional_forecast,
    find_directional,
    fit_directional,
)
from candlecast.scaling import Scaler, fit_standard

_WIDEST_INPUT = 6.0  # standard deviations
_MASK, _WEIGHTS = "directional.mask", "directional.weights"


class ReadsFeatures(Protocol):
    """What settings of a model say of its inputs."""

    @property
    def features(self) -> tuple[str, ...]:
        """By name, in order."""
        ...

    @property
    def features_file_sha256(self) -> str | None:
        """Of the file of the user's own among them."""
        ...

    @property
    def linear(self) -> float | None:
        """The penalty of the linear forecast; None does without."""
        ...


class Learned(NamedTuple):
    """The inputs that were learned from the train rows, and what they were learned from.

    Attributes:
        inputs: Scaler and linear forecast.
        upright: The features of every candle; shape [rows, features].
        mirrored: Those of the mirrored market.
    """

    inputs: SequenceInputs
    upright: Floats
    mirrored: Floats


@dataclass(frozen=True, eq=False)
class SequenceInputs:
    """What was learned of the inputs before any network.

    Attributes:
        scaler: Of the features.
        directional: Which of them change sign in the mirror; shape [features].
        weights: Of the linear forecast; no column if there is none.
    """

    scaler: Scaler
    directional: Tensor
    weights: Tensor

    def __post_init__(self) -> None:
        count = len(self.scaler.columns)
        if self.directional.dtype != torch.bool or self.directional.shape != (count,):
            raise ValueError(f"the mask of {count} inputs has the shape {self.directional.shape}")
        directions = int(self.directional.sum())
        shapes = [(directions, 0), (directions, 1 + count - directions)]
        if tuple(self.weights.shape) not in shapes:
            raise ValueError(f"the linear forecast has the shape {tuple(self.weights.shape)}")

    @property
    def width(self) -> int:
        """How many numbers are read of a candle."""
        return len(self.scaler.columns) + 1

    def added_to(self, state: State) -> State:
        """A model's state with what was learned of its inputs, to be saved."""
        arrays = {_MASK: self.directional.numpy(), _WEIGHTS: self.weights.numpy()}
        scaler = {"scaler": self.scaler.model_dump(mode="json")}
        return State({**state.document, **scaler}, {**state.arrays, **arrays})

    @classmethod
    def taken_from(
        cls, state: State, features: Sequence[str]
    ) -> tuple[Self, dict[str, NDArray[Any]]]:
        """What was learned of the inputs, and the other arrays, from what `added_to` gave.

        Args:
            state: The model's.
            features: What the scaler must be of.
        """
        scaler = Scaler.model_validate(state.document["scaler"])
        if scaler.columns != tuple(features):
            raise ValueError(f"the scaler is of other columns: {scaler.columns}")
        others = dict(state.arrays)
        mask, weights = (torch.from_numpy(others.pop(name)) for name in (_MASK, _WEIGHTS))
        return cls(scaler, mask, weights), others

    def scaled(self, features: Floats) -> Tensor:
        """Features at the scale of the train rows, without wild extremes."""
        wide = self.scaler.transform(features).clip(-_WIDEST_INPUT, _WIDEST_INPUT)
        return torch.from_numpy(wide.astype(np.float32))

    def read(self, features: Floats) -> Tensor:
        """Scaled features and, last, the linear forecast.

        Args:
            features: As `features_of` gives them.

        Returns:
            Shape [rows, features + 1].
        """
        scaled = self.scaled(features)
        linear = (
            directional_forecast(scaled, self.directional, self.weights)
            if self.weights.numel()
            else torch.zeros(len(scaled))
        )
        return torch.cat([scaled, linear[:, None]], dim=1)


def features_of(candles: Candles, names: Sequence[str], own_sha256: str | None) -> Floats:
    """Features, each segment for itself; shape [rows, features]."""
    return compute_features(candles, names, own=own_features(own_sha256))


def learn_inputs(
    candles: Candles, settings: ReadsFeatures, train: range, target: Tensor
) -> Learned:
    """Compute the features of the market and of its mirror image, and learn from the train rows.

    Args:
        candles: The candles.
        settings: The model's.
        train: The train rows.
        target: As `fit_inputs` takes it, of every row up to the last train row at least.

    Raises:
        InputError: If a feature cannot be computed.
    """
    names, own, rows = (
        settings.features,
        settings.features_file_sha256,
        slice(train.start, train.stop),
    )
    upright = features_of(candles, names, own)
    try:
        mirrored = features_of(candles.mirrored(), names, own)
    except InputError as error:
        raise InputError(f"in the mirrored market, where every price p is 1/p: {error}") from error
    inputs = fit_inputs(upright[rows], mirrored[rows], names, target[rows], settings.linear)
    return Learned(inputs, upright, mirrored)


def fit_inputs(
    features: Floats, mirrored: Floats, names: Sequence[str], target: Tensor, penalty: float | None
) -> SequenceInputs:
    """Learn the inputs' scale and the linear forecast from the train rows.

    Args:
        features: Of the train rows; shape [rows, features].
        mirrored: The same of the mirrored candles. The scaler is fitted to both, so that what has a
            direction keeps its zero.
        names: The features' names.
        target: The return to the first horizon over the volatility and the root of the horizon, NaN
            where unknown; shape [rows].
        penalty: Of the linear forecast; None does without.
    """
    scaler = fit_standard(np.concatenate([features, mirrored]), names, constant=True)
    directional = find_directional(torch.from_numpy(features), torch.from_numpy(mirrored))
    inputs = SequenceInputs(scaler, directional, torch.empty(int(directional.sum()), 0))
    if penalty is None or not directional.any():
        return inputs
    weights = fit_directional(inputs.scaled(features), directional, target, penalty)
    return SequenceInputs(scaler, directional, weights)


def volatility_of(candles: Candles) -> Floats:
    """The volatility of one candle's return that is known at each row; shape [rows]."""
    return compute_features(candles, ["volatility"])[:, 0]


def sequence_targets(candles: Candles, horizons: Sequence[int]) -> Tensor:
    """What came after each row, in units of the volatility known there.

    Args:
        candles: The candles.
        horizons: Candles ahead.

    Returns:
        The log returns, then the realised variances; NaN where a target lies beyond a gap or the
        last candle; shape [rows, 2 * horizons].
    """
    volatility = volatility_of(candles)[:, None]
    returns = target_values(candles, "log_return", horizons)
    step = np.diff(np.log(candles.frame["close"].to_numpy()), prepend=np.nan)
    total = np.cumsum(np.nan_to_num(step) ** 2)
    realised = np.full_like(returns, np.nan)
    segment = candles.segment_ids
    for column, horizon in enumerate(horizons):
        later = total[horizon:]
        realised[: len(later), column] = np.maximum(later - total[: len(later)], 0.0)
        apart = segment[horizon:] != segment[: len(later)]
        for each in (returns, realised):
            each[: len(later), column][apart] = np.nan
    targets = np.concatenate([returns / volatility, realised / volatility**2], axis=1)
    return torch.from_numpy(targets.astype(np.float32))
