"""Scalers agree with scikit-learn and undo themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from candlecast.errors import InputError
from candlecast.scaling import SCALERS, Scaler, ScalerName, fit_minmax

VALUES = np.random.default_rng(0).normal([0, 30_000, -5], [1, 900, 0.01], size=(500, 3))
COLUMNS = ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "reference"),
    [("minmax", MinMaxScaler(feature_range=(-1, 1))), ("standard", StandardScaler())],
)
def test_a_scaler_agrees_with_scikit_learn_on_rows_it_never_saw(
    name: ScalerName, reference: MinMaxScaler | StandardScaler
) -> None:
    ours = SCALERS[name](VALUES[:300], COLUMNS)
    reference.fit(VALUES[:300])
    np.testing.assert_allclose(
        ours.transform(VALUES), reference.transform(VALUES), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("name", list(SCALERS))
def test_the_inverse_is_exact(name: ScalerName) -> None:
    scaler = SCALERS[name](VALUES, COLUMNS)
    np.testing.assert_allclose(scaler.inverse(scaler.transform(VALUES)), VALUES, rtol=1e-12)


def test_the_close_alone_is_inverted_as_the_article_does_it() -> None:
    # The article puts the last column's min_ and scale_ into a scaler of one column.
    reference = MinMaxScaler(feature_range=(-1, 1)).fit(VALUES)
    descaler = MinMaxScaler()
    descaler.min_, descaler.scale_ = reference.min_[-1], reference.scale_[-1]
    scaled = np.linspace(-1.5, 1.5, 7)[:, None]
    ours = fit_minmax(VALUES, COLUMNS).repeat("c", 1).inverse(scaled)
    np.testing.assert_allclose(ours, descaler.inverse_transform(scaled), rtol=1e-12)


@pytest.mark.parametrize("name", list(SCALERS))
def test_a_constant_column_is_refused_by_its_name(name: ScalerName) -> None:
    constant = VALUES.copy()
    constant[:, 1] = 7
    with pytest.raises(InputError, match="'b' is 7 in every training row"):
        SCALERS[name](constant, COLUMNS)


def test_a_span_too_small_or_too_large_for_numbers_is_refused() -> None:
    for values in ([[0.0], [5e-324]], [[-1e308], [1e308]]):
        for fit in SCALERS.values():
            with pytest.raises(InputError, match="'x' spans too much or too little"):
                fit(np.array(values), ["x"])


@pytest.mark.parametrize("scale", [(1.0,), (1.0, 0.0), (1.0, float("nan")), (1.0, 2.0, 3.0)])
def test_a_damaged_scaler_is_refused(scale: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Scaler(columns=("x", "y"), scale=scale, shift=(0.0, 0.0))


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_a_scaler_survives_json_to_the_bit(shift: float, scale: float) -> None:
    scaler = Scaler(columns=("x",), scale=(scale,), shift=(shift,))
    assert Scaler.model_validate_json(scaler.model_dump_json()) == scaler
