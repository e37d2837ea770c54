"""The table of `time_to_quality`."""

from __future__ import annotations

from typing import Any

from contenders import CANDLECAST
from rich.console import Console
from rich.table import Table
from versions import versions_text

_TITLES = (
    "torch threads",
    "seconds until error < 2x persistence's",
    "seconds until < 1.1x",
    "seconds until < 1.01x",
    "seconds until below persistence",
    "best error, RMSE in price",
    "best error, bp",
    "best skill",
    "seconds until its best",
    "trained, seconds",
    "trained, processor seconds",
    "trained, of its own epochs",
    "first epoch's end, seconds",
    "its best / candlecast below persistence",
    "the same in processor seconds",
)


def print_table(document: dict[str, Any]) -> None:
    """Print what the curves come to, a contender a column."""
    persistence, rows = document["persistence"], document["rows"]
    table = Table(
        title=f"Time to quality; persistence's error is {persistence['rmse']:,.3f} "
        f"({persistence['rmse_bp']:.3f} bp)",
        caption=f"{document['candles']} candles: {rows['train']:,} train rows, "
        f"{document['origins']:,} origins in {rows['validation']:,} validation rows; "
        f"{document['machine']['processors']} processors; {versions_text(document['versions'])}",
    )
    table.add_column("")
    for result in document["contenders"].values():
        table.add_column(result["title"], justify="right")
    columns = [_cells(result) for result in document["contenders"].values()]
    for title, *cells in zip(_TITLES, *columns, strict=True):
        table.add_row(title, *cells)
    Console().print(table)
    Console().print(_verdict(document["contenders"]))


def _cells(result: dict[str, Any]) -> tuple[str, ...]:
    best, last, ratio = result["best"], result["points"][-1], result["candlecast_ratio"]
    return (
        str(result["threads"]),
        *(_number(each) for each in result["seconds_below"]),
        f"{best['rmse']:,.3f}",
        f"{best['rmse_bp']:,.3f}",
        f"{best['skill']:+,.4f}",
        _number(best["seconds"]),
        _number(last["seconds"]),
        _number(last["processor_seconds"]),
        f"{result['epochs']:.2f}",
        _number(result["first_epoch_seconds"]),
        _number(ratio["seconds"]),
        _number(ratio["processor_seconds"]),
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _verdict(contenders: dict[str, Any]) -> str:
    """Whether what was aimed at came true."""
    lines = [f"candlecast is below persistence after {_below(contenders)} s."]
    for name, result in contenders.items():
        if name != CANDLECAST.name:
            lines.append(f"{result['title']}: {_first_epoch(result)}")
    finished = contenders[CANDLECAST.name]["finished"]
    if finished is not None:
        lines.append(
            f"candlecast's finished model, its shares fitted to these very rows: RMSE "
            f"{finished['rmse']:,.3f}, skill {finished['skill']:+.4f}, after "
            f"{finished['seconds']:,.0f} s."
        )
    return "\n".join(lines)


def _below(contenders: dict[str, Any]) -> str:
    return _number(contenders[CANDLECAST.name]["seconds_below"][-1])


def _first_epoch(result: dict[str, Any]) -> str:
    seconds = result["first_epoch_seconds"]
    if seconds is None:
        return f"{result['epochs']:.0%} of its first epoch when its seconds were spent."
    return f"its first epoch was done after {seconds:,.0f} s."
