"""`judge`: what can be said of one model at one horizon, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from candlecast.evaluation.comparison import skill_interval
from candlecast.evaluation.significance import (
    Comparison,
    Floats,
    diebold_mariano,
    fewest,
    holm,
    pesaran_timmermann,
)

Verdict = Literal[
    "beats persistence", "no evidence of skill", "worse than persistence", "cannot be judged"
]

LEVEL = 0.05
"""Below this adjusted p-value a difference is called one."""

MOST_ERROR = 1.01
"""Times persistence's squared error: no model that errs more is said to beat it, for a few wild
errors hide from every test by the variance that they bring."""

DIRECTION = "direction"
QUESTIONS = ("squared error", "absolute error", "scaled squared error", DIRECTION)


@dataclass(frozen=True)
class Question:
    """One way in which a model may be better or worse than persistence.

    Attributes:
        name: One of `QUESTIONS`.
        statistic: Above 0 if the model is better; None if the question could not be asked.
        p_value: Two-sided; None likewise.
        adjusted: The p-value after Holm (1979), for all questions asked; None likewise.
    """

    name: str
    statistic: float | None
    p_value: float | None
    adjusted: float | None


@dataclass(frozen=True)
class Judgement:
    """What can be said of one model at one horizon.

    Attributes:
        verdict: In two or three words.
        p_value: The smallest adjusted p-value of the questions that decided it, or of all if none
            did; None if none could be asked.
        questions: All of `QUESTIONS`, in that order.
        interval: 95 % confidence interval of skill in squared error of price; None where
            `skill_interval` is.
        reason: Why, in words.
    """

    verdict: Verdict
    p_value: float | None
    questions: tuple[Question, ...]
    interval: tuple[float, float] | None
    reason: str


def judge(
    forecast: Floats, last_close: Floats, actual: Floats, variance: Floats, horizon: int
) -> Judgement:
    """Judge a model against persistence, which forecasts the last close.

    Four questions are asked, since each is blind to something: squared errors are those of a few
    wild candles, absolute errors those of the median, squared errors of the log return over its
    forecast variance give calm and wild candles a like say, and direction ignores sizes. Absolute
    errors and direction are asked of the candles that moved: where many do not, "no change" has the
    least absolute error whatever is known of the rest. The p-values are adjusted for being four
    (Holm 1979), so that a model without skill is said to beat persistence in no more than `LEVEL`
    of cases.

    A model beats persistence if it is better in one question, and nothing speaks against it: no
    error is worse even before the adjustment, some error is less, and the squared errors are not
    above persistence's by more than `MOST_ERROR`. It is worse if it is worse in an error and better
    in none, whatever its direction. All else is no evidence.

    Args:
        forecast: Prices; shape [n], in time order like all others.
        last_close: The close at each origin; shape [n].
        actual: The close that came, NaN where it is not known; shape [n]. Rows without an outcome
            or a last close are left out.
        variance: A forecast of the variance of the log return from the last close to the target,
            made at the origin, and the same for every model compared; shape [n].
        horizon: Candles ahead.

    Returns:
        The judgement. Numbers that cannot be used are no errors: they are told in its reason, or
        leave a question unasked.
    """
    known = np.isfinite(actual) & np.isfinite(last_close)
    if not known.any():
        return _unasked("cannot be judged", "no outcome is known at this horizon")
    forecast, last_close, actual, variance = (
        values[known] for values in (forecast, last_close, actual, variance)
    )
    count, broken = len(forecast), int(np.sum(~np.isfinite(forecast)))
    if broken:
        return _unasked("cannot be judged", f"{broken:,} of {count:,} forecasts are not finite")
    if np.array_equal(forecast, last_close):
        return _unasked("no evidence of skill", "it forecasts no change")
    if count < fewest(horizon):
        return _unasked(
            "cannot be judged", f"{count:,} outcomes are known and {fewest(horizon):,} are needed"
        )
    with np.errstate(over="ignore"):  # an infinite loss leaves its question unasked
        squared = (forecast - actual) ** 2, (last_close - actual) ** 2
        moved = actual != last_close
        absolute = np.abs(forecast - actual)[moved], np.abs(last_close - actual)[moved]
        moves = forecast - last_close, actual - last_close
    scaled = _scaled_losses(forecast, last_close, actual, variance)
    questions = _adjusted(
        diebold_mariano(*squared, horizon),
        diebold_mariano(*absolute, horizon),
        None if scaled is None else diebold_mariano(*scaled, horizon),
        pesaran_timmermann(*moves, horizon),
    )
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        error_ratio = float(np.mean(squared[0]) / np.mean(squared[1]))
    verdict, decisive, reason = _decide(questions, error_ratio)
    return Judgement(
        verdict,
        p_value=min((q.adjusted for q in decisive if q.adjusted is not None), default=None),
        questions=questions,
        interval=skill_interval(*squared, horizon),
        reason=reason,
    )


def _unasked(verdict: Verdict, reason: str) -> Judgement:
    return Judgement(verdict, None, _adjusted(*[None] * len(QUESTIONS)), None, reason)


def _scaled_losses(
    forecast: Floats, last_close: Floats, actual: Floats, variance: Floats
) -> tuple[Floats, Floats] | None:
    """Squared errors of the log return over its variance: the model's and persistence's.

    None if a price or a variance is not above 0, or a variance is not finite.
    """
    if not all((values > 0).all() for values in (forecast, last_close, actual, variance)):
        return None
    if not np.isfinite(variance).all():
        return None
    # Logs are taken before they are subtracted: no ratio of prices can overflow.
    came = np.log(actual) - np.log(last_close)
    error = np.log(forecast) - np.log(actual)
    with np.errstate(over="ignore"):
        return error**2 / variance, came**2 / variance


def _adjusted(*tests: Comparison | None) -> tuple[Question, ...]:
    adjusted = holm([None if test is None else test.p_value for test in tests])
    return tuple(
        Question(name, None, None, None)
        if test is None
        else Question(name, test.statistic, test.p_value, p)
        for name, test, p in zip(QUESTIONS, tests, adjusted, strict=True)
    )


def _decide(
    questions: tuple[Question, ...], error_ratio: float
) -> tuple[Verdict, Sequence[Question], str]:
    """The verdict, the questions that decided it, and why.

    Args:
        questions: As they were answered.
        error_ratio: The model's mean squared error over persistence's.
    """
    asked = [q for q in questions if q.adjusted is not None]
    errors = [q for q in asked if q.name != DIRECTION]
    better = [q for q in asked if _is_found(q) and _statistic(q) > 0]
    worse = [q for q in errors if _is_found(q) and _statistic(q) < 0]
    against = [q for q in errors if _is_suspect(q) and _statistic(q) < 0]
    better_errors = [q for q in better if q.name != DIRECTION]
    if not asked:
        return "cannot be judged", [], "its losses do not vary, or are too large to compare"
    if worse and not better_errors:
        told = ", though it tells direction better than chance" if better else ""
        return "worse than persistence", worse, f"worse in {_names(worse)}{told}"
    if not better:
        return "no evidence of skill", asked, _nothing_found(asked)
    found = f"better in {_names(better)}"
    if against:
        reason = f"the questions disagree: {found}, worse in {_names(against, by_itself=True)}"
    elif error_ratio > MOST_ERROR:
        reason = f"{found}, yet its squared errors are {error_ratio:.4g} times persistence's"
    elif not any(_statistic(q) > 0 for q in errors):
        reason = f"{found}, yet it errs no less"
    else:
        return "beats persistence", better, found
    return "no evidence of skill", asked, reason


def _nothing_found(asked: Sequence[Question]) -> str:
    if any(_is_found(q) for q in asked):  # for the worse, and in direction, or it would have told
        return "it tells direction worse than chance"
    smallest = min(q.adjusted for q in asked if q.adjusted is not None)
    return (
        f"nothing sets it apart (the smallest of {len(asked)} adjusted p-values is {smallest:.2g})"
    )


def _is_suspect(question: Question) -> bool:
    """Whether the question alone would have found something: enough to hold a verdict back."""
    return question.p_value is not None and question.p_value < LEVEL


def _is_found(question: Question) -> bool:
    return question.adjusted is not None and question.adjusted < LEVEL


def _statistic(question: Question) -> float:
    return math.nan if question.statistic is None else question.statistic


def _names(questions: Sequence[Question], *, by_itself: bool = False) -> str:
    """`squared error (p < 1e-6) and direction (p = 0.012)`; the p-value adjusted, or by itself."""
    alone = " by itself" if by_itself else ""
    p_values = [q.p_value if by_itself else q.adjusted for q in questions]
    named = [
        f"{q.name} ({p_text(p_value)}{alone})"
        for q, p_value in zip(questions, p_values, strict=True)
    ]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def p_text(p_value: float | None) -> str:
    """A p-value as people write it."""
    if p_value is None:
        return "p unknown"
    return "p < 1e-6" if p_value < 1e-6 else f"p = {p_value:.2g}"
