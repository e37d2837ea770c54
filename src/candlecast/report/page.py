"""The run as one page that opens anywhere: no network, no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from candlecast.evaluation.scorecard import Scorecard
from candlecast.files import write_text
from candlecast.report.terminal import COLUMNS, table_rows, table_title


def write_page(
    path: Path,
    scorecard: Scorecard,
    figures: Sequence[Path],
    facts: Mapping[str, Mapping[str, Any]],
    recipe: str,
) -> None:
    """Write `report.html`.

    Args:
        path: The file.
        scorecard: Verdict, table and notes.
        figures: PNG files, embedded.
        facts: Further sections: title, then name and value.
        recipe: The resolved recipe as YAML.
    """
    environment = Environment(
        loader=PackageLoader("candlecast", "report"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("page.html.j2").render(
        verdicts=scorecard.verdicts,
        notes=scorecard.notes,
        headings=["model", *(heading for heading, _ in COLUMNS.values())],
        tables={
            table_title(scorecard, horizon): table_rows(scorecard, horizon)
            for horizon in scorecard.horizons
        },
        figures=[base64.b64encode(figure.read_bytes()).decode() for figure in figures],
        facts=facts,
        recipe=recipe,
    )
    write_text(path, page)
