"""A `Forecast` becomes the table that other programs read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from candlecast.candles import Candles
from candlecast.distributions import Distribution, NormalMixture, QuantileFunction, StudentT
from candlecast.distributions.quantile_function import LEVELS
from candlecast.forecast import BANDS, QUANTILES, Forecast


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
        "scale",
        "degrees",
        "variance",
        "realised_variance",
        "calibrated_q025",
        "calibrated_q10",
        "calibrated_q25",
        "calibrated_q75",
        "calibrated_q90",
        "calibrated_q975",
    ]
    time, close = candles.frame["time"], candles.frame["close"]
    assert frame["origin"].to_list() == [time[10], time[10], time[20], time[20]]
    assert frame["time"].to_list() == [time[11], time[13], time[21], time[23]]
    assert frame["horizon"].to_list() == [1, 3, 1, 3]
    assert frame["last_close"].to_list() == [close[10], close[10], close[20], close[20]]
    assert frame["actual"].to_list() == [close[11], close[13], close[21], close[23]]
    assert frame["mean"].to_list() == [10, 100, 20, 200]
    assert frame["q50"].null_count() == 4, "no quantile is invented"
    assert frame["scale"].null_count() == frame["variance"].null_count() == 4
    assert frame["calibrated_q10"].null_count() == 4
    steps = np.diff(np.log(close.to_numpy()))
    expected = [steps[10] ** 2, np.sum(steps[10:13] ** 2)]
    assert frame["realised_variance"].to_list()[:2] == pytest.approx(expected)


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


def with_a_spread(candles: Candles) -> Forecast:
    rows = np.array([10, 20, 898])
    location = np.array([[1e-4, 2e-4], [-1e-4, 0.0], [0.0, 3e-4]])
    return Forecast.at(
        candles,
        rows,
        (1, 3),
        "model",
        mean=candles.frame["close"].to_numpy()[rows][:, None] * np.exp(location),
        distribution=StudentT(location, np.full((3, 2), 1e-3), np.array([[4.0, 8.0]])),
        variance=np.full((3, 2), 3e-6),
    )


def test_quantiles_are_prices_and_stand_in_their_columns(candles: Candles) -> None:
    forecast = with_a_spread(candles)
    frame = forecast.to_frame()
    assert frame.select(list(QUANTILES)).schema == dict.fromkeys(QUANTILES, pl.Float64)
    first = frame.row(0, named=True)
    for name, level in QUANTILES.items():
        at = first["last_close"] * np.exp(stats.t.ppf(level, 4, 1e-4, 1e-3))
        assert first[name] == pytest.approx(at)
    assert frame["degrees"].to_list()[:2] == [4.0, 8.0]
    assert first["q50"] == pytest.approx(first["mean"])


def test_a_forecast_comes_back_from_its_table(candles: Candles) -> None:
    forecast = with_a_spread(candles)
    again = Forecast.from_frame(forecast.to_frame().drop(*QUANTILES))
    assert (again.model, again.horizons) == ("model", (1, 3))
    for name in ("origin", "time", "last_close", "mean", "actual", "realised_variance", "variance"):
        np.testing.assert_array_equal(getattr(again, name), getattr(forecast, name), name)
    assert again.distribution is not None
    assert forecast.distribution is not None
    ours, theirs = forecast.quantiles, again.quantiles
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(theirs, ours)
    point = forecast_at(candles, [10], across_gaps=False)
    assert Forecast.from_frame(point.to_frame()).distribution is None


MIXTURE = NormalMixture(
    np.full((3, 2, 2), [0.25, 0.75]),
    np.array([[[-2e-3, 1e-3]] * 2] * 3),
    np.full((3, 2, 2), 1e-3),
)
SKEWED = QuantileFunction(
    np.tile(1e-3 * np.exp(stats.norm.ppf(LEVELS)), (3, 2, 1)) * np.array([[[1.0], [3.0]]])
)


@pytest.mark.parametrize("spread", [MIXTURE, SKEWED], ids=["mixture", "quantiles"])
def test_any_distribution_comes_back_from_its_table(candles: Candles, spread: Distribution) -> None:
    forecast = replace(with_a_spread(candles), distribution=spread)
    frame, usual = forecast.to_frame(), with_a_spread(candles).to_frame()
    assert frame.columns[: usual.width] == usual.columns
    assert frame.columns[usual.width :] == list(spread.columns())
    assert frame["scale"].null_count() == frame["degrees"].null_count() == 6
    np.testing.assert_allclose(
        frame["q10"], forecast.last_close.repeat(2) * np.exp(spread.quantiles([0.1]).ravel())
    )
    joined = pl.concat([usual.with_columns(model=pl.lit("other")), frame], how="diagonal")
    for table in (frame, joined.filter(model="model")):
        again = Forecast.from_frame(table).distribution
        assert type(again) is type(spread)
        for name, values in spread.columns().items():
            np.testing.assert_array_equal(again.columns()[name], values, name)
    other = Forecast.from_frame(joined.filter(model="other")).distribution
    assert isinstance(other, StudentT)


def test_calibrated_bands_stand_in_columns_of_their_own_and_come_back(candles: Candles) -> None:
    forecast = with_a_spread(candles)
    bands = 100 + np.arange(36, dtype=float).reshape(3, 2, 6)
    bands[1, 0] = np.nan
    frame = replace(forecast, bands=bands).to_frame()
    assert frame.schema["calibrated_q975"] == pl.Float64
    assert frame.row(0, named=True)["calibrated_q025"] == 100
    assert frame["calibrated_q975"].to_list() == [105, 111, None, 123, 129, 135]
    assert frame["q975"].to_list() == forecast.to_frame()["q975"].to_list()
    again = Forecast.from_frame(frame)
    np.testing.assert_array_equal(again.bands, bands)
    np.testing.assert_array_equal(again.take(np.array([2, 0])).bands, bands[[2, 0]])
    without = frame.drop(f"calibrated_{name}" for name in BANDS)
    assert Forecast.from_frame(without).bands is None, "a table of an older run"
    assert Forecast.from_frame(forecast.to_frame()).bands is None


def test_some_origins_can_be_taken(candles: Candles) -> None:
    forecast = with_a_spread(candles)
    taken = forecast.take(np.array([2, 0]))
    np.testing.assert_array_equal(taken.mean, forecast.mean[[2, 0]])
    assert taken.quantiles is not None
    assert forecast.quantiles is not None
    np.testing.assert_array_equal(taken.quantiles, forecast.quantiles[[2, 0]])


def test_a_price_below_zero_has_no_return(candles: Candles) -> None:
    forecast = Forecast.at(candles, np.array([1]), (1,), "model", np.array([[-1.0]]))
    assert np.isnan(forecast.mean_return).all()
    assert np.isfinite(forecast.actual_return).all()
