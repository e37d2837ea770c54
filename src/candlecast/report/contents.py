"""`Report`, what a report is made from, and the parts that its page is laid out of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candlecast.candles import Candles
from candlecast.evaluation.scorecard import Scorecard
from candlecast.forecast import Forecast
from candlecast.report.terminal import Cell


@dataclass(frozen=True, eq=False)
class Report:
    """A run as the report shows it.

    Attributes:
        scorecard: Verdicts, scores and notes.
        forecasts: Of the test rows, one a model, persistence among them.
        model: The model whose forecast, bands and calibration are drawn.
        candles: All candles of the run.
        metrics: The content of `metrics.json`. Read if there: `recipe`, `seed`, `data`, `split`,
            `model`, `timing`, `folds`, `audit`, `versions`; any may be missing or None.
        recipe: The resolved recipe as YAML.
    """

    scorecard: Scorecard
    forecasts: Sequence[Forecast]
    model: str
    candles: Candles
    metrics: Mapping[str, Any]
    recipe: str

    def forecast_of(self, model: str) -> Forecast | None:
        """The forecast of one model, if it made any: of one origin or more."""
        found = (each for each in self.forecasts if each.model == model and len(each))
        return next(found, None)


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row names it.

    Attributes:
        caption: What it shows.
        headings: Of the columns; none for names and values.
        rows: The cells.
        words: Whether its cells hold words rather than numbers.
        folded: Whether it is shown on request alone.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: bool = False
    folded: bool = False

    @classmethod
    def of(
        cls, caption: str, headings: Sequence[str], rows: Sequence[Sequence[object]], **options: Any
    ) -> Table:
        """A table of plain values."""
        return cls(
            caption, headings, [[Cell(str(each)) for each in row] for row in rows], **options
        )


@dataclass(frozen=True)
class Chart:
    """A figure for Plotly, with the words around it.

    Attributes:
        key: Its id on the page.
        title: What it shows.
        caption: How to read it.
        figure: `data` and `layout`; a colour is written ``theme:name`` or ``theme:name/opacity``.
        height: In pixels.
        half: Whether two stand side by side where there is room.
    """

    key: str
    title: str
    caption: str
    figure: Mapping[str, Any]
    height: int = 340
    half: bool = False


@dataclass(frozen=True)
class Block:
    """A part of a section, shown always or with one horizon alone."""

    horizon: str | None = None
    sentences: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    key: str
    title: str
    blocks: Sequence[Block]

    @property
    def charts(self) -> list[Chart]:
        """Every chart of it."""
        return [chart for block in self.blocks for chart in block.charts]
