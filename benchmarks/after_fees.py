"""What a run's forecasts would have been worth after fees: long, short or flat, candle by candle.

python benchmarks/after_fees.py RUN_DIR [MODEL]
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from candlecast.evaluation.trading import backtest
from candlecast.forecast import QUANTILES, Forecast

COSTS = {
    "no cost": 0.0,
    "0.1 bp": 0.1,
    "1 bp": 1.0,
    "2 bp (large maker)": 2.0,
    "10 bp (taker)": 10.0,
}


def main(run_folder: Path, model: str) -> None:
    """Print a line for each cost: in the market always, or where a trade promises its cost."""
    rows = pl.scan_parquet(run_folder / "forecasts.parquet").filter(model=model, horizon=1)
    forecast = Forecast.from_frame(rows.drop(*QUANTILES).collect())
    print(f"{model}, {len(forecast):,} candles; cost is of one side, results in bp of log return")
    print("cost               threshold   invested     sides      gross        net   break-even")
    for name, cost in COSTS.items():
        for threshold in dict.fromkeys((0.0, 2 * cost)):
            result = backtest(forecast, cost, threshold)
            print(
                f"{name:<18} {threshold:>6.1f} bp {result.invested:>10.2%} {result.trades:>9,} "
                f"{result.gross_bp:>10,.0f} {result.net_bp:>10,.0f} {result.break_even_bp:>9.3f} bp"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lstm")
