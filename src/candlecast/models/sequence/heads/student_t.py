"""Student's t of the return to each horizon, and the realised variance on the way there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from candlecast.distributions import FEWEST_DEGREES, StudentT
from candlecast.models.sequence.heads.head import Horizons, Said, floats

_MOST_DEGREES = 200.0  # of freedom: all but normal, and no loss of digits in the loss


class Spread(NamedTuple):
    """A head's outputs in units of the volatility known at the origin.

    Attributes:
        location: Of the return; shape [..., horizons].
        scale: Of the return, rising with the horizon; shape [..., horizons].
        degrees: Of freedom; shape [..., horizons].
        variance: The realised variance, rising with the horizon; shape [..., horizons].
    """

    location: Tensor
    scale: Tensor
    degrees: Tensor
    variance: Tensor


class StudentTHead(nn.Module):
    """Turns a network's outputs into distributions, and tells how well they fit what came.

    For each horizon, and from the horizon before it on, a network forecasts how far the return
    goes, how much the square of the scale grows, and how much the realised variance grows. So a
    longer horizon never has a narrower spread. The degrees of freedom it forecasts outright.

    The loss is the negative log-likelihood (the log score) plus what `Horizons` adds.

    Args:
        horizons: Candles ahead, rising.
    """

    def __init__(self, horizons: Sequence[int]) -> None:
        super().__init__()
        self.horizons = Horizons(horizons)

    @property
    def outputs(self) -> int:
        """How many values a network has to give."""
        return 4 * self.horizons.count

    def spread(self, outputs: Tensor) -> Spread:
        """What outputs of shape [..., outputs] say, per horizon."""
        location, scale, degrees, variance = outputs.chunk(4, dim=-1)
        return Spread(
            self.horizons.location(location),
            self.horizons.growing(2 * scale).sqrt(),
            FEWEST_DEGREES + nn.functional.softplus(degrees).clamp(max=_MOST_DEGREES),
            self.horizons.growing(variance),
        )

    def says(self, outputs: Tensor) -> Said:
        """What outputs of shape [origins, outputs] say."""
        location, scale, degrees, variance = (floats(each) for each in self.spread(outputs))
        return Said(StudentT(location, scale, degrees), variance)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss; see `Head`."""
        came, spread = self.horizons.came(targets), self.spread(outputs)
        return self.horizons.mean(_surprise(came.returns, spread), spread.variance, came)


def _surprise(returns: Tensor, spread: Spread) -> Tensor:
    """The negative log-density of Student's t."""
    degrees = spread.degrees
    half = (degrees + 1) / 2
    constant = torch.lgamma(half) - torch.lgamma(degrees / 2) - 0.5 * torch.log(degrees * math.pi)
    errors = (returns - spread.location) / spread.scale
    return spread.scale.log() - constant + half * torch.log1p(errors**2 / degrees)
