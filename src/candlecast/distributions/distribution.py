"""`Distribution`: what a score, the bands and the report ask of a distribution of log returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST_SCALE = 1e-9
"""Of a log return: a market that never moves still gets a distribution."""


class Distribution(Protocol):
    """Of the log return from each origin to each horizon.

    The shapes are those of a distribution at all horizons. One that `at_horizon` picked has no axis
    for them: where it says [origins, horizons], its arrays are [origins].
    """

    @property
    def location(self) -> Floats:
        """Its centre, to which the point forecast goes; shape [origins, horizons]."""
        ...

    @property
    def median(self) -> Floats:
        """As much lies below as above; shape [origins, horizons]."""
        ...

    @property
    def width(self) -> Floats:
        """How wide it is, in log return, above 0; shape [origins, horizons].

        Each family has its own measure, to compare one origin with another.
        """
        ...

    def take(self, places: NDArray[Any]) -> Self:
        """The distribution at some of its origins, named by place or by a mask."""
        ...

    def at_horizon(self, place: int) -> Self:
        """The distribution at one of its horizons, by its place; arrays are views of [origins]."""
        ...

    def quantiles(self, levels: Sequence[float]) -> Floats:
        """Log returns below which the distribution has a share; shape [origins, horizons, levels].

        Args:
            levels: Shares, between 0 and 1.
        """
        ...

    def reaches(self, levels: Sequence[float]) -> tuple[Floats, Floats]:
        """How far central bands reach below and above the median; [origins, horizons, levels] each.

        Args:
            levels: The shares below the bands' upper ends, above one half.
        """
        ...

    def cdf(self, returns: Floats) -> Floats:
        """The share of the distribution below what came (the PIT); shape [origins, horizons]."""
        ...

    def log_density(self, returns: Floats) -> Floats:
        """The log of the density at what came, per unit of log return; [origins, horizons]."""
        ...

    def crps(self, returns: Floats) -> Floats:
        """The continuous ranked probability score, in log return; shape [origins, horizons]."""
        ...

    def moved(self, shift: Floats | float, factor: Floats | float) -> Self:
        """The distribution of shift + factor * X, if X has this one.

        It never gets so narrow that it is none; see `SMALLEST_SCALE`.

        Args:
            shift: Broadcast to [origins, horizons].
            factor: Above 0; likewise.
        """
        ...

    def centred_at(self, location: Floats) -> Self:
        """The same distribution around another location; shape [origins, horizons]."""
        ...

    def columns(self) -> dict[str, Floats]:
        """What `forecasts.parquet` needs beside the location; each broadcasts to its shape."""
        ...

    @classmethod
    def from_columns(cls, location: Floats, columns: Mapping[str, Floats]) -> Self | None:
        """The distribution again; None if the columns are of another family."""
        ...


def half_bands(spread: Distribution, levels: Sequence[float]) -> tuple[Floats, Floats]:
    """`Distribution.reaches` of one that may be wider on one side, from its quantiles."""
    median = spread.median[..., None]
    return (
        np.asarray(median - spread.quantiles([1 - level for level in levels])),
        np.asarray(spread.quantiles(levels) - median),
    )
