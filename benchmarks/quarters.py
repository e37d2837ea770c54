"""A walk-forward quarter by quarter: is the network better than each econometric model, surely?

    python benchmarks/quarters.py RUN [--model lstm] [--year YEAR]

RUN is the folder of a finished run or walk-forward. For each horizon and quarter: CRPS and log
score beside those of each rival, with the Diebold-Mariano p-value; then coverage month by month,
the model's own and calibrated. Printed in Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from candlecast.distributions import Floats
from candlecast.evaluation.outcome import Outcome
from candlecast.evaluation.significance import diebold_mariano
from candlecast.forecast import Forecast

Rows = NDArray[np.int64]

RIVALS = ("garch_t", "ewma_t", "har")
LEVELS = {"50 %": (2, 3), "80 %": (1, 4), "95 %": (0, 5)}
"""Which two of the six calibrated bands enclose a level."""


def main() -> None:
    """Print a table for each horizon."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("--model", default="lstm")
    parser.add_argument("--year", type=int, help="only origins of this year")
    options = parser.parse_args()
    rows = pl.scan_parquet(options.run / "forecasts.parquet")
    if options.year is not None:
        rows = rows.filter(pl.col("origin").dt.year() == options.year)
    forecasts = {
        name: Forecast.from_frame(rows.filter(model=name).collect())
        for name in (options.model, *RIVALS)
    }
    for place, horizon in enumerate(forecasts[options.model].horizons):
        outcomes = {name: Outcome.of(each, place) for name, each in forecasts.items()}
        print(f"\n### {horizon} ahead\n")
        _print_quarters(outcomes, options.model)
        _print_months(outcomes[options.model])


def _print_quarters(outcomes: dict[str, Outcome], model: str) -> None:
    heads = (f"CRPS / {rival} | log score - {rival}" for rival in RIVALS)
    print("| quarter | " + " | ".join(heads) + " |")
    print("|---" * (1 + 2 * len(RIVALS)) + "|")
    ours = outcomes[model]
    for quarter, rows in _periods(ours, "%Y-Q", quarters=True):
        cells = [_beside(ours, outcomes[rival], rows) for rival in RIVALS]
        print(f"| {quarter} | " + " | ".join(cells) + " |")


def _beside(ours: Outcome, rival: Outcome, rows: Rows) -> str:
    """CRPS as a ratio and log score as a difference, where both have forecast."""
    _, at, there = np.intersect1d(ours.origin[rows], rival.origin, return_indices=True)
    mine = rows[at]
    assert ours.crps is not None
    assert rival.crps is not None
    assert ours.log_score is not None
    assert rival.log_score is not None
    ratio = ours.crps[mine].mean() / rival.crps[there].mean() - 1
    gain = ours.log_score[mine].mean() - rival.log_score[there].mean()
    crps_p = _p_text(ours.crps[mine], rival.crps[there], ours.horizon)
    log_p = _p_text(-ours.log_score[mine], -rival.log_score[there], ours.horizon)
    return f"{ratio:+.2%} {crps_p} | {gain:+.4f} {log_p}"


def _p_text(ours: Floats, theirs: Floats, horizon: int) -> str:
    test = diebold_mariano(ours, theirs, horizon)
    if test is None:
        return "(not tested)"
    return "(p < 1e-6)" if test.p_value < 1e-6 else f"(p = {test.p_value:.2g})"


def _print_months(ours: Outcome) -> None:
    print("\n| month | rows | 50 % | 80 % | 95 % | calibrated 50 % | 80 % | 95 % |")
    print("|---" * 8 + "|")
    everything: Rows = np.arange(len(ours.origin))
    for month, rows in [*_periods(ours, "%Y-%m"), ("all", everything)]:
        cells = [f"{share:.1%}" for share in (*_own(ours, rows), *_calibrated(ours, rows))]
        print(f"| {month} | {len(rows):,} | " + " | ".join(cells) + " |")


def _own(ours: Outcome, rows: Rows) -> Sequence[float]:
    assert ours.pit is not None
    away = np.abs(ours.pit[rows] - 0.5)
    return [float(np.mean(away <= level / 2)) for level in (0.5, 0.8, 0.95)]


def _calibrated(ours: Outcome, rows: Rows) -> Sequence[float]:
    if ours.bands is None:
        return [float("nan")] * len(LEVELS)
    came, bands = ours.actual_return[rows], ours.bands[rows]
    return [
        float(np.mean((came >= bands[:, low]) & (came <= bands[:, high])))
        for low, high in LEVELS.values()
    ]


def _periods(ours: Outcome, form: str, *, quarters: bool = False) -> Iterator[tuple[str, Rows]]:
    """Each period's name and the places of its origins."""
    moments = pl.Series(ours.origin).cast(pl.Datetime("us"))
    names = moments.dt.strftime(form)
    if quarters:
        names = names + moments.dt.quarter().cast(pl.String)
    for name in names.unique(maintain_order=True):
        yield name, np.flatnonzero((names == name).to_numpy())


if __name__ == "__main__":
    main()
