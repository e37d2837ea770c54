"""A linear forecast of the next return, with coefficients that follow the market's state.

Seen in a mirror, where every price p is 1/p, a market's returns change sign, and so do the inputs
that have a direction (a return, who started the trades), while the others (a volatility, the time
of day) stay as they are: they tell the *state*. A forecast without a taste for up or down is
therefore of the form::

    forecast = sum over i and j of weight[i, j] * direction[i] * state[j]      with state[0] = 1

The weights are those of a ridge regression (Hoerl and Kennard, 1970). The next return is so nearly
unpredictable that a strongly shrunk line is hard to beat, and it costs one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from candlecast.threads import one_thread

_ROWS_AT_ONCE = 1_024  # always as many: the last bits of a matrix product hang on its size
_PRECISION = 1e-5  # of the weights: far below what they can be told to
_MOST_PASSES = 500
_WIDEST_STATE = 4.0  # standard deviations: products of rare extremes must not rule the fit
_WIDEST_TARGET = 6.0
_PARITY_TOLERANCE = 1e-3


def find_directional(inputs: Tensor, mirrored: Tensor) -> Tensor:
    """Which inputs change sign in the mirror.

    Args:
        inputs: Of each row, not scaled; shape [rows, inputs].
        mirrored: The same inputs of the mirrored candles.

    Returns:
        A mask, shape [inputs]. An input that is 0 throughout has no direction.
    """
    size = inputs.abs().mean(0)
    return ((inputs + mirrored).abs().mean(0) <= _PARITY_TOLERANCE * size) & (size > 0)


@one_thread()
def fit_directional(inputs: Tensor, directional: Tensor, target: Tensor, penalty: float) -> Tensor:
    """The ridge regression's weights.

    Args:
        inputs: Scaled to a standard deviation of 1; shape [rows, inputs].
        directional: Which of them have a direction; shape [inputs].
        target: The next return over its volatility, NaN where unknown; shape [rows].
        penalty: Of a weight's square, for each row; with 1, an input that is at its usual size is
            believed half as much as least squares would.

    Returns:
        Shape [directions, 1 + states].
    """
    known = target.isfinite()
    direction, state = _parts(inputs[known], directional)
    target = target[known].clamp(-_WIDEST_TARGET, _WIDEST_TARGET)

    def normal_equations(weights: Tensor) -> Tensor:
        said = torch.sum(direction * (state @ weights.T), dim=1, keepdim=True)
        return direction.T @ (said * state) + penalty * len(target) * weights

    return _solved(normal_equations, direction.T @ (target[:, None] * state))


def _solved(matrix: Callable[[Tensor], Tensor], right: Tensor) -> Tensor:
    """The solution of linear equations by conjugate gradients (Hestenes and Stiefel, 1952).

    There are thousands of products of a direction and a state. To multiply by their matrix takes
    two passes over the rows; to write it down would take a thousand times as long.
    """
    solution, rest = torch.zeros_like(right), right.clone()
    step, size = rest, torch.sum(rest**2)
    enough = _PRECISION**2 * size
    for _ in range(_MOST_PASSES):
        if size <= enough:
            break
        image = matrix(step)
        length = size / torch.sum(step * image)
        solution, rest = solution + length * step, rest - length * image
        before, size = size, torch.sum(rest**2)
        step = rest + size / before * step
    return solution


@one_thread()
def directional_forecast(inputs: Tensor, directional: Tensor, weights: Tensor) -> Tensor:
    """The forecast at every row, in units of volatility.

    Args:
        inputs: As in `fit_directional`; shape [rows, inputs].
        directional: As in `fit_directional`.
        weights: As it returned them.

    Returns:
        Shape [rows].
    """
    missing = -len(inputs) % _ROWS_AT_ONCE
    whole = torch.nn.functional.pad(inputs, (0, 0, 0, missing))
    forecasts = []
    for rows in whole.split(_ROWS_AT_ONCE):
        direction, state = _parts(rows, directional)
        forecasts.append(torch.sum(direction * (state @ weights.T), dim=1))
    return torch.cat(forecasts)[: len(inputs)] if forecasts else inputs.new_empty(0)


def _parts(inputs: Tensor, directional: Tensor) -> tuple[Tensor, Tensor]:
    """Directions, and states with a 1 before them."""
    state = inputs[..., ~directional].clamp(-_WIDEST_STATE, _WIDEST_STATE)
    return inputs[..., directional], torch.cat([torch.ones_like(inputs[..., :1]), state], -1)
