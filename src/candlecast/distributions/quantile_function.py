"""`QuantileFunction`: a distribution of any shape, told by its quantiles at fixed levels.

Between two levels it is linear. Beyond the outermost it goes on with an exponential tail, whose
density begins where the outermost piece's ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from candlecast.distributions.distribution import SMALLEST_SCALE, Floats, half_bands

LEVELS = (
    *(0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5),
    *(0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99),
)
"""Shares below the quantiles; those that bands end at and the median are among them."""

_SHARES: Floats = np.array(LEVELS)
_BETWEEN: Floats = np.diff(_SHARES)
_SMALLEST_GAPS: Floats = SMALLEST_SCALE * _BETWEEN
_MIDDLE = LEVELS.index(0.5)
_QUARTERS = LEVELS.index(0.25), LEVELS.index(0.75)
_NAMES = tuple(f"level_{level:g}" for level in LEVELS)


@dataclass(frozen=True, eq=False)
class QuantileFunction:
    """The log return from each origin to each horizon, by its quantiles.

    Attributes:
        values: The quantiles at `LEVELS`; shape [origins, horizons, levels]. Where two of them are
            (all but) equal, or cross, they are moved apart, and the median stays where it is: so
            that the density is never above 1 / `SMALLEST_SCALE`, and is a number.
    """

    values: Floats

    def __post_init__(self) -> None:
        near = (np.diff(self.values, axis=-1) < _SMALLEST_GAPS / 2).any(axis=-1)
        if near.any():
            values, least = self.values.copy(), np.append(0.0, np.cumsum(_SMALLEST_GAPS))
            apart = np.maximum.accumulate(values[near] - least, axis=-1) + least
            raised = apart[:, [_MIDDLE]] - values[near][:, [_MIDDLE]]
            values[near] = apart - raised
            object.__setattr__(self, "values", values)

    @property
    def location(self) -> Floats:
        """The median."""
        return self.median

    @property
    def median(self) -> Floats:
        """As much lies below as above."""
        return np.asarray(self.values[..., _MIDDLE])

    @property
    def width(self) -> Floats:
        """Half the distance between the quarters."""
        lower, upper = _QUARTERS
        return np.asarray((self.values[..., upper] - self.values[..., lower]) / 2)

    def take(self, places: NDArray[Any]) -> Self:
        """The distribution at some of its origins, named by place or by a mask."""
        return type(self)(self.values[places])

    def at_horizon(self, place: int) -> Self:
        """The distribution at one of its horizons; its values are a view of [origins, levels]."""
        return type(self)(self.values[:, place])

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Log returns below which the distribution has a share; [origins, horizons, levels]."""
        return np.stack([self._quantile(level) for level in levels], axis=-1)

    def reaches(self, levels: Sequence[float]) -> tuple[Floats, Floats]:
        """How far central bands reach below and above the median."""
        return half_bands(self, levels)

    def cdf(self, returns: Floats) -> Floats:
        """The share of the distribution below what came."""
        piece, start, density = self._piece(returns)
        within = _SHARES[piece] + (returns - start) * density
        first, last = self._tails
        below = _SHARES[0] * np.exp(np.minimum(returns - self.values[..., 0], 0.0) / first)
        above = (1 - _SHARES[-1]) * np.exp(np.minimum(self.values[..., -1] - returns, 0.0) / last)
        share = np.where(returns < self.values[..., 0], below, within)
        return np.where(returns > self.values[..., -1], 1 - above, share)

    def log_density(self, returns: Floats) -> Floats:
        """The log of the density at what came, per unit of log return."""
        _, _, density = self._piece(returns)  # in a tail that of the piece beside it
        first, last = self._tails
        beyond = np.minimum(returns - self.values[..., 0], 0.0) / first
        beyond = beyond + np.minimum(self.values[..., -1] - returns, 0.0) / last
        return np.asarray(np.log(density) + beyond)

    def crps(self, returns: Floats) -> Floats:
        """The continuous ranked probability score, in log return.

        The integral of the squared distance between the cdf and the step at what came (Matheson and
        Winkler, 1976), piece by piece: below what came of the squared cdf, above it of the squared
        rest. On a linear piece that is a third of a sum of squares, in a tail exponentials.
        """
        first, last = self._tails
        lower, upper = self.values[..., :-1], self.values[..., 1:]
        came = np.clip(returns[..., None], lower, upper)
        share = _SHARES[:-1] + (came - lower) * _BETWEEN / (upper - lower)
        pieces = (came - lower) * _mean_square(_SHARES[:-1], share)
        pieces = pieces + (upper - came) * _mean_square(1 - share, 1 - _SHARES[1:])
        return np.asarray(
            pieces.sum(axis=-1)
            + _tail_crps(self.values[..., 0] - returns, first, float(_SHARES[0]))
            + _tail_crps(returns - self.values[..., -1], last, float(1 - _SHARES[-1]))
        )

    def moved(self, shift: Floats | float, factor: Floats | float) -> Self:
        """The distribution of shift + factor * X; its quantiles keep their smallest distance."""
        shift, factor = np.asarray(shift)[..., None], np.asarray(factor)[..., None]
        return type(self)(shift + factor * self.values)

    def centred_at(self, location: Floats) -> Self:
        """The same around another median."""
        return self.moved(location - self.location, 1.0)

    def columns(self) -> dict[str, Floats]:
        """`level_0.01` to `level_0.99`: the quantiles, in log return."""
        return {name: self.values[..., place] for place, name in enumerate(_NAMES)}

    @classmethod
    def from_columns(cls, location: Floats, columns: Mapping[str, Floats]) -> Self | None:
        """From the quantiles at `LEVELS`; None if they are not there."""
        del location  # it is the median
        if not set(_NAMES) <= set(columns):
            return None
        return cls(np.stack([columns[name] for name in _NAMES], axis=-1))

    @property
    def _tails(self) -> tuple[Floats, Floats]:
        """The mean reach of the tail below and of that above."""
        gap = np.diff(self.values, axis=-1)
        return (
            np.asarray(_SHARES[0] * gap[..., 0] / _BETWEEN[0]),
            np.asarray((1 - _SHARES[-1]) * gap[..., -1] / _BETWEEN[-1]),
        )

    def _piece(self, returns: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
        """The linear piece that each return lies in, or nearest to: its place, start and density.

        Each of shape [origins, horizons].
        """
        below = np.sum(self.values <= returns[..., None], axis=-1)
        piece = np.clip(below - 1, 0, len(LEVELS) - 2)
        start, end = (
            np.take_along_axis(self.values, (piece + more)[..., None], axis=-1)[..., 0]
            for more in (0, 1)
        )
        return piece, start, _BETWEEN[piece] / (end - start)

    def _quantile(self, level: float) -> Floats:
        first, last = self._tails
        if level < _SHARES[0]:
            return np.asarray(self.values[..., 0] + first * np.log(level / _SHARES[0]))
        if level > _SHARES[-1]:
            beyond = np.log((1 - level) / (1 - _SHARES[-1]))
            return np.asarray(self.values[..., -1] - last * beyond)
        piece = min(int(np.searchsorted(_SHARES, level, side="right")) - 1, len(LEVELS) - 2)
        start, end = self.values[..., piece], self.values[..., piece + 1]
        part = (level - _SHARES[piece]) / _BETWEEN[piece]
        return np.asarray(start * (1 - part) + end * part)


def _mean_square(one: Floats, other: Floats) -> Floats:
    """Of what goes from one value to another in a straight line."""
    return np.asarray((one**2 + one * other + other**2) / 3)


def _tail_crps(beyond: Floats, reach: Floats, share: float) -> Floats:
    """A tail's part of the score.

    Args:
        beyond: How far into the tail what came lies; 0 or less where it is not in it.
        reach: The mean reach of the tail.
        share: Of the distribution in it.
    """
    beyond = np.maximum(beyond, 0.0)
    left = np.exp(-beyond / reach)  # of the tail, farther out than what came
    outer = share**2 * reach / 2 * left**2
    inner = beyond - 2 * share * reach * (1 - left) + share**2 * reach / 2 * (1 - left**2)
    return np.asarray(outer + inner)
