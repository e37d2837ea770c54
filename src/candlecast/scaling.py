"""Scalers: fitted on training rows only, applied anywhere, inverted exactly.

Every scaler here is affine, ``scaled = value * scale + shift`` for each column, so one class holds
what was learned and the ways to learn it are functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from candlecast.errors import InputError

ScalerName = Literal["minmax", "standard"]


class Scaler(BaseModel):
    """A fitted affine scaler.

    Attributes:
        columns: The columns' names.
        scale: The factor of each column.
        shift: What is added to each column after the factor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    columns: tuple[str, ...]
    scale: tuple[float, ...]
    shift: tuple[float, ...]

    @model_validator(mode="after")
    def _one_number_a_column(self) -> Scaler:
        if not len(self.columns) == len(self.scale) == len(self.shift):
            raise ValueError("a scaler needs one scale and one shift for each column")
        if 0.0 in self.scale:
            raise ValueError("a scale of 0 cannot be undone")
        return self

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale values of shape [rows, columns]."""
        return values * self._array("scale") + self._array("shift")

    def inverse(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undo `transform`; shape [rows, columns]."""
        return (scaled - self._array("shift")) / self._array("scale")

    def repeat(self, column: str, times: int) -> Scaler:
        """The scaler of one column, for a matrix that holds that column several times."""
        place = self.columns.index(column)
        return Scaler(
            columns=(column,) * times,
            scale=(self.scale[place],) * times,
            shift=(self.shift[place],) * times,
        )

    def _array(self, name: Literal["scale", "shift"]) -> NDArray[np.float64]:
        return np.asarray(getattr(self, name), dtype=np.float64)


def fit_minmax(values: NDArray[np.float64], columns: Sequence[str]) -> Scaler:
    """Map each column's smallest value to -1 and its largest to 1.

    Args:
        values: The training rows, shape [rows, columns].
        columns: The columns' names.

    Raises:
        InputError: If a column is constant, for then the map divides by zero.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    _refuse_constant(columns, low, high)
    with np.errstate(over="ignore", invalid="ignore"):
        scale = 2.0 / (high - low)
        shift = -1.0 - low * scale
    return _fitted(columns, scale, shift)


def fit_standard(
    values: NDArray[np.float64], columns: Sequence[str], *, constant: bool = False
) -> Scaler:
    """Map each column to mean 0 and (population) standard deviation 1.

    Args:
        values: The training rows, shape [rows, columns].
        columns: The columns' names.
        constant: Whether a column may be constant (the mark of a month's end, in a week): then it
            is only moved to 0.

    Raises:
        InputError: If a column is constant and may not be, for then the map divides by zero.
    """
    low, high = values.min(axis=0), values.max(axis=0)
    if not constant:
        _refuse_constant(columns, low, high)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        scale = 1.0 / np.where(low == high, 1.0, values.std(axis=0))
        shift = -values.mean(axis=0) * scale
    return _fitted(columns, scale, shift)


SCALERS: dict[ScalerName, Callable[[NDArray[np.float64], Sequence[str]], Scaler]] = {
    "minmax": fit_minmax,
    "standard": fit_standard,
}


def _fitted(
    columns: Sequence[str], scale: NDArray[np.float64], shift: NDArray[np.float64]
) -> Scaler:
    extreme = np.flatnonzero(~np.isfinite(scale) | ~np.isfinite(shift) | (scale == 0))
    if extreme.size:
        raise InputError(
            f"'{columns[int(extreme[0])]}' spans too much or too little in the training rows to be "
            "scaled. Leave it out of the recipe's features, or correct the candles."
        )
    return Scaler(columns=tuple(columns), scale=tuple(scale.tolist()), shift=tuple(shift.tolist()))


def _refuse_constant(
    columns: Sequence[str], low: NDArray[np.float64], high: NDArray[np.float64]
) -> None:
    constant = np.flatnonzero(low == high)
    if constant.size:
        column = int(constant[0])
        raise InputError(
            f"'{columns[column]}' is {low[column]:g} in every training row, so it cannot be "
            "scaled (that would divide by zero). Leave it out of the recipe's features, or train "
            "on a longer span."
        )
