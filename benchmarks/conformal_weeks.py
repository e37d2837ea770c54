"""How well the bands hold in the worst week, the models' own and calibrated, and what that costs.

    python benchmarks/conformal_weeks.py RUN [--year YEAR] [--gain GAIN ...]

RUN is the folder of a finished run or walk-forward. Each model's forecasts of the tested rows are
calibrated anew with each gain, from the first row on; the columns are those of `docs/judge.md`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from candlecast.conformal import GAIN, calibrate
from candlecast.distributions import Floats
from candlecast.evaluation import metrics
from candlecast.evaluation.figures import INTERVALS
from candlecast.evaluation.outcome import Outcome
from candlecast.evaluation.weeks import DAY, WEEK, Weeks
from candlecast.forecast import BANDS, Forecast


@dataclass(frozen=True, eq=False)
class Measured:
    """One model at one horizon: the worst week and the mean interval score; shapes [bands]."""

    weeks: int
    worst: Floats
    score: Floats


def main() -> None:
    """Print a line for each gain, horizon and model, then the worst of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--year", type=int, help="only weeks that end in this year")
    parser.add_argument("--gain", type=float, nargs="+", default=[GAIN])
    options = parser.parse_args()
    rows = pl.scan_parquet(options.run / "forecasts.parquet")
    found: dict[float, list[Measured]] = {gain: [] for gain in options.gain}
    print(f"{'':27} {'worst week, points':>38}  change of the interval score")
    bands = f"{'50 %         80 %         95 %':>38}  50 %   80 %   95 %"
    print(f"{'gain':>6} {'model':<14} ahead {bands}")
    for model in rows.select("model").unique(maintain_order=True).collect()["model"]:
        forecast = Forecast.from_frame(rows.filter(model=model).collect())
        if forecast.distribution is None:
            continue
        own = [*_measured(_own(forecast), options.year)]
        for gain in options.gain:
            banded, _ = calibrate(replace(forecast, bands=None), gain)
            calibrated = [*_measured(banded, options.year)]
            found[gain] += calibrated
            for horizon, before, after in zip(forecast.horizons, own, calibrated, strict=True):
                print(f"{gain:>6} {model:<14} {horizon:>5} {_line(before, after)}")
    for gain, measured in found.items():
        worst = max(float(each.worst.max()) for each in measured)
        weeks = max(each.weeks for each in measured)
        print(f"gain {gain}: {worst * 100:.2f} points in the worst of {weeks} weeks")


def _own(forecast: Forecast) -> Forecast:
    """The forecast with the model's own bands in the place of calibrated ones."""
    quantiles = forecast.quantiles
    assert quantiles is not None
    return replace(forecast, bands=np.delete(quantiles, 3, axis=-1))


def _measured(forecast: Forecast, year: int | None) -> Iterator[Measured]:
    """What the bands are worth at each horizon: all rows for the scores, whole weeks for the rest.

    Raises:
        SystemExit: If there is no whole week.
    """
    for place, horizon in enumerate(forecast.horizons):
        outcome = Outcome.of(forecast, place)
        assert outcome.bands is not None
        came, ends = outcome.actual_return, dict(zip(BANDS, outcome.bands.T, strict=True))
        weeks = Weeks.of(outcome.time, int(np.diff(outcome.time).min()), horizon)
        sunday = (weeks.start + WEEK - DAY).astype("datetime64[us]").astype("datetime64[Y]")
        chosen = np.full(len(sunday), True) if year is None else sunday.astype(int) + 1970 == year
        if not chosen.any():
            raise SystemExit("There is no whole week in these forecasts.")
        worst, score = [], []
        for name, (lower, upper) in INTERVALS.items():
            low, high, level = ends[lower], ends[upper], int(name) / 100
            share = weeks.coverage((low <= came) & (came <= high))[chosen]
            worst.append(np.abs(share - level).max())
            score.append(metrics.interval_score(low, high, came, level) * metrics.BASIS_POINTS)
        yield Measured(int(chosen.sum()), np.array(worst), np.array(score))


def _line(own: Measured, calibrated: Measured) -> str:
    pairs = zip(own.worst * 100, calibrated.worst * 100, strict=True)
    worst = "  ".join(f"{one:.1f} → {other:.1f}" for one, other in pairs)
    change = "  ".join(f"{each:+.1%}" for each in calibrated.score / own.score - 1)
    return f"{worst:>38}  {change}"


if __name__ == "__main__":
    main()
