"""Whether a feature at a row depends on what comes after the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from time import perf_counter

import numpy as np
import polars as pl

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.evaluation.audit.elsewhere import CHECK as CHANGED_WHOLLY
from candlecast.evaluation.audit.elsewhere import computed_elsewhere
from candlecast.evaluation.audit.few_rows import Column, Mixture, find_few_rows, telling_rows
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.futures import FUTURE
from candlecast.evaluation.audit.look_ahead import (
    Known,
    LookAhead,
    NotAudited,
    all_rows,
    find_look_ahead,
    look_ahead_finding,
)
from candlecast.evaluation.audit.places import spread, trial_origins
from candlecast.evaluation.audit.wording import counted, said
from candlecast.features import TargetName, feature_table, in_segments, target_values

Feature = pl.Expr | Callable[[Candles], Floats]
"""A Polars expression over the candles' columns, or a function that gives one value a candle."""

_SECONDS = 0.5  # to spend on a function, about
_COMPUTATIONS = 12_000  # of expressions, of all together; which is what it is on any machine
_ALL_TRIED = 150  # computations that make it worth trying all that `trial_origins` names
_SEARCHES = (700, 300, 100, 30)  # computations to search for few rows with, as many as affordable

_TARGETS: tuple[TargetName, ...] = ("close", "log_return")


def audit_features(
    candles: Candles,
    features: Mapping[str, Feature],
    *,
    across_gaps: bool = False,
    horizons: Sequence[int] = (1,),
    seed: int = 0,
) -> list[Finding]:
    """Whether a feature at a row depends on what comes after the row.

    Args:
        candles: Candles to try it on; a few thousand are enough.
        features: Features by name. An expression is computed as `compute_features` does.
        across_gaps: Whether an expression may look back over a gap. A function is given all the
            candles and sees to that itself.
        horizons: A feature that equals the close or log return so many candles ahead is said to be
            the target, wherever it got it from.
        seed: Of the other futures.

    Returns:
        One finding a feature, in order.

    Raises:
        InputError: If a feature cannot be computed, or does not give one value a candle.
    """
    mixture = Mixture(candles, seed)
    affordable = _COMPUTATIONS / max(len(features), 1)
    return [
        _audit_feature(name, feature, candles, mixture, across_gaps, horizons, affordable, seed)
        for name, feature in features.items()
    ]


def _audit_feature(
    name: str,
    feature: Feature,
    candles: Candles,
    mixture: Mixture,
    across_gaps: bool,
    horizons: Iterable[int],
    affordable: float,
    seed: int,
) -> Finding:
    def column(table: Candles) -> Floats:
        return feature_column(feature, table, across_gaps)

    subject = f"feature {name}"
    values, seconds = _whole_column(subject, column, candles)
    if not isinstance(feature, pl.Expr):
        affordable = _SECONDS / max(seconds, 1e-9)
    found, check = _look_ahead(column, values, candles, mixture, affordable, seed)
    ahead = found.rows if isinstance(found, LookAhead) else 0
    for horizon in sorted({*horizons, ahead} - {0}):
        target = _target_that_it_equals(values, candles, horizon)
        if target is not None:
            leak = (
                f"{name} is the target itself: the {target} {counted(horizon, 'candle')} ahead. "
                "Leave it out of the features."
            )
            return Finding(subject, check, leak, horizon)
    proof = None if found is not None else computed_elsewhere(column, values, candles, seed)
    if proof is not None:
        return Finding(subject, CHANGED_WHOLLY, f"{name} {proof}")
    advice = (
        "Compute it from rows up to its own: no centred window, no negative shift, no fill "
        "backward, no figure of the whole table."
    )
    return look_ahead_finding(subject, found, name, advice, check)


def _look_ahead(
    column: Column,
    values: Floats,
    candles: Candles,
    mixture: Mixture,
    affordable: float,
    seed: int,
) -> tuple[LookAhead | NotAudited | None, str]:
    """By how many rows a feature looks ahead, and in words what was tried.

    How much is tried depends, in a few steps, on how many computations can be afforded: of a
    function by how long one takes, of an expression by how many there are beside it.
    """
    known = _known(column, candles)
    origins = trial_origins(candles, seed)
    if affordable < _ALL_TRIED:
        origins = trial_origins(candles, seed, gaps=1, others=2)
    if affordable < 3 * len(origins):
        origins = spread(np.array(origins)[2:], 4).tolist()
    found = find_look_ahead(known, all_rows, candles, origins, seed)
    check = f"{FUTURE} {counted(len(origins), 'row')}"
    most = max((most for most in _SEARCHES if most <= affordable), default=0)
    if found is not None or not most:
        return found, check
    few = find_few_rows(column, values, mixture, telling_rows(candles, values, seed), most)
    check += f", and changing what comes after {few.tried} more"
    check += " and after every row, by up to 32 rows" if few.every_row else ""
    if few.origins:
        found = find_look_ahead(known, all_rows, candles, few.origins, seed)
    return found, check


def _known(column: Column, candles: Candles) -> Known:
    """What a feature is up to an origin; on the candles as they are it is computed three times.

    As often as `find_look_ahead` asks at its first origin, to see whether it is steady.
    """
    computed: list[Floats] = []

    def known(table: Candles, origin: int, _alone: bool) -> Floats:
        if table is not candles:
            return column(table)[: origin + 1]
        if len(computed) < 3:
            computed.append(column(table))
        return computed[-1][: origin + 1]

    return known


def _whole_column(subject: str, column: Column, candles: Candles) -> tuple[Floats, float]:
    """A feature's value for each candle and the seconds it takes, or an `InputError` on it."""
    start = perf_counter()
    try:
        values = column(candles)
    except Exception as error:  # of others' code, which may raise whatever it likes
        raise InputError(f"{subject} cannot be computed ({said(error)}).") from error
    if values.shape != (len(candles),):
        raise InputError(
            f"{subject} has values of shape {values.shape} for {len(candles)} candles. Give one "
            "value a candle."
        )
    between = perf_counter()
    with suppress(Exception):  # likewise; it is judged later
        column(candles)
    return values, min(between - start, perf_counter() - between)


def feature_column(feature: Feature, candles: Candles, across_gaps: bool) -> Floats:
    """A feature's values; those of an expression are computed as `compute_features` does."""
    if not isinstance(feature, pl.Expr):
        return np.array(feature(candles), dtype=np.float64)  # a copy, which it cannot alter
    values = in_segments(feature, across_gaps=across_gaps).alias("feature")
    return feature_table(candles).with_columns(values)["feature"].to_numpy()


def _target_that_it_equals(values: Floats, candles: Candles, horizon: int) -> str | None:
    """The target that a feature is, by name.

    Only rows where the target is another than at the origin itself tell: where the price stands
    still, the present is the future.
    """
    close = candles.frame["close"].to_numpy()
    present = {"close": close, "log_return": np.diff(np.log(close), prepend=np.log(close[:1]))}
    for target in _TARGETS:
        future = target_values(candles, target, [horizon])[:, 0]
        telling = np.isfinite(future) & np.isfinite(values) & (future != present[target])
        same = np.isclose(values, future, rtol=1e-9, atol=0.0)[telling]
        if same.size and same.mean() > 0.9:  # at the edge of a segment it may be filled otherwise
            return target.replace("_", " ")
    return None
