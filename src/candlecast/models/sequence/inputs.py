"""What a sequence network reads of every candle, and what it is to foretell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.features import compute_features, target_values
from candlecast.features.own import own_features
from candlecast.models.location.directional import (
    directional_forecast,
    find_directional,
    fit_directional,
)
from candlecast.scaling import Scaler, fit_standard

_WIDEST_INPUT = 6.0  # standard deviations


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
