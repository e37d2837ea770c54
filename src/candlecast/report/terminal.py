"""The scorecard, the fold plan and the audit as tables in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from candlecast.evaluation.audit import Audit, Finding
from candlecast.evaluation.audit.wording import NOT_AUDITED
from candlecast.evaluation.figures import INTERVALS
from candlecast.evaluation.scorecard import BASELINE, Scorecard
from candlecast.evaluation.sentences import skill_text

LEGEND = (
    "▸ best of the column. Judge: against persistence, by four questions (none: no evidence of "
    "skill); stars are for the p-value that decided, corrected for asking four and not for asking "
    "of several models (* < 0.05, ** < 0.01, *** < 0.001). RMSE is "
    "in price; skill is 1 - MSE / MSE of persistence; direction leaves out candles without a "
    "move; CRPS and log score are of the log return in basis points; in 80%: outcomes inside the "
    "80 % interval; † scored on fewer windows than the others, and not ranked with them."
)

CALIBRATION_LEGEND = (
    "Percent of the outcomes inside each band: the model's own → calibrated by the outcomes known "
    "before. Worst week: how many points coverage strays from its level in the worst calendar "
    "week, of the three bands the worst."
)


_WORDS = {
    "beats persistence": "beats",
    "no evidence of skill": "none",
    "worse than persistence": "worse",
    "cannot be judged": "unjudged",
}


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: What it says; a dash where a figure does not apply.
        best: Whether it is the best of its column.
    """

    text: str
    best: bool = False


@dataclass(frozen=True)
class Column:
    """One column of the scorecard.

    Attributes:
        heading: Its title.
        write: How its figures are written.
        worth: How good a figure is, more being better.
    """

    heading: str
    write: Callable[[float], str]
    worth: Callable[[float], float]


def price(value: float) -> str:
    """Five significant digits, or every digit before the point: 37.701, 2,370.5, 21,970."""
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:#,.5g}"


def _low(value: float) -> float:
    return -value


def _high(value: float) -> float:
    return value


COLUMNS: dict[str, Column] = {
    "rmse": Column("RMSE", price, _low),
    "skill": Column("skill", skill_text, _high),
    "directional_accuracy": Column("direction", "{:.2%}".format, _high),
    "crps_bp": Column("CRPS bp", "{:#,.4g}".format, _low),
    "log_score": Column("log score", "{:.3f}".format, _high),
    "coverage_80": Column("in 80%", "{:.1%}".format, lambda share: -abs(share - 0.8)),
}


def print_scorecard(scorecard: Scorecard, console: Console) -> None:
    """Print a table for each horizon, the legend, then the verdicts and the notes."""
    for horizon in scorecard.horizons:
        table = _table(table_title(scorecard, horizon))
        first, *rest = headings()
        table.add_column(first, no_wrap=True)
        for heading in rest:
            table.add_column(heading, justify="right", no_wrap=True)
        for cells in table_rows(scorecard, horizon):
            table.add_row(*(_styled(cell) for cell in cells))
        console.print(table)
        console.print()
    console.print(LEGEND, style="dim", highlight=False)
    _print_calibration(scorecard, console)
    console.print()
    for sentence in (*scorecard.verdicts, *scorecard.notes):
        console.print(sentence, highlight=False, markup=False)


def _print_calibration(scorecard: Scorecard, console: Console) -> None:
    """Print raw and calibrated coverage of all horizons; nothing where no band is calibrated."""
    table = _table("calibration: the model's own → calibrated")
    table.padding = (0, 1, 0, 0)  # a cell holds two figures that belong together
    first, *rest = calibration_headings()
    table.add_column(first, no_wrap=True)
    for heading in ("ahead", *rest):
        table.add_column(heading, justify="right", no_wrap=True)
    for horizon in scorecard.horizons:
        for model, *cells in calibration_rows(scorecard, horizon):
            table.add_row(model.text, horizon, *(cell.text for cell in cells))
        table.add_section()
    if table.row_count:
        console.print()
        console.print(table)
        console.print()
        console.print(CALIBRATION_LEGEND, style="dim", highlight=False)


def table_title(scorecard: Scorecard, horizon: str) -> str:
    """What one table is about."""
    windows = scorecard.scores[BASELINE][horizon]["n"]
    candles = "candle" if horizon == "1" else "candles"
    return f"{horizon} {candles} ahead, {windows:,} test windows"


def headings() -> list[str]:
    """Of the columns of `table_rows`."""
    return ["model", *(column.heading for column in COLUMNS.values()), "judge"]


def table_rows(scorecard: Scorecard, horizon: str) -> list[list[Cell]]:
    """The cells: model, then `COLUMNS`, then the judge's verdict."""
    figures = {model: by_horizon[horizon] for model, by_horizon in scorecard.scores.items()}
    rows_of_all = figures[BASELINE]["n"]
    comparable = {model: each for model, each in figures.items() if each["n"] == rows_of_all}
    best = {name: _best(comparable, name, column) for name, column in COLUMNS.items()}
    rows = []
    for model in figures:
        fewer = "" if model in comparable or not figures[model]["n"] else "†"
        cells = [Cell(model + fewer)]
        for name, column in COLUMNS.items():
            value = figures[model][name]
            text = "-" if value is None else column.write(value)
            cells.append(Cell(text, best=text != "-" and model in best[name]))
        rows.append([*cells, Cell(_judged(scorecard.judgements[model][horizon]))])
    return rows


def calibration_headings() -> list[str]:
    """Of the columns of `calibration_rows`."""
    return ["model", *(f"in {level}%" for level in INTERVALS), "worst week"]


def calibration_rows(scorecard: Scorecard, horizon: str) -> list[list[Cell]]:
    """The cells of each model with calibrated bands: coverage, and how far its worst week is."""
    rows = []
    for model, by_horizon in scorecard.scores.items():
        figures = by_horizon[horizon]
        pairs = [_pair(figures, f"coverage_{level}") for level in INTERVALS]
        weeks = [_pair(figures, f"worst_week_{level}") for level in INTERVALS]
        if None not in pairs:
            worst = None if None in weeks else _worst([pair for pair in weeks if pair is not None])
            rows.append([Cell(model), *(Cell(_arrow(pair)) for pair in (*pairs, worst))])
    return rows


def _pair(figures: Mapping[str, float | None], name: str) -> tuple[float, float] | None:
    """A figure of the model's own bands and of the calibrated ones; None without either."""
    own, calibrated = figures[name], figures[f"calibrated_{name}"]
    return None if own is None or calibrated is None else (own, calibrated)


def _worst(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return max(own for own, _ in pairs), max(calibrated for _, calibrated in pairs)


def _arrow(pair: tuple[float, float] | None) -> str:
    return "-" if pair is None else f"{pair[0] * 100:.1f} → {pair[1] * 100:.1f}"


def _best(figures: Mapping[str, Mapping[str, float | None]], name: str, column: Column) -> set[str]:
    """The models whose figure reads best; none where all read the same."""
    known = {model: value for model, each in figures.items() if (value := each[name]) is not None}
    if not known:
        return set()
    top = max(known.values(), key=column.worth)
    best = {model for model, value in known.items() if column.write(value) == column.write(top)}
    return best if len(best) < len(figures) else set()


def _judged(judgement: Mapping[str, Any]) -> str:
    """The verdict in a word, with stars for how sure it is."""
    p_value: float | None = judgement["p_value"]
    word = _WORDS[judgement["verdict"]]
    if p_value is None or word not in ("beats", "worse"):
        return word
    return f"{word} {'*' * (1 + (p_value < 0.01) + (p_value < 0.001))}"


def _styled(cell: Cell) -> Text:
    return Text(f"▸{cell.text}", style="bold green") if cell.best else Text(cell.text)


def _table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=0,
    )


def print_plan(plan: Sequence[Mapping[str, Any]], apart: str, console: Console) -> None:
    """Print where the folds of a walk-forward lie.

    Args:
        plan: The rows of `candlecast.evaluation.folds.plan_table`.
        apart: How the parts are kept apart, in words.
        console: Where to.
    """
    table = _table(f"{len(plan)} folds")
    for heading in ("fold", "train from", "train to", "rows", "validation", "test from", "test to"):
        table.add_column(heading, justify="right")
    table.add_column("rows", justify="right")
    for row in plan:
        table.add_row(
            str(row["fold"]),
            _day(row["train_first"]),
            _day(row["train_last"]),
            f"{row['train_rows']:,}",
            f"{row['validation_rows']:,}",
            _day(row["test_first"]),
            _day(row["test_last"]),
            f"{row['test_rows']:,}",
        )
    console.print(table)
    console.print(apart, highlight=False)


def _mark(finding: Finding) -> Text:
    if finding.leak is not None:
        return Text("LEAK", style="bold red")
    if finding.check == NOT_AUDITED:
        return Text("-")
    return Text("clean", style="green")


def _day(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d}"


def print_audit(audit: Audit, console: Console) -> None:
    """Print what was audited, what leaks, and what else is to be known."""
    table = _table("leak audit")
    table.add_column("")
    table.add_column("what", overflow="fold")
    table.add_column("finding", overflow="fold")
    for finding in audit.findings:
        table.add_row(_mark(finding), Text(finding.subject), Text(finding.leak or finding.check))
    console.print(table)
    console.print()
    for note in audit.notes:
        console.print(f"Note. {note}", highlight=False, markup=False)
    if audit.is_clean:
        console.print("No leak found.", style="bold green")
    else:
        count = f"{len(audit.leaks)} of {len(audit.findings)} checks found a leak."
        console.print(count, style="bold red", highlight=False)
