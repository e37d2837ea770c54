"""The charts' numbers are those of the forecasts, however they are summed up or packed."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_forecasts, make_report
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.conformal import calibrate
from candlecast.distributions import NormalMixture, QuantileFunction, StudentT
from candlecast.distributions.quantile_function import LEVELS as SHARES
from candlecast.evaluation.scorecard import score_forecasts
from candlecast.evaluation.weeks import DAY, WEEK
from candlecast.forecast import QUANTILES, Forecast
from candlecast.report import charts, price
from candlecast.report.price import PackedPrices, pack_prices
from candlecast.report.summaries import (
    HOUR,
    MINUTE,
    coverage_by,
    fifths,
    hours,
    outcomes_of,
    periods,
    pit_bars,
    skill_path,
    stretch,
    sums_over_time,
    switched_off,
    thinned,
)
from candlecast.report.wording import duration, skill_text, value_text

Array = NDArray[Any]


@pytest.fixture(scope="module")
def forecasts(candles: Candles) -> list[Forecast]:
    return make_forecasts(candles)


def unpacked(packed: PackedPrices) -> dict[str, Array]:
    """The columns again, as `page.js` reads them."""
    content = gzip.decompress(base64.b64decode(packed.content))
    columns, at = {}, 0
    for name, length, goes_on in packed.header["columns"]:
        planes = np.frombuffer(content, np.uint8, 4 * length, at).reshape(4, length)
        zigzag = planes.T.copy().view("<u4")[:, 0].astype(np.int64)
        values = (zigzag >> 1) ^ -(zigzag & 1)
        if goes_on:
            values = np.cumsum(values).astype(np.int32).astype(np.int64)
        columns[name], at = values, at + 4 * length
    assert at == len(content)
    return columns


# ---- skill ----------------------------------------------------------------------------------


def test_the_line_of_skill_ends_at_the_skill_of_the_scorecard(forecasts: list[Forecast]) -> None:
    scores = score_forecasts(forecasts, "log_return", 1.0).scores
    for place, horizon in enumerate(forecasts[0].horizons):
        for forecast in forecasts[1:]:
            path = skill_path(forecast, forecasts[0], place)
            assert path is not None
            assert path.skill[-1] == pytest.approx(scores[forecast.model][str(horizon)]["skill"])
            assert path.time[-1] > forecast.time[-1, place]


def test_one_lucky_day_is_named_and_its_share_of_the_skill_is_told() -> None:
    time = np.arange(1, 5)[:, None] * DAY
    last = np.full(4, 100.0)
    actual = np.array([[101.0], [101.0], [110.0], [101.0]])
    persistence = Forecast(
        "persistence", (1,), time[:, 0] - MINUTE, time, last, last[:, None], actual, actual
    )
    lucky = replace(persistence, model="lucky", mean=np.array([[99.0], [99.0], [110.0], [101.0]]))
    path = skill_path(lucky, persistence, 0)
    assert path is not None
    assert path.best_day == 3 * DAY
    assert path.skill[-1] == pytest.approx(1 - 8 / 103)
    assert path.without_best_day == pytest.approx(1 - 8 / 3)
    assert (path.days_won, path.days) == (2, 4)


def test_persistence_against_itself_has_no_best_day(forecasts: list[Forecast]) -> None:
    path = skill_path(forecasts[0], forecasts[0], 0)
    assert path is not None
    assert not path.skill.any()
    assert path.best_day is None
    assert path.days_won == 0


def test_models_of_other_origins_meet_at_those_that_both_have(forecasts: list[Forecast]) -> None:
    later = forecasts[1].take(np.arange(300, len(forecasts[1])))
    alone = skill_path(later, forecasts[0].take(np.arange(300, len(forecasts[0]))), 0)
    path = skill_path(later, forecasts[0], 0)
    assert path is not None
    assert alone is not None
    assert path.skill[-1] == alone.skill[-1]


def test_without_a_known_outcome_there_is_no_line(forecasts: list[Forecast]) -> None:
    unknown = replace(forecasts[1], actual=np.full_like(forecasts[1].actual, np.nan))
    assert skill_path(unknown, forecasts[0], 0) is None
    assert outcomes_of(unknown, 0) is None


def test_a_model_with_a_forecast_that_is_no_number_has_no_line(forecasts: list[Forecast]) -> None:
    for value in (np.nan, np.inf, 1e200):
        mean = forecasts[1].mean.copy()
        mean[7, 0] = value
        broken = replace(forecasts[1], mean=mean)
        assert skill_path(broken, forecasts[0], 0) is None, value
        assert skill_path(broken, forecasts[0], 1) is not None, "at the other horizon it has one"


def test_a_hopeless_model_does_not_flatten_the_others(forecasts: list[Forecast]) -> None:
    paths = [path for each in forecasts[1:] if (path := skill_path(each, forecasts[0], 0))]
    assert switched_off(paths) == {"hopeless"}
    assert switched_off(paths[1:]) == set(), "alone it is shown"
    drawn = {trace["name"]: trace for trace in charts.skill_figure(paths, "garch_t")["data"]}
    assert drawn["hopeless"]["visible"] == "legendonly"
    assert drawn["garch_t"]["visible"] is True


# ---- calibration ----------------------------------------------------------------------------


def test_coverage_in_one_group_is_the_coverage_of_the_scorecard(forecasts: list[Forecast]) -> None:
    scores = score_forecasts(forecasts, "log_return", 1.0).scores["garch_t"]["15"]
    outcomes = outcomes_of(forecasts[1], 1)
    assert outcomes is not None
    coverage = coverage_by(outcomes, np.zeros(len(outcomes.pit), np.int64))
    promised = [scores[f"coverage_{level}"] for level in (50, 80, 95)]
    assert coverage.share[0].tolist() == pytest.approx(promised)
    own = len(outcomes.pit) / 15
    assert coverage.margin[0, 0] == pytest.approx(1.96 * np.sqrt(0.25 / own))


def test_calibrated_coverage_is_that_of_the_scorecard_too(forecasts: list[Forecast]) -> None:
    calibrated = [calibrate(forecast)[0] for forecast in forecasts]
    scores = score_forecasts(calibrated, "log_return", 1.0).scores["garch_t"]["15"]
    outcomes = outcomes_of(calibrated[1], 1)
    assert outcomes is not None
    whole = np.zeros(len(outcomes.pit), np.int64)
    coverage = coverage_by(outcomes, whole, calibrated=True)
    promised = [scores[f"calibrated_coverage_{level}"] for level in (50, 80, 95)]
    assert coverage.share[0].tolist() == pytest.approx(promised)
    figure = charts.calibrated_figure(coverage_by(outcomes, whole), coverage, {}, [0])
    assert [trace["name"] for trace in figure["data"]][:2] == [
        *("50% band, the model's own", "50% band, calibrated")
    ]
    assert [trace["y"][0] for trace in figure["data"]][1::2] == pytest.approx(promised, abs=1e-5)


def test_the_pit_of_a_right_distribution_is_level_within_chance() -> None:
    rng = np.random.default_rng(0)
    returns = rng.standard_t(5, 20_000)[:, None] * 0.01
    time = np.arange(20_000)[:, None] * MINUTE
    last = np.full(20_000, 100.0)
    right = Forecast(
        *("model", (1,), time[:, 0], time + MINUTE, last, last[:, None]),
        actual=last[:, None] * np.exp(returns),
        realised_variance=returns**2,
        distribution=StudentT(np.zeros((20_000, 1)), np.full((1, 1), 0.01), np.full((1, 1), 5.0)),
    )
    outcomes = outcomes_of(right, 0)
    assert outcomes is not None
    bars, margin = pit_bars(outcomes)
    assert bars.mean() == pytest.approx(1)
    assert np.mean(np.abs(bars - 1) < margin) >= 0.85
    assert np.unique(fifths(outcomes.variance)).tolist() == [0], "all variances are the same"


def test_periods_are_weeks_from_monday_and_shorter_where_there_are_few() -> None:
    name, starts = periods(np.array([0, 3 * DAY, 4 * DAY, 30 * DAY]))
    assert name == "week"
    assert (starts // DAY).tolist() == [-3, -3, 4, 25]  # the epoch was a Thursday
    assert periods(np.array([0, 5 * DAY]))[0] == "day"
    name, starts = periods(np.array([0, 90 * MINUTE]))
    assert name == "hour"
    assert starts.tolist() == [0, HOUR]
    assert hours(np.array([25 * HOUR + 59 * MINUTE])).tolist() == [1]


def test_a_variance_that_is_no_number_is_in_no_fifth() -> None:
    values = np.array([np.nan, *range(10), np.inf])
    assert fifths(values).tolist() == [-1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1]
    assert fifths(np.full(3, np.nan)).tolist() == [-1, -1, -1]


def test_outcomes_without_a_distribution_are_counted(forecasts: list[Forecast]) -> None:
    spread = forecasts[1].distribution
    assert isinstance(spread, StudentT)
    scale = spread.scale.copy()
    scale[[3, 5], 0] = np.nan
    outcomes = outcomes_of(replace(forecasts[1], distribution=replace(spread, scale=scale)), 0)
    whole = outcomes_of(forecasts[1], 0)
    assert outcomes is not None
    assert whole is not None
    assert (outcomes.left_out, whole.left_out) == (2, 0)
    assert len(outcomes.pit) == len(whole.pit) - 2


def test_fifths_hold_as_many_each() -> None:
    assert np.bincount(fifths(np.random.default_rng(1).random(1000))).tolist() == [200] * 5


# ---- sums -----------------------------------------------------------------------------------


def test_a_stretch_is_one_that_people_count_in_and_long_enough() -> None:
    assert stretch(0, WEEK, 1000) == 15 * MINUTE
    assert stretch(5, 5, 100) == 1_000_000
    assert stretch(0, 10_000 * WEEK, 3) == 5_000 * WEEK


def test_a_thinned_line_keeps_its_extremes_and_its_ends() -> None:
    time = np.arange(100_000)
    values = np.sin(time / 7000)
    values[77_777], values[50] = 5.0, np.nan
    few_times, few = thinned(time, values, most=500)
    assert len(few_times) == len(few) == 1000
    assert np.nanmax(few) == 5.0
    assert np.nanmin(few) == np.nanmin(values)
    assert few_times[[0, -1]].tolist() == [0, 99_999]


def test_a_line_of_few_points_is_left_as_it_is() -> None:
    time = np.arange(900)
    values = np.sin(time / 7)
    same_time, same = thinned(time, values, most=500)
    assert same_time is time
    assert same is values


def test_a_thinned_line_is_broken_where_nothing_is_known() -> None:
    values = np.full(10_000, np.nan)
    values[:5000] = 1.0
    assert np.isnan(thinned(np.arange(10_000), values, most=100)[1][-1])


def test_sums_over_time_leave_no_stretch_out() -> None:
    starts, sums = sums_over_time(
        np.array([0, 9 * HOUR]), np.array([2.0, 3.0]), 0, 9 * HOUR, most=10
    )
    assert (starts // HOUR).tolist() == list(range(10))
    assert sums.tolist() == [2.0, *[0.0] * 8, 3.0]


def test_durations_are_told_in_the_largest_whole_unit() -> None:
    assert [duration(each) for each in (HOUR, 2 * DAY, 90 * MINUTE, 3 * WEEK)] == [
        *("1 hour", "2 days", "90 minutes", "3 weeks")
    ]


def test_a_figure_that_does_not_apply_is_a_dash() -> None:
    assert [value_text(each) for each in (None, float("nan"), 1234, 0.5, "lstm")] == [
        *("-", "-", "1,234", "0.5", "lstm")
    ]
    assert [skill_text(each) for each in (None, float("nan"), 0.0123, -1234.5)] == [
        *("-", "-", "+0.0123", "-1,234")
    ]


# ---- packed prices --------------------------------------------------------------------------


def test_candles_come_back_to_the_tick(gappy_candles: Candles) -> None:
    forecast = make_forecasts(gappy_candles)[1]
    packed = pack_prices(gappy_candles, forecast)
    columns, tick = unpacked(packed), packed.header["tick"]
    rows = gappy_candles.frame[100:]
    close = columns["close"]
    opened = np.concatenate([[0], close[:-1]]) + columns["open"]
    found = {
        "open": opened,
        "close": close,
        "high": np.maximum(opened, close) + columns["up"],
        "low": np.minimum(opened, close) - columns["down"],
    }
    for name, ticks in found.items():
        assert np.abs(ticks * tick - rows[name].to_numpy()).max() <= tick / 2 * 1.0001, name
    time = packed.header["first"] * 1000 + columns["time"] * MINUTE
    assert time.tolist() == rows["time"].to_physical().to_list()
    assert tick / rows["close"].min() < 1e-6
    assert packed.coarse_width is None


@pytest.mark.parametrize("various", [False, True])
def test_bands_come_back_to_a_thousandth_of_their_width(candles: Candles, *, various: bool) -> None:
    forecast = make_forecasts(candles)[1]
    if various:
        assert isinstance(forecast.distribution, StudentT)
        shape = forecast.mean.shape
        degrees = np.random.default_rng(2).uniform(3, 4000, shape)
        forecast = replace(forecast, distribution=replace(forecast.distribution, degrees=degrees))
    packed = pack_prices(candles, forecast)
    columns, header = unpacked(packed), packed.header
    assert forecast.quantiles is not None
    for place, horizon in enumerate(forecast.horizons):
        location = columns.get(f"location{horizon}", columns[f"mean{horizon}"]) * 1e-7
        scale = np.exp(columns[f"scale{horizon}"] * header["log_scale_unit"])
        upper = np.array(header[f"table{horizon}"])[columns[f"degrees{horizon}"]]
        last = columns["close"][columns["row"]] * header["tick"]
        width = np.ptp(forecast.quantiles[:, place], axis=1)
        for end, name in enumerate(("q75", "q90", "q975")):
            quantile = forecast.quantiles[:, place, list(QUANTILES).index(name)]
            found = last * np.exp(location + scale * upper[:, end])
            assert np.max(np.abs(found - quantile) / width) < (0.02 if various else 0.001)


def test_calibrated_bands_come_back_to_a_thousandth_of_their_width(candles: Candles) -> None:
    forecast, _ = calibrate(make_forecasts(candles)[1], gain=0.05)
    bands = forecast.bands
    assert bands is not None
    bands[7, 0] = np.nan
    columns = unpacked(pack_prices(candles, forecast))
    assert "scale1" not in columns
    last = columns["close"][columns["row"]] * price._tick(candles.frame["close"].to_numpy())
    known = np.arange(len(forecast)) != 7
    for place, horizon in enumerate(forecast.horizons):
        location = columns.get(f"location{horizon}", columns[f"mean{horizon}"]) * 1e-7
        for level, low, high in ((50, 2, 3), (80, 1, 4), (95, 0, 5)):
            reach = np.exp(columns[f"reach{level}_{horizon}"] * 1e-3)
            width = bands[:, place, high] - bands[:, place, low]
            for end, move in ((low, -reach), (high, reach)):
                away = np.abs(last * np.exp(location + move) - bands[:, place, end]) / width
                assert away[known].max() < 0.002
    assert columns["reach80_1"][7] == price.UNKNOWN


def of_another_family(candles: Candles, family: str) -> Forecast:
    """The usual forecast with a distribution whose upper side is the wider one."""
    forecast = make_forecasts(candles)[1]
    assert forecast.distribution is not None
    location, scale = forecast.distribution.location, forecast.distribution.width
    two = np.ones((*scale.shape, 2))
    shape = np.exp(np.linspace(-1.5, 1.5, len(SHARES))) - 1
    spread = (
        NormalMixture(0.5 * two, scale[..., None] * [-0.5, 1.5], scale[..., None] * [0.5, 2.0])
        if family == "mixture"
        else QuantileFunction(scale[..., None] * shape)
    )
    return replace(forecast, distribution=spread.centred_at(location))


@pytest.mark.parametrize("family", ["mixture", "quantiles"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_bands_of_any_distribution_come_back(
    candles: Candles, family: str, *, calibrated: bool
) -> None:
    forecast = of_another_family(candles, family)
    quantiles = forecast.quantiles
    assert quantiles is not None
    expected = np.delete(quantiles, 3, axis=-1)
    if calibrated:
        forecast, _ = calibrate(forecast, gain=0.02)
        assert forecast.bands is not None
        expected = forecast.bands
    packed = pack_prices(candles, forecast)
    columns = unpacked(packed)
    assert "scale1" not in columns
    assert packed.header["table1"] is None
    last = columns["close"][columns["row"]] * packed.header["tick"]
    for place, horizon in enumerate(forecast.horizons):
        median = columns.get(f"location{horizon}", columns[f"mean{horizon}"]) * 1e-7
        for level, low, high in ((50, 2, 3), (80, 1, 4), (95, 0, 5)):
            above = np.exp(columns[f"reach{level}_{horizon}"] * 1e-3)
            below = np.exp(columns[f"below{level}_{horizon}"] * 1e-3)
            width = expected[:, place, high] - expected[:, place, low]
            for end, move in ((low, -below), (high, above)):
                away = np.abs(last * np.exp(median + move) - expected[:, place, end]) / width
                assert away.max() < 0.002


@pytest.mark.parametrize("family", ["mixture", "quantiles"])
def test_outcomes_are_seen_through_any_distribution(candles: Candles, family: str) -> None:
    forecast = of_another_family(candles, family)
    assert forecast.distribution is not None
    outcomes = outcomes_of(replace(forecast, variance=None), 0)
    assert outcomes is not None
    known = np.isfinite(forecast.actual[:, 0])
    pit = forecast.distribution.cdf(forecast.actual_return)[known, 0]
    np.testing.assert_array_equal(outcomes.pit, pit)
    np.testing.assert_allclose(outcomes.variance, forecast.distribution.width[known, 0] ** 2)


@pytest.mark.parametrize("family", ["mixture", "quantiles"])
def test_bands_of_any_distribution_are_summed_up_by_their_reach(
    candles: Candles, monkeypatch: pytest.MonkeyPatch, family: str
) -> None:
    monkeypatch.setattr(price, "FINE_ROWS", 200)
    monkeypatch.setattr(price, "COARSE_ROWS", 50)
    forecast = of_another_family(candles, family)
    quantiles = forecast.quantiles
    assert quantiles is not None
    packed = pack_prices(candles, forecast)
    columns, tick = unpacked(packed), packed.header["tick"]
    early = quantiles[:600, 0]  # of the origins before the last 200 candles
    assert columns["old_hi95_1"].max() * tick == pytest.approx(early[:, -1].max(), rel=1e-6)
    assert columns["old_lo95_1"].min() * tick == pytest.approx(early[:, 0].min(), rel=1e-6)


def test_calibrated_bands_are_summed_up_by_their_reach(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "FINE_ROWS", 200)
    monkeypatch.setattr(price, "COARSE_ROWS", 50)
    forecast, _ = calibrate(make_forecasts(candles)[1])
    assert forecast.bands is not None
    packed = pack_prices(candles, forecast)
    columns, tick = unpacked(packed), packed.header["tick"]
    early = forecast.bands[:600, 0]  # of the origins before the last 200 candles
    assert columns["old_hi95_1"].max() * tick == pytest.approx(early[:, 5].max(), rel=1e-6)
    assert columns["old_lo50_1"].min() * tick == pytest.approx(early[:, 2].min(), rel=1e-6)


def test_a_mean_that_is_no_price_is_unknown(candles: Candles) -> None:
    forecast = make_forecasts(candles)[2]
    forecast.mean[5] = -1.0
    columns = unpacked(pack_prices(candles, forecast))
    assert columns["mean1"][5] == price.UNKNOWN
    assert "scale1" not in columns


def test_a_distribution_that_is_no_number_is_unknown(candles: Candles) -> None:
    forecast = make_forecasts(candles)[1]
    spread = forecast.distribution
    assert isinstance(spread, StudentT)
    location, scale = spread.location.copy(), spread.scale.copy()
    degrees = np.broadcast_to(spread.degrees, scale.shape).copy()
    location[3], scale[4], degrees[5] = np.nan, np.nan, np.nan
    broken = replace(forecast, distribution=StudentT(location, scale, degrees))
    packed = pack_prices(candles, broken)
    columns = unpacked(packed)
    assert columns["location1"][3] == price.UNKNOWN
    assert np.flatnonzero(columns["scale1"] == price.UNKNOWN).tolist() == [4, 5]
    assert json.dumps(packed.header, allow_nan=False)


def test_what_does_not_fit_is_summed_up_and_nothing_is_left_out(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "FINE_ROWS", 200)
    monkeypatch.setattr(price, "COARSE_ROWS", 50)
    forecast = make_forecasts(candles)[1]
    packed = pack_prices(candles, forecast)
    columns, tick = unpacked(packed), packed.header["tick"]
    rows = candles.frame[100:]
    assert len(columns["close"]) == 200
    assert packed.fine_from == rows["time"].to_physical()[-200]
    assert packed.coarse_width == 15 * MINUTE
    assert 30 < len(columns["old_close"]) <= 50
    early = rows[:-200]
    assert columns["old_high"].max() * tick == pytest.approx(early["high"].max(), abs=tick)
    assert columns["old_low"].min() * tick == pytest.approx(early["low"].min(), abs=tick)
    assert columns["old_open"][0] * tick == pytest.approx(early["open"][0], abs=tick)
    assert columns["old_close"][-1] * tick == pytest.approx(early["close"][-1], abs=tick)
    assert forecast.quantiles is not None
    highest = forecast.quantiles[:-200, 0, -1].max()
    assert columns["old_hi95_1"].max() * tick == pytest.approx(highest, rel=1e-3)


def test_the_packed_prices_keep_to_their_room(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "COARSE_ROWS", 50)
    forecast = make_forecasts(candles)[1]
    whole = len(pack_prices(candles, forecast).content)
    less = pack_prices(candles, forecast, most_bytes=whole // 2)
    assert len(less.content) <= whole // 2
    assert less.coarse_width is not None


def test_prices_from_dust_to_millions_fit_into_their_columns() -> None:
    close = np.array([1e-7, 1.0, 5e6, 1e-7])
    tick = price._tick(close)
    assert close.max() / tick < -price.UNKNOWN
    assert price._units(close, tick)[2] * tick == pytest.approx(5e6)


# ---- figures --------------------------------------------------------------------------------


@pytest.mark.parametrize("origins", [1, 2, 5])
def test_every_figure_can_be_made_of_very_few_points(candles: Candles, origins: int) -> None:
    report = make_report(candles)
    few = [each.take(np.arange(origins)) for each in report.forecasts]
    for place in (0, 1):
        path = skill_path(few[1], few[0], place)
        outcomes = outcomes_of(few[1], place)
        assert path is not None
        assert outcomes is not None
        figures = [
            charts.skill_figure([path], "garch_t"),
            charts.pit_figure(*pit_bars(outcomes)),
            charts.coverage_figure(coverage_by(outcomes, hours(outcomes.time)), {}, [3]),
        ]
        assert json.dumps(figures, allow_nan=False)
    assert pack_prices(candles, few[1]).content


def test_losses_of_many_sizes_stand_on_a_logarithmic_scale() -> None:
    steep: list[dict[str, float | None]] = [
        {"train_loss": 10.0, "val_loss": None},
        {"train_loss": 0.1, "val_loss": 0.2},
    ]
    assert charts.learning_figure(steep, 2)["layout"]["yaxis"]["type"] == "log"
    negative = [{"train_loss": -1.0}, {"train_loss": -20.0}]
    figure = charts.learning_figure(negative, None)
    assert figure["layout"]["yaxis"]["type"] == "linear"
    assert [trace["name"] for trace in figure["data"]] == ["train"]


def test_a_loss_that_is_no_number_is_a_hole() -> None:
    history = [{"train_loss": 1.0, "val_loss": float("nan")}, {"train_loss": float("inf")}]
    figure = charts.learning_figure(history, None)
    assert [(trace["name"], trace["y"]) for trace in figure["data"]] == [("train", [1.0, None])]


@pytest.mark.parametrize("missing", [0, 1])
def test_one_horizon_takes_some_columns_and_never_a_whole_table(missing: int) -> None:
    horizons = tuple(range(1, 31))
    origin = np.arange(30_000) * MINUTE
    shape = (len(origin), len(horizons))
    mean, scale = np.full(shape, 100.0), np.full(shape, 0.01)
    baseline = Forecast(
        *("persistence", horizons, origin, origin[:, None] + np.array(horizons) * MINUTE),
        *(np.full(len(origin), 100.0), mean, mean + 1, mean),
        StudentT(np.zeros(shape), scale, np.full((1, len(horizons)), 5.0)),
    )
    forecast = replace(baseline, model="ours").take(np.arange(missing, len(origin)))
    tracemalloc.start()
    try:
        assert skill_path(forecast, baseline, 7) is not None
        assert outcomes_of(forecast, 7) is not None
        assert tracemalloc.get_traced_memory()[1] < mean.nbytes
    finally:
        tracemalloc.stop()
