"""Quantiles of the return to each horizon, and the realised variance on the way there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from scipy import special
from torch import Tensor, nn

from candlecast.distributions import QuantileFunction
from candlecast.distributions.quantile_function import LEVELS
from candlecast.models.sequence.heads.head import Horizons, Said, floats

_GAPS = len(LEVELS) - 1
_MIDDLE = LEVELS.index(0.5)


class Quantiles(NamedTuple):
    """The head's outputs in units of the volatility known at the origin.

    Attributes:
        values: The quantiles at `LEVELS`; shape [..., horizons, levels].
        variance: The realised variance, rising with the horizon; shape [..., horizons].
    """

    values: Tensor
    variance: Tensor


class QuantilesHead(nn.Module):
    """Turns a network's outputs into quantiles, and tells how well they fit what came.

    For each horizon, and from the horizon before it on, a network forecasts how far the median goes
    and how much the square of each distance from one quantile to the next grows, and so does the
    realised variance. So quantiles never cross, and no band of a longer horizon is narrower than
    that of a shorter one. Before anything is learned, they are those of a normal distribution.

    The loss is the mean pinball loss of the levels (Koenker and Bassett, 1978), in units of the
    volatility of the whole span, plus what `Horizons` adds.

    Args:
        horizons: Candles ahead, rising.
    """

    def __init__(self, horizons: Sequence[int]) -> None:
        super().__init__()
        self.horizons = Horizons(horizons)
        levels = torch.tensor(LEVELS, dtype=torch.float64)
        normal = torch.from_numpy(special.ndtri(levels.numpy()))
        # From the distances between quantiles to each one's distance from the median.
        place, gap = torch.arange(len(LEVELS)), torch.arange(_GAPS)[:, None]
        above = (gap >= _MIDDLE) & (gap < place)
        below = (gap < _MIDDLE) & (gap >= place)
        from_median = above.float() - below.float()
        self.register_buffer("levels", levels.float(), persistent=False)
        self.register_buffer("apart", normal.diff().float(), persistent=False)
        self.register_buffer("from_median", from_median, persistent=False)

    levels: Tensor
    apart: Tensor
    from_median: Tensor

    @property
    def outputs(self) -> int:
        """How many values a network has to give."""
        return (2 + _GAPS) * self.horizons.count

    def quantiles(self, outputs: Tensor) -> Quantiles:
        """What outputs of shape [..., outputs] say, per horizon."""
        count = self.horizons.count
        median, variance, gaps = outputs.split([count, count, _GAPS * count], -1)
        grown = self.horizons.growing(2 * gaps.unflatten(-1, (_GAPS, count))).sqrt()
        values = (self.apart * grown.mT) @ self.from_median
        centre = self.horizons.location(median)[..., None]
        return Quantiles(centre + values, self.horizons.growing(variance))

    def says(self, outputs: Tensor) -> Said:
        """What outputs of shape [origins, outputs] say."""
        values, variance = (floats(each) for each in self.quantiles(outputs))
        return Said(QuantileFunction(values), variance)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss; see `Head`."""
        came, quantiles = self.horizons.came(targets), self.quantiles(outputs)
        beyond = came.returns[..., None] - quantiles.values
        pinball = torch.maximum(self.levels * beyond, (self.levels - 1) * beyond).mean(-1)
        surprise = pinball / self.horizons.steps.sqrt()
        return self.horizons.mean(surprise, quantiles.variance, came)
