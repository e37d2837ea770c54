"""A sequence network's targets are what came, and its inputs keep what has no direction apart."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
import torch

from candlecast.candles import Candles
from candlecast.features import compute_features
from candlecast.models.sequence.inputs import (
    SequenceInputs,
    features_of,
    fit_inputs,
    sequence_targets,
    volatility_of,
)

HORIZONS = (1, 3, 20)
NAMES = ("scaled_return", "relative_volume", "close_location", "log_volatility", "imbalance")
DIRECTIONAL = [True, False, True, False, True]


def fitted(candles: Candles, rows: slice, penalty: float | None = 1.0) -> SequenceInputs:
    upright = features_of(candles, NAMES, None)
    mirrored = features_of(candles.mirrored(), NAMES, None)
    target = sequence_targets(candles, (1,))[rows, 0]
    return fit_inputs(upright[rows], mirrored[rows], NAMES, target, penalty)


def test_targets_are_the_returns_and_the_squares_on_the_way_in_units_of_the_volatility(
    gappy_candles: Candles,
) -> None:
    close = gappy_candles.frame["close"].to_list()
    segment = gappy_candles.segment_ids.tolist()
    volatility = volatility_of(gappy_candles)
    by_hand = np.full((len(close), 2 * len(HORIZONS)), np.nan)
    for row in range(len(close)):
        for column, horizon in enumerate(HORIZONS):
            later = row + horizon
            if later >= len(close) or segment[later] != segment[row]:
                continue
            steps = [math.log(close[n + 1] / close[n]) for n in range(row, later)]
            by_hand[row, column] = sum(steps) / volatility[row]
            squares = sum(step**2 for step in steps)
            by_hand[row, len(HORIZONS) + column] = squares / volatility[row] ** 2
    found = sequence_targets(gappy_candles, HORIZONS)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), by_hand, rtol=1e-4, atol=1e-6)


def test_what_lies_beyond_a_gap_or_the_last_candle_is_not_known(gappy_candles: Candles) -> None:
    unknown = sequence_targets(gappy_candles, HORIZONS).isnan().numpy()
    for column, horizon in enumerate(HORIZONS * 2):
        rows = [row for end in (300, 600, 889) for row in range(end - horizon, end)]
        assert np.flatnonzero(unknown[:, column]).tolist() == rows


def test_targets_of_the_candles_before_a_row_end_there(candles: Candles) -> None:
    cut = sequence_targets(Candles(candles.frame[:500], "X", candles.interval), HORIZONS)
    whole = sequence_targets(candles, HORIZONS)
    for column, horizon in enumerate(HORIZONS * 2):
        assert torch.equal(cut[: 500 - horizon, column], whole[: 500 - horizon, column])
        assert bool(cut[500 - horizon :, column].isnan().all())


def test_directions_keep_their_zero_and_other_inputs_are_centred(candles: Candles) -> None:
    rows = slice(0, 700)
    inputs = fitted(candles, rows)
    assert inputs.directional.tolist() == DIRECTIONAL
    features = compute_features(candles, NAMES)[rows]
    for column, directional in enumerate(DIRECTIONAL):
        values = features[:, column]
        mirrored = -values if directional else values
        both = np.concatenate([values, mirrored])
        scale, shift = inputs.scaler.scale[column], inputs.scaler.shift[column]
        assert scale == pytest.approx(1 / both.std())
        assert shift == pytest.approx(-both.mean() / both.std(), abs=1e-9)
        assert directional == (abs(shift) < 1e-9)


def test_extremes_are_cut_off_at_six_standard_deviations(candles: Candles) -> None:
    inputs = fitted(candles, slice(0, 700))
    features = compute_features(candles, NAMES)
    wild = features.copy()
    wild[5, 0], wild[6, 0] = 1e9, -1e9
    scaled, untouched = inputs.scaled(wild), inputs.scaled(features)
    assert (float(scaled[5, 0]), float(scaled[6, 0])) == (6.0, -6.0)
    assert torch.equal(scaled[7:], untouched[7:])
    assert bool((inputs.read(wild)[:, :-1].abs() <= 6).all())


def test_an_input_that_is_constant_in_the_train_rows_is_zero_there(candles: Candles) -> None:
    features = features_of(candles, NAMES, None)
    mirrored = features_of(candles.mirrored(), NAMES, None)
    features[:700, 3] = mirrored[:700, 3] = 4.0
    target = sequence_targets(candles, (1,))[:700, 0]
    inputs = fit_inputs(features[:700], mirrored[:700], NAMES, target, 1.0)
    read = inputs.read(features)
    assert bool(read.isfinite().all())
    assert bool((read[:700, 3] == 0).all())
    assert bool((read[700:, 3] != 0).any())


def test_the_last_input_is_the_linear_forecast_of_the_train_rows_alone(candles: Candles) -> None:
    rows = slice(0, 700)
    inputs = fitted(candles, rows)
    features = compute_features(candles, NAMES)
    scaled = inputs.scaled(features).double().numpy()
    directions, states = scaled[:, DIRECTIONAL], scaled[:, ~np.array(DIRECTIONAL)].clip(-4, 4)
    states = np.concatenate([np.ones((len(scaled), 1)), states], axis=1)
    terms = (directions[:, :, None] * states[:, None, :]).reshape(len(scaled), -1)
    target = sequence_targets(candles, (1,))[:, 0].double().numpy().clip(-6, 6)
    learned = terms[rows]
    squares = learned.T @ learned + 1.0 * len(learned) * np.eye(terms.shape[1])
    by_hand = terms @ np.linalg.solve(squares, learned.T @ target[rows])
    read = inputs.read(features)
    assert read.shape == (len(features), len(NAMES) + 1)
    np.testing.assert_allclose(read[:, -1], by_hand, rtol=1e-3, atol=1e-5)
    assert float(read[:, -1].std()) > 0


@pytest.mark.parametrize("penalty", [None, 1.0])
def test_without_a_penalty_or_a_direction_the_linear_forecast_is_zero(
    candles: Candles, penalty: float | None
) -> None:
    names = NAMES if penalty is None else ("relative_volume", "log_volatility")
    upright, mirrored = (features_of(each, names, None) for each in (candles, candles.mirrored()))
    target = sequence_targets(candles, (1,))[:, 0]
    inputs = fit_inputs(upright, mirrored, names, target, penalty)
    assert bool((inputs.read(upright)[:, -1] == 0).all())


def test_in_the_mirror_directions_change_their_sign_and_the_linear_forecast_with_them(
    candles: Candles,
) -> None:
    inputs = fitted(candles, slice(0, 700))
    upright, mirrored = (
        inputs.read(features_of(each, NAMES, None)).numpy()
        for each in (candles, candles.mirrored())
    )
    sign = np.where([*DIRECTIONAL, True], -1.0, 1.0)
    np.testing.assert_allclose(mirrored, sign * upright, atol=1e-4)


def test_a_calm_market_s_targets_are_finite(candles: Candles) -> None:
    flat = candles.frame.with_columns(
        pl.lit(5.0).alias(name) for name in ("open", "high", "low", "close")
    )
    targets = sequence_targets(Candles(flat, candles.symbol, candles.interval), (1,))
    assert bool((targets[:-1] == 0).all())
