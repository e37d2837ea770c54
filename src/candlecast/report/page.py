"""The run as one page that opens anywhere: no network, no other file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from candlecast.files import write_text
from candlecast.forecast import Forecast
from candlecast.intervals import interval_text
from candlecast.report.calibration import calibration_section
from candlecast.report.contents import Chart, Report, Section, Table
from candlecast.report.figures import price_label
from candlecast.report.plan import plan_section
from candlecast.report.price import PackedPrices, pack_prices
from candlecast.report.sections import (
    data_section,
    every_figure,
    features_section,
    learning_section,
    origin_tables,
    skill_section,
)
from candlecast.report.summaries import WIDTHS
from candlecast.report.terminal import LEGEND, headings, table_rows, table_title
from candlecast.report.wording import ahead, duration

__all__ = ["Report", "write_report"]

MOST_DRAWN = 1500
"""Candles in the price chart at once."""

OPENING = 240
"""Candles that the price chart opens with, the newest."""

_SPANS = (
    ("1 hour", 3600),
    ("6 hours", 6 * 3600),
    ("1 day", 86_400),
    ("1 week", 7 * 86_400),
    ("30 days", 30 * 86_400),
    ("1 year", 365 * 86_400),
)
_FEWEST_CANDLES = 20


@dataclass(frozen=True)
class _Price:
    """The price chart for the template."""

    title: str
    caption: str
    header: str
    content: str
    spans: Sequence[tuple[int | str, str]]


def write_report(path: Path, report: Report) -> None:
    """Write `report.html`.

    Args:
        path: The file.
        report: What it shows.
    """
    sections = _sections(report)
    price = _price(report)
    horizons = [(horizon, ahead(horizon)) for horizon in report.scorecard.horizons]
    environment = Environment(
        loader=PackageLoader("candlecast", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    page = environment.get_template("page.html.j2").render(
        title=_title(report),
        about=_about(report),
        model=report.model,
        scorecard=report.scorecard,
        tables=[_score_table(report, horizon) for horizon, _ in horizons],
        every=[every_figure(report.scorecard, horizon) for horizon, _ in horizons],
        legend=LEGEND,
        horizons=horizons,
        price=price,
        sections=sections,
        contents=_contents(sections, has_price=price is not None),
        origin=origin_tables(report),
        recipe=report.recipe,
        version=_version(),
        css=_own("page.css"),
        js=_own("page.js"),
        plotly=_script(get_plotlyjs()),
        charts=_json({chart.key: chart.figure for chart in _charts(sections)}),
    )
    write_text(path, page.lstrip())


def _sections(report: Report) -> list[Section]:
    built = (
        skill_section(report),
        calibration_section(report),
        learning_section(report),
        data_section(report),
        plan_section(report),
        features_section(report),
    )
    return [section for section in built if section is not None]


def _charts(sections: Sequence[Section]) -> list[Chart]:
    return [chart for section in sections for chart in section.charts]


def _contents(sections: Sequence[Section], *, has_price: bool) -> list[tuple[str, str]]:
    forecast = [("forecast", "Forecast and real price")] if has_price else []
    return [
        ("scorecard", "Scorecard"),
        *forecast,
        *((section.key, section.title) for section in sections),
        ("origin", "Recipe, versions and hashes"),
    ]


def _title(report: Report) -> str:
    candles = report.candles
    return f"{candles.symbol} {interval_text(candles.interval)}: forecasts of {report.model}"


def _about(report: Report) -> str:
    made = [each for each in report.forecasts if len(each)]
    if not made:
        return "No model made a forecast."
    first = min(int(each.time.min()) for each in made)
    last = max(int(each.time.max()) for each in made)
    rows = max(len(each) for each in made)
    start, end = (np.datetime64(each, "us").astype("datetime64[m]") for each in (first, last))
    return (
        f"{rows:,} forecasts of each model, {str(start).replace('T', ' ')} to "
        f"{str(end).replace('T', ' ')} UTC, scored against what came and against persistence, "
        "which says that the price stays where it is."
    )


def _score_table(report: Report, horizon: str) -> Table:
    scorecard = report.scorecard
    return Table(table_title(scorecard, horizon), headings(), table_rows(scorecard, horizon))


def _price(report: Report) -> _Price | None:
    forecast = report.forecast_of(report.model)
    if forecast is None:
        return None
    forecast = _in_time_order(forecast)
    packed = pack_prices(report.candles, forecast)
    step = report.candles.interval.total_seconds()
    span = (packed.last - packed.first) / 1_000_000 + step
    spans = [
        (round(seconds * 1000), words)
        for words, seconds in _SPANS
        if _FEWEST_CANDLES * step <= seconds < span
    ]
    header = {
        **packed.header,
        "horizons": list(forecast.horizons),
        "opening": OPENING,
        "most_drawn": MOST_DRAWN,
        "widths": [width / 1000 for width in WIDTHS],
        "fine_from": packed.fine_from / 1000,
        "coarse_width": None if packed.coarse_width is None else packed.coarse_width / 1000,
        "digits": max(0, -round(math.log10(packed.header["tick"]))),
        "price_label": price_label(report.candles.symbol),
    }
    return _Price(
        f"{report.candles.symbol}: real candles and the forecast of {report.model}",
        _price_caption(forecast, packed),
        _json(header),
        packed.content,
        [*spans, ("all", "all")],
    )


def _in_time_order(forecast: Forecast) -> Forecast:
    if np.all(np.diff(forecast.origin) > 0):
        return forecast
    return forecast.take(np.argsort(forecast.origin, kind="stable"))


def _price_caption(forecast: Forecast, packed: PackedPrices) -> str:
    kind = "calibrated bands" if forecast.bands is not None else "bands"
    bands = (
        f"The shaded {kind} should hold 50, 80 and 95 % of the closes."
        if forecast.distribution is not None
        else f"{forecast.model} forecasts a point and no distribution, so there are no bands."
    )
    caption = (
        "Each forecast stands at the candle that it is about, made as many candles before as the "
        f"horizon says. {bands} A hollow candle rose, a filled one fell. Two lines that overlap "
        "prove nothing: judge by the scorecard. Drag over the chart, or over the strip of all "
        "test rows below it, to choose a stretch; double-click to see all."
    )
    if packed.coarse_width is None:
        return caption
    since = str(np.datetime64(packed.fine_from, "us").astype("datetime64[m]")).replace("T", " ")
    return (
        f"{caption} To keep the page small, candles before {since} UTC are summed up over "
        f"{duration(packed.coarse_width)}; later ones are all here."
    )


def _version() -> str:
    from candlecast import __version__

    return __version__


def _own(name: str) -> str:
    return resources.files("candlecast.report").joinpath(name).read_text(encoding="utf-8")


def _script(code: str) -> str:
    """A script that cannot end its own element."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _json(content: Any) -> str:
    """JSON that is safe inside a script element, whatever a name holds."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
