"""A backtest counts every side that is traded, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from candlecast.errors import InputError
from candlecast.evaluation.trading import backtest
from candlecast.forecast import Forecast


def forecast_of(
    said_bp: list[float], came_bp: list[float], horizons: tuple[int, ...] = (1,)
) -> Forecast:
    """Forecasts of the next return of a close of 100, and what came."""
    last_close = np.full(len(said_bp), 100.0)
    said, came = (np.asarray(each)[:, None] / 1e4 for each in (said_bp, came_bp))
    shape = (len(said_bp), len(horizons))
    return Forecast(
        model="some",
        horizons=horizons,
        origin=np.arange(len(said_bp)),
        time=np.zeros(shape, dtype=np.int64),
        last_close=last_close,
        mean=np.broadcast_to(100 * np.exp(said), shape),
        actual=np.broadcast_to(100 * np.exp(came), shape),
        realised_variance=np.zeros(shape),
    )


def test_gains_losses_and_sides_are_counted_by_hand() -> None:
    # Long, long, short, nothing, long: open 1, turn 2, close 1, open 1, close 1 at the end.
    result = backtest(forecast_of([2, 3, -2, 0, 4], [5, -1, -2, 9, 1]), cost_bp=0.5)
    assert (result.candles, result.trades) == (5, 6)
    assert result.invested == pytest.approx(0.8)
    assert result.gross_bp == pytest.approx(5 - 1 + 2 + 1)
    assert result.net_bp == pytest.approx(7 - 6 * 0.5)
    assert result.break_even_bp == pytest.approx(7 / 6)


def test_a_forecast_that_says_little_is_not_traded_on() -> None:
    result = backtest(forecast_of([2, 3, -2], [5, 5, 5]), cost_bp=1.0, threshold_bp=2.5)
    assert result.trades == 2
    assert result.gross_bp == pytest.approx(5.0)


def test_without_a_trade_nothing_is_won_and_nothing_breaks_even() -> None:
    result = backtest(forecast_of([0, 0], [5, 5]), cost_bp=1.0)
    assert (result.trades, result.net_bp) == (0, 0.0)
    assert np.isnan(result.break_even_bp)


def test_candles_that_did_not_come_are_left_out() -> None:
    forecast = forecast_of([2, 2], [5, float("nan")])
    assert backtest(forecast, cost_bp=0.0).candles == 1


def test_other_horizons_and_unknown_outcomes_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="horizon 1 is not forecast"):
        backtest(forecast_of([1], [1], horizons=(5,)), cost_bp=0.0)
    with pytest.raises(InputError, match="no outcome is known"):
        backtest(forecast_of([1], [float("nan")]), cost_bp=0.0)
