"""Plotly figures as plain `data` and `layout`: `page.js` puts the theme's colours in and draws.

Colours are those of Okabe and Ito (2008), told apart by colour-blind people, and no chart tells
things apart by colour alone: dashes, marks or places say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from candlecast.distributions import Floats
from candlecast.report.summaries import LEVELS, PIT_BINS, Coverage, Ints, SkillPath, switched_off

Figure = dict[str, Any]

OURS = "theme:ours"
INK, MUTED = "theme:ink", "theme:muted"
_OTHERS = tuple(
    (f"theme:other{place % 6}", dash)
    for place, dash in enumerate(("dash", "dot", "dashdot", "longdash", "longdashdot", "solid") * 2)
)
_LEVEL_STYLES = (
    ("theme:other0", "circle", "dot"),
    ("theme:other1", "square", "dash"),
    ("theme:ours", "diamond", "solid"),
)
_LOSS_STYLES = {
    "train_loss": ("train", "theme:other0", "dash", "circle"),
    "val_loss": ("validation", OURS, "solid", "diamond"),
}
_SPLIT_STYLES = {
    "train": ("theme:other0", ""),
    "validation": ("theme:other3", "/"),
    "test": ("theme:ours", "x"),
}


def skill_figure(paths: Sequence[SkillPath], model: str) -> Figure:
    """Cumulative skill over time, a line a model; persistence is the line at 0."""
    hidden = switched_off(paths)
    styles = iter(_OTHERS)
    data = []
    for path in sorted(paths, key=lambda each: each.model == model):
        colour, dash = (OURS, "solid") if path.model == model else next(styles)
        line = {"color": colour, "width": 2.5 if path.model == model else 1.5, "dash": dash}
        data.append(_skill_trace(path, line, shown=path.model not in hidden))
    layout = {
        "hovermode": "x unified",
        "xaxis": _time_axis("time (UTC)"),
        "yaxis": {"title": {"text": "cumulative skill"}, "tickformat": "+.2~%"},
        "shapes": [_line_at(0.0)],
        "annotations": [_note("persistence", xref="paper", x=1, y=0, xanchor="right")],
        "showlegend": True,
    }
    return {"data": data, "layout": layout}


def _skill_trace(path: SkillPath, line: Figure, *, shown: bool) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines" if len(path.time) > 1 else "markers",
        "name": path.model,
        "x": milliseconds(path.time),
        "y": _numbers(path.skill),
        "line": line,
        "marker": {"color": line["color"]},
        "visible": True if shown else "legendonly",
        "hovertemplate": "%{y:+.3%}",
    }


def pit_figure(bars: Floats, margin: float) -> Figure:
    """The histogram of the PIT with the band that chance allows."""
    centres = (np.arange(PIT_BINS) + 0.5) / PIT_BINS
    data = [
        {
            "type": "bar",
            "x": _numbers(centres),
            "y": _numbers(bars),
            "marker": {
                "color": "theme:other0/0.75",
                "line": {"color": "theme:ground", "width": 1},
            },
            "hovertemplate": "%{y:.3f} times as often as it should<extra></extra>",
        }
    ]
    layout = {
        "bargap": 0,
        "xaxis": {"title": {"text": "PIT"}, "range": [0, 1], "tickformat": ".1~f"},
        "yaxis": {"title": {"text": "outcomes (1 = as should be)"}, "rangemode": "tozero"},
        "shapes": [_band_at(1.0, margin, "theme:muted/0.3"), _line_at(1.0)],
        "showlegend": False,
    }
    return {"data": data, "layout": layout}


def coverage_figure(coverage: Coverage, axis: Mapping[str, Any], x: Sequence[Any]) -> Figure:
    """Coverage of the three bands by group, with the level promised and what chance allows."""
    data: list[Figure] = []
    for place, (level, style) in enumerate(zip(LEVELS, _LEVEL_STYLES, strict=True)):
        margin = coverage.margin[:, place]
        data.append(_outline(x, level - margin, np.minimum(level + margin, 1.0), style[0]))
    for place, (level, (colour, symbol, dash)) in enumerate(
        zip(LEVELS, _LEVEL_STYLES, strict=True)
    ):
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"{level:.0%} band",
                "x": list(x),
                "y": _numbers(coverage.share[:, place]),
                "customdata": coverage.count.tolist(),
                "line": {"color": colour, "width": 2, "dash": dash},
                "marker": {"color": colour, "symbol": symbol, "size": 7},
                "hovertemplate": "%{y:.1%} of %{customdata:,}",
            }
        )
    lowest = min(float(coverage.share.min()), LEVELS[0])
    layout = {
        "hovermode": "x unified",
        "xaxis": axis,
        "yaxis": {
            "title": {"text": "outcomes inside the band"},
            "tickformat": ".0%",
            "range": [max(lowest - 0.1, -0.02), 1.03],
            "tickvals": [0, 0.2, *LEVELS, 1] if lowest < 0.4 else [*LEVELS, 1],
        },
        "shapes": [_line_at(level) for level in LEVELS],
        "showlegend": True,
    }
    return {"data": data, "layout": layout}


def calibrated_figure(
    own: Coverage, calibrated: Coverage, axis: Mapping[str, Any], x: Sequence[Any]
) -> Figure:
    """Coverage of the model's own bands and of the calibrated ones by group."""
    layout = coverage_figure(own, axis, x)["layout"]
    data = [
        {
            "type": "scatter",
            "mode": "lines" if len(x) > 1 else "markers",
            "name": f"{level:.0%} band, {name}",
            "x": list(x),
            "y": _numbers(coverage.share[:, place]),
            "line": {"color": colour, "width": width, "dash": dash},
            "marker": {"color": colour, "symbol": symbol},
            "hovertemplate": "%{y:.1%}",
        }
        for place, (level, (colour, symbol, _)) in enumerate(
            zip(LEVELS, _LEVEL_STYLES, strict=True)
        )
        for name, coverage, width, dash in (
            ("the model's own", own, 1.5, "dot"),
            ("calibrated", calibrated, 2.5, "solid"),
        )
    ]
    return {"data": data, "layout": layout}


def period_axis(name: str) -> Figure:
    """The axis of coverage by week, day or hour."""
    return _time_axis(f"{name} (UTC)")


def hour_axis() -> Figure:
    """The axis of coverage by the hour of the day."""
    return {"title": {"text": "hour of the day (UTC)"}, "dtick": 4, "range": [-0.7, 23.7]}


def regime_axis() -> Figure:
    """The axis of coverage by the forecast of the variance."""
    return {
        "title": {"text": "forecast volatility, in fifths of the forecasts"},
        "type": "category",
    }


def learning_figure(
    history: Sequence[Mapping[str, float | None]], best_epoch: int | None
) -> Figure:
    """Loss by epoch in training and validation."""
    losses = {key: [_finite_or_none(epoch.get(key)) for epoch in history] for key in _LOSS_STYLES}
    known = [loss for values in losses.values() for loss in values if loss is not None]
    layout: Figure = {
        "hovermode": "x unified",
        "xaxis": {"title": {"text": "epoch"}, "tickformat": ",d", **_whole_ticks(len(history))},
        "yaxis": {"title": {"text": "loss (scaled)"}, "type": _loss_scale(known)},
        "showlegend": True,
    }
    if best_epoch is not None:
        layout["shapes"] = [_upright_at(best_epoch)]
        layout["annotations"] = [
            _note(f"kept: epoch {best_epoch}", x=best_epoch, yref="paper", y=1)
        ]
    data = [_loss_trace(key, values) for key, values in losses.items() if set(values) != {None}]
    return {"data": data, "layout": layout}


def _loss_trace(key: str, losses: Sequence[float | None]) -> Figure:
    name, colour, dash, symbol = _LOSS_STYLES[key]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(range(1, len(losses) + 1)),
        "y": losses,
        "line": {"color": colour, "width": 2, "dash": dash},
        "marker": {"color": colour, "symbol": symbol, "size": 6},
        "hovertemplate": "%{y:.6g}",
    }


def gaps_figure(starts: Ints, width: int, missing: Floats, step: int) -> Figure:
    """Missing candles over time, as a share of each stretch."""
    share = np.minimum(missing * step / width, 1.0)
    data = [
        {
            "type": "bar",
            "x": milliseconds(starts + width // 2),
            "y": _numbers(share),
            "width": width / 1000,
            "customdata": missing.astype(int).tolist(),
            "marker": {"color": OURS, "line": {"color": OURS, "width": 1}},
            "hovertemplate": "%{x|%Y-%m-%d %H:%M}: %{customdata:,} missing<extra></extra>",
        }
    ]
    layout = {
        "bargap": 0,
        "xaxis": _time_axis("time (UTC)"),
        "yaxis": {
            "title": {"text": "candles missing"},
            "tickformat": ".2~%",
            "range": [0, max(float(share.max()) * 1.1, 0.01)],
        },
        "showlegend": False,
    }
    return {"data": data, "layout": layout}


def plan_figure(spans: Sequence[tuple[str, str, int, int]]) -> Figure:
    """Which candles trained, chose and judged.

    Args:
        spans: Row label, part, first and end as µs since the epoch.
    """
    labels = list(dict.fromkeys(label for label, *_ in spans))
    data = []
    for part in dict.fromkeys(part for _, part, *_ in spans):
        own = [span for span in spans if span[1] == part]
        colour, pattern = _SPLIT_STYLES[part]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": part,
                "y": [label for label, *_ in own],
                "base": [first / 1000 for *_, first, _ in own],
                "x": [(end - first) / 1000 for *_, first, end in own],
                "marker": {
                    "color": f"{colour}/0.8",
                    "pattern": {
                        "shape": pattern,
                        "fillmode": "overlay",
                        "fgcolor": "theme:ground",
                        "size": 7,
                    },
                    "line": {"color": colour, "width": 1},
                },
                "hovertemplate": f"{part}: %{{base|%Y-%m-%d %H:%M}}<extra>%{{y}}</extra>",
            }
        )
    layout = {
        "barmode": "overlay",
        "bargap": 0.3,
        "hovermode": "closest",
        "xaxis": _time_axis("time (UTC)"),
        "yaxis": {"categoryorder": "array", "categoryarray": labels[::-1], "type": "category"},
        "showlegend": True,
    }
    return {"data": data, "layout": layout}


def _time_axis(title: str) -> Figure:
    return {"title": {"text": title}, "type": "date", "hoverformat": "%Y-%m-%d %H:%M"}


def _outline(x: Sequence[Any], low: Floats, high: Floats, colour: str) -> Figure:
    """A filled area between two lines."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [*x, *reversed(x)],
        "y": [*_numbers(low), *_numbers(high[::-1])],
        "fill": "toself",
        "fillcolor": f"{colour}/0.18",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _line_at(y: float) -> Figure:
    line = {"color": MUTED, "width": 1, "dash": "dash"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _upright_at(x: float) -> Figure:
    line = {"color": MUTED, "width": 1, "dash": "dash"}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": line}


def _band_at(y: float, margin: float, colour: str) -> Figure:
    return {
        "type": "rect",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": max(y - margin, 0.0),
        "y1": y + margin,
        "fillcolor": colour,
        "line": {"width": 0},
    }


def _whole_ticks(count: int) -> Figure:
    return {"dtick": 1} if count <= 12 else {}


def _note(text: str, **place: Any) -> Figure:
    """Words above a place in a chart."""
    font = {"color": MUTED, "size": 12}
    return {"text": text, "yanchor": "bottom", "showarrow": False, "font": font, **place}


def _loss_scale(losses: Sequence[float]) -> str:
    """Logarithmic where the losses differ by more than tenfold and none is 0 or below."""
    wide = bool(losses) and min(losses) > 0 and max(losses) > 10 * min(losses)
    return "log" if wide else "linear"


def milliseconds(time: Ints) -> list[float]:
    """Times as Plotly reads them, from µs since the epoch."""
    return [float(each) for each in (time / 1000).tolist()]


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _numbers(values: Floats) -> list[float | None]:
    """Values of six significant digits; what is not finite is null, which breaks a line."""
    return [float(f"{each:.6g}") if np.isfinite(each) else None for each in values.tolist()]
