"""What a scorecard comes to, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from candlecast.evaluation.illusion import ShiftedCopy, sentence
from candlecast.evaluation.judge import LEVEL, p_text

Table = Mapping[str, Mapping[str, Mapping[str, Any]]]

PERSISTENCE = "persistence"
PROVEN = ("beats persistence", "worse than persistence")


def verdicts(
    scores: Table, judgements: Table, comparisons: Mapping[str, Any], subject: str | None
) -> Iterator[str]:
    """The verdicts at each horizon, the subject's first.

    Args:
        scores: Model, horizon, figure.
        judgements: Model, horizon, judgement.
        comparisons: Horizon, comparison.
        subject: The model that they are about; None speaks of all.
    """
    for horizon in scores[PERSISTENCE]:
        if subject is not None:
            yield _of_subject(subject, horizon, scores, judgements[subject][horizon])
            copy = judgements[subject][horizon]["shifted_copy"]
            if copy is not None:
                yield sentence(subject, int(horizon), ShiftedCopy(**copy))
            yield from _price_level(subject, horizon, scores)
        else:
            yield _of_all(horizon, judgements, comparisons[horizon])
        yield from _copies(horizon, judgements, subject)
        yield from _of_distributions(horizon, scores, comparisons[horizon], subject)
        yield from _unjudged(horizon, judgements, subject)


def skill_text(skill: float) -> str:
    """A skill with four decimals, or none where it is far from 0."""
    return f"{skill:+,.4f}" if abs(skill) < 10 else f"{skill:+,.0f}"


def _of_subject(model: str, horizon: str, scores: Table, judgement: Mapping[str, Any]) -> str:
    """Verdict, what it rests on, and the errors in price."""
    own, baseline = scores[model][horizon], scores[PERSISTENCE][horizon]
    text = f"{model}, {horizon} ahead: {_judgement(judgement)}"
    if own["n"] and own["n"] != baseline["n"]:
        text += f" It was scored on {own['n']:,} of {baseline['n']:,} windows."
    ours, theirs, skill = own["rmse"], baseline["rmse"], own["skill"]
    if ours is None or theirs is None:
        return text
    if own["n"] != baseline["n"] and skill is not None:
        theirs = ours / math.sqrt(1 - skill)  # on the same windows as the model
    text += f" It errs by {ours:,.5g} (RMSE in price)"
    text += f' where saying "no change" errs by {theirs:,.5g}'
    if theirs == 0:
        return text + "."
    less, times = f", {1 - ours / theirs:.2%} less", f", {ours / theirs:,.5g} times as much"
    text += less if ours < theirs else times
    if skill is None or judgement["interval"] is None:
        return text + "."
    low, high = (skill_text(end) for end in judgement["interval"])
    return f"{text}. Skill {skill_text(skill)}, with 95 % confidence {low} to {high}."


def _judgement(judgement: Mapping[str, Any]) -> str:
    verdict, p_value, reason = (judgement[key] for key in ("verdict", "p_value", "reason"))
    decided = p_value is not None and verdict in PROVEN
    strength = f" ({p_text(p_value)})" if decided else ""
    return f"{verdict}{strength}" + (f": {reason.rstrip('.')}." if reason else ".")


def _price_level(model: str, horizon: str, scores: Table) -> Iterator[str]:
    """R² and MAPE of a price are near perfection for anything that follows it; so never alone."""
    ours, theirs = scores[model][horizon], scores[PERSISTENCE][horizon]
    figures = [each[name] for each in (ours, theirs) for name in ("price_r2", "price_mape")]
    if None not in figures and ours["n"] == theirs["n"]:
        r2, mape, base_r2, base_mape = figures
        yield (
            f"{model}, {horizon} ahead, on the price's level: R² {r2:.5f} and MAPE {mape:.3%}; "
            f"persistence has {base_r2:.5f} and {base_mape:.3%}."
        )


def _of_all(horizon: str, judgements: Table, comparison: Mapping[str, Any]) -> str:
    """Which models beat persistence on the close, and whether any does, so many being tried."""
    named: dict[str, list[str]] = {}
    for model, by_horizon in judgements.items():
        if model != PERSISTENCE:
            verdict, p_value = (by_horizon[horizon][key] for key in ("verdict", "p_value"))
            decided = p_value is not None and verdict in PROVEN
            strength = f" ({p_text(p_value)})" if decided else ""
            named.setdefault(verdict, []).append(f"{model}{strength}")
    said = "; ".join(f"{verdict}: {', '.join(models)}" for verdict, models in named.items())
    text = f"{horizon} ahead, the close: {said}."
    spa_p_value, tried = comparison["spa_p_value"], comparison["tried"]
    if spa_p_value is None:
        return text
    finding = "at least one errs less" if spa_p_value < LEVEL else "none is shown to err less"
    return (
        f"{text} Of the {tried} tried, {finding} in squares (Hansen's SPA, {p_text(spa_p_value)})."
    )


def _copies(horizon: str, judgements: Table, subject: str | None) -> Iterator[str]:
    """The other models whose forecast of the close is the price, shifted."""
    copies = [
        model
        for model, by_horizon in judgements.items()
        if by_horizon[horizon]["shifted_copy"] is not None
        and by_horizon[horizon]["verdict"] != "cannot be judged"
        and model != subject
    ]
    if copies:
        yield (
            f"{horizon} ahead, the forecast of the close is the price, shifted, and is not "
            f"shown to add to it: {', '.join(copies)}."
        )


def _of_distributions(
    horizon: str, scores: Table, comparison: Mapping[str, Any], subject: str | None
) -> Iterator[str]:
    """Whose distribution is best by CRPS, and which others may be as good."""
    crps = {model: scores[model][horizon]["crps_bp"] for model in comparison["crps"]}
    if len(crps) < 2:
        return
    best = min(crps, key=lambda model: crps[model])
    text = f"{horizon} ahead, the whole distribution: {best} has the smallest CRPS "
    text += f"({crps[best]:.4g} bp"
    text += f"; persistence {crps[PERSISTENCE]:.4g})" if PERSISTENCE in crps else ")"
    alike = [model for model in comparison["confidence_set"]["crps"] or [] if model != best]
    if alike:
        text += f", and {', '.join(alike)} may be as good"
    elif comparison["confidence_set"]["crps"]:
        text += ", and no other is as good (90 % confidence)"
    if subject in crps and subject != best:
        against = comparison["crps"][subject][best]["p_value"]
        text += f"; {subject} has {crps[subject]:.4g}"
        text += f" ({p_text(against)} against {best})" if against is not None else ""
    yield text + "."


def _unjudged(horizon: str, judgements: Table, subject: str | None) -> Iterator[str]:
    for model, by_horizon in judgements.items():
        judgement = by_horizon[horizon]
        if judgement["verdict"] == "cannot be judged" and model != subject:
            yield f"{model}, {horizon} ahead, cannot be judged: {judgement['reason'].rstrip('.')}."
