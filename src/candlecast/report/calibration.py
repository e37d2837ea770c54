"""Whether the bands hold what they promise: the page's section on calibration."""

from __future__ import annotations

import numpy as np

from candlecast.forecast import Forecast
from candlecast.report import charts
from candlecast.report.contents import Block, Chart, Report, Section, Table
from candlecast.report.summaries import (
    Coverage,
    Outcomes,
    coverage_by,
    fifths,
    hours,
    outcomes_of,
    periods,
    pit_bars,
)
from candlecast.report.terminal import (
    CALIBRATION_LEGEND,
    calibration_headings,
    calibration_rows,
)
from candlecast.report.wording import ahead, sentence_case

_REGIMES = {-1: "unknown", 0: "1 calmest", 1: "2", 2: "3", 3: "4", 4: "5 wildest"}

_BAND_CAPTION = (
    "Each line should run along the dashed level of its band; it strays out of the shaded strip by "
    "chance in one group of twenty. Below the level the bands are too narrow, above it too wide."
)


def calibration_section(report: Report) -> Section:
    """PIT, coverage by week, by hour of the day and by volatility."""
    forecast = report.forecast_of(report.model)
    title = f"Calibration of {report.model}"
    if forecast is None or forecast.distribution is None:
        has = "made no forecasts" if forecast is None else "forecasts a point and no distribution"
        sentence = f"{report.model} {has}: there is nothing to calibrate."
        return Section("calibration", title, [Block(sentences=[sentence])])
    places = range(len(forecast.horizons))
    blocks = [_calibration_block(report, forecast, place) for place in places]
    return Section("calibration", title, blocks)


def _calibration_block(report: Report, forecast: Forecast, place: int) -> Block:
    horizon = str(forecast.horizons[place])
    outcomes = outcomes_of(forecast, place)
    if outcomes is None:
        return Block(horizon, [f"{sentence_case(ahead(horizon))}: {_no_outcome(forecast, place)}"])
    drawn = [_pit_chart(outcomes), _period_chart(outcomes)]
    tables = []
    if outcomes.inside is not None:
        drawn.append(_calibrated_chart(outcomes))
        rows = calibration_rows(report.scorecard, horizon)
        caption = f"{sentence_case(ahead(horizon))}. {CALIBRATION_LEGEND}"
        tables.append(Table(caption, calibration_headings(), rows))
    sentences = []
    if outcomes.left_out:
        sentences.append(
            f"{outcomes.left_out:,} of {outcomes.left_out + len(outcomes.pit):,} known outcomes "
            "are left out: their forecast distribution is not made of numbers."
        )
    by_hour = coverage_by(outcomes, hours(outcomes.time))
    if len(by_hour.key) > 1:
        drawn.append(_hour_chart(by_hour, horizon))
    else:
        sentences.append("All targets open in one hour of the day: no coverage by hour.")
    by_regime = coverage_by(outcomes, fifths(outcomes.variance))
    if len(by_regime.key) > 1:
        drawn.append(_regime_chart(by_regime, horizon))
    else:
        sentences.append("The variance forecast is always the same: no coverage by volatility.")
    return Block(horizon, sentences, drawn, tables)


def _no_outcome(forecast: Forecast, place: int) -> str:
    if np.isfinite(forecast.actual[:, place]).any():
        return "no forecast distribution is made of numbers, so there is nothing to calibrate."
    return "no outcome is known yet."


def _pit_chart(outcomes: Outcomes) -> Chart:
    return Chart(
        f"pit-{outcomes.horizon}",
        f"PIT histogram, {ahead(str(outcomes.horizon))}",
        "How often what came fell into each twentieth of its forecast distribution. A level row of "
        "bars is right, a hill means too wide, a bowl too narrow; chance keeps 95 % of the bars "
        "within the shaded strip.",
        charts.pit_figure(*pit_bars(outcomes)),
        half=True,
    )


def _period_chart(outcomes: Outcomes) -> Chart:
    period, starts = periods(outcomes.time)
    coverage = coverage_by(outcomes, starts)
    return Chart(
        f"period-{outcomes.horizon}",
        f"Coverage by {period}, {ahead(str(outcomes.horizon))}",
        _BAND_CAPTION,
        charts.coverage_figure(
            coverage, charts.period_axis(period), charts.milliseconds(coverage.key)
        ),
        half=True,
    )


def _calibrated_chart(outcomes: Outcomes) -> Chart:
    period, starts = periods(outcomes.time)
    own, calibrated = (coverage_by(outcomes, starts, calibrated=which) for which in (False, True))
    return Chart(
        f"calibrated-{outcomes.horizon}",
        f"Raw and calibrated coverage by {period}, {ahead(str(outcomes.horizon))}",
        "Dotted are the model's own bands, solid the calibrated ones: made wider or narrower by "
        "the misses that were known when each forecast was made, and shaded in the price chart. "
        "All should run along the dashed levels.",
        charts.calibrated_figure(
            own, calibrated, charts.period_axis(period), charts.milliseconds(own.key)
        ),
    )


def _hour_chart(coverage: Coverage, horizon: str) -> Chart:
    return Chart(
        f"hour-{horizon}",
        f"Coverage by hour of the day, {ahead(horizon)}",
        "By the UTC hour in which the target candle opens. A dip marks hours whose moves the model "
        "takes for too small.",
        charts.coverage_figure(coverage, charts.hour_axis(), coverage.key.tolist()),
        half=True,
    )


def _regime_chart(coverage: Coverage, horizon: str) -> Chart:
    return Chart(
        f"regime-{horizon}",
        f"Coverage by volatility, {ahead(horizon)}",
        "The test rows in fifths by the model's own forecast of the variance: bands should hold as "
        "often in calm as in wild markets.",
        charts.coverage_figure(
            coverage, charts.regime_axis(), [_REGIMES[key] for key in coverage.key.tolist()]
        ),
        half=True,
    )
