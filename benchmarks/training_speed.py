"""Windows per second of training: candlecast beside four others, in one run.

The contenders take turns (A B C D E, A B C D E, ...), each time in a fresh process, so that a
drift of the machine hits all alike. What is inside the clock is said in `contenders.task`.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import typer
from contenders import CANDLECAST, CONTENDERS, Contender
from contenders.article_features import article_features
from contenders.task import BATCH, WARM_UP_BATCHES, Matrix, rows_needed
from fresh_process import measure
from rich.console import Console
from rich.table import Table
from spread import ratios, spread
from versions import versions, versions_text

import candlecast
from candlecast.scaling import fit_minmax

_INSTALL = "pip install -r benchmarks/requirements.txt"
_HEADINGS = ("windows/s,\nmedian", "windows/s,\nrange", "candlecast\nis ×", "parameters")  # noqa: RUF001
# On the processor alone: the promise is about a laptop.
_NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
# Every calendar feature must vary: this many simulated minutes reach into a second month.
_FEWEST_SIMULATED_ROWS = 40_000

Results = dict[str, list[dict[str, Any]]]
_log = Console(stderr=True)


def main(
    candles: Annotated[
        Path | None, typer.Option(help="Train on this candle file; else on a simulated market.")
    ] = None,
    windows: Annotated[
        int,
        typer.Option(min=2 * WARM_UP_BATCHES * BATCH, help="Windows a contender and round."),
    ] = 12_800,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each contender.")] = 5,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every measurement to this file.")
    ] = None,
) -> None:
    """Measure windows per second of training, side by side."""
    windows -= windows % BATCH  # whole batches only, so that every step has the same work
    results = _take_turns(_matrix(candles, windows), windows, rounds)
    document = _document(results, windows, rounds, source=candles.name if candles else "simulated")
    _print(document)
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _matrix(path: Path | None, windows: int) -> Matrix:
    """The article's features, scaled, of as many rows as are needed."""
    needed = rows_needed(windows)
    if path is None:
        candles = candlecast.simulate(rows=max(needed, _FEWEST_SIMULATED_ROWS)).candles
    else:
        try:
            candles = candlecast.read(path)
        except candlecast.InputError as error:
            raise typer.BadParameter(str(error)) from error
    if len(candles) < needed:
        raise typer.BadParameter(f"{windows} windows need {needed} candles, not {len(candles)}")
    names, features = article_features(candles)
    scaled = fit_minmax(features, names).transform(features)  # nothing is scored here
    return scaled[:needed].astype(np.float32)


def _take_turns(matrix: Matrix, windows: int, rounds: int) -> Results:
    present = [contender for contender in CONTENDERS if contender.is_installed]
    results: Results = {contender.name: [] for contender in present}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "matrix.npy"
        np.save(file, matrix)
        for number in range(1, rounds + 1):
            for contender in present:
                result = measure(
                    "train_once.py", contender.name, str(file), str(windows), settings=_NO_GPU
                )
                results[contender.name].append(result)
                speed = result["windows_per_second"]
                _log.print(f"round {number}/{rounds}: {contender.title}, {speed:,.0f} windows/s")
    return results


def _document(results: Results, windows: int, rounds: int, source: str) -> dict[str, Any]:
    return {
        "windows": windows,
        "rounds": rounds,
        "candles": source,
        "machine": {
            "processors": os.cpu_count(),
            "threads": results[CANDLECAST.name][0]["threads"],
            "platform": platform.platform(),
        },
        "versions": versions(),
        "contenders": {
            contender.name: _summary(contender, results) if contender.name in results else None
            for contender in CONTENDERS
        },
    }


def _summary(contender: Contender, results: Results) -> dict[str, Any]:
    speeds = _speeds(results, contender)
    candlecast_is = ratios(_speeds(results, CANDLECAST), speeds)
    return {
        "windows_per_second": speeds,
        "median": median(speeds),
        "candlecast_ratio": candlecast_is,
        "candlecast_ratio_median": median(candlecast_is),
        "parameters": results[contender.name][0]["parameters"],
    }


def _speeds(results: Results, contender: Contender) -> list[float]:
    return [result["windows_per_second"] for result in results[contender.name]]


def _print(document: dict[str, Any]) -> None:
    machine = document["machine"]
    table = Table(
        title=f"Training on {document['windows']:,} windows ({document['candles']} candles), "
        f"rounds: {document['rounds']}",
        caption=_caption(document["versions"], machine["processors"], machine["threads"]),
    )
    table.add_column("contender")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    for contender in CONTENDERS:
        table.add_row(contender.title, *_cells(document["contenders"][contender.name]))
    Console().print(table)
    if None in document["contenders"].values():
        Console().print(f"To have them all: {_INSTALL}")


def _cells(summary: dict[str, Any] | None) -> tuple[str, ...]:
    if summary is None:
        return ("not installed", "", "", "")
    middle, extremes = spread(summary["windows_per_second"])
    ratio = f"{summary['candlecast_ratio_median']:.3f}"
    return (middle, extremes, ratio, f"{summary['parameters']:,}")


def _caption(found: dict[str, str | None], processors: int, threads: int) -> str:
    return f"{processors} processors, {threads} torch threads; {versions_text(found)}"


if __name__ == "__main__":
    typer.run(main)
