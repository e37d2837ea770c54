"""A forecast that is the price, shifted, is told from one with skill and from noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from candlecast.evaluation.illusion import ShiftedCopy, sentence, shifted_copy
from candlecast.evaluation.significance import Floats
from candlecast.simulate import simulate

CLOSE = simulate(5_000, 0.001, seed=9).candles.frame["close"].to_numpy()
RNG = np.random.default_rng(4)


def rows(horizon: int) -> tuple[Floats, Floats]:
    """The last close at each origin and the close that came."""
    return CLOSE[:-horizon], CLOSE[horizon:]


def exponential_mean(close: Floats, candles: int) -> Floats:
    share = 2 / (candles + 1)
    start = [(1 - share) * close[0]]
    return np.asarray(lfilter([share], [1, share - 1], close, zi=start)[0])


@pytest.mark.parametrize("horizon", [1, 2, 15])
def test_persistence_is_the_price_shifted_by_its_horizon(horizon: int) -> None:
    last, actual = rows(horizon)
    copy = shifted_copy(last, last, actual, horizon, has_skill=False)
    assert copy is not None
    assert copy.lag == horizon
    assert copy.at_lag == pytest.approx(1)
    assert abs(copy.at_zero) < 0.1


@pytest.mark.parametrize("late", [0, 3])
@pytest.mark.parametrize("candles", [2, 20, 60])
def test_a_smooth_forecast_that_lags_behind_with_a_bias_is_a_copy(candles: int, late: int) -> None:
    last, actual = rows(1)
    forecast = 0.9 * np.roll(exponential_mean(last, candles), late) + 1_500
    copy = shifted_copy(forecast, last, actual, 1, has_skill=False)
    assert copy is not None
    # The weights fall from the newest close on, but slowly: noise may move the peak a little.
    assert late < copy.lag <= late + 6
    assert copy.at_lag > 0.2 > abs(copy.at_zero)


def test_a_last_price_with_noise_added_is_a_copy() -> None:
    last, actual = rows(1)
    forecast = last + RNG.normal(scale=np.std(np.diff(last)), size=len(last))
    copy = shifted_copy(forecast, last, actual, 1, has_skill=False)
    assert copy is not None
    assert copy.lag == 1
    assert copy.at_lag == pytest.approx(1 / np.sqrt(3), abs=0.06)


def test_a_forecast_with_skill_looks_the_same_and_is_none() -> None:
    last, actual = rows(1)
    forecast = last + 0.05 * (actual - last)
    assert shifted_copy(forecast, last, actual, 1, has_skill=False) is not None
    assert shifted_copy(forecast, last, actual, 1, has_skill=True) is None


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_forecast_that_follows_the_outcome_is_no_copy(horizon: int) -> None:
    last, actual = rows(horizon)
    assert shifted_copy(actual, last, actual, horizon, has_skill=False) is None
    # Between the last close and the target: a peak at a lag that no persistence has.
    if horizon > 1:
        between = CLOSE[horizon - 2 : len(CLOSE) - 2]
        assert shifted_copy(between, last, actual, horizon, has_skill=False) is None


def test_noise_around_a_constant_is_no_copy_in_few_rows_or_many() -> None:
    for count in (120, 400, 4_999):
        for _ in range(50):
            last, actual = (values[:count] for values in rows(1))
            noise = 30_000 + RNG.normal(size=count)
            assert shifted_copy(noise, last, actual, 1, has_skill=False) is None


def test_changes_over_a_gap_do_not_count() -> None:
    # Every hundredth origin begins elsewhere, at a price that has nothing to do with the last.
    last, actual = rows(2)
    contiguous = np.arange(len(last)) % 100 != 0
    offset = 1_000_000.0 * np.cumsum(RNG.normal(size=len(last)) * ~contiguous)
    last, actual = last + offset, actual + offset
    copy = shifted_copy(last, last, actual, 2, False, contiguous)
    assert copy is not None
    assert copy.lag == 2
    assert copy.at_lag == pytest.approx(1)
    assert abs(copy.at_zero) < 0.1
    # Were the jumps believed, a forecast and its own outcome would seem to move together.
    believed = shifted_copy(last, last, actual, 2, False)
    assert believed is None or abs(believed.at_zero) > 0.9


def test_what_a_row_is_compared_with_lies_in_its_own_stretch() -> None:
    # In stretches of two origins there is a change, but none earlier to compare it with.
    last, actual = rows(1)
    contiguous = np.arange(len(last)) % 2 != 0
    late = np.roll(last, 2)
    assert shifted_copy(last, last, actual, 1, False, contiguous) is not None
    assert shifted_copy(late, last, actual, 1, False, contiguous) is None


def test_rows_that_are_not_finite_are_left_out() -> None:
    last, actual = (values.copy() for values in rows(1))
    forecast = last.copy()
    forecast[10], actual[-1], actual[20] = np.nan, np.nan, np.inf
    forecast[30] = np.inf
    copy = shifted_copy(forecast, last, actual, 1, has_skill=False)
    assert copy is not None
    assert copy.lag == 1
    assert copy.at_lag == pytest.approx(1)


def test_a_forecast_may_be_larger_than_its_square_can_be() -> None:
    last, actual = rows(1)
    copy = shifted_copy(last * 1e300, last, actual, 1, has_skill=False)
    assert copy is not None
    assert copy.at_lag == pytest.approx(1)


@pytest.mark.parametrize("count", [0, 1, 2, 90])
def test_few_rows_tell_nothing(count: int) -> None:
    last, actual = (values[:count] for values in rows(1))
    assert shifted_copy(last, last, actual, 1, has_skill=False) is None


def test_what_does_not_move_is_no_copy() -> None:
    last, actual = rows(1)
    assert shifted_copy(np.full(len(last), 3e4), last, actual, 1, has_skill=False) is None
    assert shifted_copy(last, last, np.full(len(last), np.nan), 1, has_skill=False) is None
    still = np.full(len(last), 3e4)
    assert shifted_copy(still, still, still, 1, has_skill=False) is None


def test_the_finding_in_words() -> None:
    assert sentence("lstm", 1, ShiftedCopy(1, 0.974, 0.012)) == (
        "lstm, 1 ahead: the forecast is the price of 1 candle before, shifted: its changes follow "
        "the price's with a correlation of 0.97 at lag 1 and 0.01 at lag 0."
    )
    assert "the price of 6 candles before" in sentence("lstm", 5, ShiftedCopy(6, 0.9, 0.0))
