"""Models are weighed by the log scores that were known at each row, and by no others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from candlecast.distributions import Floats, StudentT
from candlecast.models.ensemble.pool import pooled, weights

HORIZONS = (1, 4)
MEMORY = 20


def some_scores(models: int, rows: int) -> list[Floats]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal((rows, len(HORIZONS))) for _ in range(models)]


def by_hand(scores: list[Floats], rows: list[int], row: int, place: int) -> list[float]:
    """The weights at one row, straight from the definition."""
    horizon, told = HORIZONS[place], []
    for each in scores:
        total = 0.0
        for number, before in enumerate(rows):
            age = row - horizon - before
            score = each[number, place]
            if age >= 0 and np.isfinite(score):
                total += math.exp(-age / MEMORY) * score / horizon
        told.append(math.exp(total))
    return [each / sum(told) for each in told]


def test_weights_are_those_of_dynamic_model_averaging_also_where_rows_are_lacking() -> None:
    rows = [*range(3, 30), *range(41, 60)]
    scores = some_scores(3, len(rows))
    scores[0][[4, 20], 0] = np.nan
    found = weights(scores, np.array(rows), HORIZONS, MEMORY)
    assert found.shape == (3, len(rows), 2)
    for number, row in enumerate(rows):
        for place in (0, 1):
            expected = by_hand(scores, rows, row, place)
            np.testing.assert_allclose(found[:, number, place], expected, rtol=1e-9)


def test_before_any_outcome_is_known_all_are_believed_alike() -> None:
    found = weights(some_scores(2, 10), np.arange(10), HORIZONS, MEMORY)
    np.testing.assert_allclose(found[:, 0], 0.5)
    np.testing.assert_allclose(found[:, :4, 1], 0.5)
    assert (found[:, 5, 1] != 0.5).all()


@pytest.mark.parametrize("later", [5, 9])
def test_a_score_that_is_not_known_yet_changes_no_weight(later: int) -> None:
    scores, rows = some_scores(2, 12), np.arange(12)
    before = weights(scores, rows, HORIZONS, MEMORY)
    scores[0][later:] += 3.0
    after = weights(scores, rows, HORIZONS, MEMORY)
    for place, horizon in enumerate(HORIZONS):
        known = later + horizon
        assert np.array_equal(before[:, :known, place], after[:, :known, place])
        assert (before[:, known:, place] != after[:, known:, place]).all()


def test_a_model_that_foretells_better_is_soon_believed_and_a_hopeless_one_never() -> None:
    good, bad = np.full((200, 2), -1.0), np.full((200, 2), -2.0)
    bad[:20] = -np.inf
    found = weights([good, bad], np.arange(200), HORIZONS, 50)
    assert (found[0, 20:, 0] > 0.999).all()
    np.testing.assert_allclose(found.sum(axis=0), 1.0)


def test_pooling_student_s_t_of_equal_degrees_averages_the_quantiles() -> None:
    rng = np.random.default_rng(1)
    shape = (6, 2)
    models = [
        StudentT(rng.standard_normal(shape), rng.uniform(0.5, 2, shape), np.full((1, 2), 4.0))
        for _ in range(3)
    ]
    shares = rng.dirichlet([1, 1, 1], shape).transpose(2, 0, 1)
    levels = [0.025, 0.3, 0.9]
    expected = sum(
        share[..., None] * model.quantiles(levels)
        for share, model in zip(shares, models, strict=True)
    )
    np.testing.assert_allclose(pooled(models, shares).quantiles(levels), expected, rtol=1e-9)


def test_pooling_one_model_is_that_model() -> None:
    model = StudentT(np.zeros((2, 2)), np.ones((2, 2)), np.array([[3.0, 8.0]]))
    alone = pooled([model, model], np.array([np.ones((2, 2)), np.zeros((2, 2))]))
    np.testing.assert_allclose(alone.degrees, [[3.0, 8.0]] * 2)
    np.testing.assert_array_equal(alone.scale, model.scale)
