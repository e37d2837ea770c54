"""Seconds and memory that preparing the article's 279,331 windows adds beside the matrix of rows.

The article's way is measured on a part of the windows and scaled up in proportion: each window is
an object of its own, so time and memory grow with their number. Every measurement is taken in a
fresh process; the ways take turns.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from fresh_process import measure
from peak_memory import HONEST_ALLOCATORS
from rich.console import Console
from rich.table import Table
from spread import ratios

_TITLES = {
    "candlecast": "candlecast by segment",
    "across-gaps": "candlecast across gaps",
    "article": "the article's code",
}
_MEASURES = ("seconds", "peak_bytes", "kept_bytes", "tensor_bytes")
_HEADINGS = (
    "seconds",
    "peak\nMB",
    "peak /\nmatrix",
    "kept\nMB",
    "tensors\nMB",
    "seconds\nratio",
    "peak\nratio",
)
_MB = 1e6

Measurement = dict[str, Any]
_log = Console(stderr=True)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each way.")] = 5,
    sample: Annotated[
        int, typer.Option(min=10_000, help="Windows that the article's way really builds.")
    ] = 20_000,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every measurement to this file.")
    ] = None,
) -> None:
    """Measure what preparing windows costs."""
    results: dict[str, list[Measurement]] = {way: [] for way in _TITLES}
    for number in range(1, rounds + 1):
        _log.print(f"round {number}/{rounds}")
        for way in ("candlecast", "across-gaps"):
            results[way].append(measure("prepare_once.py", way, settings=HONEST_ALLOCATORS))
        part = measure(
            "prepare_once.py", "article", "--windows", str(sample), settings=HONEST_ALLOCATORS
        )
        results["article"].append(_scaled_up(part, results["candlecast"][-1]["windows"]))
    _print(results, sample)
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _scaled_up(part: Measurement, windows: int) -> Measurement:
    """What all windows would take, in proportion."""
    factor = windows / part["windows"]
    return {**part, "scaled_to": windows, **{name: part[name] * factor for name in _MEASURES}}


def _print(results: dict[str, list[Measurement]], sample: int) -> None:
    first = results["candlecast"][0]
    matrix = first["matrix_bytes"]
    table = Table(
        title=f"{first['windows']:,} windows beside a matrix of {matrix / _MB:.1f} MB, "
        f"rounds: {len(results['candlecast'])}",
        caption="Medians; ratios are to the first line, within each round. The article's way: "
        f"{sample:,} windows built, scaled up in proportion.",
    )
    table.add_column("way")
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    for way, title in _TITLES.items():
        table.add_row(title, *_cells(results[way], results["candlecast"], matrix))
    Console().print(table)


def _cells(rounds: list[Measurement], base: list[Measurement], matrix: int) -> tuple[str, ...]:
    return (
        f"{_median(rounds, 'seconds'):.3f}",
        f"{_median(rounds, 'peak_bytes') / _MB:,.1f}",
        f"{_median(rounds, 'peak_bytes') / matrix:.2f}",
        f"{_median(rounds, 'kept_bytes') / _MB:,.1f}",
        f"{_median(rounds, 'tensor_bytes') / _MB:,.1f}",
        f"{_ratio(rounds, base, 'seconds'):,.1f}",
        f"{_ratio(rounds, base, 'peak_bytes'):,.1f}",
    )


def _median(rounds: list[Measurement], name: str) -> float:
    return float(median(result[name] for result in rounds))


def _ratio(rounds: list[Measurement], base: list[Measurement], name: str) -> float:
    values = ratios([result[name] for result in rounds], [result[name] for result in base])
    return median(values)


if __name__ == "__main__":
    typer.run(main)
