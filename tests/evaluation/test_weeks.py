"""Weeks are those of the calendar, whole, and the worst is found."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from candlecast.evaluation.weeks import Weeks

MINUTE = 60_000_000
FRIDAY = int(datetime(2021, 12, 31, tzinfo=UTC).timestamp()) * 1_000_000


def minutes(days: int) -> np.ndarray:
    """Of so many days from the last of 2021, a Friday."""
    return FRIDAY + np.arange(days * 24 * 60) * MINUTE


def test_weeks_begin_on_monday_and_parts_of_a_week_are_left_out() -> None:
    weeks = Weeks.of(minutes(20), MINUTE, 1)
    starts = weeks.start.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist()
    assert starts == ["2022-01-03", "2022-01-10"]
    assert weeks.count.tolist() == [7 * 24 * 60] * 2
    assert (weeks.place == -1).sum() == (3 + 3) * 24 * 60


def test_coverage_is_that_of_a_table_grouped_by_week() -> None:
    time = np.delete(minutes(45), slice(20_000, 20_500))
    inside = np.random.default_rng(0).random(len(time)) < np.linspace(0.7, 0.9, len(time))
    weeks = Weeks.of(time, MINUTE, 60)
    table = pl.DataFrame({"time": pl.Series(time).cast(pl.Datetime("us")), "inside": inside})
    by_week = table.group_by_dynamic("time", every="1w").agg(pl.col("inside").mean(), pl.len())
    expected = by_week.filter(pl.col("len") > 9_400)["inside"].to_numpy()
    np.testing.assert_allclose(weeks.coverage(inside), expected)
    assert weeks.worst(inside, 0.8) == pytest.approx(np.abs(expected - 0.8).max())


@pytest.mark.parametrize(("days", "step", "horizon"), [(5, MINUTE, 1), (20, 60 * MINUTE, 60)])
def test_too_few_outcomes_make_no_week(days: int, step: int, horizon: int) -> None:
    time = minutes(days)[:: step // MINUTE]
    weeks = Weeks.of(time, step, horizon)
    assert len(weeks.start) == 0
    assert weeks.worst(np.full(len(time), True), 0.8) is None
