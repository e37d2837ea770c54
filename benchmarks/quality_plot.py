"""The chart of `time_to_quality`: error against seconds, all of it and, below, near persistence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

_COLOURS = ("#d1495b", "#00798c", "#b7791f", "#6a4c93")
_NEAR = 0.02  # of persistence's error either side of it, in the lower panel
_NAME_HEIGHT = 1.4  # times the error
_SIZE, _DPI = (9.0, 7.0), 200


def plot(document: dict[str, Any], file: Path) -> None:
    """Draw every contender's curve."""
    figure = Figure(figsize=_SIZE, layout="constrained")
    whole, near = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    persistence, results = document["persistence"]["rmse"], list(document["contenders"].values())
    places = _apart([result["points"][-1]["rmse"] for result in results])
    for axes in (whole, near):
        _draw_persistence(axes, persistence)
    for colour, result, place in zip(_COLOURS, results, places, strict=False):
        _draw(whole, result, place, colour)
        last = result["points"][-1]["rmse"]
        _draw(near, result, last if abs(last / persistence - 1) < _NEAR else None, colour)
    _dress(whole, near, document, persistence)
    figure.savefig(file, dpi=_DPI)


def _apart(errors: list[float]) -> list[float]:
    """Where the lines' names go, so that none stands upon another."""
    places, lowest = list(errors), 0.0
    for place in sorted(range(len(errors)), key=lambda number: errors[number]):
        places[place] = max(errors[place], lowest)
        lowest = places[place] * _NAME_HEIGHT
    return places


def _draw_persistence(axes: Axes, error: float) -> None:
    axes.axhline(error, color="black", linewidth=1.2, linestyle="--")
    axes.annotate(
        f'persistence, "no change": {error:,.2f}',
        (0.005, error),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        fontsize=10,
    )


def _draw(axes: Axes, result: dict[str, Any], place: float | None, colour: str) -> None:
    """One contender's line, and its name at that height."""
    seconds = [point["seconds"] for point in result["points"]]
    errors = [point["rmse"] for point in result["points"]]
    axes.plot(seconds, errors, color=colour, marker="o", markersize=3.5, linewidth=1.8)
    if place is not None:
        _name(axes, result["title"], seconds[-1], place, colour)


def _name(axes: Axes, title: str, seconds: float, place: float, colour: str) -> None:
    axes.annotate(
        title,
        (seconds, place),
        xytext=(7, 0),
        textcoords="offset points",
        color=colour,
        fontsize=11,
        fontweight="bold",
        verticalalignment="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def _dress(whole: Axes, near: Axes, document: dict[str, Any], persistence: float) -> None:
    whole.set_xscale("log")
    whole.set_yscale("log")
    plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
    whole.xaxis.set_major_formatter(plain)
    whole.xaxis.set_minor_formatter(NullFormatter())
    whole.yaxis.set_major_formatter(plain)
    whole.set_title("Error one candle ahead against seconds of training", loc="left", fontsize=13)
    whole.set_ylabel("RMSE, price (log)", fontsize=11)
    near.set_ylabel("the same near\npersistence (linear)", fontsize=11)
    near.set_ylim(persistence * (1 - _NEAR), persistence * (1 + _NEAR))
    near.set_xlabel(
        f"seconds of training and preparation (log); {document['rows']['train']:,} train rows, "
        f"{document['origins']:,} validation origins",
        fontsize=11,
    )
    last = max(each["points"][-1]["seconds"] for each in document["contenders"].values())
    whole.set_xlim(0.1, last * 5)  # room for the names
    for axes in (whole, near):
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
