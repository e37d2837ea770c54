"""`NormalMixture`: several normal distributions, each with a share; skewed or with two peaks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import special

from candlecast.distributions.distribution import SMALLEST_SCALE, Floats, half_bands

_PARTS = ("weight", "centre", "spread")
_MOST_STEPS = 200  # each halves the bracket, or the step before it
_NEAR_ENOUGH = 1e-13  # of the bracket that the search began with
_DIGITS = 4 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class NormalMixture:
    """A mixture of normal distributions of the log return from each origin to each horizon.

    Attributes:
        weights: The components' shares, which add up to 1; shape [origins, horizons, components].
        locations: Their means; likewise.
        scales: Their standard deviations, above 0; likewise.
    """

    weights: Floats
    locations: Floats
    scales: Floats

    @property
    def location(self) -> Floats:
        """The mean."""
        return np.asarray((self.weights * self.locations).sum(axis=-1))

    @cached_property
    def median(self) -> Floats:
        """As much lies below as above."""
        return self._quantile(0.5)

    @property
    def width(self) -> Floats:
        """The standard deviation."""
        apart = self.locations - self.location[..., None]
        return np.asarray(np.sqrt((self.weights * (self.scales**2 + apart**2)).sum(axis=-1)))

    def take(self, places: NDArray[Any]) -> Self:
        """The distribution at some of its origins, named by place or by a mask."""
        return type(self)(*(part[places] for part in self._parts))

    def at_horizon(self, place: int) -> Self:
        """The distribution at one of its horizons; arrays are views of [origins, components]."""
        return type(self)(*(part[:, place] for part in self._parts))

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Log returns below which the distribution has a share; [origins, horizons, levels].

        They have no closed form, and are searched for: by Newton's steps on the cdf where these
        stay within what is known so far and shrink, by halving where not.
        """
        return np.stack([self._quantile(level) for level in levels], axis=-1)

    def reaches(self, levels: Sequence[float]) -> tuple[Floats, Floats]:
        """How far central bands reach below and above the median."""
        return half_bands(self, levels)

    def cdf(self, returns: Floats) -> Floats:
        """The share of the distribution below what came."""
        return np.asarray((self.weights * special.ndtr(self._standard(returns))).sum(axis=-1))

    def log_density(self, returns: Floats) -> Floats:
        """The log of the density at what came, per unit of log return."""
        log_normal = -0.5 * self._standard(returns) ** 2 - np.log(self.scales)
        with np.errstate(divide="ignore"):  # a component may have no share at all
            terms = np.log(self.weights) + log_normal
        return np.asarray(special.logsumexp(terms, axis=-1) - 0.5 * math.log(2 * math.pi))

    def crps(self, returns: Floats) -> Floats:
        """The continuous ranked probability score, in log return.

        The closed form of Grimit, Gneiting, Berrocal and Johnson (2006), "The continuous ranked
        probability score for circular variables and its application to mesoscale forecast ensemble
        verification", equation 5.
        """
        weights, locations, scales = self._parts
        away = _mean_distance(returns[..., None] - locations, scales)
        apart = _mean_distance(
            locations[..., :, None] - locations[..., None, :],
            np.hypot(scales[..., :, None], scales[..., None, :]),
        )
        within = (weights[..., :, None] * weights[..., None, :] * apart).sum(axis=(-2, -1))
        return np.asarray((weights * away).sum(axis=-1) - within / 2)

    def moved(self, shift: Floats | float, factor: Floats | float) -> Self:
        """The distribution of shift + factor * X; no scale falls below `SMALLEST_SCALE`."""
        shift, factor = np.asarray(shift)[..., None], np.asarray(factor)[..., None]
        scales = np.maximum(factor * self.scales, SMALLEST_SCALE)
        return type(self)(self.weights, shift + factor * self.locations, scales)

    def centred_at(self, location: Floats) -> Self:
        """The same with another mean."""
        return self.moved(location - self.location, 1.0)

    def columns(self) -> dict[str, Floats]:
        """`weight_1`, `centre_1`, `spread_1`, and so on for each component."""
        parts = zip(_PARTS, self._parts, strict=True)
        return {
            f"{name}_{component + 1}": values[..., component]
            for name, values in parts
            for component in range(values.shape[-1])
        }

    @classmethod
    def from_columns(cls, location: Floats, columns: Mapping[str, Floats]) -> Self | None:
        """From a weight, a centre and a spread of each component; None without any."""
        del location  # the components have their own
        count = sum(name.startswith("weight_") for name in columns)
        names = [[f"{part}_{component + 1}" for component in range(count)] for part in _PARTS]
        if not count or not set().union(*names) <= set(columns):
            return None
        return cls(*(np.stack([columns[name] for name in part], axis=-1) for part in names))

    def _standard(self, returns: Floats) -> Floats:
        return np.asarray((returns[..., None] - self.locations) / self.scales)

    def _quantile(self, level: float) -> Floats:
        """One quantile; it lies between the smallest and the largest of the components'."""
        each = self.locations + self.scales * special.ndtri(level)
        low, high = each.min(axis=-1).ravel(), each.max(axis=-1).ravel()
        parts = [part.reshape(-1, part.shape[-1]) for part in self._parts]
        near = np.maximum(_NEAR_ENOUGH * (high - low), _DIGITS * np.maximum(abs(low), abs(high)))
        found, move = (low + high) / 2, high - low
        left = np.flatnonzero(move > near)
        for _ in range(_MOST_STEPS):
            if not len(left):
                break
            weights, locations, scales = (part[left] for part in parts)
            place = found[left]
            standard = (place[:, None] - locations) / scales
            over = (weights * special.ndtr(standard)).sum(axis=-1) - level
            low[left] = np.where(over < 0, place, low[left])
            high[left] = np.where(over < 0, high[left], place)
            density = (weights * np.exp(-0.5 * standard**2) / scales).sum(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                newton = -over * math.sqrt(2 * math.pi) / density
            follows = (low[left] <= place + newton) & (place + newton <= high[left])
            follows &= np.abs(newton) < np.abs(move[left]) / 2
            move[left] = np.where(follows, newton, (low[left] + high[left]) / 2 - place)
            found[left] += move[left]
            left = left[np.abs(move[left]) > near[left]]
        return np.asarray(found.reshape(each.shape[:-1]))

    @property
    def _parts(self) -> tuple[Floats, Floats, Floats]:
        return self.weights, self.locations, self.scales


def _mean_distance(centre: Floats, scale: Floats) -> Floats:
    """The mean of the absolute value of a normal variable."""
    standard = centre / scale
    density = np.exp(-0.5 * standard**2) / math.sqrt(2 * math.pi)
    return np.asarray(2 * scale * density + centre * (2 * special.ndtr(standard) - 1))
