"""`Head`: what a forecaster asks of one, and what all of them do alike.

Whatever distribution a head forecasts, it also forecasts the realised variance, what it says of a
horizon goes on from the horizon before, and its loss weighs the horizons alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn

from candlecast.distributions import Distribution, Floats

_WIDEST = 5.0  # of a log scale: between e**-5 and e**5 times the volatility known at the origin
_WIDEST_REALISED = 1e3  # times that variance: one wild hour must not rule the fit
_REALISED_WEIGHT = 0.1  # of the realised variance's loss beside the return's


class Said(NamedTuple):
    """What a head makes of a network's outputs, in units of the volatility known at the origin.

    Attributes:
        spread: The distribution of the return, at each origin and horizon.
        variance: The realised variance, rising with the horizon; shape [origins, horizons].
    """

    spread: Distribution
    variance: Floats


class Head(Protocol):
    """Turns a network's outputs into distributions, and tells how well they fit what came.

    It is a module without weights, made for some horizons. The first output moves the location of
    the first horizon, and with it all others, by as much: a linear forecast is added to it.
    """

    @property
    def outputs(self) -> int:
        """How many values a network has to give."""
        ...

    def says(self, outputs: Tensor) -> Said:
        """What outputs of shape [origins, outputs] say."""
        ...

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss.

        Args:
            outputs: Shape [..., outputs].
            targets: The returns, then the realised variances, in units of the volatility; NaN where
                unknown; shape [..., 2 * horizons], without the leading axes that are only in
                `outputs`.

        Returns:
            A scalar; 0, without a gradient, where nothing is known.
        """
        ...

    def cpu(self) -> Self:
        """Bring it back from the device that it was trained on."""
        ...


class Came(NamedTuple):
    """What came, as a loss takes it; shape [..., horizons] each.

    Attributes:
        returns: 0 where unknown.
        realised: The realised variance; likewise.
        known: Whether both are known.
    """

    returns: Tensor
    realised: Tensor
    known: Tensor


class Horizons(nn.Module):
    """What every head does alike with its horizons.

    A horizon's weight in the loss is 1 over its length, since the spans of neighbouring origins
    overlap and tell the same thing again.

    Args:
        horizons: Candles ahead, rising.
    """

    def __init__(self, horizons: Sequence[int]) -> None:
        super().__init__()
        steps = torch.tensor(horizons, dtype=torch.float32)
        self.count = len(horizons)
        self.register_buffer("steps", steps, persistent=False)
        self.register_buffer("gaps", steps.diff(prepend=torch.zeros(1)), persistent=False)
        self.register_buffer("weights", steps[0] / steps, persistent=False)
        up_to = torch.ones(len(steps), len(steps)).triu()
        self.register_buffer("up_to", up_to, persistent=False)

    steps: Tensor
    gaps: Tensor
    weights: Tensor
    up_to: Tensor  # sums over the horizons; a GPU's own cumulative sum is not deterministic

    def location(self, values: Tensor) -> Tensor:
        """How far the return goes, from how far it goes after the horizon before."""
        return (self.gaps.sqrt() * values) @ self.up_to

    def growing(self, values: Tensor) -> Tensor:
        """A variance that rises with the horizon, from the log of how much it grows a candle."""
        return (self.gaps * _positive(values)) @ self.up_to

    def came(self, targets: Tensor) -> Came:
        """What came, from targets as a head's loss gets them."""
        returns, realised = targets.chunk(2, dim=-1)
        known = returns.isfinite() & realised.isfinite()
        realised = realised.nan_to_num().minimum(_WIDEST_REALISED * self.steps)
        return Came(returns.nan_to_num(), realised, known)

    def mean(self, surprise: Tensor, variance: Tensor, came: Came) -> Tensor:
        """The loss of all that is known: that of the returns, and a tenth of QLIKE (Patton, 2011).

        Args:
            surprise: The loss of each return; shape [..., horizons].
            variance: The realised variance that was forecast; likewise.
            came: What came; without the leading axes that are only in the others.
        """
        qlike = variance.log() + came.realised / variance
        losses = surprise + _REALISED_WEIGHT * qlike
        weights = self.weights * came.known
        return (losses * weights).sum() / (weights.expand(losses.shape).sum().clamp(min=1e-9))


def _positive(values: Tensor) -> Tensor:
    return values.clamp(-2 * _WIDEST, 2 * _WIDEST).exp()


def floats(values: Tensor) -> Floats:
    """A tensor as an array of 64 bits."""
    array: Floats = values.double().numpy()
    return array
