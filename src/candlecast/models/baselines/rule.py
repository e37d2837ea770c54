"""`Rule`: what a baseline says of the next log returns. One module of this folder has one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from candlecast.distributions import Floats
from candlecast.models.baselines.returns import Returns

Parameters = Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of the log return from each row to each horizon.

    Attributes:
        location: Shape [rows, horizons], or broadcast to it.
        variance: Above 0, up to a factor for each horizon, which is fitted; shape [rows, horizons],
            or broadcast to it.
    """

    location: Floats
    variance: Floats


class Rule(Protocol):
    """What each module of this folder has."""

    def fit(self, returns: Returns, rows: range, horizons: Sequence[int]) -> dict[str, Floats]:
        """Learn from some rows, and from no others; what was learned, by name.

        Raises:
            CandlecastError: If the rows do not tell, or a fit does not converge.
        """
        ...

    def moments(self, learned: Parameters, returns: Returns, horizons: Sequence[int]) -> Moments:
        """Mean and variance at every row, each from that row and those before it."""
        ...
