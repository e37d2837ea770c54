"""Figures as PNG files."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

from candlecast.evaluation.scorecard import BASELINE, Scorecard
from candlecast.files import written_whole
from candlecast.forecast import Forecast

# Okabe and Ito's palette (2008), told apart by colour-blind people.
_REAL, _FORECAST = "#000000", "#D55E00"


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
        The files.
    """
    paths = []
    for place, horizon in enumerate(forecast.horizons):
        path = folder / f"forecast_{horizon}.png"
        figure = _forecast_figure(forecast, place, symbol, _caption(forecast, horizon, scorecard))
        with written_whole(path) as aside:
            figure.savefig(aside, format="png", dpi=150)
        paths.append(path)
    return paths


def _forecast_figure(forecast: Forecast, place: int, symbol: str, caption: str) -> Figure:
    with mpl.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(10, 6), layout="constrained")
        axes = figure.subplots()
        time = forecast.time[:, place].astype("datetime64[us]")
        axes.plot(time, forecast.actual[:, place], color=_REAL, linewidth=1.2, label="real")
        axes.plot(
            time,
            forecast.mean[:, place],
            color=_FORECAST,
            linewidth=0.9,
            linestyle="--" if len(time) < 500 else "-",
            label=f"forecast of {forecast.model}",
        )
        locator = dates.AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        axes.yaxis.set_major_formatter("{x:,.6g}")
        axes.set_ylabel(_price_label(symbol))
        axes.set_title(
            f"{symbol}: real and forecast close, {forecast.horizons[place]} ahead, test rows (UTC)",
            loc="left",
            parse_math=False,  # a symbol may hold a dollar sign
        )
        axes.grid(visible=True, alpha=0.25)
        axes.legend(frameon=False)
        figure.supxlabel(caption, fontsize=9)
    return figure


def _price_label(symbol: str) -> str:
    quote = next((each for each in ("USDT", "USDC", "USD", "EUR") if symbol.endswith(each)), None)
    return f"price in {quote}" if quote else "price"


def _caption(forecast: Forecast, horizon: int, scorecard: Scorecard) -> str:
    ours = scorecard.scores[forecast.model][str(horizon)]["rmse"]
    persistence = scorecard.scores[BASELINE][str(horizon)]["rmse"]
    return (
        f"{forecast.model} errs by {ours:,.5g} (RMSE, {len(forecast):,} forecasts); "
        f'saying "no change" errs by {persistence:,.5g}.\n'
        "Two lines that overlap prove nothing: judge by the errors."
    )
