"""No band of a longer horizon is narrower than that of a shorter one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from candlecast.models.in_price import never_narrower


@given(seed=st.integers(0, 10_000))
def test_bands_grow_with_the_horizon_whatever_scales_and_degrees_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scale = np.maximum.accumulate(rng.uniform(1, 3, size=(50, 4)), axis=1)
    degrees = 2.05 + rng.exponential(20, size=(50, 4))
    wider = never_narrower(scale, degrees)
    assert (wider >= scale).all()
    for end in (0.75, 0.9, 0.975):
        half = wider * stats.t.ppf(end, degrees)
        assert (np.diff(half, axis=1) >= -1e-9 * half[:, 1:]).all()


def test_scales_that_do_are_left_alone() -> None:
    scale = np.array([[1.0, 2.3, 6.0]])
    degrees = np.array([[2.05, 200.0, 3.0]])
    np.testing.assert_array_equal(never_narrower(scale, degrees), scale)
