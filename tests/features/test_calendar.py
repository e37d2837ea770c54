"""The calendar agrees with Python's own, and tells of the next candle what is known ahead."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from feature_references import candles_of, values_of

from candlecast.candles import Candles

STARTS = [datetime(2020, 2, 28, 20, 0, tzinfo=UTC), datetime(2022, 12, 30, 11, 0, tzinfo=UTC)]


@pytest.fixture(params=STARTS, ids=["leap_day", "new_year"])
def moments(request: pytest.FixtureRequest) -> list[datetime]:
    """Every minute of three days."""
    return [request.param + place * timedelta(minutes=1) for place in range(3 * 1440)]


def test_the_open_time_agrees_with_python(moments: list[datetime]) -> None:
    candles = candles_of(len(moments), time=moments)
    reference = {
        "minute_of_day": [time.hour * 60 + time.minute for time in moments],
        "hour_of_day": [time.hour for time in moments],
        "day_of_week": [time.weekday() for time in moments],
        "day_of_month": [time.day for time in moments],
        "week_of_year": [time.isocalendar().week for time in moments],
        "month": [time.month for time in moments],
    }
    for name, values in reference.items():
        assert values_of(candles, name).tolist() == values, name


def test_the_next_candle_s_marks_agree_with_python(moments: list[datetime]) -> None:
    candles = candles_of(len(moments), time=moments)
    following = [time + timedelta(minutes=1) for time in moments]
    minutes = np.array([time.hour * 60 + time.minute for time in following])
    last_days = [calendar.monthrange(time.year, time.month)[1] for time in following]
    reference = {f"target_every_{step}": minutes % step == 0 for step in (5, 10, 15, 30, 60)} | {
        "before_every_5": minutes % 5 == 4,
        "after_every_5": minutes % 5 == 1,
        "after_every_60": minutes % 60 == 1,
        "target_funding": np.isin(minutes, [0, 1, 480, 481, 960, 961]),
        "target_weekend": [time.strftime("%a") in ("Sat", "Sun") for time in following],
        "target_month_start": [time.day == 1 for time in following],
        "target_month_end": [
            time.day == last for time, last in zip(following, last_days, strict=True)
        ],
    }
    for name, marks in reference.items():
        np.testing.assert_array_equal(values_of(candles, name), marks, err_msg=name)
        assert 0 < np.mean(marks) < 1, name


def test_the_next_candle_s_waves_agree_with_numpy(moments: list[datetime]) -> None:
    candles = candles_of(len(moments), time=moments)
    following = [time + timedelta(minutes=1) for time in moments]
    turns = {f"day_{{}}_{times}": times / 1440 for times in (1, 2, 3)}
    minutes = np.array([time.hour * 60 + time.minute for time in following])
    angles = {name: 2 * np.pi * minutes * turn for name, turn in turns.items()}
    angles["week_{}"] = 2 * np.pi * np.array([time.weekday() for time in following]) / 7
    angles["hour_{}"] = 2 * np.pi * np.array([time.minute for time in following]) / 60
    for name, angle in angles.items():
        for wave, values in (("sin", np.sin(angle)), ("cos", np.cos(angle))):
            found = values_of(candles, f"target_{name.format(wave)}")
            np.testing.assert_allclose(found, values, atol=1e-12, err_msg=name)


def test_the_next_candle_is_one_interval_on_whether_it_is_there_or_not() -> None:
    start = datetime(2021, 1, 31, 22, 0, tzinfo=UTC)
    hours = [start, start + timedelta(hours=1), start + timedelta(hours=5)]
    candles = Candles.from_frame(candles_of(3, time=hours).frame, "X", timedelta(hours=1))
    assert values_of(candles, "target_month_start").tolist() == [0.0, 1.0, 1.0]
    assert values_of(candles, "month").tolist() == [1.0, 1.0, 2.0]
