"""What the page says, section by section: numbers to charts, tables and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from candlecast.candles import Candles
from candlecast.evaluation.audit.wording import NOT_AUDITED
from candlecast.evaluation.scorecard import BASELINE, Scorecard
from candlecast.report import charts
from candlecast.report.contents import Block, Chart, Report, Section, Table
from candlecast.report.summaries import (
    SkillPath,
    skill_path,
    stretch,
    sums_over_time,
    switched_off,
)
from candlecast.report.wording import (
    ahead,
    date_text,
    duration,
    skill_text,
    value_text,
)

MOST_GAPS_LISTED = 10

_FEATURE = "feature "
"""What the audit calls a feature by, before its name."""


def skill_section(report: Report) -> Section:
    """Cumulative skill against persistence, and what the best day made of it."""
    title = "Error against persistence over time"
    baseline = report.forecast_of(BASELINE)
    if baseline is None:
        return Section("skill", title, [Block(sentences=["Persistence made no forecasts."])])
    others = [each for each in report.forecasts if each.model != BASELINE]
    blocks = []
    for place, horizon in enumerate(baseline.horizons):
        found = {each.model: skill_path(each, baseline, place) for each in others}
        paths = [path for path in found.values() if path is not None]
        unscored = [model for model, path in found.items() if path is None]
        blocks.append(_skill_block(str(horizon), paths, unscored, report.model))
    return Section("skill", title, blocks)


def _skill_block(
    horizon: str, paths: Sequence[SkillPath], unscored: Sequence[str], model: str
) -> Block:
    if not paths:
        none = "There is no model that can be scored but persistence, or no known outcome."
        return Block(horizon, [none])
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
                skill_text(float(path.skill[-1])),
                skill_text(path.without_best_day),
                date_text(path.best_day),
                f"{path.days_won:,} of {path.days:,}",
            ]
            for path in paths
        ],
    )
    sentences = [f"{name} cannot be scored and has no line." for name in unscored]
    return Block(horizon, sentences, [chart], [table])


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
    first, last = candles.frame["time"].to_physical().to_numpy()[[0, -1]].tolist()
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


def features_section(report: Report) -> Section | None:
    """The model's inputs, and what the audit for leaks found; None for a run without one."""
    audit = report.metrics.get("audit") or {}
    findings = audit.get("findings") or []
    sentences = [str(note) for note in audit.get("notes") or ()]
    tables = []
    features = [
        [str(each["subject"]).removeprefix(_FEATURE), _audited(each)]
        for each in findings
        if str(each["subject"]).startswith(_FEATURE)
    ]
    if features:
        tables.append(Table.of("Features", ["feature", "audit for leaks"], features, words=True))
    if findings:
        leaks = sum(each.get("leak") is not None for each in findings)
        sentences.insert(
            0,
            f"The audit made {len(findings)} checks and found {leaks or 'no'} "
            f"leak{'' if leaks == 1 else 's'}.",
        )
        checks = [[each["subject"], each["check"], _audited(each)] for each in findings]
        headings = ["subject", "what was tried", "result"]
        tables.append(Table.of("All checks", headings, checks, words=True, folded=not leaks))
    if not sentences:
        return None
    return Section("features", "Features and audit", [Block(None, sentences, tables=tables)])


def _audited(finding: Mapping[str, Any]) -> str:
    if finding.get("leak") is not None:
        return f"leak: {finding['leak']}"
    if finding.get("check") == NOT_AUDITED:
        return str(finding.get("note") or NOT_AUDITED)
    return f"clean. {finding['note']}" if finding.get("note") else "clean"


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
            [name, *(value_text(scorecard.scores[model][horizon].get(name)) for model in models)]
            for name in names
        ],
        folded=True,
    )


def facts_table(title: str, facts: Mapping[str, Any]) -> Table:
    """Name and value."""
    return Table.of(
        title, (), [[name, value_text(value)] for name, value in facts.items()], words=True
    )
