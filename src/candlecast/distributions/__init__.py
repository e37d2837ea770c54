"""Distributions of a log return, and what a score needs of them.

To add a family, write its file as `Distribution` asks, and add its line to `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Mapping

from candlecast.distributions.distribution import SMALLEST_SCALE, Distribution, Floats
from candlecast.distributions.normal_mixture import NormalMixture
from candlecast.distributions.quantile_function import QuantileFunction
from candlecast.distributions.student_t import (
    FEWEST_DEGREES,
    MOST_DEGREES,
    StudentT,
    fit_student_t,
)

__all__ = [
    "FAMILIES",
    "FEWEST_DEGREES",
    "MOST_DEGREES",
    "SMALLEST_SCALE",
    "Distribution",
    "Floats",
    "NormalMixture",
    "QuantileFunction",
    "StudentT",
    "distribution_from",
    "fit_student_t",
]

FAMILIES: tuple[type[StudentT] | type[NormalMixture] | type[QuantileFunction], ...] = (
    StudentT,
    NormalMixture,
    QuantileFunction,
)


def distribution_from(location: Floats, columns: Mapping[str, Floats]) -> Distribution | None:
    """The distribution again, from what its `columns` gave, whichever family it is of.

    Args:
        location: The log return to the point forecast; shape [origins, horizons].
        columns: By name, each of that shape; those of no family do no harm.

    Returns:
        None if they are of no family.
    """
    made = (family.from_columns(location, columns) for family in FAMILIES)
    return next((each for each in made if each is not None), None)
