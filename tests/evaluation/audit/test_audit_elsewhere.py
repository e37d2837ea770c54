"""A feature that was computed elsewhere is found; calendars, constants and counts are let be."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from audit_helpers import leak_of, only

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit import audit_features
from candlecast.evaluation.audit.features import Feature
from candlecast.features import FEATURES

CLOSE = pl.col("close")


def beforehand(candles: Candles) -> Floats:
    """What nobody could know: whether the next five minutes rise, blurred."""
    closes = candles.frame["close"].to_numpy()
    noise = np.random.default_rng(3).normal(size=len(closes))
    return np.asarray(np.sign(np.roll(closes, -5) - closes) + noise)


def test_a_column_that_ignores_the_candles_is_caught(candles: Candles) -> None:
    column = beforehand(candles)
    features: dict[str, Feature] = {"mine": lambda table: column[: len(table)], "close": CLOSE}
    leak = only(audit_features(candles, features))
    assert (leak.subject, leak.check) == ("feature mine", "changing all prices, volumes and times")
    assert leak_of(leak).startswith(
        "mine does not depend on the candles it is given, so it was computed elsewhere, maybe from "
        "the future."
    )


@pytest.mark.parametrize("default", [None, np.nan])
def test_a_column_that_is_looked_up_by_time_is_caught(
    candles: Candles, default: float | None
) -> None:
    column = dict(zip(candles.frame["time"], beforehand(candles), strict=True))

    def looked_up(table: Candles) -> Floats:
        times = table.frame["time"]
        if default is None:
            return np.array([column[time] for time in times])
        return np.array([column.get(time, default) for time in times])

    leak = only(audit_features(candles, {"mine": looked_up}))
    assert "knows nothing of other times" in leak_of(leak)


HONEST: dict[str, Feature] = {
    "minute": pl.col("time").dt.minute(),
    "half_day": pl.col("time").dt.hour() // 12,
    "weekend": pl.col("time").dt.weekday() > 5,
    "angle": (pl.col("time").dt.hour() * np.pi / 12).sin(),
    "step": pl.col("time").diff().dt.total_seconds(),
    "constant": pl.lit(1.0),
    "nothing": pl.lit(None),
    "row": pl.int_range(pl.len()),
    "ones": lambda table: np.ones(len(table)),
    "counter": lambda table: np.arange(len(table), dtype=np.float64),
    "hour": lambda table: table.frame["time"].dt.hour().to_numpy(),
    "no_trade": pl.col("volume") == 0,
}


def test_calendars_constants_and_counts_are_clean(gappy_candles: Candles) -> None:
    findings = audit_features(gappy_candles, HONEST, across_gaps=True)
    findings += audit_features(gappy_candles, {"row": HONEST["row"], "step": HONEST["step"]})
    assert [finding.leak for finding in findings] == [None] * (len(HONEST) + 2)


@pytest.mark.parametrize("minutes", [60, 1440])
def test_calendars_of_coarse_candles_are_clean(candles: Candles, minutes: int) -> None:
    interval = timedelta(minutes=minutes)
    times = candles.first + pl.int_range(len(candles), eager=True) * interval
    coarse = Candles(candles.frame.with_columns(times.alias("time")), "COARSE", interval)
    calendar = {name: feature for name, feature in FEATURES.items() if "_of_" in name}
    for finding in audit_features(coarse, calendar | {"month": FEATURES["month"]}):
        assert finding.leak is None
