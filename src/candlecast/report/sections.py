"""What the page says, section by section: numbers to charts, tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import yaml

from candlecast.candles import Candles
from candlecast.evaluation.scorecard import BASELINE, Scorecard
from candlecast.report import charts
from candlecast.report.contents import Block, Chart, Report, Section, Table
from candlecast.report.summaries import (
    SkillPath,
    coverage_by,
    fifths,
    hours,
    outcomes_of,
    periods,
    pit_histogram,
    skill_path,
    stretch,
    sums_over_time,
    switched_off,
)

MOST_GAPS_LISTED = 10

_BAND_CAPTION = (
    "Each line should run along the dashed level of its band; it strays out of the shaded strip by "
    "chance in one group of twenty. Below the level the bands are too narrow, above it too wide."
)


def skill_section(report: Report) -> Section:
    """Cumulative skill against persistence, and what the best day made of it."""
    baseline = report.forecast_of(BASELINE)
    assert baseline is not None
    others = [each for each in report.forecasts if each is not baseline]
    blocks = []
    for place, horizon in enumerate(baseline.horizons):
        found = (skill_path(each, baseline, place) for each in others)
        paths = [path for path in found if path is not None]
        blocks.append(_skill_block(str(horizon), paths, report.model))
    return Section("skill", "Error against persistence over time", blocks)


def _skill_block(horizon: str, paths: Sequence[SkillPath], model: str) -> Block:
    if not paths:
        return Block(horizon, ["There is no model but persistence, or no known outcome."])
    caption = (
        "The sum of persistence's squared errors less the model's, from the first test row on, "
        "over persistence's whole sum: each line ends at the skill of the scorecard. A steady "
        "climb is skill; one jump is one lucky day; a line below 0 errs more than persistence."
    )
    hidden = sorted(switched_off(paths))
    if hidden:
        caption += (
            f" Far below the others and switched off: {', '.join(hidden)}. Choose a name in the "
            "legend to see it."
        )
    chart = Chart(
        f"skill-{horizon}",
        f"Cumulative skill, {ahead(horizon)}",
        caption,
        charts.skill_figure(paths, model),
        height=400,
    )
    table = Table.of(
        f"What one day does to the skill, {ahead(horizon)}",
        ["model", "skill", "without its best day", "best day", "days better than persistence"],
        [
            [
                path.model,
                _skill(float(path.skill[-1])),
                _skill(path.without_best_day),
                _date(path.best_day),
                f"{path.days_won:,} of {path.days:,}",
            ]
            for path in paths
        ],
    )
    return Block(horizon, charts=[chart], tables=[table])


def calibration_section(report: Report) -> Section:
    """PIT, coverage by week, by hour of the day and by volatility."""
    forecast = report.forecast_of(report.model)
    title = f"Calibration of {report.model}"
    if forecast is None or forecast.distribution is None:
        has = "made no forecasts" if forecast is None else "forecasts a point and no distribution"
        sentence = f"{report.model} {has}: there is nothing to calibrate."
        return Section("calibration", title, [Block(sentences=[sentence])])
    blocks = [
        _calibration_block(report, place, str(horizon))
        for place, horizon in enumerate(forecast.horizons)
    ]
    return Section("calibration", title, blocks)


def _calibration_block(report: Report, place: int, horizon: str) -> Block:
    forecast = report.forecast_of(report.model)
    assert forecast is not None
    outcomes = outcomes_of(forecast, place)
    if outcomes is None:
        return Block(horizon, [f"{_capital(ahead(horizon))}: no outcome is known yet."])
    bars, margin = pit_histogram(outcomes)
    period, starts = periods(outcomes.time)
    by_period = coverage_by(outcomes, starts)
    by_hour = coverage_by(outcomes, hours(outcomes.time))
    by_regime = coverage_by(outcomes, fifths(outcomes.variance))
    drawn = [
        Chart(
            f"pit-{horizon}",
            f"PIT histogram, {ahead(horizon)}",
            "How often what came fell into each twentieth of its forecast distribution. A level "
            "row of bars is right, a hill means too wide, a bowl too narrow; chance keeps 95 % of "
            "the bars within the shaded strip.",
            charts.pit_figure(bars, margin),
            half=True,
        ),
        Chart(
            f"period-{horizon}",
            f"Coverage by {period}, {ahead(horizon)}",
            _BAND_CAPTION,
            charts.coverage_figure(
                by_period, charts.period_axis(period), charts.milliseconds(by_period.key)
            ),
            half=True,
        ),
    ]
    sentences = []
    if len(by_hour.key) > 1:
        drawn.append(
            Chart(
                f"hour-{horizon}",
                f"Coverage by hour of the day, {ahead(horizon)}",
                "By the UTC hour in which the target candle opens. A dip marks hours whose moves "
                "the model takes for too small.",
                charts.coverage_figure(by_hour, charts.hour_axis(), by_hour.key.tolist()),
                half=True,
            )
        )
    else:
        sentences.append("All targets open in one hour of the day: no coverage by hour.")
    if len(by_regime.key) > 1:
        drawn.append(
            Chart(
                f"regime-{horizon}",
                f"Coverage by volatility, {ahead(horizon)}",
                "The test rows in fifths by the model's own forecast of the variance: bands should "
                "hold as often in calm as in wild markets.",
                charts.coverage_figure(
                    by_regime, charts.regime_axis(), _regime_names(by_regime.key.tolist())
                ),
                half=True,
            )
        )
    else:
        sentences.append("The variance forecast is always the same: no coverage by volatility.")
    return Block(horizon, sentences, drawn)


def learning_section(report: Report) -> Section | None:
    """Learning curves; None for a run without a network."""
    facts = report.metrics.get("model") or {}
    history = facts.get("history") or []
    if not history:
        return None
    chart = Chart(
        "loss",
        f"Loss of {facts.get('name', report.model)} by epoch",
        "A validation loss that rises while the training loss falls is overfitting; the weights of "
        "the marked epoch were kept.",
        charts.learning_figure(history, facts.get("best_epoch")),
    )
    return Section("learning", "Learning curves", [Block(charts=[chart])])


def data_section(report: Report) -> Section:
    """Rows, span, gaps and repairs."""
    candles = report.candles
    whole = len(candles) + candles.missing
    share = candles.missing / whole if whole else 0.0
    facts: dict[str, Any] = {
        "symbol": candles.symbol,
        "interval": (report.metrics.get("data") or {}).get("interval", candles.interval),
        "candles": f"{len(candles):,}",
        "first candle opens": f"{candles.first:%Y-%m-%d %H:%M:%S} UTC",
        "last candle opens": f"{candles.last:%Y-%m-%d %H:%M:%S} UTC",
        "gaps": f"{candles.gaps.height:,}",
        "missing candles": f"{candles.missing:,} of {whole:,} ({share:.3%})",
        "repairs": "none: candles are refused or taken as they are",
    }
    tables = [facts_table("Candles", facts)]
    if not candles.gaps.height:
        return Section("data", "Data quality", [Block(None, ["There is no gap."], tables=tables)])
    return Section(
        "data",
        "Data quality",
        [Block(charts=[_gaps_chart(candles)], tables=[*tables, _gaps_table(candles)])],
    )


def _gaps_chart(candles: Candles) -> Chart:
    step = int(candles.interval.total_seconds() * 1_000_000)
    first, last = (_microseconds(moment) for moment in (candles.first, candles.last))
    after = candles.gaps["after"].to_physical().to_numpy()
    missing = candles.gaps["missing"].to_numpy()
    # A long gap is counted where its candles are missing, not all at its start.
    pieces = np.minimum(missing, 1000)
    owner = np.repeat(np.arange(len(missing)), pieces)
    part = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    time = after[owner] + step + part * (missing[owner] * step // pieces[owner])
    starts, counts = sums_over_time(time, missing[owner] / pieces[owner], first, last)
    width = stretch(first, last, 400)
    return Chart(
        "gaps",
        "Missing candles over time",
        f"The share of candles missing in each stretch of {duration(width)}; no bar, no gap. "
        "The model never looks across a gap unless the recipe says so.",
        charts.gaps_figure(starts, max(width, step), counts, step),
        height=240,
    )


def _gaps_table(candles: Candles) -> Table:
    longest = candles.gaps.sort("missing", descending=True, maintain_order=True)
    listed = longest.head(MOST_GAPS_LISTED)
    return Table.of(
        f"The {listed.height} longest of {longest.height:,} gaps",
        ["last candle before", "first candle after", "missing candles"],
        [
            [f"{after:%Y-%m-%d %H:%M} UTC", f"{before:%Y-%m-%d %H:%M} UTC", f"{missing:,}"]
            for after, before, missing in listed.iter_rows()
        ],
    )


def plan_section(report: Report) -> Section | None:
    """Which candles trained and judged, as one split or fold by fold."""
    folds = report.metrics.get("folds") or []
    spans = _fold_spans(folds) if folds else _split_spans(report)
    if not spans:
        return None
    rows = len({label for label, *_ in spans})
    chart = Chart(
        "parts",
        "Fold plan" if folds else "Split plan",
        "Each row is one fold, trained on what lies before its test part; nothing of a test part "
        "is seen before it is scored."
        if folds
        else "Rows in time order; nothing of the test part is seen before it is scored.",
        charts.plan_figure(spans),
        height=130 + 24 * rows,
    )
    tables = [_fold_table(folds), *_fold_scores(report, folds)] if folds else []
    if not folds:
        tables = [facts_table("Rows and windows", report.metrics.get("split") or {})]
    return Section("plan", "Folds" if folds else "Split", [Block(charts=[chart], tables=tables)])


def _fold_spans(folds: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, int, int]]:
    return [
        (
            f"fold {fold['fold']}",
            part,
            _moment(fold[f"{part}_first"]),
            _moment(fold[f"{part}_last"]),
        )
        for fold in folds
        for part in ("train", "test")
    ]


def _split_spans(report: Report) -> list[tuple[str, str, int, int]]:
    """The parts of a single split, by their counts of rows; none if they do not add up."""
    counts = report.metrics.get("split") or {}
    time = report.candles.frame["time"].to_physical().to_numpy()
    try:
        train, validation, test = (
            int(counts[f"{part}_rows"]) for part in ("train", "validation", "test")
        )
    except (KeyError, TypeError):
        return []
    parts = {"train": range(train), "test": range(len(time) - test, len(time))}
    embargo = (len(time) - train - validation - test) // 2
    if embargo >= 0:
        start = train + embargo
        parts = {"train": parts["train"], "validation": range(start, start + validation)} | parts
    if any(not part or part.start < 0 for part in parts.values()):
        return []
    return [
        ("rows", name, int(time[part.start]), int(time[part.stop - 1]))
        for name, part in parts.items()
    ]


def _fold_table(folds: Sequence[Mapping[str, Any]]) -> Table:
    return Table.of(
        "Folds",
        ["fold", "trained on", "tested on", "train rows", "test rows", "seconds", "failed"],
        [
            [
                fold["fold"],
                _span(fold["train_first"], fold["train_last"]),
                _span(fold["test_first"], fold["test_last"]),
                _value(fold.get("train_rows")),
                _value(fold.get("test_rows")),
                _value(fold.get("seconds")),
                "; ".join(f"{name}: {why}" for name, why in (fold.get("failures") or {}).items())
                or "none",
            ]
            for fold in folds
        ],
    )


def _fold_scores(report: Report, folds: Sequence[Mapping[str, Any]]) -> list[Table]:
    """The skill of each model in each fold, a table a horizon."""
    models = [model for model in report.scorecard.scores if model != BASELINE]
    if not models or not any(fold.get("scores") for fold in folds):
        return []
    return [
        Table.of(
            f"Skill by fold, {ahead(horizon)}",
            ["fold", *models],
            [
                [fold["fold"], *(_skill(_score(fold, model, horizon, "skill")) for model in models)]
                for fold in folds
            ],
        )
        for horizon in report.scorecard.horizons
    ]


def _score(fold: Mapping[str, Any], model: str, horizon: str, figure: str) -> float | None:
    by_horizon = (fold.get("scores") or {}).get(model) or {}
    value = (by_horizon.get(horizon) or {}).get(figure)
    return None if value is None else float(value)


def features_section(report: Report) -> Section | None:
    """The network's inputs, and what the audit for leaks found; None where there is neither."""
    features = _recipe_value(report.recipe, "features") or []
    audit = report.metrics.get("audit") or {}
    findings = audit.get("findings") or []
    if not features and not findings:
        return None
    by_subject = {str(each["subject"]): each for each in findings}
    tables, sentences = [], []
    if features:
        rows = [[name, _audited(by_subject.get(f"feature {name}"))] for name in features]
        tables.append(Table.of("Features", ["feature", "audit for leaks"], rows, words=True))
    if findings:
        leaks = sum(each.get("leak") is not None for each in findings)
        sentences.append(
            f"The audit made {len(findings)} checks and found {leaks or 'no'} "
            f"leak{'' if leaks == 1 else 's'}."
        )
        rows = [[each["subject"], each["check"], _audited(each)] for each in findings]
        tables.append(
            Table.of(
                "All checks",
                ["subject", "what was tried", "result"],
                rows,
                words=True,
                folded=not leaks,
            )
        )
    else:
        sentences.append("The audit for leaks was not part of this run: candlecast audit runs it.")
    sentences += [str(note) for note in audit.get("notes") or ()]
    return Section("features", "Features and audit", [Block(None, sentences, tables=tables)])


def _audited(finding: Mapping[str, Any] | None) -> str:
    if finding is None:
        return "not audited"
    leak = finding.get("leak")
    note = f" {finding['note']}" if finding.get("note") else ""
    return f"leak: {leak}" if leak is not None else f"clean.{note}" if note else "clean"


def origin_tables(report: Report) -> list[Table]:
    """Seed, hashes, versions and timing: what it takes to get the same again."""
    metrics = report.metrics
    model = {
        name: value for name, value in (metrics.get("model") or {}).items() if name != "history"
    }
    run = {
        "recipe": metrics.get("recipe"),
        "seed": metrics.get("seed"),
        "SHA-256 of the candles": (metrics.get("data") or {}).get("sha256"),
    }
    sections = {
        "Run": run,
        "Model": model,
        "Versions": metrics.get("versions") or {},
        "Timing": {
            f"{name.removesuffix('_s')} (seconds)": value
            for name, value in (metrics.get("timing") or {}).items()
        },
    }
    return [facts_table(title, facts) for title, facts in sections.items() if facts]


def every_figure(scorecard: Scorecard, horizon: str) -> Table:
    """All figures of the scorecard at one horizon, a row each and a column a model."""
    models = list(scorecard.scores)
    names = dict.fromkeys(name for model in models for name in scorecard.scores[model][horizon])
    return Table.of(
        f"Every figure, {ahead(horizon)}",
        ["figure", *models],
        [
            [name, *(_value(scorecard.scores[model][horizon].get(name)) for model in models)]
            for name in names
        ],
        folded=True,
    )


def facts_table(title: str, facts: Mapping[str, Any]) -> Table:
    """Name and value."""
    return Table.of(title, (), [[name, _value(value)] for name, value in facts.items()], words=True)


def ahead(horizon: str) -> str:
    """A horizon in words."""
    return f"{horizon} candle{'' if horizon == '1' else 's'} ahead"


def duration(microseconds: int) -> str:
    """A stretch of time in words: 90 minutes, 2 hours, 1 day."""
    seconds = microseconds / 1_000_000
    units = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    name, length = next((unit for unit in units if seconds % unit[1] == 0), units[-1])
    count = seconds / length
    return f"{count:,.6g} {name}{'' if count == 1 else 's'}"


def _regime_names(keys: Sequence[int]) -> list[str]:
    names = ("1 calmest", "2", "3", "4", "5 wildest")
    return [names[key] for key in keys]


def _recipe_value(recipe: str, key: str) -> Any:
    document = yaml.safe_load(recipe)
    return document.get(key) if isinstance(document, dict) else None


def _value(value: object) -> str:
    """A figure in six significant digits, whole numbers whole; a dash where there is none."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _skill(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:+,.4f}" if abs(value) < 10 else f"{value:+,.0f}"


def _date(microseconds: int | None) -> str:
    if microseconds is None:
        return "-"
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d}"


def _span(first: str, last: str) -> str:
    return f"{first[:16].replace('T', ' ')} to {last[:16].replace('T', ' ')}"


def _moment(text: str) -> int:
    return _microseconds(datetime.fromisoformat(text))


def _microseconds(moment: datetime) -> int:
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1_000_000)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
