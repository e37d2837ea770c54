"""Where the time of the default recipe's training step goes, and how near the peak it comes.

The peak is the best rate of a product of two big matrices. An LSTM's products are small, and each
waits for the one before; what they can reach at best is measured too.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from product_speed import product_speed
from rich.console import Console
from rich.table import Table
from sequence_profile import profile_step
from sequence_step import SequenceStep
from versions import versions, versions_text

from candlecast.recipe import Recipe
from candlecast.threads import one_thread

_BIG = 2048
_PRECISIONS = (torch.float32, torch.bfloat16)
_WARM_UP_STEPS = 3
_PROFILED_STEPS = 5

Facts = dict[str, Any]


def main(
    threads: Annotated[list[int] | None, typer.Option(help="Threads, again and again.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps that are timed.")] = 20,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write every measurement to this file.")
    ] = None,
) -> None:
    """Measure the training step beside the machine's products."""
    recipe = Recipe.load("default")
    measured = [
        _measured(SequenceStep(recipe, precision), count, steps)
        for precision in _PRECISIONS
        for count in threads or [1, 2]
    ]
    document = {
        "machine": {"processors": os.cpu_count(), "load": os.getloadavg()[0]},
        "versions": versions(),
        "steps": measured,
        "profile": {
            _name(precision): _profiled(SequenceStep(recipe, precision))
            for precision in _PRECISIONS
        },
    }
    _print(document)
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _measured(step: SequenceStep, threads: int, steps: int) -> Facts:
    """The peak, what is attainable, and the step, with so many threads."""
    torch.set_num_threads(threads)
    peak = product_speed(_BIG, _BIG, _BIG, step.precision)
    with one_thread():  # as a recipe trains: what goes on side by side are its members
        forward = product_speed(step.sequences, step.width, 4 * step.width, step.precision)
        back = product_speed(step.sequences, 4 * step.width, step.width, step.precision)
        seconds = _seconds(step, steps)
    work = _gigaflops(step)
    together = min(threads, step.members)
    attainable = work["all"] / (
        work["at once"] / peak
        + work["in turn"] / 2 / (forward * together)
        + work["in turn"] / 2 / (back * together)
    )
    fastest = min(seconds)
    return {
        "precision": _name(step.precision),
        "threads": threads,
        "peak": peak,
        "recurrent_product_forward": forward,
        "recurrent_product_backward": back,
        "attainable": attainable,
        "step_seconds": seconds,
        "step_seconds_median": median(seconds),
        "sequences_per_second": step.sequences / fastest,
        "targets_per_second": step.rows / fastest,
        "gigaflops_a_step": work["all"],
        "gigaflops_per_second": work["all"] / fastest,
        "share_of_peak": work["all"] / fastest / peak,
        "attainable_share_of_peak": attainable / peak,
    }


def _gigaflops(step: SequenceStep) -> dict[str, float]:
    """Of a step's products: one forward, and for each two back, to its input and its weights."""
    width, outputs = step.width, step.head.outputs
    a_row = 2e-9 * step.rows * step.members
    inputs, recurrent, readout = step.inputs * 4 * width, width * 4 * width, width * outputs
    in_turn = 2 * recurrent  # forward and back through time; the weights' part needs no turn
    whole = 3 * (inputs + recurrent + readout)
    return {
        "all": a_row * whole,
        "in turn": a_row * in_turn,
        "at once": a_row * (whole - in_turn),
    }


def _seconds(step: SequenceStep, steps: int) -> list[float]:
    seconds = []
    for number in range(_WARM_UP_STEPS + steps):
        began = time.perf_counter()
        step.run()
        if number >= _WARM_UP_STEPS:
            seconds.append(time.perf_counter() - began)
    return seconds


def _profiled(step: SequenceStep) -> dict[str, float]:
    torch.set_num_threads(1)
    for _ in range(_WARM_UP_STEPS):
        step.run()
    return profile_step(step.run, _PROFILED_STEPS)


def _name(precision: torch.dtype) -> str:
    return str(precision).removeprefix("torch.")


def _print(document: Facts) -> None:
    console = Console()
    machine = document["machine"]
    console.print(
        _speeds(
            document["steps"],
            f"{machine['processors']} processors, load {machine['load']:.1f} (the benchmark's own "
            f"included); {versions_text(document['versions'])}",
        )
    )
    console.print(_profiles(document["profile"]))


def _speeds(measured: list[Facts], caption: str) -> Table:
    table = Table(title="The default recipe's training step", caption=caption)
    table.add_column("")
    for each in measured:
        table.add_column(f"{each['precision']}\nthreads: {each['threads']}", justify="right")
    for title, key, form in (
        ("2048 x 2048 products, GFLOP/s: the peak", "peak", ",.0f"),
        ("recurrent product forward, one thread", "recurrent_product_forward", ",.0f"),
        ("recurrent product back, one thread", "recurrent_product_backward", ",.0f"),
        ("the step if it were nothing but products", "attainable", ",.0f"),
        ("  share of the peak", "attainable_share_of_peak", ".3f"),
        ("the step, GFLOP/s", "gigaflops_per_second", ",.0f"),
        ("  share of the peak", "share_of_peak", ".3f"),
        ("sequences a second", "sequences_per_second", ",.0f"),
        ("targets a second", "targets_per_second", ",.0f"),
        ("a step, seconds, median", "step_seconds_median", ".3f"),
    ):
        table.add_row(title, *(format(each[key], form) for each in measured))
    return table


def _profiles(profiles: dict[str, dict[str, float]]) -> Table:
    table = Table(title="Where a step's time goes, one thread: ms (share)")
    table.add_column("")
    for name in profiles:
        table.add_column(name, justify="right")
    for group in next(iter(profiles.values())):
        table.add_row(group, *(_cell(each, group) for each in profiles.values()))
    return table


def _cell(groups: dict[str, float], group: str) -> str:
    milliseconds = groups.get(group, 0.0)
    return f"{milliseconds:.1f} ({milliseconds / sum(groups.values()):.1%})"


if __name__ == "__main__":
    typer.run(main)
