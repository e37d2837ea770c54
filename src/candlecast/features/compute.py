"""Computing features for every candle, and telling which of them these candles allow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.candles import OPTIONAL, Candles
from candlecast.errors import InputError
from candlecast.features.registry import NO_OWN, OwnFeatures, expression

_DAY = timedelta(days=1)

Dropped = dict[str, list[str]]
"""Features by name that could not be had, each with the columns that it lacks."""


def compute_features(
    candles: Candles,
    names: Sequence[str],
    *,
    across_gaps: bool = False,
    own: OwnFeatures = NO_OWN,
) -> NDArray[np.float64]:
    """Compute features for every candle.

    Args:
        candles: The candles.
        names: Names as `expression` takes them; the result's columns stand in this order.
        across_gaps: Whether a feature may look back over a gap. If not, each segment starts anew,
            as if nothing came before it.
        own: The features of the user's file.

    Returns:
        Shape [rows, features].

    Raises:
        InputError: For an unknown name, a column that these candles lack, or a value that is not
            finite.
    """
    table = feature_table(candles)
    for name, columns in _lacking(names, own, table.columns, table.columns).items():
        raise InputError(
            f"feature '{name}' reads {', '.join(columns)}, which these candles do not have. Give "
            "candles that have it, or leave the feature out of the recipe."
        )
    matrix = table.select(
        in_segments(expression(name, own), across_gaps=across_gaps).alias(name) for name in names
    ).to_numpy(writable=True)
    _check_finite(matrix, names, candles)
    return matrix


def feature_table(candles: Candles) -> pl.DataFrame:
    """The columns that features are expressions over.

    They are those of the candles, `segment` (the number of the stretch without gaps),
    `target_time` (when the next candle opens, whether there is one or not) and `day_candles` (how
    many candles a day has, at least 1).
    """
    return candles.frame.with_columns(
        pl.Series("segment", candles.segment_ids),
        target_time=pl.col("time") + candles.interval,
        day_candles=pl.lit(max(_DAY // candles.interval, 1)),
    )


def in_segments(feature: pl.Expr, *, across_gaps: bool) -> pl.Expr:
    """A feature as numbers; unless it may look across gaps, each segment starts anew."""
    return (feature if across_gaps else feature.over("segment")).cast(pl.Float64)


def usable(
    candles: Candles, names: Sequence[str], own: OwnFeatures = NO_OWN
) -> tuple[list[str], Dropped]:
    """Which features these candles allow: many files hold no trade counts or taker volumes.

    Args:
        candles: The candles.
        names: Names as `expression` takes them.
        own: The features of the user's file.

    Returns:
        Those that can be computed, in order; and the others, with the columns that they lack. A
        column that is there for some of the candles only is lacking, but for another market's, and
        for the user's features, which may see to that themselves.

    Raises:
        InputError: For an unknown name, or a column that no candles have.
    """
    table = feature_table(candles)
    known = [column.name for column in table if column.null_count() < len(column)]
    whole = [name for name in known if ":" in name or not table[name].null_count()]
    users = [name for name in names if name.partition("@")[0] in own]
    ours = [name for name in names if name not in users]
    dropped = _lacking(ours, own, whole, table.columns)
    dropped |= _lacking(users, own, known, table.columns)
    return [name for name in names if name not in dropped], dropped


def _lacking(
    names: Sequence[str], own: OwnFeatures, known: Sequence[str], present: Sequence[str]
) -> Dropped:
    """The features that read other columns than those known, which candles may lack."""
    lacking: Dropped = {}
    for name in names:
        read = dict.fromkeys(expression(name, own).meta.root_names())
        columns = [column for column in read if column not in known]
        if columns:
            _check_optional(name, columns, present)
            lacking[name] = columns
    return lacking


def check_computable(
    candles: Candles, names: Sequence[str], own: OwnFeatures, rows: int = 1000
) -> None:
    """Raise an `InputError` that names a feature of the user's file which cannot be computed.

    Args:
        candles: The first of them are enough.
        names: Names in `own`.
        own: The features of the user's file.
        rows: How many candles to try it on.
    """
    few = feature_table(Candles(candles.frame[:rows], candles.symbol, candles.interval))
    for name in names:
        try:
            few.select(in_segments(own[name], across_gaps=False).alias(name))
        except Exception as error:  # of others' code, which may raise whatever it likes
            raise InputError(
                f"feature '{name}' of the features file cannot be computed "
                f"({' '.join(str(error).split())[:200]}). Correct its function."
            ) from error


def _check_optional(name: str, columns: Sequence[str], present: Sequence[str]) -> None:
    """Raise an `InputError` unless these are columns that candles may lack."""
    wrong = next((column for column in columns if column.split(":")[-1] not in OPTIONAL), None)
    if wrong is None:
        return
    if ":" in wrong:
        symbol = wrong.split(":")[0]
        raise InputError(
            f"feature '{name}' reads {symbol}, and there is no candle of {symbol} beside these. "
            f"Give them: --with {symbol}=FILE."
        )
    raise InputError(
        f"feature '{name}' reads column {wrong}, which candles do not have. Theirs are "
        f"{', '.join(present)}."
    )


def _check_finite(matrix: NDArray[np.float64], names: Sequence[str], candles: Candles) -> None:
    finite = np.isfinite(matrix)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0]
    raise InputError(
        f"feature '{names[column]}' is {matrix[row, column]} at {candles.frame['time'][int(row)]}. "
        "Correct the candle, or leave the feature out of the recipe."
    )
