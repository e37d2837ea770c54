"""Student's t of the return to each horizon, and the realised variance on the way there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from candlecast.distributions import FEWEST_DEGREES

_MOST_DEGREES = 200.0  # of freedom: all but normal, and no loss of digits in the loss
_WIDEST = 5.0  # of a log scale: between e**-5 and e**5 times the volatility known at the origin
_WIDEST_REALISED = 1e3  # times that variance: one wild hour must not rule the fit
_REALISED_WEIGHT = 0.1  # of the realised variance's loss beside the return's


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

    The loss is the negative log-likelihood (the log score) plus a tenth of QLIKE of the realised
    variance (Patton, 2011). A horizon's weight is 1 over its length, since the spans of
    neighbouring origins overlap and tell the same thing again.

    Args:
        horizons: Candles ahead, rising.
    """

    def __init__(self, horizons: Sequence[int]) -> None:
        super().__init__()
        steps = torch.tensor(horizons, dtype=torch.float32)
        self.horizons = len(horizons)
        self.register_buffer("steps", steps, persistent=False)
        self.register_buffer("gaps", steps.diff(prepend=torch.zeros(1)), persistent=False)
        self.register_buffer("weights", steps[0] / steps, persistent=False)
        up_to = torch.ones(len(steps), len(steps)).triu()
        self.register_buffer("up_to", up_to, persistent=False)

    steps: Tensor
    gaps: Tensor
    weights: Tensor
    up_to: Tensor  # sums over the horizons; a GPU's own cumulative sum is not deterministic

    @property
    def outputs(self) -> int:
        """How many values a network has to give."""
        return 4 * self.horizons

    def spread(self, outputs: Tensor) -> Spread:
        """What outputs of shape [..., outputs] say, per horizon."""
        location, scale, degrees, variance = outputs.chunk(4, dim=-1)
        return Spread(
            (self.gaps.sqrt() * location) @ self.up_to,
            ((self.gaps * _positive(2 * scale)) @ self.up_to).sqrt(),
            FEWEST_DEGREES + nn.functional.softplus(degrees).clamp(max=_MOST_DEGREES),
            (self.gaps * _positive(variance)) @ self.up_to,
        )

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss.

        Args:
            outputs: Shape [..., outputs].
            targets: The returns, then the realised variances, in units of the volatility; NaN where
                unknown; shape [..., 2 * horizons], without the leading axes that are only in
                `outputs`.
        """
        returns, realised = targets.chunk(2, dim=-1)
        known = returns.isfinite() & realised.isfinite()
        realised = realised.nan_to_num().minimum(_WIDEST_REALISED * self.steps)
        spread = self.spread(outputs)
        qlike = spread.variance.log() + realised / spread.variance
        losses = _surprise(returns.nan_to_num(), spread) + _REALISED_WEIGHT * qlike
        weights = self.weights * known
        return (losses * weights).sum() / (weights.expand(losses.shape).sum().clamp(min=1e-9))


def _positive(values: Tensor) -> Tensor:
    return values.clamp(-2 * _WIDEST, 2 * _WIDEST).exp()


def _surprise(returns: Tensor, spread: Spread) -> Tensor:
    """The negative log-density of Student's t."""
    degrees = spread.degrees
    half = (degrees + 1) / 2
    constant = torch.lgamma(half) - torch.lgamma(degrees / 2) - 0.5 * torch.log(degrees * math.pi)
    errors = (returns - spread.location) / spread.scale
    return spread.scale.log() - constant + half * torch.log1p(errors**2 / degrees)
