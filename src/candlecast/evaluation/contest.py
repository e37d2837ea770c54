"""All models at once: whether the best of them is more than luck, and which may be the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from candlecast.distributions import Floats
from candlecast.evaluation.comparison import model_confidence_set, superior_predictive_ability
from candlecast.evaluation.outcome import Outcome
from candlecast.evaluation.significance import diebold_mariano


def compare(outcomes: Mapping[str, Outcome], baseline: str) -> dict[str, Any]:
    """All models at once: those that have a finite forecast at each of the baseline's origins.

    `spa_p_value` is of Hansen's test that none of the `tried` models has a smaller squared error
    than persistence. `confidence_set` names, for the squared error and for the CRPS, the
    models among which the best is with 90 % confidence. `crps` and `log_score` hold the
    Diebold-Mariano test of each pair of models with a distribution: model, other, `dm` (above 0 if
    the model is better) and `p_value`.
    """
    origins, horizon = outcomes[baseline].origin, outcomes[baseline].horizon
    whole = {name: each.at(origins) for name, each in outcomes.items()}
    judged = {name: each for name, each in whole.items() if _is_whole(each, len(origins))}
    squared = {name: each.squared_error for name, each in judged.items()}
    crps = {name: each.crps for name, each in judged.items() if _is_known(each.crps)}
    density = {name: -each.log_score for name, each in judged.items() if _is_known(each.log_score)}
    others = {name: loss for name, loss in squared.items() if name != baseline}
    return {
        "n": len(origins),
        "left_out": [name for name in outcomes if name not in judged],
        "tried": len(others),
        "spa_p_value": superior_predictive_ability(squared[baseline], others, horizon)
        if others and baseline in squared
        else None,
        "confidence_set": {
            "squared_error": _listed(model_confidence_set(squared, horizon)),
            "crps": _listed(model_confidence_set(crps, horizon)),
        },
        "crps": _pairs(crps, horizon),
        "log_score": _pairs(density, horizon),
    }


def _is_whole(outcome: Outcome, origins: int) -> bool:
    return 0 < origins == len(outcome) and bool(np.isfinite(outcome.forecast).all())


def _is_known(losses: Floats | None) -> TypeGuard[Floats]:
    return losses is not None and bool(np.isfinite(losses).all())


def _listed(names: Sequence[str] | None) -> list[str] | None:
    return None if names is None else list(names)


def _pairs(losses: Mapping[str, Floats], horizon: int) -> dict[str, dict[str, Any]]:
    """The Diebold-Mariano test of each model's loss against each other's."""
    table: dict[str, dict[str, Any]] = {name: {} for name in losses}
    names = list(losses)
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            test = diebold_mariano(losses[one], losses[other], horizon)
            for first, second, sign in ((one, other, 1), (other, one, -1)):
                table[first][second] = {
                    "dm": None if test is None else sign * test.statistic,
                    "p_value": None if test is None else test.p_value,
                }
    return table
