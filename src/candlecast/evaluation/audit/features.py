"""Whether a feature at a row depends on what comes after the row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.futures import FUTURE
from candlecast.evaluation.audit.look_ahead import all_rows, find_look_ahead
from candlecast.evaluation.audit.places import trial_origins
from candlecast.evaluation.audit.wording import counted, said
from candlecast.features import TargetName, target_values

Feature = pl.Expr | Callable[[Candles], Floats]
"""A Polars expression over the candles' columns, or a function that gives one value a candle."""

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
    origins = trial_origins(candles, seed)
    return [
        _audit_feature(name, feature, candles, origins, across_gaps, horizons, seed)
        for name, feature in features.items()
    ]


def _audit_feature(
    name: str,
    feature: Feature,
    candles: Candles,
    origins: Sequence[int],
    across_gaps: bool,
    horizons: Iterable[int],
    seed: int,
) -> Finding:
    def known(table: Candles, origin: int, _alone: bool) -> Floats:
        return _column(feature, table, across_gaps)[: origin + 1]

    subject = f"feature {name}"
    values = _whole_column(subject, feature, candles, across_gaps)
    found = find_look_ahead(known, all_rows, candles, origins, seed)
    ahead = 0 if found is None else found.rows
    for horizon in sorted({*horizons, ahead} - {0}):
        target = _target_that_it_equals(values, candles, horizon)
        if target is not None:
            leak = (
                f"{name} is the target itself: the {target} {counted(horizon, 'candle')} ahead. "
                "Leave it out of the features."
            )
            return Finding(subject, FUTURE, leak, horizon)
    if found is None:
        return Finding(subject, FUTURE)
    advice = (
        "Compute it from rows up to its own: no centred window, no negative shift, no fill "
        "backward, no figure of the whole table."
    )
    return Finding(subject, FUTURE, f"{name} {found.proof}. {advice}", found.rows)


def _whole_column(subject: str, feature: Feature, candles: Candles, across_gaps: bool) -> Floats:
    """A feature's value for each candle, or an `InputError` that names it."""
    try:
        values = _column(feature, candles, across_gaps)
    except Exception as error:  # of others' code, which may raise whatever it likes
        raise InputError(f"{subject} cannot be computed ({said(error)}).") from error
    if values.shape != (len(candles),):
        raise InputError(
            f"{subject} has values of shape {values.shape} for {len(candles)} candles. Give one "
            "value a candle."
        )
    return values


def _column(feature: Feature, candles: Candles, across_gaps: bool) -> Floats:
    """A feature's values; those of an expression are computed as `compute_features` does."""
    if not isinstance(feature, pl.Expr):
        return np.asarray(feature(candles), dtype=np.float64)
    table = candles.frame.with_columns(pl.Series("segment", candles.segment_ids))
    values = feature if across_gaps else feature.over("segment")
    named = table.with_columns(values.cast(pl.Float64).alias("feature"))
    return named["feature"].to_numpy()


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
