"""What the curves of `time_to_quality` come to."""

from __future__ import annotations

from typing import Any

from contenders import CANDLECAST

LEVELS = (2.0, 1.1, 1.01, 1.0)
"""Times persistence's error."""

Results = dict[str, dict[str, Any]]


def summary(results: Results) -> dict[str, Any]:
    """The contenders with their seconds to each level, their best, and the ratio to candlecast.

    Args:
        results: What each contender's watch saw.
    """
    first = results[CANDLECAST.name]
    persistence = first["persistence"]["rmse"]
    below = _first_below(first["points"], persistence)
    return {
        "origins": first["origins"],
        "levels": LEVELS,
        "persistence": {name: first["persistence"][name] for name in ("rmse", "rmse_bp")},
        "contenders": {
            name: {**result, **_facts(result, persistence, below)}
            for name, result in results.items()
        },
    }


def _facts(
    result: dict[str, Any], persistence: float, below: dict[str, Any] | None
) -> dict[str, Any]:
    """Of one contender; `below` is where candlecast first erred less than persistence."""
    points = result["points"]
    best = min(points, key=lambda point: float(point["rmse"]))
    return {
        "seconds_below": [_seconds_below(points, level * persistence) for level in LEVELS],
        "best": best,
        "epochs": result["steps"] / result["epoch_steps"],
        "first_epoch_seconds": _seconds_of_step(points, result["epoch_steps"]),
        "candlecast_ratio": {
            clock: None if below is None else best[clock] / below[clock]
            for clock in ("seconds", "processor_seconds")
        },
    }


def _seconds_below(points: list[dict[str, Any]], error: float) -> float | None:
    """When the error was first below that; None if it never was."""
    first = _first_below(points, error)
    return None if first is None else float(first["seconds"])


def _first_below(points: list[dict[str, Any]], error: float) -> dict[str, Any] | None:
    return next((point for point in points if point["rmse"] < error), None)


def _seconds_of_step(points: list[dict[str, Any]], step: int) -> float | None:
    return next((float(each["seconds"]) for each in points if each["steps"] == step), None)
