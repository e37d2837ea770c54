"""Which candles trained, chose and judged: the page's section on the split or the folds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from candlecast.evaluation.scorecard import BASELINE
from candlecast.report import charts
from candlecast.report.contents import Block, Chart, Report, Section, Table
from candlecast.report.wording import ahead, minute_text, skill_text, span_text, value_text

_PARTS = ("train", "validation", "test")


def plan_section(report: Report) -> Section | None:
    """Which candles trained and judged, as one split or fold by fold."""
    folds = report.metrics.get("folds") or []
    split = report.metrics.get("split") or {}
    if not folds and not split:
        return None
    step = int(report.candles.interval.total_seconds() * 1_000_000)
    spans = _fold_spans(folds, step) if folds else _split_spans(split, step)
    chart = Chart(
        "parts",
        "Fold plan" if folds else "Split plan",
        _caption(folds or [split], is_folded=bool(folds)),
        charts.plan_figure(spans),
        height=130 + 24 * len({label for label, *_ in spans}),
    )
    tables = [_fold_table(folds), *_fold_scores(report, folds)] if folds else [_split_table(split)]
    return Section(
        "plan",
        "Folds" if folds else "Split",
        [Block(charts=[chart] if spans else [], tables=tables)],
    )


def _fold_spans(folds: Iterable[Mapping[str, Any]], step: int) -> list[tuple[str, str, int, int]]:
    """The parts of each fold in a row of its own."""
    return [
        (f"fold {fold['fold']}", part, *span)
        for fold in folds
        for part in _PARTS
        if (span := _part_span(fold, part, step)) is not None
    ]


def _split_spans(split: Mapping[str, Any], step: int) -> list[tuple[str, str, int, int]]:
    """The parts of a single split, each in a row of its own, for they may overlap."""
    return [
        (part, part, *span)
        for part in _PARTS
        if (span := _part_span(split, part, step)) is not None
    ]


def _part_span(facts: Mapping[str, Any], part: str, step: int) -> tuple[int, int] | None:
    """Where a part begins and ends, in µs since the epoch; None if it is not known."""
    first, last = (facts.get(f"{part}_{end}") for end in ("first", "last"))
    return None if first is None or last is None else (_moment(first), _moment(last) + step)


def _caption(plans: Sequence[Mapping[str, Any]], *, is_folded: bool) -> str:
    rows = (
        "Each row is one fold, trained on what lies before its test part"
        if is_folded
        else "Each row is one part of the candles"
    )
    for plan in plans:
        chosen, tested = (_part_span(plan, part, 0) for part in ("validation", "test"))
        if chosen is not None and tested is not None and chosen[1] >= tested[0]:
            return f"{rows}. The weights were chosen on rows of the test part: that flatters."
    return f"{rows}; nothing of a test part is seen before it is scored."


def _split_table(split: Mapping[str, Any]) -> Table:
    return Table.of(
        "Parts",
        ["part", "first candle opens", "last candle opens", "rows", "windows"],
        [
            [
                part,
                minute_text(split.get(f"{part}_first")),
                minute_text(split.get(f"{part}_last")),
                value_text(split.get(f"{part}_rows")),
                value_text(split.get(f"{part}_windows")),
            ]
            for part in _PARTS
        ],
    )


def _fold_table(folds: Sequence[Mapping[str, Any]]) -> Table:
    return Table.of(
        "Folds",
        [
            "fold",
            *("trained on", "chosen on", "tested on"),
            "train rows",
            "test rows",
            "seconds",
            "failed",
        ],
        [
            [
                fold["fold"],
                *(
                    span_text(fold.get(f"{part}_first"), fold.get(f"{part}_last"))
                    for part in _PARTS
                ),
                value_text(fold.get("train_rows")),
                value_text(fold.get("test_rows")),
                value_text(fold.get("seconds")),
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
                [
                    fold["fold"],
                    *(skill_text(_score(fold, model, horizon, "skill")) for model in models),
                ]
                for fold in folds
            ],
        )
        for horizon in report.scorecard.horizons
    ]


def _score(fold: Mapping[str, Any], model: str, horizon: str, figure: str) -> float | None:
    by_horizon = (fold.get("scores") or {}).get(model) or {}
    value = (by_horizon.get(horizon) or {}).get(figure)
    return None if value is None else float(value)


def _moment(text: str) -> int:
    """ISO text, UTC if it does not say, as µs since the epoch."""
    moment = datetime.fromisoformat(text)
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1_000_000)
