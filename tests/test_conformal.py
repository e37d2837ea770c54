"""Calibrated bands hold when the market changes, and know nothing before it is known."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scipy import stats

from candlecast.candles import Candles
from candlecast.conformal import GAIN, LEVELS, MOST_DEBT, STEEP, ConformalState, calibrate
from candlecast.distributions import Floats, QuantileFunction, StudentT
from candlecast.distributions.quantile_function import LEVELS as SHARES
from candlecast.errors import CandlecastError
from candlecast.forecast import Forecast

MINUTE = 60_000_000
WEEK = 7 * 24 * 60
HORIZONS = (1, 5, 60)
ENDS = ((2, 3), (1, 4), (0, 5))
"""Where the bands of `LEVELS` end among the six prices."""


def forecast_of(
    returns: Floats, horizons: tuple[int, ...] = HORIZONS, scale: float = 1e-3
) -> Forecast:
    """A forecast of no change with ever the same spread, of one-candle log returns to come.

    Args:
        returns: Of each candle after the first; shape [candles - 1].
        horizons: Candles ahead.
        scale: One candle ahead; it grows with the root of the horizon.
    """
    close = 100 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    count = len(close)
    rows = np.arange(count)[:, None] + np.asarray(horizons)
    known = rows < count
    origin = np.arange(count) * MINUTE
    wide = np.tile(scale * np.sqrt(np.asarray(horizons, dtype=float)), (count, 1))
    return Forecast(
        model="flat",
        horizons=horizons,
        origin=origin,
        time=origin[:, None] + MINUTE * np.asarray(horizons),
        last_close=close,
        mean=np.repeat(close[:, None], len(horizons), axis=1),
        actual=np.where(known, close[np.minimum(rows, count - 1)], np.nan),
        realised_variance=np.where(known, 0.0, np.nan),
        distribution=StudentT(np.zeros_like(wide), wide, np.full((1, len(horizons)), 5.0)),
    )


def drawn(count: int, seed: int = 0) -> Floats:
    return 1e-3 * np.random.default_rng(seed).standard_t(5, count)


def bands_of(forecast: Forecast) -> Floats:
    assert forecast.bands is not None
    return forecast.bands


def inside(forecast: Forecast) -> NDArray[np.bool_]:
    """Whether each known outcome lay in each band; shape [origins, horizons, levels]."""
    bands, actual = bands_of(forecast), forecast.actual
    each = [(bands[..., low] <= actual) & (actual <= bands[..., high]) for low, high in ENDS]
    return np.stack(each, axis=-1)


def own_inside(forecast: Forecast) -> NDArray[np.bool_]:
    quantiles = forecast.quantiles
    assert quantiles is not None
    return inside(replace(forecast, bands=np.delete(quantiles, 3, axis=-1)))


def by_the_clock(forecast: Forecast, place: int, level: int) -> tuple[list[float], float]:
    """Upper ends and debt, worked out origin by origin from the definition, wider bands apart."""
    spread = forecast.distribution
    assert isinstance(spread, StudentT)
    reach = stats.t.ppf(0.5 + level / 200, 5) * spread.scale[:, place]
    debt = 0.0
    ends: list[float] = []
    waiting: list[tuple[int, float, float]] = []
    for row, origin in enumerate(forecast.origin):
        for target, moved, width in [each for each in waiting if each[0] <= origin]:
            waiting.remove((target, moved, width))
            if not math.isnan(moved):
                missed = abs(moved) > width
                debt = min(max(debt + missed - (1 - level / 100), -MOST_DEBT), MOST_DEBT)
        width = reach[row] * math.exp(GAIN * debt * (1 + (debt / STEEP) ** 2))
        ends.append(forecast.last_close[row] * math.exp(width))
        moved = math.log(forecast.actual[row, place] / forecast.last_close[row])
        waiting.append((forecast.time[row, place], moved, width))
    return ends, debt


# ---- what the bands are ---------------------------------------------------------------------


@pytest.mark.parametrize("place", range(len(HORIZONS)))
@pytest.mark.parametrize("level", range(len(LEVELS)))
def test_the_bands_are_those_of_the_definition(place: int, level: int) -> None:
    forecast = forecast_of(drawn(1500))
    calibrated, state = calibrate(forecast)
    ends, debt = by_the_clock(forecast, place, LEVELS[level])
    np.testing.assert_allclose(bands_of(calibrated)[:, place, ENDS[level][1]], ends, rtol=1e-12)
    assert state.debt[place, level] / 100 == pytest.approx(debt, abs=1e-6)


def test_nothing_is_learned_without_a_gain_nor_before_the_first_outcome() -> None:
    forecast = forecast_of(drawn(300))
    quantiles = forecast.quantiles
    assert quantiles is not None
    own = np.delete(quantiles, 3, axis=-1)
    np.testing.assert_allclose(bands_of(calibrate(forecast, gain=0.0)[0]), own, rtol=1e-12)
    bands = bands_of(calibrate(forecast)[0])
    for place, horizon in enumerate(HORIZONS):
        np.testing.assert_allclose(bands[:horizon, place], own[:horizon, place], rtol=1e-12)
        assert not np.allclose(bands[horizon:, place], own[horizon:, place], rtol=1e-9)


def test_bands_lie_around_the_median() -> None:
    forecast = forecast_of(drawn(500))
    assert isinstance(forecast.distribution, StudentT)
    tilted = replace(forecast.distribution, location=forecast.distribution.location + 2e-3)
    bands = bands_of(calibrate(replace(forecast, distribution=tilted))[0])
    middle = np.sqrt(bands * bands[..., ::-1])
    median = np.broadcast_to(forecast.last_close[:, None, None] * np.exp(2e-3), bands.shape)
    np.testing.assert_allclose(middle, median, rtol=1e-12)


def test_a_forecast_of_points_gets_no_bands() -> None:
    point = replace(forecast_of(drawn(50)), distribution=None)
    calibrated, state = calibrate(point)
    assert calibrated.bands is None
    assert len(state.origin) == 0


# ---- whether they hold ----------------------------------------------------------------------


def test_bands_that_are_right_stay_as_they_are() -> None:
    # The spread of five candles together is not exactly a t, so one candle ahead alone.
    forecast = forecast_of(drawn(60_000, seed=3), (1,))
    calibrated, _ = calibrate(forecast)
    held = inside(calibrated)[:-1].mean(axis=0)[0]
    assert held == pytest.approx([0.5, 0.8, 0.95], abs=MOST_DEBT / 60_000)
    own = calibrate(forecast, gain=0.0)[0]
    for low, high in ENDS:
        widths = [
            np.log(bands_of(each)[..., high] / bands_of(each)[..., low])
            for each in (calibrated, own)
        ]
        assert widths[0].mean() == pytest.approx(widths[1].mean(), rel=0.02)


def test_bands_hold_every_week_of_a_market_that_changes_where_the_model_s_own_do_not() -> None:
    weeks = 8
    fast = np.exp(0.9 * np.sin(np.arange(weeks * WEEK) / 9000))  # twice as wild, half as wild
    fast[3 * WEEK + 2000 :] *= 1.8  # and a break
    forecast = forecast_of(fast * drawn(weeks * WEEK, seed=1))
    calibrated, _ = calibrate(forecast)
    for place, horizon in enumerate(HORIZONS):
        rows = np.arange(weeks * WEEK - horizon)
        week = (rows + horizon) // WEEK
        promised = np.array(LEVELS) / 100
        for held, holds in ((own_inside(forecast), False), (inside(calibrated), True)):
            by_week = np.array(
                [held[rows[week == each], place].mean(axis=0) for each in range(weeks)]
            )
            strayed = np.abs(by_week - promised).max(axis=0)
            assert (strayed < 0.02).all() == holds, (horizon, strayed)
            assert holds or (strayed > 0.03).all(), (horizon, strayed)


def test_the_debt_is_what_was_missed_beyond_what_should_be() -> None:
    calibrated, state = calibrate(forecast_of(drawn(4000, seed=4) * np.linspace(0.5, 2, 4000)))
    for place, horizon in enumerate(HORIZONS):
        known = slice(0, 4000 + 1 - horizon)  # the newest origin knows the candle it ends with
        missed = ~inside(calibrated)[known, place]
        count = len(missed)
        expected = 100 * missed.sum(axis=0) - count * (100 - np.array(LEVELS))
        assert state.debt[place].tolist() == expected.tolist()


@settings(max_examples=30)
@given(
    moves=arrays.arrays(
        np.float64, st.integers(2, 400), elements=st.floats(-0.3, 0.3, allow_nan=False)
    ),
    gain=st.floats(0.0, 0.1),
)
def test_whatever_comes_bands_lie_within_each_other(moves: Floats, gain: float) -> None:
    calibrated, state = calibrate(forecast_of(moves), gain)
    bands = bands_of(calibrated)
    assert np.isfinite(bands).all()
    assert (bands > 0).all()
    assert (np.diff(bands, axis=-1) >= 0).all()
    assert (np.abs(state.debt) <= 100 * MOST_DEBT).all()


def test_the_share_of_misses_keeps_to_its_bound_against_the_worst_market() -> None:
    # A market that knows the bands and ends just out of them, if 3 % are enough, or just within.
    state = ConformalState.start((1,))
    calm = forecast_of(np.zeros(1), (1,)).take(np.array([0]))
    missed = 0
    for row in range(3000):
        now = replace(
            calm,
            origin=np.array([row * MINUTE]),
            time=np.array([[(row + 1) * MINUTE]]),
            actual=np.full((1, 1), np.nan),
        )
        banded, state = calibrate(now, state=state)
        upper = bands_of(banded)[0, 0, 4]
        out = row // 300 % 2 == 0 and upper < 103
        missed += out
        state = state.told(now.origin, np.array([[upper * (1.0001 if out else 0.9999)]]))
        assert abs(missed - 0.2 * (row + 1)) <= MOST_DEBT, row
    assert 0.15 < missed / 3000 < 0.25


# ---- what is known when ---------------------------------------------------------------------


@pytest.mark.parametrize("place", range(len(HORIZONS)))
def test_an_outcome_moves_no_band_before_it_is_known(place: int) -> None:
    forecast = forecast_of(drawn(500))
    actual = forecast.actual.copy()
    actual[200, place] *= 1.5  # far outside of every band
    before, after = (
        bands_of(calibrate(each)[0]) for each in (forecast, replace(forecast, actual=actual))
    )
    first = 200 + HORIZONS[place]  # the origin whose own candle is the target
    np.testing.assert_array_equal(after[:first], before[:first])
    assert (after[first, place] != before[first, place]).any()
    others = [each for each in range(len(HORIZONS)) if each != place]
    np.testing.assert_array_equal(after[:, others], before[:, others])


def test_the_clock_decides_what_is_known_across_a_hole() -> None:
    whole = forecast_of(drawn(400), (5,))
    kept = np.r_[0:200, 230:400]  # half an hour without origins
    holed = whole.take(kept)
    actual = holed.actual.copy()
    actual[199] *= 1.5  # its target is the fifth candle of the hole
    before, after = (
        bands_of(calibrate(each)[0]) for each in (holed, replace(holed, actual=actual))
    )
    np.testing.assert_array_equal(after[:200], before[:200])
    assert (after[200] != before[200]).any(), "known at the first origin after the hole"


def test_outcomes_that_never_come_count_for_nothing() -> None:
    forecast = forecast_of(drawn(600))
    nothing = replace(forecast, actual=np.full_like(forecast.actual, np.nan))
    calibrated, state = calibrate(nothing)
    np.testing.assert_array_equal(bands_of(calibrated), bands_of(calibrate(forecast, gain=0.0)[0]))
    assert not state.debt.any()
    holes = forecast.actual.copy()
    holes[100:300:3] = np.nan
    calibrated, state = calibrate(replace(forecast, actual=holes))
    for place, horizon in enumerate(HORIZONS):
        known = np.isfinite(holes[: 601 - horizon, place])
        missed = ~inside(calibrated)[: 601 - horizon, place][known]
        expected = 100 * missed.sum(axis=0) - known.sum() * (100 - np.array(LEVELS))
        assert state.debt[place].tolist() == expected.tolist()


def test_a_distribution_that_is_no_number_has_no_bands_and_disturbs_no_other() -> None:
    forecast = forecast_of(drawn(300))
    assert isinstance(forecast.distribution, StudentT)
    scale = forecast.distribution.scale.copy()
    scale[50:60] = np.nan
    broken = replace(forecast, distribution=replace(forecast.distribution, scale=scale))
    never = forecast.actual.copy()
    never[50:60] = np.nan
    found, expected = (
        bands_of(calibrate(each)[0]) for each in (broken, replace(forecast, actual=never))
    )
    assert np.isnan(found[50:60]).all()
    rest = np.r_[0:50, 60:301]
    np.testing.assert_array_equal(found[rest], expected[rest])


def skewed(count: int, wide: float = 1.0) -> Forecast:
    """A forecast whose upper side is the wider one; outcomes are drawn from it if `wide` is 1."""
    shape = 1e-3 * (np.exp(0.8 * stats.norm.ppf(SHARES)) - 1)
    shares = np.random.default_rng(4).uniform(size=count)
    returns = QuantileFunction(shape[None, None]).quantiles(shares.tolist())[0, 0]
    forecast = forecast_of(returns, (1,))
    values = np.tile(wide * shape, (len(forecast), 1, 1))
    return replace(forecast, distribution=QuantileFunction(values))


def test_a_skewed_distribution_keeps_its_own_sides() -> None:
    forecast = skewed(300)
    quantiles = forecast.quantiles
    assert quantiles is not None
    own = np.delete(quantiles, 3, axis=-1)
    np.testing.assert_allclose(bands_of(calibrate(forecast, gain=0.0)[0]), own, rtol=1e-12)
    first = bands_of(calibrate(forecast)[0])
    np.testing.assert_allclose(first[0], own[0], rtol=1e-12)
    assert (np.diff(first, axis=-1) > 0).all()


@pytest.mark.parametrize("wide", [0.4, 1.0, 3.0])
def test_bands_of_a_skewed_distribution_come_to_hold_what_they_promise(wide: float) -> None:
    forecast, _ = calibrate(skewed(6_000, wide))
    held = inside(forecast)[1_000:6_000].mean(axis=(0, 1))
    np.testing.assert_allclose(held, np.array(LEVELS) / 100, atol=0.02)
    low, high = bands_of(forecast)[3_000:, 0, [0, 5]].T
    median = forecast.last_close[3_000:]
    assert (np.log(high / median) > 1.5 * np.log(median / low)).all()


def test_a_skewed_forecast_goes_on_in_pieces_too() -> None:
    forecast = skewed(600)
    whole, end = calibrate(forecast)
    first, state = calibrate(forecast.take(np.arange(250)))
    rest = forecast.take(np.arange(250, len(forecast)))
    second, other_end = calibrate(rest, state=saved_and_read(state))
    np.testing.assert_array_equal(
        np.concatenate([bands_of(first), bands_of(second)]), bands_of(whole)
    )
    np.testing.assert_array_equal(other_end.below, end.below)


def test_a_state_saved_before_bands_had_two_sides_is_read() -> None:
    _, state = calibrate(forecast_of(drawn(200)))
    older = state.arrays()
    del older["below"]
    again = ConformalState.from_arrays(older)
    np.testing.assert_array_equal(again.below, state.below)
    np.testing.assert_array_equal(again.below, again.reach)


# ---- all at once, in pieces, one by one -----------------------------------------------------


def saved_and_read(state: ConformalState) -> ConformalState:
    # One by one: numpy's stubs take no arrays by computed names.
    arrays = {}
    for name, array in state.arrays().items():
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        file.seek(0)
        arrays[name] = np.load(file, allow_pickle=False)
    return ConformalState.from_arrays(arrays)


@pytest.mark.parametrize("cut", [1, 30, 700, 1400])
def test_two_pieces_come_to_the_same_as_all_at_once(cut: int) -> None:
    forecast = forecast_of(drawn(1500))
    whole, end = calibrate(forecast)
    first, state = calibrate(forecast.take(np.arange(cut)))
    rest = forecast.take(np.arange(cut, len(forecast)))
    second, other_end = calibrate(rest, state=saved_and_read(state))
    np.testing.assert_array_equal(
        np.concatenate([bands_of(first), bands_of(second)]), bands_of(whole)
    )
    for name, values in end.arrays().items():
        np.testing.assert_array_equal(other_end.arrays()[name], values, name)


def test_one_by_one_as_candles_close_comes_to_the_same_as_all_at_once(
    gappy_candles: Candles,
) -> None:
    origins = np.arange(200, 700)
    whole = spread_over(gappy_candles, origins)
    state = ConformalState.start(HORIZONS)
    bands = []
    for row in origins:
        seen = Candles(gappy_candles.frame[: row + 1], gappy_candles.symbol, gappy_candles.interval)
        recent = origins[(origins >= row - 60) & (origins <= row)]
        now = spread_over(seen, recent)
        state = state.told(now.origin, now.actual)  # of the candle that just closed
        pushed, state = calibrate(now.take(np.array([-1])), state=state)
        bands.append(bands_of(pushed)[0])
    np.testing.assert_array_equal(np.stack(bands), bands_of(calibrate(whole)[0]))
    assert len(state.origin) <= sum(HORIZONS) + len(HORIZONS)


def spread_over(candles: Candles, origins: NDArray[np.int64]) -> Forecast:
    """Persistence with a spread that differs from origin to origin."""
    close = candles.frame["close"].to_numpy()[origins][:, None]
    scale = 3e-4 * np.sqrt(HORIZONS) * (1 + 0.5 * np.sin(origins / 50))[:, None]
    spread = StudentT(np.zeros_like(scale), scale, np.full((1, len(HORIZONS)), 5.0))
    mean = np.repeat(close, len(HORIZONS), axis=1)
    return Forecast.at(candles, origins, HORIZONS, "flat", mean, spread)


def test_an_outcome_that_is_told_late_counts_for_nothing() -> None:
    forecast = forecast_of(drawn(20), (1,))
    unknown = replace(forecast, actual=np.full_like(forecast.actual, np.nan))
    _, state = calibrate(unknown)
    told = state.told(forecast.origin, forecast.actual)
    assert np.isnan(told.actual).all(), "those still pending have no outcome either"
    assert told.debt.tolist() == state.debt.tolist()
    assert state.told(np.empty(0, np.int64), np.empty((0, 1))) is state


# ---- a price that stands still --------------------------------------------------------------


def test_a_price_that_stands_still_leaves_bands_that_soon_find_back() -> None:
    still, again = 40_000, 2_000
    moves = np.concatenate([np.zeros(still), drawn(again, seed=9)])
    calibrated, _ = calibrate(forecast_of(moves))
    bands = bands_of(calibrated)
    assert np.isfinite(bands).all()
    assert (np.diff(bands, axis=-1) >= 0).all()
    assert inside(calibrated)[: still - 60].all(), "each holds the price that does not move"
    for place in range(len(HORIZONS)):
        held = inside(calibrated)[still + 1000 : still + again - 60, place].mean(axis=0)
        assert (np.abs(held - np.array(LEVELS) / 100) < 0.3).all()
        assert held[2] > 0.85


# ---- what is refused ------------------------------------------------------------------------


def test_origins_that_do_not_rise_are_refused() -> None:
    forecast = forecast_of(drawn(50))
    with pytest.raises(CandlecastError, match="origins of flat do not rise"):
        calibrate(forecast.take(np.array([3, 2])))
    _, state = calibrate(forecast)
    with pytest.raises(CandlecastError, match="go on after"):
        calibrate(forecast, state=state)


def test_a_state_of_other_horizons_is_refused() -> None:
    with pytest.raises(CandlecastError, match=r"horizons \(1, 5, 60\) and what is carried on \(1,"):
        calibrate(forecast_of(drawn(50)), state=ConformalState.start((1, 5)))


def test_no_origins_leave_the_state_as_it_is() -> None:
    forecast = forecast_of(drawn(50))
    _, state = calibrate(forecast)
    none, after = calibrate(forecast.take(np.empty(0, np.int64)), state=state)
    assert len(none) == 0
    assert after is state
