"""Figures as PNG files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from candlecast.distributions import Floats
from candlecast.evaluation.scorecard import BASELINE, Scorecard
from candlecast.files import written_whole
from candlecast.forecast import Forecast
from candlecast.report.summaries import (
    LEVELS,
    PIT_BINS,
    Ints,
    Outcomes,
    SkillPath,
    coverage_by,
    outcomes_of,
    periods,
    pit_bars,
    skill_path,
    switched_off,
    thinned,
)

# Okabe and Ito's palette (2008), told apart by colour-blind people.
_REAL, _FORECAST = "#000000", "#D55E00"
_OTHERS = ("#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A8F96")
_DASHES = ("--", ":", "-.", (0, (7, 2)), (0, (7, 2, 1, 2)), "-")
_LEVEL_STYLES = (("#0072B2", "o", ":"), ("#009E73", "s", "--"), ("#D55E00", "D", "-"))
_MARKED = 80
"""Groups up to which each has a mark of its own."""


def draw_forecast(
    forecast: Forecast, scorecard: Scorecard, symbol: str, folder: Path
) -> list[Path]:
    """Draw real against forecast price over time, one PNG a horizon.

    Two lines that overlap prove nothing, so the caption says how far persistence errs.

    Args:
        forecast: The model's.
        scorecard: Holds the errors for the caption.
        symbol: For the title.
        folder: Where `forecast_{horizon}.png` is written.

    Returns:
        The files; none of a model that made no forecast.
    """
    if not len(forecast):
        return []
    return [
        _saved(
            folder / f"forecast_{horizon}.png",
            _forecast_figure(forecast, place, symbol, _caption(forecast, horizon, scorecard)),
        )
        for place, horizon in enumerate(forecast.horizons)
    ]


def draw_skill(forecasts: Sequence[Forecast], model: str, symbol: str, folder: Path) -> list[Path]:
    """Draw the cumulative skill of every model against persistence, one PNG a horizon.

    Args:
        forecasts: Persistence among them.
        model: The one drawn boldly.
        symbol: For the title.
        folder: Where `skill_{horizon}.png` is written.

    Returns:
        The files; none for a horizon at which no outcome is known.
    """
    baseline = next((each for each in forecasts if each.model == BASELINE), None)
    if baseline is None:
        return []
    files = []
    for place, horizon in enumerate(baseline.horizons):
        found = (skill_path(each, baseline, place) for each in forecasts if each is not baseline)
        paths = [path for path in found if path is not None]
        if paths:
            figure = _skill_figure(paths, model, f"{symbol}: cumulative skill, {horizon} ahead")
            files.append(_saved(folder / f"skill_{horizon}.png", figure))
    return files


def draw_calibration(forecast: Forecast, symbol: str, folder: Path) -> list[Path]:
    """Draw the PIT histogram and the coverage over time, one PNG a horizon.

    Args:
        forecast: The model's.
        symbol: For the title.
        folder: Where `calibration_{horizon}.png` is written.

    Returns:
        The files; none for a forecast of points alone, or where no outcome is known.
    """
    files = []
    for place, horizon in enumerate(forecast.horizons):
        outcomes = outcomes_of(forecast, place)
        if outcomes is not None:
            title = f"{symbol}: calibration of {forecast.model}, {horizon} ahead"
            figure = _calibration_figure(outcomes, title)
            files.append(_saved(folder / f"calibration_{horizon}.png", figure))
    return files


def price_label(symbol: str) -> str:
    """What the axis of a price says."""
    quote = next((each for each in ("USDT", "USDC", "USD", "EUR") if symbol.endswith(each)), None)
    return f"price in {quote}" if quote else "price"


def _saved(path: Path, figure: Figure) -> Path:
    with written_whole(path) as aside:
        figure.savefig(aside, format="png", dpi=150)
    return path


def _blank(height: float = 6.0) -> Figure:
    return Figure(figsize=(10, height), layout="constrained")


def _styled() -> AbstractContextManager[None]:
    return mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})


def _forecast_figure(forecast: Forecast, place: int, symbol: str, caption: str) -> Figure:
    with _styled():
        figure = _blank()
        axes = figure.subplots()
        _draw_line(axes, forecast, place, forecast.actual, color=_REAL, linewidth=1.2, label="real")
        _draw_line(
            axes,
            forecast,
            place,
            forecast.mean,
            color=_FORECAST,
            linewidth=0.9,
            linestyle="--" if len(forecast) < 500 else "-",
            label=f"forecast of {forecast.model}",
        )
        _mark_time(axes)
        axes.yaxis.set_major_formatter("{x:,.6g}")
        axes.set_ylabel(price_label(symbol))
        axes.set_title(
            f"{symbol}: real and forecast close, {forecast.horizons[place]} ahead, test rows (UTC)",
            loc="left",
            parse_math=False,  # a symbol may hold a dollar sign
        )
        axes.legend(frameon=False)
        figure.supxlabel(caption, fontsize=9)
    return figure


def _caption(forecast: Forecast, horizon: int, scorecard: Scorecard) -> str:
    ours, persistence = (_error(scorecard, model, horizon) for model in (forecast.model, BASELINE))
    return (
        f'{forecast.model} {ours} (RMSE, {len(forecast):,} forecasts); saying "no change" '
        f"{persistence}.\nTwo lines that overlap prove nothing: judge by the errors."
    )


def _error(scorecard: Scorecard, model: str, horizon: int) -> str:
    """How far a model errs, as the end of a sentence."""
    rmse = scorecard.scores.get(model, {}).get(str(horizon), {}).get("rmse")
    return "cannot be scored" if rmse is None else f"errs by {rmse:,.5g}"


def _skill_figure(paths: Sequence[SkillPath], model: str, title: str) -> Figure:
    left_out = switched_off(paths)
    shown = sorted((path for path in paths if path.model not in left_out), key=_last(model))
    styles = zip(_OTHERS * 2, _DASHES * 2, strict=True)
    with _styled():
        figure = _blank()
        axes = figure.subplots()
        axes.axhline(0.0, color=_REAL, linewidth=0.8, label=BASELINE)
        for path in shown:
            ours = path.model == model
            colour, dash = (_FORECAST, "-") if ours else next(styles)
            axes.plot(
                path.time.astype("datetime64[us]"),
                path.skill,
                color=colour,
                linestyle=dash,
                linewidth=1.8 if ours else 1.1,
                marker="" if len(path.time) > 1 else "o",
                label=path.model,
            )
        _mark_time(axes)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value * 100:+.3g}%")
        axes.set_ylabel("cumulative skill")
        axes.set_title(f"{title}, test rows (UTC)", loc="left", parse_math=False)
        axes.legend(frameon=False)
        figure.supxlabel(_skill_caption(sorted(left_out)), fontsize=9)
    return figure


def _last(model: str) -> Callable[[SkillPath], bool]:
    return lambda path: path.model == model


def _skill_caption(left_out: Sequence[str]) -> str:
    text = (
        "Persistence's squared errors less the model's, summed from the start, over persistence's "
        "whole sum: a line ends at the skill.\nA steady climb is skill; one jump is one lucky day."
    )
    return f"{text} Far below and left out: {', '.join(left_out)}." if left_out else text


def _calibration_figure(outcomes: Outcomes, title: str) -> Figure:
    bars, margin = pit_bars(outcomes)
    period, starts = periods(outcomes.time)
    with _styled():
        figure = _blank(4.5)
        left, right = figure.subplots(1, 2)
        _draw_pit(left, bars, margin)
        _draw_coverage(right, outcomes, starts, period)
        figure.suptitle(title, x=0.01, ha="left", parse_math=False)
        figure.supxlabel(
            "Shaded: where 95 % of the bars or points lie by chance if the bands are right.",
            fontsize=9,
        )
    return figure


def _draw_pit(axes: Axes, bars: Floats, margin: float) -> None:
    width = 1 / PIT_BINS
    axes.bar((np.arange(PIT_BINS) + 0.5) * width, bars, width, color=_OTHERS[0], edgecolor="white")
    axes.axhspan(max(1 - margin, 0.0), 1 + margin, color="#8A8F96", alpha=0.4)
    axes.axhline(1.0, color=_REAL, linewidth=0.8, linestyle="--")
    axes.set_xlim(0, 1)
    axes.set_xlabel("PIT")
    axes.set_ylabel("outcomes (1 = as should be)")


def _draw_coverage(axes: Axes, outcomes: Outcomes, starts: Ints, period: str) -> None:
    coverage = coverage_by(outcomes, starts)
    time = coverage.key.astype("datetime64[us]")
    for place, (level, style) in enumerate(zip(LEVELS, _LEVEL_STYLES, strict=True)):
        colour, mark, dash = style
        margin = coverage.margin[:, place]
        axes.fill_between(
            time,
            np.maximum(level - margin, 0.0),
            np.minimum(level + margin, 1.0),
            color=colour,
            alpha=0.18,
            lw=0,
        )
        axes.axhline(level, color=_REAL, linewidth=0.6, linestyle="--")
        axes.plot(
            time,
            coverage.share[:, place],
            color=colour,
            linestyle=dash,
            marker=mark if len(time) <= _MARKED else "",
            markersize=4,
            label=f"{level:.0%} band",
        )
    _mark_time(axes)
    axes.set_ylim(0.0, 1.02)
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_ylabel(f"inside the band, by {period} (UTC)")
    axes.legend(frameon=False, loc="lower left", fontsize=8)


def _draw_line(axes: Axes, forecast: Forecast, place: int, prices: Floats, **style: Any) -> None:
    time, values = thinned(forecast.time[:, place], prices[:, place])
    axes.plot(time.astype("datetime64[us]"), values, **style)


def _mark_time(axes: Axes) -> None:
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.grid(visible=True, alpha=0.25)
