"""The scorecard as a table in the terminal."""

from __future__ import annotations

from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from candlecast.evaluation.scorecard import Scorecard


def price(value: float) -> str:
    """Five significant digits, or every digit before the point: 37.701, 2,197."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.5g}"


COLUMNS: dict[str, tuple[str, Callable[[float], str]]] = {
    "mse_scaled": ("MSE scaled", "{:.3g}".format),
    "rmse": ("RMSE", price),
    "mae": ("MAE", price),
    "rmse_bp": ("RMSE bp", lambda bp: f"{bp:,.2f}" if bp < 100 else f"{bp:,.0f}"),
    "skill": ("skill", lambda skill: f"{skill:+,.4f}" if abs(skill) < 10 else f"{skill:+,.0f}"),
    "p_value": ("p", lambda p: "<1e-6" if p < 1e-6 else f"{p:.2g}"),
    "directional_accuracy": ("direction", "{:.2%}".format),
}


def print_scorecard(scorecard: Scorecard, console: Console) -> None:
    """Print a table for each horizon, then the verdicts and the notes."""
    for horizon in scorecard.horizons:
        table = Table(
            title=table_title(scorecard, horizon),
            title_justify="left",
            box=SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        table.add_column("model", no_wrap=True)
        for heading, _ in COLUMNS.values():
            table.add_column(heading, justify="right")
        for cells in table_rows(scorecard, horizon):
            table.add_row(*cells)
        console.print(table)
        console.print()
    for sentence in (*scorecard.verdicts, *scorecard.notes):
        console.print(sentence, highlight=False)


def table_title(scorecard: Scorecard, horizon: str) -> str:
    """What one table is about."""
    windows = next(iter(scorecard.scores.values()))[horizon]["n"]
    candles = "candle" if horizon == "1" else "candles"
    return f"{horizon} {candles} ahead, {windows:,} test windows, errors in price"


def table_rows(scorecard: Scorecard, horizon: str) -> list[list[str]]:
    """The cells as text: model, then `COLUMNS`; a dash where a figure does not apply."""
    return [
        [model] + [_cell(by_horizon[horizon][name], form) for name, (_, form) in COLUMNS.items()]
        for model, by_horizon in scorecard.scores.items()
    ]


def _cell(value: float | None, write: Callable[[float], str]) -> str:
    return "-" if value is None else write(value)
