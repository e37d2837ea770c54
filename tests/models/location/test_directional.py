"""The linear forecast finds what is planted, shrinks the rest, and cannot tell up from down."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from candlecast.candles import Candles
from candlecast.features import FEATURES, compute_features
from candlecast.models.location.directional import (
    directional_forecast,
    find_directional,
    fit_directional,
)

DIRECTIONAL = torch.tensor([True, False, True])


def planted(rows: int = 20_000, noise: float = 1.0) -> tuple[Tensor, Tensor]:
    """Returns that follow the first input where the second is high, and go against the third."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, 3, generator=generator)
    known = 0.2 * inputs[:, 0] * inputs[:, 1] - 0.1 * inputs[:, 2]
    return inputs, known + noise * torch.randn(rows, generator=generator)


def test_the_planted_coefficients_come_out() -> None:
    inputs, target = planted()
    weights = fit_directional(inputs, DIRECTIONAL, target, penalty=1e-6)
    # One row a direction: what it counts by itself, and for each unit of the state.
    np.testing.assert_allclose(weights, [[0.0, 0.2], [-0.1, 0.0]], atol=0.03)


def test_it_is_scikit_learns_ridge_regression_of_the_products() -> None:
    inputs, target = planted(rows=3_000)
    inputs, target = inputs.clamp(-3, 3), target.clamp(-5, 5)  # where nothing is cut off
    terms = np.stack(
        [
            inputs[:, 0],
            inputs[:, 0] * inputs[:, 1],
            inputs[:, 2],
            inputs[:, 2] * inputs[:, 1],
        ],
        axis=1,
    ).astype(np.float64)
    penalty = 0.7 * len(inputs)
    by_hand = np.linalg.solve(terms.T @ terms + penalty * np.eye(4), terms.T @ target.numpy())
    weights = fit_directional(inputs, DIRECTIONAL, target, penalty=0.7)
    np.testing.assert_allclose(weights.flatten(), by_hand, rtol=1e-4, atol=1e-6)
    forecast = directional_forecast(inputs, DIRECTIONAL, weights)
    np.testing.assert_allclose(forecast, terms @ by_hand, rtol=1e-3, atol=1e-5)


def test_a_greater_penalty_believes_less() -> None:
    inputs, target = planted()
    sizes = [
        float(fit_directional(inputs, DIRECTIONAL, target, penalty).norm())
        for penalty in (0.01, 1.0, 100.0)
    ]
    assert sizes == sorted(sizes, reverse=True)


def test_targets_that_are_not_known_teach_nothing() -> None:
    inputs, target = planted()
    holes = target.clone()
    holes[::3] = torch.nan
    kept = holes.isfinite()
    with_holes = fit_directional(inputs, DIRECTIONAL, holes, penalty=1.0)
    without = fit_directional(inputs[kept], DIRECTIONAL, target[kept], penalty=1.0)
    np.testing.assert_allclose(with_holes, without, rtol=1e-5)


def test_in_the_mirror_the_forecast_changes_sign() -> None:
    inputs, target = planted()
    weights = fit_directional(inputs, DIRECTIONAL, target, penalty=1.0)
    mirrored = torch.where(DIRECTIONAL, -inputs, inputs)
    np.testing.assert_array_equal(
        directional_forecast(mirrored, DIRECTIONAL, weights),
        -directional_forecast(inputs, DIRECTIONAL, weights),
    )


def test_to_the_bit_a_row_s_forecast_hangs_on_that_row_alone() -> None:
    inputs, target = planted()
    weights = fit_directional(inputs, DIRECTIONAL, target, penalty=1.0)
    whole = directional_forecast(inputs, DIRECTIONAL, weights)
    for rows in (*range(40), 8_191, 8_192, 8_193):
        forecast = directional_forecast(inputs[:rows], DIRECTIONAL, weights)
        assert torch.equal(forecast, whole[:rows]), rows


def test_the_mirror_tells_which_features_have_a_direction(candles: Candles) -> None:
    names = ["scaled_return", "close_location", "momentum_5", "scaled_range", "target_day_sin_1"]
    names += ["relative_volume", "log_volatility", "scaled_return@2", "target_month_end"]
    assert set(names) - {"scaled_return@2"} <= set(FEATURES)
    upright, mirrored = (
        torch.from_numpy(compute_features(each, names)) for each in (candles, candles.mirrored())
    )
    found = find_directional(upright, mirrored)
    directions = {name for name, one in zip(names, found, strict=True) if one}
    assert directions == {"scaled_return", "close_location", "momentum_5", "scaled_return@2"}
