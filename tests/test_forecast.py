"""A `Forecast` becomes the table that other programs read."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from candlecast.candles import Candles
from candlecast.forecast import QUANTILES, Forecast


def forecast_at(candles: Candles, origins: list[int], *, across_gaps: bool) -> Forecast:
    rows = np.array(origins)
    return Forecast.at(
        candles,
        rows,
        (1, 3),
        "model",
        mean=np.outer(rows, [1.0, 10.0]),
        across_gaps=across_gaps,
    )


def test_the_columns_are_those_of_the_contract(candles: Candles) -> None:
    frame = forecast_at(candles, [10, 20], across_gaps=False).to_frame()
    assert frame.columns == [
        "model",
        "origin",
        "time",
        "horizon",
        "last_close",
        "mean",
        "q025",
        "q10",
        "q25",
        "q50",
        "q75",
        "q90",
        "q975",
        "actual",
    ]
    time, close = candles.frame["time"], candles.frame["close"]
    assert frame["origin"].to_list() == [time[10], time[10], time[20], time[20]]
    assert frame["time"].to_list() == [time[11], time[13], time[21], time[23]]
    assert frame["horizon"].to_list() == [1, 3, 1, 3]
    assert frame["last_close"].to_list() == [close[10], close[10], close[20], close[20]]
    assert frame["actual"].to_list() == [close[11], close[13], close[21], close[23]]
    assert frame["mean"].to_list() == [10, 100, 20, 200]
    assert frame["q50"].null_count() == 4, "no quantile is invented"


def test_what_is_not_known_yet_is_null(candles: Candles) -> None:
    frame = forecast_at(candles, [898, 899], across_gaps=False).to_frame()
    assert frame["actual"].is_null().to_list() == [False, True, True, True]
    minutes = (frame["time"] - frame["origin"]).dt.total_minutes()
    assert minutes.to_list() == [1, 3, 1, 3]


@pytest.mark.parametrize("across_gaps", [True, False])
def test_a_target_beyond_a_gap_counts_only_for_who_crosses_gaps(
    gappy_candles: Candles, across_gaps: bool
) -> None:
    # Row 299 is the last before a hole of 10 minutes, row 298 is one before it.
    frame = forecast_at(gappy_candles, [298, 299], across_gaps=across_gaps).to_frame()
    minutes = (frame["time"] - frame["origin"]).dt.total_minutes().to_list()
    close = gappy_candles.frame["close"]
    if across_gaps:
        assert minutes == [1, 13, 11, 13]
        assert frame["actual"].to_list() == [close[299], close[301], close[300], close[302]]
    else:
        assert minutes == [1, 3, 1, 3]
        assert frame["actual"].to_list() == [close[299], None, None, None]


def test_quantiles_stand_in_their_columns(candles: Candles) -> None:
    quantiles = np.arange(2 * 1 * 7, dtype=float).reshape(2, 1, 7)
    forecast = Forecast.at(
        candles, np.array([1, 2]), (1,), "model", np.ones((2, 1)), quantiles=quantiles
    )
    frame = forecast.to_frame().select(list(QUANTILES))
    assert frame.rows() == [tuple(range(7)), tuple(range(7, 14))]
    assert frame.schema == dict.fromkeys(QUANTILES, pl.Float64)
