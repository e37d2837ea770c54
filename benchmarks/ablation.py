"""What each ingredient of the default recipe is worth: the walk-forward again without it.

    python benchmarks/ablation.py CANDLES OUT [--with ETHUSDT=FILE] [--only NAME ...]

Every variant walks forward over 2022 with a refit each quarter and one member, next to the same
recipe whole, so that a variant costs minutes. Runs are kept under OUT, resumed if interrupted, and
not repeated. Differences are paired, candle by candle, with 95 % intervals that know the losses'
dependence. Printed in Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

import candlecast
from candlecast.distributions import Floats
from candlecast.evaluation.outcome import Outcome
from candlecast.evaluation.significance import bandwidth, long_run_variance
from candlecast.forecast import Forecast
from candlecast.recipe import Recipe

QUARTER = 131_400  # candles
FLOW = ("imbalance", "signed", "relative_trades", "trade_size", "vwap", "taker")
MARKS = ("target_every", "after_every", "before_every", "target_funding")
BASE = [
    "walkforward.start=2022-01-01",
    f"walkforward.refit={QUARTER}",
    "baselines=[persistence]",
    "model.members=1",
]
WHOLE = "whole, one member"


def main() -> None:
    """Run what is not there yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("candles", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--with", dest="markets", nargs="*", default=[], metavar="SYMBOL=FILE")
    parser.add_argument("--only", nargs="*", help="only these variants")
    options = parser.parse_args()
    markets = dict(each.split("=", 1) for each in options.markets)
    found: dict[str, Forecast] = {}
    for name, overrides in _variants().items():
        if options.only and name not in (WHOLE, *options.only):
            continue
        others = {} if name == "no second market" else markets
        folder = options.out / name.replace(" ", "-").replace(",", "")
        recipe = Recipe.load("default", [*BASE, *overrides])
        candlecast.walkforward(
            recipe, options.candles, folder, markets=others, resume=folder.exists()
        )
        rows = pl.scan_parquet(folder / "forecasts.parquet").filter(pl.col("model") != "ewma_t")
        model = recipe.model.network if recipe.model else ""
        found[name] = Forecast.from_frame(rows.filter(model=model).collect())
        _print(name, found[name], found[WHOLE])


def _variants() -> dict[str, list[str]]:
    """Overrides by name; the whole comes first."""
    recipe = Recipe.load("default")

    def without(prefixes: Sequence[str]) -> str:
        kept = [name for name in recipe.features if not name.startswith(tuple(prefixes))]
        return f"features=[{', '.join(kept)}]"

    return {
        WHOLE: [],
        "four members": ["model.members=4"],
        "no linear forecast": ["model.linear=null"],
        "no mirror": ["training.mirror=false"],
        "no second market": [],
        "no order flow": [without(FLOW)],
        "no minute marks": [without(MARKS)],
        "sequences of 60": ["training.sequence=60", "training.batch_size=128"],
        "GRU": ["model.network=gru"],
        "128 cells": ["model.options.hidden=128"],
        "two layers": ["model.options.layers=2"],
        "a third of the steps": ["training.max_epochs=2", "training.min_epochs=2"],
        **{f"seed {seed}": [f"seed={seed}"] for seed in (1, 2, 3, 4)},
    }


def _print(name: str, forecast: Forecast, whole: Forecast) -> None:
    """One line a horizon: the variant's figures, and how much it is worse than the whole."""
    for place, horizon in enumerate(forecast.horizons):
        ours, base = Outcome.of(forecast, place), Outcome.of(whole, place)
        common, at_ours, at_base = np.intersect1d(ours.origin, base.origin, return_indices=True)
        assert ours.crps is not None
        assert base.crps is not None
        came = ours.actual_return[at_ours]
        error, base_error = (
            (came - outcome.forecast_return[places]) ** 2
            for outcome, places in ((ours, at_ours), (base, at_base))
        )
        crps, base_crps = ours.crps[at_ours], base.crps[at_base]
        print(
            f"| {name} | {horizon} | {1 - error.mean() / (came**2).mean():+.3%} "
            f"| {crps.mean():.4f} | {_relative(error, base_error, float(np.mean(came**2)))} "
            f"| {_relative(crps, base_crps, float(base_crps.mean()))} | {len(common):,} |",
            flush=True,
        )


def _relative(loss: Floats, base: Floats, unit: float) -> str:
    """The mean difference over a unit, in percent, with its 95 % interval."""
    difference = (loss - base) / unit
    count = len(difference)
    error = np.sqrt(long_run_variance(difference, bandwidth(count, 60)) / count)
    return f"{difference.mean():+.3%} ± {1.96 * error:.3%}"


if __name__ == "__main__":
    main()
