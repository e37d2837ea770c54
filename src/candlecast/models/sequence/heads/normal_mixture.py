"""A mixture of normal distributions of the return to each horizon, and the realised variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from candlecast.distributions import NormalMixture
from candlecast.models.sequence.heads.head import Horizons, Said, floats

COMPONENTS = 3
_WIDEST = 2.0  # of the log of a component's scale beside the others
_FARTHEST = 3.0  # that a component lies from the centre, before all are brought to one variance
_APART = 0.7  # in the log of the scale, from one component to the next, before anything is learned
_WIDEST_RETURN = 50.0  # volatilities of the whole span: normal tails would let one minute rule all


class Mixture(NamedTuple):
    """The head's outputs in units of the volatility known at the origin.

    Attributes:
        weights: The log of the components' shares; shape [..., horizons, components].
        locations: Their means; likewise.
        scales: Their standard deviations; likewise.
        variance: The realised variance, rising with the horizon; shape [..., horizons].
    """

    weights: Tensor
    locations: Tensor
    scales: Tensor
    variance: Tensor


class NormalMixtureHead(nn.Module):
    """Turns a network's outputs into mixtures, and tells how well they fit what came.

    For each horizon, and from the horizon before it on, a network forecasts how far the mean return
    goes, how much the return's variance grows, and how much the realised variance grows. The shape
    it forecasts outright: shares, places and scales of three components, brought to mean 0 and
    variance 1. So the variance of a longer horizon is never the smaller one, and no component is so
    narrow that the likelihood has no bound.

    The loss is the negative log-likelihood (a mixture density network: Bishop, 1994) plus what
    `Horizons` adds.

    Args:
        horizons: Candles ahead, rising.
    """

    def __init__(self, horizons: Sequence[int]) -> None:
        super().__init__()
        self.horizons = Horizons(horizons)
        self.register_buffer("farthest", _WIDEST_RETURN * self.horizons.steps.sqrt(), False)
        begin = _APART * (torch.arange(COMPONENTS) - (COMPONENTS - 1) / 2)
        self.register_buffer("begin", begin, persistent=False)

    farthest: Tensor
    begin: Tensor  # narrow, middling and wide: components that are alike would learn alike

    @property
    def outputs(self) -> int:
        """How many values a network has to give."""
        return (3 + 3 * COMPONENTS) * self.horizons.count

    def mixture(self, outputs: Tensor) -> Mixture:
        """What outputs of shape [..., outputs] say, per horizon."""
        count = self.horizons.count
        location, scale, variance, shape = outputs.split([count] * 3 + [3 * COMPONENTS * count], -1)
        shares, places, widths = shape.unflatten(-1, (3, count, COMPONENTS)).unbind(-3)
        weights = shares.log_softmax(-1)
        scales = (_WIDEST * torch.tanh((self.begin + widths) / _WIDEST)).exp()
        places = _FARTHEST * torch.tanh(places / _FARTHEST)
        share = weights.exp()
        places = places - (share * places).sum(-1, keepdim=True)
        whole = (share * (scales**2 + places**2)).sum(-1, keepdim=True).sqrt()
        unit = self.horizons.growing(2 * scale).sqrt()[..., None] / whole
        centre = self.horizons.location(location)[..., None]
        return Mixture(
            weights, centre + unit * places, unit * scales, self.horizons.growing(variance)
        )

    def says(self, outputs: Tensor) -> Said:
        """What outputs of shape [origins, outputs] say."""
        weights, locations, scales, variance = (floats(each) for each in self.mixture(outputs))
        shares = np.exp(weights)
        shares /= shares.sum(axis=-1, keepdims=True)  # to 1 in 64 bits too
        return Said(NormalMixture(shares, locations, scales), variance)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss; see `Head`."""
        came, mixture = self.horizons.came(targets), self.mixture(outputs)
        returns = came.returns.clamp(-self.farthest, self.farthest)
        return self.horizons.mean(_surprise(returns, mixture), mixture.variance, came)


def _surprise(returns: Tensor, mixture: Mixture) -> Tensor:
    """The negative log-density."""
    errors = (returns[..., None] - mixture.locations) / mixture.scales
    each = mixture.weights - mixture.scales.log() - 0.5 * errors**2
    return 0.5 * math.log(2 * math.pi) - each.logsumexp(-1)
