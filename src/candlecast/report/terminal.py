"""The scorecard as a table in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from candlecast.evaluation.scorecard import Scorecard

COLUMNS: dict[str, tuple[str, str]] = {
    "mse_scaled": ("MSE scaled", "{:.3g}"),
    "rmse": ("RMSE", "{:,.4g}"),
    "mae": ("MAE", "{:,.4g}"),
    "rmse_bp": ("RMSE bp", "{:,.4g}"),
    "skill": ("skill", "{:+,.3g}"),
    "directional_accuracy": ("direction", "{:.2%}"),
}


def print_scorecard(scorecard: Scorecard, console: Console) -> None:
    """Print the scores as a table, then the verdicts and the notes."""
    table = Table(title="Scorecard (test rows; errors in price)", title_justify="left")
    table.add_column("model")
    table.add_column("ahead", justify="right")
    table.add_column("windows", justify="right")
    for heading, _ in COLUMNS.values():
        table.add_column(heading, justify="right")
    for cells in scorecard_rows(scorecard):
        table.add_row(*cells)
    console.print(table)
    for sentence in (*scorecard.verdicts, *scorecard.notes):
        console.print(sentence, highlight=False)


def scorecard_rows(scorecard: Scorecard) -> list[list[str]]:
    """The table's cells as text: model, horizon, windows, then `COLUMNS`; a dash for no figure."""
    return [
        [model, horizon, f"{scores['n']:,}"]
        + [_cell(scores[name], form) for name, (_, form) in COLUMNS.items()]
        for model, by_horizon in scorecard.scores.items()
        for horizon, scores in by_horizon.items()
    ]


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
