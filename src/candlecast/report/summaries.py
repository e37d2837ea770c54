"""What the charts show, as small arrays: sums over stretches of time, shares over groups.

However many forecasts there are, nothing here returns more than a few thousand numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candlecast.distributions import Floats
from candlecast.evaluation import metrics
from candlecast.evaluation.weeks import DAY, MONDAY, WEEK
from candlecast.forecast import Forecast

Ints = NDArray[np.int64]

SECOND = 1_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

WIDTHS = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 4, 6, 12)),
    *(n * DAY for n in (1, 2)),
    *(n * WEEK for n in (1, 2, 4, 8, 16, 52, 104, 520)),
)
"""Stretches of time that people count in, µs."""

LEVELS = (0.5, 0.8, 0.95)
"""Shares that the bands promise to hold."""

PIT_BINS = 20

SWITCHED_OFF_BELOW = -0.5
"""A model of so low a skill is not shown at first beside better ones: it would flatten them."""


@dataclass(frozen=True, eq=False)
class SkillPath:
    """How the skill of one model came about.

    Attributes:
        model: The model's name.
        time: The end of each stretch, µs since the epoch; shape [stretches].
        skill: The sum of persistence's squared errors less the model's from the start to there,
            over persistence's whole sum: the last value is the skill of all rows; [stretches].
        days: How many days there are.
        days_won: On how many the model errs less than persistence.
        best_day: The day that gained most, µs since the epoch; None if none gained.
        without_best_day: The skill of the other days; None if none gained or there are no others.
    """

    model: str
    time: Ints
    skill: Floats
    days: int
    days_won: int
    best_day: int | None
    without_best_day: float | None


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The known outcomes of one model at one horizon, seen through its distribution.

    Attributes:
        horizon: Candles ahead.
        time: Open time of the target candle, µs since the epoch; shape [outcomes].
        pit: The share of the distribution below what came; shape [outcomes].
        variance: The forecast of the variance, NaN where it is none; shape [outcomes].
        inside: Whether it lay inside the calibrated band of each of `LEVELS`; shape
            [outcomes, levels], or None without any.
        left_out: How many more outcomes are known whose distribution is none.
    """

    horizon: int
    time: Ints
    pit: Floats
    variance: Floats
    inside: NDArray[np.bool_] | None = None
    left_out: int = 0


@dataclass(frozen=True, eq=False)
class Coverage:
    """How often what came lay inside the bands, by group.

    Attributes:
        key: The groups; shape [groups].
        count: Outcomes in each; shape [groups].
        share: Of them inside the bands of `LEVELS`; shape [groups, levels].
        margin: How far from its level a share strays by chance in 95 % of groups; the spans of a
            longer horizon overlap, so that one outcome in as many as the horizon counts as its own;
            shape [groups, levels].
    """

    key: Ints
    count: Ints
    share: Floats
    margin: Floats


def stretch(first: int, last: int, most: int) -> int:
    """The shortest of `WIDTHS` that divides a span of time into no more than `most`, in µs."""
    least = (last - first) / max(most - 1, 1)
    return next((width for width in WIDTHS if width >= least), math.ceil(least))


def skill_path(
    forecast: Forecast, baseline: Forecast, place: int, most: int = 1000
) -> SkillPath | None:
    """Follow the skill of one model against persistence through the test rows.

    Args:
        forecast: The model's.
        baseline: Persistence's; origins that only one of them has are left out.
        place: Which of the horizons.
        most: How many stretches at the most.

    Returns:
        None if no outcome is known, persistence never errs, or a forecast of a known outcome is not
        a number: to leave that row out would make the model better than it is.
    """
    ours, theirs = _matched(forecast, baseline)
    actual = forecast.actual[ours, place]
    known = np.isfinite(actual)
    with np.errstate(over="ignore", invalid="ignore"):
        loss = np.square(forecast.mean[ours, place] - actual)[known]
        naive = np.square(baseline.mean[theirs, place] - actual)[known]
        whole = float(naive.sum())
        if not whole or not np.isfinite(whole + loss.sum()):
            return None
    time = forecast.time[ours, place][known]
    width = stretch(int(time[0]), int(time[-1]), most)
    ends, gains = _sums(time // width, naive - loss)
    days, day_loss = _sums(time // DAY, loss)
    _, day_naive = _sums(time // DAY, naive)
    day_gain = day_naive - day_loss
    best = int(np.argmax(day_gain))
    gained, rest = bool(day_gain[best] > 0), whole - float(day_naive[best])
    return SkillPath(
        model=forecast.model,
        time=(ends + 1) * width,
        skill=np.cumsum(gains) / whole,
        days=len(days),
        days_won=int(np.sum(day_gain > 0)),
        best_day=int(days[best]) * DAY if gained else None,
        without_best_day=1 - float(loss.sum() - day_loss[best]) / rest
        if gained and rest > 0
        else None,
    )


def switched_off(paths: Sequence[SkillPath]) -> set[str]:
    """The models whose line would flatten the others."""
    low = {path.model for path in paths if path.skill.min() < SWITCHED_OFF_BELOW}
    return low if len(low) < len(paths) else set()


def outcomes_of(forecast: Forecast, place: int) -> Outcomes | None:
    """Where in its distribution each known outcome fell; None without any."""
    if forecast.distribution is None:
        return None
    spread, actual = forecast.distribution.at_horizon(place), forecast.actual[:, place]
    pit = spread.cdf(np.log(actual / forecast.last_close))
    known = np.isfinite(pit)
    if not known.any():
        return None
    if forecast.variance is None:
        variance = spread.width[known] ** 2
    else:
        variance = np.broadcast_to(forecast.variance, forecast.mean.shape)[known, place]
    return Outcomes(
        forecast.horizons[place],
        forecast.time[known, place],
        pit[known],
        variance,
        None if forecast.bands is None else _inside(forecast.bands[known, place], actual[known]),
        left_out=int(np.sum(np.isfinite(actual) & ~known)),
    )


def _inside(bands: Floats, actual: Floats) -> NDArray[np.bool_]:
    """Whether each outcome lay inside its calibrated bands; shape [outcomes, levels]."""
    inside = [
        (bands[:, lower] <= actual) & (actual <= bands[:, upper])
        for lower, upper in ((2, 3), (1, 4), (0, 5))
    ]
    return np.stack(inside, axis=1)


def pit_bars(outcomes: Outcomes) -> tuple[Floats, float]:
    """How often the PIT falls into each of `PIT_BINS` equal bins, 1 being as often as it should.

    Returns:
        The bins, and how far from 1 chance takes 95 % of them.
    """
    own = max(len(outcomes.pit) / outcomes.horizon, 1.0)
    margin = 1.96 * math.sqrt((PIT_BINS - 1) / own)
    return metrics.pit_histogram(outcomes.pit, PIT_BINS) * PIT_BINS, margin


def coverage_by(outcomes: Outcomes, groups: Ints, *, calibrated: bool = False) -> Coverage:
    """Count how many outcomes lay inside the bands, group by group.

    Args:
        outcomes: What came.
        groups: The group of each; shape [outcomes].
        calibrated: Whether the calibrated bands are meant, which must be there.
    """
    key, place, count = np.unique(groups, return_inverse=True, return_counts=True)
    inside = outcomes.inside if calibrated else _within(outcomes.pit)
    assert inside is not None
    share = np.stack([np.bincount(place, each, len(key)) / count for each in inside.T], axis=1)
    own = np.maximum(count / outcomes.horizon, 1.0)
    level = np.array(LEVELS)
    return Coverage(key, count, share, 1.96 * np.sqrt(level * (1 - level) / own[:, None]))


def _within(pit: Floats) -> NDArray[np.bool_]:
    """Whether each outcome lay inside the distribution's own bands; shape [outcomes, levels]."""
    return np.abs(pit - 0.5)[:, None] * 2 <= np.array(LEVELS)


def periods(time: Ints) -> tuple[str, Ints]:
    """The week of each time; the day or hour where there are too few weeks to compare.

    Returns:
        The period's name, and its start for each time in µs since the epoch.
    """
    span = int(time.max() - time.min())
    if span >= 3 * WEEK:
        return "week", (time - MONDAY) // WEEK * WEEK + MONDAY
    name, width = ("day", DAY) if span >= 3 * DAY else ("hour", HOUR)
    return name, time // width * width


def hours(time: Ints) -> Ints:
    """The hour of the day in UTC, 0 to 23."""
    return time % DAY // HOUR


def fifths(values: Floats) -> Ints:
    """The fifth that each value is in, 0 the lowest and -1 where it is not a number.

    There are fewer groups where many values are equal.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), -1)
    edges = np.quantile(values[known], [0.2, 0.4, 0.6, 0.8])
    return np.where(known, np.searchsorted(edges, values, side="left"), -1)


def thinned(time: Ints, values: Floats, most: int = 2000) -> tuple[Ints, Floats]:
    """A line that looks the same in fewer points: the lowest and highest of each stretch.

    Args:
        time: µs since the epoch; shape [points].
        values: NaN breaks the line; shape [points].
        most: Stretches; a line of no more than twice as many points is left as it is.
    """
    if len(time) <= 2 * most:
        return time, values
    starts = np.linspace(0, len(time), most, endpoint=False).astype(np.int64)
    lowest = np.minimum.reduceat(np.where(np.isnan(values), np.inf, values), starts)
    highest = np.maximum.reduceat(np.where(np.isnan(values), -np.inf, values), starts)
    ends = np.append(starts[1:], len(time)) - 1
    falls = values[starts] > values[ends]
    pairs = np.where(falls, [highest, lowest], [lowest, highest]).T.ravel()
    return time[np.stack([starts, ends], axis=1).ravel()], np.where(
        np.isfinite(pairs), pairs, np.nan
    )


def sums_over_time(
    time: Ints, weight: Floats, first: int, last: int, most: int = 400
) -> tuple[Ints, Floats]:
    """Sum weights over equal stretches of time: the start of each, none left out, and its sum."""
    width = stretch(first, last, most)
    start = first // width
    bins = np.arange(start, last // width + 1)
    sums = np.bincount(time // width - start, weight, len(bins))
    return bins * width, sums.astype(np.float64)


def _matched(one: Forecast, other: Forecast) -> tuple[Ints | slice, Ints | slice]:
    """The places in each of the origins that both have."""
    if np.array_equal(one.origin, other.origin):
        return slice(None), slice(None)
    _, ours, theirs = np.intersect1d(one.origin, other.origin, return_indices=True)
    return ours, theirs


def _sums(key: Ints, values: Floats) -> tuple[Ints, Floats]:
    """The sum of the values that share a key, by key."""
    keys, place = np.unique(key, return_inverse=True)
    return keys, np.bincount(place, values, len(keys)).astype(np.float64)
