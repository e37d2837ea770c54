"""The article's nine features as its scaler leaves them, and the way back to a price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from candlecast.distributions import Floats
from candlecast.scaling import Scaler, fit_minmax
from contenders.article_features import article_features
from contenders.quality_task import QualityTask
from contenders.task import BATCH, LOOKBACK, Matrix

_WINDOWS_AT_ONCE = 512
Says = Callable[[Any, Tensor], Tensor]
"""What a network says of windows of shape [batch, lookback, 9]: the scaled close, shape [batch]."""


@dataclass(frozen=True)
class ScaledRows:
    """Every row's features, to (-1, 1) on the train rows; the last one is the close.

    Attributes:
        matrix: Shape [rows, 9].
        task: Whose rows they are.
        close: The scaler of the close.
    """

    matrix: Matrix
    task: QualityTask
    close: Scaler

    @classmethod
    def of(cls, task: QualityTask) -> ScaledRows:
        """Compute and scale them."""
        names, features = article_features(task.candles)
        scaler = fit_minmax(features[: task.train], names)
        matrix = scaler.transform(features).astype(np.float32)
        return cls(matrix, task, scaler.repeat("close", 1))

    @property
    def training(self) -> Matrix:
        """The train rows."""
        return self.matrix[: self.task.train]

    @property
    def epoch(self) -> int:
        """Steps that go once through the windows of the train rows."""
        return -(-(self.task.train - LOOKBACK) // BATCH)

    def forecast(self, network: nn.Module, says: Says) -> Floats:
        """The price after each origin.

        Args:
            network: Is asked as it is when it forecasts, without dropout.
            says: How to ask it.
        """
        rows, steps = torch.from_numpy(self.matrix), torch.arange(1 - LOOKBACK, 1)
        batches = torch.from_numpy(self.task.origins).split(_WINDOWS_AT_ONCE)
        network.eval()
        with torch.inference_mode():
            said = torch.cat([says(network, rows[origins[:, None] + steps]) for origins in batches])
        network.train()
        return self.close.inverse(said.double().numpy()[:, None])[:, 0]
