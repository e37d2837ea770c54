"""`Quality` in the terminal: a table of facts, the gaps, and a picture of what is there."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from candlecast.quality.coverage import picture
from candlecast.quality.facts import Finding, Quality

_SHOWN = 10

_FINDINGS = {
    "identical duplicates": "identical_duplicates",
    "conflicting duplicates": "conflicting_duplicates",
    "off the grid": "off_grid",
    "impossible": "impossible",
    "cut short": "cut_short",
    "without a trade": "zero_trade",
    "flat runs": "flat_runs",
    "jumps worth a look": "jumps",
}


def print_quality(quality: Quality, console: Console) -> None:
    """Print what was found."""
    table = Table(title=Text(quality.source), show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, told in (*_facts(quality), *_found(quality)):
        table.add_row(name, Text(told))
    console.print(table)
    _print_gaps(quality.gaps, console)
    for line in picture(quality.coverage):
        console.print(line, markup=False, highlight=False)
    for note in quality.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    for repair, count in quality.repairs.items():
        rows = "row" if count == 1 else "rows"
        console.print(f"repaired: {repair}, {count:,} {rows}", markup=False, highlight=False)
    if quality.stopped is not None:
        console.print(f"stopped: {quality.stopped}", style="bold red", markup=False, soft_wrap=True)


def _facts(quality: Quality) -> list[tuple[str, str]]:
    span = f"{quality.first:%Y-%m-%d %H:%M} .. {quality.last:%Y-%m-%d %H:%M} UTC"
    last = quality.last_candle
    return [
        ("market", f"{quality.symbol} {quality.interval}"),
        ("layout", ", ".join(quality.layouts)),
        ("files", f"{quality.files:,}"),
        ("times in", ", ".join(quality.units)),
        ("order", quality.order),
        ("rows", f"{quality.rows:,}"),
        ("open times", span),
        ("gaps", f"{len(quality.gaps):,}, {quality.missing:,} candles missing"),
        ("newest candle", f"{last}: {quality.last_candle_reason}"
         if quality.last_candle_reason else f"whether it had closed is {last}"),
    ]  # fmt: skip


def _found(quality: Quality) -> list[tuple[str, str]]:
    return [(name, _told(getattr(quality, field))) for name, field in _FINDINGS.items()]


def _told(finding: Finding) -> str:
    if not finding.count:
        return "none"
    first = finding.examples[0]
    detail = "".join(
        f", {name} {value:.4g}"
        if isinstance(value, float)
        else f", {value:,} {name}"
        if isinstance(value, int)
        else f", {value}"
        for name, value in first.items()
        if name not in ("place", "time")
    )
    return f"{finding.count:,}; the first at {first['time']:%Y-%m-%d %H:%M:%S}{detail}"


def _print_gaps(gaps: list[dict[str, Any]], console: Console) -> None:
    """The longest gaps, in order of time."""
    longest = sorted(gaps, key=lambda gap: -gap["missing"])[:_SHOWN]
    for gap in sorted(longest, key=lambda gap: gap["after"]):
        console.print(
            f"gap: {gap['after']:%Y-%m-%d %H:%M} to {gap['before']:%Y-%m-%d %H:%M}, "
            f"{gap['missing']:,} candles ({gap['length']})",
            markup=False, highlight=False,
        )  # fmt: skip
    if len(gaps) > _SHOWN:
        console.print(f"gap: and {len(gaps) - _SHOWN:,} shorter ones")
