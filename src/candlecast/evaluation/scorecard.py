"""`Scorecard`: every model's scores at every horizon, persistence first, and what they prove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candlecast.errors import CandlecastError
from candlecast.evaluation import metrics, sentences
from candlecast.evaluation.contest import compare
from candlecast.evaluation.figures import FIGURES, Scores, figures_of
from candlecast.evaluation.illusion import shifted_copy
from candlecast.evaluation.judge import judge
from candlecast.evaluation.outcome import Outcome
from candlecast.features import TargetName
from candlecast.forecast import Forecast

BASELINE = "persistence"
YARDSTICK = "ewma_t"
"""The model whose variance divides the squared errors of all in the scaled question."""


@dataclass(frozen=True)
class Scorecard:
    """Scores of several models on the same rows. Every part is fit for JSON.

    Attributes:
        scores: Model, then horizon as text, then figure of `FIGURES`; one that does not apply is
            None.
        judgements: Model, then horizon as text: what `judge` says, and `shifted_copy`, the lag-1
            illusion, or None.
        comparisons: Horizon as text: what comparing all models at once says; see `contest`.
        pit: Model, then horizon as text: shares of 20 equal bins of the PIT.
        verdicts: What all this comes to, in sentences.
        notes: What a reader must know before believing a figure.
    """

    scores: dict[str, dict[str, Scores]]
    judgements: dict[str, dict[str, dict[str, Any]]]
    comparisons: dict[str, dict[str, Any]]
    pit: dict[str, dict[str, list[float]]]
    verdicts: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def from_metrics(cls, metrics: Mapping[str, Any]) -> Scorecard:
        """The scorecard in the content of a `metrics.json`.

        Raises:
            KeyError: If a part or a figure is missing.
            TypeError: If the content has another shape.
        """
        for by_horizon in metrics["scores"].values():
            for figures in by_horizon.values():
                missing = set(FIGURES) - set(figures)
                if missing:
                    raise KeyError(*missing)
        parts = {field.name: metrics[field.name] for field in fields(cls)}
        texts = {name: tuple(parts[name]) for name in ("verdicts", "notes")}
        return cls(**(parts | texts))

    def to_metrics(self) -> dict[str, Any]:
        """The parts by name, as they stand in `metrics.json`."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return parts | {name: list(parts[name]) for name in ("verdicts", "notes")}

    @property
    def horizons(self) -> list[str]:
        """The horizons as text."""
        return list(self.scores[BASELINE])


def score_forecasts(
    forecasts: Sequence[Forecast],
    target: TargetName,
    target_scale: float | None,
    *,
    subject: str | None = None,
    naive_mae: float | None = None,
    failures: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
) -> Scorecard:
    """Score forecasts against what came, against persistence and against each other.

    A model is scored at the origins that it and persistence have forecasts for. A cell that cannot
    be scored says so and never hinders the rest.

    Args:
        forecasts: Persistence among them; with EWMA-t among them the judge also asks after squared
            errors divided by its variance.
        target: What the scaled error is measured on.
        target_scale: The factor that scales the target; None leaves the scaled error out.
        subject: The model that the verdicts are about; None speaks of all.
        naive_mae: The mean absolute change of one candle in the train rows, for MASE.
        failures: Models that could not be fitted, and why.
        notes: What a reader must know before believing a figure.

    Raises:
        CandlecastError: If persistence is not among the forecasts, or a forecast's origins do not
            rise or have another last close or outcome than persistence's.
    """
    failures = failures or {}
    ordered = sorted(forecasts, key=lambda forecast: forecast.model != BASELINE)
    if not ordered or ordered[0].model != BASELINE:
        raise CandlecastError("persistence is not among the forecasts, and all is held against it.")
    _check(ordered)
    models = [*dict.fromkeys([forecast.model for forecast in ordered] + list(failures))]
    scores: dict[str, dict[str, Scores]] = {model: {} for model in models}
    judgements: dict[str, dict[str, dict[str, Any]]] = {model: {} for model in models}
    pit: dict[str, dict[str, list[float]]] = {model: {} for model in models}
    comparisons: dict[str, dict[str, Any]] = {}
    for place, horizon in enumerate(ordered[0].horizons):
        text = str(horizon)
        outcomes = {each.model: Outcome.of(each, place) for each in ordered}
        for model in models:
            outcome = outcomes.get(model)
            if outcome is None:
                scores[model][text] = dict.fromkeys(FIGURES)
                judgements[model][text] = _unjudged(failures[model])
                continue
            outcome = outcome.at(outcomes[BASELINE].origin)
            baseline = outcomes[BASELINE].at(outcome.origin)
            scores[model][text] = figures_of(outcome, baseline, target, target_scale, naive_mae)
            judgements[model][text] = _judged(outcome, outcomes.get(YARDSTICK))
            if outcome.pit is not None and len(outcome):
                pit[model][text] = metrics.pit_histogram(outcome.pit).round(6).tolist()
        comparisons[text] = compare(outcomes, BASELINE)
    return Scorecard(
        scores,
        judgements,
        comparisons,
        pit,
        verdicts=tuple(sentences.verdicts(scores, judgements, comparisons, subject)),
        notes=tuple(notes),
    )


def _check(forecasts: Sequence[Forecast]) -> None:
    """All forecasts are of the same candles, in time order, and of the same horizons."""
    baseline = forecasts[0]
    for forecast in forecasts:
        if forecast.horizons != baseline.horizons:
            raise CandlecastError(
                f"{forecast.model} has the horizons {forecast.horizons} and persistence "
                f"{baseline.horizons}. Score forecasts of the same horizons."
            )
        if (np.diff(forecast.origin) <= 0).any():
            raise CandlecastError(
                f"the origins of {forecast.model} do not rise. Sort them, each once."
            )
        _, ours, theirs = np.intersect1d(
            forecast.origin, baseline.origin, assume_unique=True, return_indices=True
        )
        for name in ("last_close", "actual"):
            given, known = getattr(forecast, name)[ours], getattr(baseline, name)[theirs]
            if not np.array_equal(given, known, equal_nan=True):
                raise CandlecastError(
                    f"{forecast.model} has another {name} than persistence at the same origin. "
                    "Forecast from the same candles."
                )


def score_cells(forecasts: Sequence[Forecast]) -> dict[str, dict[str, Scores]]:
    """The figures alone, without what it takes to compare models: model, horizon, figure."""
    baseline = next((each for each in forecasts if each.model == BASELINE), None)
    if baseline is None:
        return {}
    scores: dict[str, dict[str, Scores]] = {forecast.model: {} for forecast in forecasts}
    for place, horizon in enumerate(baseline.horizons):
        persistence = Outcome.of(baseline, place)
        for forecast in forecasts:
            outcome = Outcome.of(forecast, place).at(persistence.origin)
            beside = persistence.at(outcome.origin)
            figures = figures_of(outcome, beside, "log_return", None, None)
            scores[forecast.model][str(horizon)] = figures
    return scores


def _judged(outcome: Outcome, yardstick: Outcome | None) -> dict[str, Any]:
    """The judge's verdict on one model at one horizon, and whether it copies the price."""
    variance = np.full(len(outcome), np.nan)
    if yardstick is not None and yardstick.variance is not None:
        known = np.isin(outcome.origin, yardstick.origin)
        variance[known] = yardstick.at(outcome.origin[known]).variance
    judgement = judge(
        outcome.forecast, outcome.last_close, outcome.actual, variance, outcome.horizon
    )
    copy = shifted_copy(
        outcome.forecast,
        outcome.last_close,
        outcome.actual,
        outcome.horizon,
        has_skill=judgement.verdict == "beats persistence",
        contiguous=_contiguous(outcome),
    )
    interval = judgement.interval
    return asdict(judgement) | {
        "questions": [asdict(question) for question in judgement.questions],
        "interval": None if interval is None else list(interval),
        "shifted_copy": None if copy is None else asdict(copy),
    }


def _contiguous(outcome: Outcome) -> NDArray[np.bool_]:
    """Whether each origin follows the one before without a hole; shape [origins]."""
    steps = np.diff(outcome.origin, prepend=outcome.origin[:1])
    return np.asarray(steps == (np.min(steps[1:]) if len(steps) > 1 else 0))


def _unjudged(reason: str) -> dict[str, Any]:
    return {
        "verdict": "cannot be judged",
        "p_value": None,
        "questions": [],
        "interval": None,
        "reason": reason,
        "shifted_copy": None,
    }
