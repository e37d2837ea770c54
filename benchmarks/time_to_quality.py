"""How soon a forecast is any good: error against seconds of training, four ways.

Each contender trains on the same rows in a fresh process, one after the other, and is asked again
and again for the same closes of the validation rows. Test rows are not looked at. What is inside
the clock is said in `contenders.watch`.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from contenders import CONTENDERS, Contender
from fresh_process import measure
from quality_plot import plot
from quality_summary import summary
from quality_table import print_table
from rich.console import Console
from versions import versions

import candlecast
from candlecast.candles import Candles
from candlecast.recipe import Recipe
from candlecast.splits import split_rows

# The article's rows: `date > "2021-01-01"`, and its last candle.
_START, _END = "2021-01-01T00:01:00", "2021-08-05T01:06:00"
# Every calendar feature must vary: this many simulated minutes reach into a second month.
_SIMULATED_ROWS = 60_000
_NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}

_log = Console(stderr=True)


def main(
    candles: Annotated[
        Path | None, typer.Option(help="Train on this candle file; else on a simulated market.")
    ] = None,
    start: Annotated[str, typer.Option(help="The file's first candle that is used.")] = _START,
    end: Annotated[str, typer.Option(help="The first candle after those.")] = _END,
    budget: Annotated[float, typer.Option(min=1, help="Seconds for each contender.")] = 600,
    origins: Annotated[int, typer.Option(min=1, help="Validation rows to forecast at.")] = 5_000,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every measurement to this file.")
    ] = None,
    plot_file: Annotated[
        Path | None, typer.Option("--plot", help="Draw the errors to this PNG file.")
    ] = None,
) -> None:
    """Measure how soon each contender's error is how small."""
    used = _candles(candles, start, end)
    split = split_rows(len(used), Recipe.load("default").split)
    seen = used.frame[: split.validation.stop]
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "candles.parquet"
        seen.write_parquet(file)
        results = {
            contender.name: _learned(contender, file, len(split.train), origins, budget)
            for contender in CONTENDERS
            if contender.learns and contender.is_installed
        }
    document = {
        "candles": candles.name if candles else "simulated",
        "rows": {"train": len(split.train), "validation": len(split.validation)},
        "budget": budget,
        "machine": {"processors": os.cpu_count(), "platform": platform.platform()},
        "versions": versions(),
        **summary(results),
    }
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print_table(document)
    if plot_file is not None:
        plot(document, plot_file)


def _candles(path: Path | None, start: str, end: str) -> Candles:
    if path is None:
        return candlecast.simulate(rows=_SIMULATED_ROWS).candles
    try:
        bounds = datetime.fromisoformat(start), datetime.fromisoformat(end)
        used = candlecast.read(path).between(*bounds)
    except (candlecast.InputError, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    if len(used) < _SIMULATED_ROWS:
        raise typer.BadParameter(f"{len(used)} candles are too few; {_SIMULATED_ROWS} are needed")
    return used


def _learned(
    contender: Contender, file: Path, train: int, origins: int, budget: float
) -> dict[str, Any]:
    load = os.getloadavg()[0]
    arguments = (contender.name, str(file), str(train), str(origins), str(budget))
    result = measure("learn_once.py", *arguments, settings=_NO_GPU)
    last = result["points"][-1]
    _log.print(
        f"{contender.title}: {result['steps']:,} steps in {last['seconds']:,.0f} s "
        f"({last['processor_seconds']:,.0f} s of a processor), RMSE {last['rmse']:,.2f}"
    )
    loads = [load, os.getloadavg()[0]]
    return {"title": contender.title, "load_before_and_after": loads, **result}


if __name__ == "__main__":
    typer.run(main)
