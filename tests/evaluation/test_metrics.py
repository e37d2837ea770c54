"""Metrics agree with scikit-learn and with their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error

from candlecast.evaluation import metrics

RNG = np.random.default_rng(1)
FORECAST, ACTUAL = RNG.normal(size=(2, 500))


def test_errors_agree_with_scikit_learn() -> None:
    assert metrics.mse(FORECAST, ACTUAL) == pytest.approx(mean_squared_error(ACTUAL, FORECAST))
    assert metrics.rmse(FORECAST, ACTUAL) == pytest.approx(
        root_mean_squared_error(ACTUAL, FORECAST)
    )
    assert metrics.mae(FORECAST, ACTUAL) == pytest.approx(mean_absolute_error(ACTUAL, FORECAST))


def test_skill_is_zero_for_persistence_and_one_for_a_perfect_forecast() -> None:
    assert metrics.skill(2.0, 2.0) == 0.0
    assert metrics.skill(0.0, 2.0) == 1.0
    assert metrics.skill(6.0, 2.0) == -2.0
    assert metrics.skill(0.0, 0.0) is None


def test_coverage_counts_the_ends_of_an_interval_as_inside() -> None:
    lower, upper = np.zeros(5), np.ones(5)
    actual = np.array([-0.1, 0.0, 0.5, 1.0, 1.1])
    assert metrics.coverage(lower, upper, actual) == 0.6


def test_direction_leaves_out_what_has_none() -> None:
    forecast = np.array([1.0, 1.0, -1.0, -1.0, 0.0, 1.0])
    actual = np.array([2.0, -2.0, -2.0, -0.1, 1.0, 0.0])
    assert metrics.directional_accuracy(forecast, actual) == 0.75
    assert metrics.directional_accuracy(np.zeros(3), np.ones(3)) is None
