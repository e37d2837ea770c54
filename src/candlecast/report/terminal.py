"""The scorecard as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from candlecast.evaluation.scorecard import Scorecard

COLUMNS: dict[str, tuple[str, str]] = {
    "mse_scaled": ("MSE scaled", "{:.3g}"),
    "rmse": ("RMSE", "{:,.5g}"),
    "mae": ("MAE", "{:,.5g}"),
    "rmse_bp": ("RMSE bp", "{:,.4g}"),
    "skill": ("skill", "{:+,.4g}"),
    "directional_accuracy": ("direction", "{:.2%}"),
}


def print_scorecard(scorecard: Scorecard, console: Console) -> None:
    """Print a table for each horizon, then the verdicts and the notes."""
    for horizon in scorecard.horizons:
        table = Table(title=table_title(scorecard, horizon), title_justify="left")
        table.add_column("model")
        for heading, _ in COLUMNS.values():
            table.add_column(heading, justify="right")
        for cells in table_rows(scorecard, horizon):
            table.add_row(*cells)
        console.print(table)
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


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
