"""What a scorecard comes to, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
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
        else:
            yield _of_all(horizon, judgements, comparisons[horizon])
    if subject is not None:
        yield from _price_level(subject, scores)
    yield from _copies(judgements, subject)
    yield from _of_distributions(scores, comparisons, subject)
    for horizon in scores[PERSISTENCE]:
        yield from _unjudged(horizon, judgements, subject)


def listed(horizons: Sequence[str]) -> str:
    """Horizons one after the other: ``1, 5 and 15``."""
    *before, last = horizons
    return f"{', '.join(before)} and {last}" if before else last


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


def _price_level(model: str, scores: Table) -> Iterator[str]:
    """R² and MAPE of a price are near perfection for anything that follows it; so never alone."""
    found: dict[str, list[str]] = {}
    for horizon, ours in scores[model].items():
        theirs = scores[PERSISTENCE][horizon]
        figures = [each[name] for each in (ours, theirs) for name in ("price_r2", "price_mape")]
        if None not in figures and ours["n"] == theirs["n"]:
            found[horizon] = [
                text.format(figure)
                for text, figure in zip(("{:.5f}", "{:.3%}") * 2, figures, strict=True)
            ]
    if found:
        r2, mape, base_r2, base_mape = map(" / ".join, zip(*found.values(), strict=True))
        yield (
            f"{model}, {listed(list(found))} ahead, on the price's level: R² {r2} and MAPE {mape}; "
            f"persistence has {base_r2} and {base_mape}."
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


def _copies(judgements: Table, subject: str | None) -> Iterator[str]:
    """The other models whose forecast of the close is the price, shifted."""
    horizons: dict[tuple[str, ...], list[str]] = {}
    for horizon in judgements[PERSISTENCE]:
        copies = tuple(
            model
            for model, by_horizon in judgements.items()
            if by_horizon[horizon]["shifted_copy"] is not None
            and by_horizon[horizon]["verdict"] != "cannot be judged"
            and model != subject
        )
        horizons.setdefault(copies, []).append(horizon)
    for copies, alike in horizons.items():
        if copies:
            yield (
                f"{listed(alike)} ahead, the forecast of the close is the price, shifted, and is "
                f"not shown to add to it: {', '.join(copies)}."
            )


def _of_distributions(
    scores: Table, comparisons: Mapping[str, Any], subject: str | None
) -> Iterator[str]:
    """Whose distribution is best by CRPS, and which others may be as good."""
    found: dict[tuple[str, str], list[str]] = {}
    for horizon, comparison in comparisons.items():
        crps = {model: scores[model][horizon]["crps_bp"] for model in comparison["crps"]}
        if len(crps) > 1:
            best = min(crps, key=lambda model: crps[model])
            rest = _may_be_as_good(best, comparison) + _falls_short(subject, best, crps, comparison)
            found.setdefault((best, rest), []).append(horizon)
    for (best, rest), horizons in found.items():

        def crps_of(model: str, horizons: list[str] = horizons) -> str:
            return " / ".join(f"{scores[model][horizon]['crps_bp']:.4g}" for horizon in horizons)

        text = f"{listed(horizons)} ahead, the whole distribution: {best} has the smallest CRPS "
        text += f"({crps_of(best)} bp"
        if all(PERSISTENCE in comparisons[horizon]["crps"] for horizon in horizons):
            text += f"; persistence {crps_of(PERSISTENCE)}"
        yield f"{text}){rest}."


def _may_be_as_good(best: str, comparison: Mapping[str, Any]) -> str:
    confidence_set = comparison["confidence_set"]["crps"] or []
    alike = [model for model in confidence_set if model != best]
    if alike:
        return f", and {', '.join(alike)} may be as good"
    return ", and no other is as good (90 % confidence)" if confidence_set else ""


def _falls_short(
    subject: str | None, best: str, crps: Mapping[str, float], comparison: Mapping[str, Any]
) -> str:
    """The subject's own CRPS, where another's is smaller."""
    if subject is None or subject == best or subject not in crps:
        return ""
    p_value = comparison["crps"][subject][best]["p_value"]
    against = "" if p_value is None else f" ({p_text(p_value)} against {best})"
    return f"; {subject} has {crps[subject]:.4g}{against}"


def _unjudged(horizon: str, judgements: Table, subject: str | None) -> Iterator[str]:
    for model, by_horizon in judgements.items():
        judgement = by_horizon[horizon]
        if judgement["verdict"] == "cannot be judged" and model != subject:
            yield f"{model}, {horizon} ahead, cannot be judged: {judgement['reason'].rstrip('.')}."
