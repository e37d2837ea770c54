"""`StudentT`: a distribution with fat tails where its degrees of freedom are few.

It is all but normal where they are many, so one family serves every baseline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from candlecast.distributions.distribution import SMALLEST_SCALE, Floats

FEWEST_DEGREES = 2.05
"""Of freedom: with 2 or fewer a variance does not exist."""

MOST_DEGREES = 1e4
"""Of freedom: from here on it is a normal distribution for every purpose."""

_ENOUGH_VALUES = 400_000
"""To fit two numbers to: of more, one in so many is taken."""


@dataclass(frozen=True, eq=False)
class StudentT:
    """Student's t of the log return from each origin to each horizon.

    Attributes:
        location: Its centre; shape [origins, horizons].
        scale: Its width, above 0 (not the standard deviation); shape [origins, horizons].
        degrees: Of freedom, above 2; shape [origins, horizons], or broadcast to it.
    """

    location: Floats
    scale: Floats
    degrees: Floats

    @property
    def median(self) -> Floats:
        """The location."""
        return self.location

    @property
    def width(self) -> Floats:
        """The scale."""
        return self.scale

    def take(self, places: NDArray[Any]) -> Self:
        """The distribution at some of its origins, named by place or by a mask."""
        return type(self)(*(each[places] for each in self._whole))

    def at_horizon(self, place: int) -> Self:
        """The distribution at one of its horizons; arrays are views of [origins]."""
        return type(self)(*(each[:, place] for each in self._whole))

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Log returns below which the distribution has a share; shape [origins, horizons, levels].

        Args:
            levels: Shares, between 0 and 1.
        """
        # The costly part, once for each number of degrees: most models have but one a horizon.
        degrees, place = np.unique(self.degrees, return_inverse=True)
        place = place.reshape(self.degrees.shape)  # which it has from numpy 2 on by itself
        standard = special.stdtrit(degrees[:, None], np.asarray(levels))[place]
        return np.asarray(self.location[..., None] + self.scale[..., None] * standard)

    def reaches(self, levels: Sequence[float]) -> tuple[Floats, Floats]:
        """How far central bands reach below and above: as far below as above."""
        above = self.quantiles(levels) - self.location[..., None]
        return above, above

    def cdf(self, returns: Floats) -> Floats:
        """The share of the distribution below what came (the PIT); shape [origins, horizons]."""
        return np.asarray(special.stdtr(self.degrees, self._standard(returns)))

    def log_density(self, returns: Floats) -> Floats:
        """The log of the density at what came, per unit of log return; [origins, horizons]."""
        half = (self.degrees + 1) / 2
        constant = special.gammaln(half) - special.gammaln(self.degrees / 2)
        constant = constant - 0.5 * np.log(self.degrees * math.pi)
        kernel = half * np.log1p(self._standard(returns) ** 2 / self.degrees)
        return np.asarray(constant - np.log(self.scale) - kernel)

    def crps(self, returns: Floats) -> Floats:
        """The continuous ranked probability score, in log return; shape [origins, horizons].

        The closed form of Jordan, Krüger and Lerch (2019), "Evaluating probabilistic forecasts with
        scoringRules".
        """
        z, nu = self._standard(returns), self.degrees
        below = special.stdtr(nu, z)
        density = np.exp(
            special.gammaln((nu + 1) / 2)
            - special.gammaln(nu / 2)
            - 0.5 * np.log(nu * math.pi)
            - (nu + 1) / 2 * np.log1p(z**2 / nu)
        )
        ratio = np.exp(special.betaln(0.5, nu - 0.5) - 2 * special.betaln(0.5, nu / 2))
        standard = (
            z * (2 * below - 1)
            + 2 * density * (nu + z**2) / (nu - 1)
            - 2 * np.sqrt(nu) / (nu - 1) * ratio
        )
        return np.asarray(self.scale * standard)

    def moved(self, shift: Floats | float, factor: Floats | float) -> Self:
        """The distribution of shift + factor * X; its scale is kept above `SMALLEST_SCALE`."""
        scale = np.maximum(factor * self.scale, SMALLEST_SCALE)
        return type(self)(np.asarray(shift + factor * self.location), scale, self.degrees)

    def centred_at(self, location: Floats) -> Self:
        """The same around another location."""
        return type(self)(location, self.scale, self.degrees)

    def columns(self) -> dict[str, Floats]:
        """`scale` and `degrees`."""
        return {"scale": self.scale, "degrees": self.degrees}

    @classmethod
    def from_columns(cls, location: Floats, columns: Mapping[str, Floats]) -> Self | None:
        """From `scale` and `degrees`; None if they are not there."""
        if not {"scale", "degrees"} <= set(columns):
            return None
        return cls(location, columns["scale"], columns["degrees"])

    @property
    def _whole(self) -> tuple[Floats, Floats, Floats]:
        """Location, scale and degrees, each of the location's shape."""
        scale, degrees = np.broadcast_arrays(self.scale, self.degrees, self.location)[:2]
        return self.location, scale, degrees

    def _standard(self, returns: Floats) -> Floats:
        return np.asarray((returns - self.location) / self.scale)


def fit_student_t(values: Floats) -> tuple[float, float]:
    """Scale and degrees of freedom of Student's t around 0, by maximum likelihood.

    Args:
        values: Finite; shape [n].

    Returns:
        Scale and degrees. Where the values are equal or all but a few of them are 0, the likelihood
        has no maximum; so the scale is kept above a thousandth of the values' root mean square and
        `SMALLEST_SCALE`, and the degrees between `FEWEST_DEGREES` and `MOST_DEGREES`.
    """
    values = values[:: 1 + len(values) // _ENOUGH_VALUES]
    spread = math.sqrt(float(np.mean(values**2)))
    if spread <= SMALLEST_SCALE:
        return SMALLEST_SCALE, MOST_DEGREES
    squares = (values / spread) ** 2

    def loss(parameters: Floats) -> float:
        scale, degrees = math.exp(parameters[0]), 2 + math.exp(parameters[1])
        constant = special.gammaln((degrees + 1) / 2) - special.gammaln(degrees / 2)
        constant -= 0.5 * math.log(degrees * math.pi)
        kernel = (degrees + 1) / 2 * float(np.mean(np.log1p(squares / (degrees * scale**2))))
        return float(parameters[0] - constant + kernel)

    found = optimize.minimize(
        loss,
        x0=np.array([math.log(0.7), math.log(2.0)]),
        method="L-BFGS-B",
        bounds=[
            (math.log(1e-3), math.log(1e3)),
            (math.log(FEWEST_DEGREES - 2), math.log(MOST_DEGREES)),
        ],
    )
    scale, degrees = np.exp(found.x)  # where it stops for want of precision, it is as good
    return max(float(scale) * spread, SMALLEST_SCALE), 2 + float(degrees)
