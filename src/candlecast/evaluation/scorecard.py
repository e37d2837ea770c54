"""`Scorecard`: every model's scores at every horizon, persistence first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from candlecast.errors import CandlecastError
from candlecast.evaluation import metrics
from candlecast.evaluation.significance import diebold_mariano
from candlecast.features import TargetName
from candlecast.forecast import QUANTILES, Floats, Forecast

Scores = dict[str, float | None]

BASELINE = "persistence"

LEVEL = 0.05
"""Below this p-value a difference is called one."""

FIGURES = (
    "n",
    "mse_scaled",
    "rmse",
    "mae",
    "rmse_bp",
    "mae_bp",
    "crps_bp",
    "log_score",
    "skill",
    "dm",
    "p_value",
    "directional_accuracy",
    "coverage_50",
    "coverage_80",
    "coverage_95",
)


@dataclass(frozen=True)
class Scorecard:
    """Scores of several models on the same rows.

    Attributes:
        scores: Model name, then horizon as text, then figure; a figure that does not apply is None.
        verdicts: A sentence for each model but persistence and each horizon.
        notes: What a reader must know before believing a figure.
    """

    scores: dict[str, dict[str, Scores]]
    verdicts: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def from_metrics(cls, metrics: dict[str, Any]) -> Scorecard:
        """The scorecard in the content of a `metrics.json`.

        Raises:
            KeyError: If a figure is missing.
            TypeError: If the content has another shape.
        """
        scores = {
            model: {
                horizon: {name: figures[name] for name in FIGURES}
                for horizon, figures in by_horizon.items()
            }
            for model, by_horizon in metrics["scores"].items()
        }
        return cls(scores, tuple(metrics["verdicts"]), tuple(metrics["notes"]))

    @property
    def horizons(self) -> list[str]:
        """The horizons as text."""
        return list(self.scores[BASELINE])


def score_forecasts(
    forecasts: Sequence[Forecast],
    target: TargetName,
    target_scale: float,
    notes: Sequence[str] = (),
) -> Scorecard:
    """Score forecasts of the same origins against what came, and against persistence.

    Args:
        forecasts: Persistence among them.
        target: What the scaled error is measured on.
        target_scale: The factor that scales the target.
        notes: What a reader must know before believing a figure.

    Raises:
        CandlecastError: If a forecast is not finite.
    """
    horizons = {str(horizon): place for place, horizon in enumerate(forecasts[0].horizons)}
    baseline = next(forecast for forecast in forecasts if forecast.model == BASELINE)
    ordered = [baseline, *(forecast for forecast in forecasts if forecast is not baseline)]
    scores = {
        forecast.model: {
            text: _scores(forecast, baseline, place, target, target_scale)
            for text, place in horizons.items()
        }
        for forecast in ordered
    }
    return Scorecard(
        scores=scores,
        verdicts=tuple(
            _verdict(model, horizon, at_horizon, scores[BASELINE][horizon])
            for model, by_horizon in scores.items()
            if model != BASELINE
            for horizon, at_horizon in by_horizon.items()
        ),
        notes=tuple(notes),
    )


def _scores(
    forecast: Forecast, baseline: Forecast, place: int, target: TargetName, target_scale: float
) -> Scores:
    """One model at one horizon."""
    actual, mean = forecast.actual[:, place], forecast.mean[:, place]
    if not np.isfinite(mean).all():
        raise CandlecastError(
            f"{forecast.model} forecast {np.sum(~np.isfinite(mean))} values that are not finite. "
            "Its training may have diverged: try a smaller training.learning_rate."
        )
    with np.errstate(over="ignore"):
        mse = metrics.mse(mean, actual)
    if not np.isfinite(mse):
        raise CandlecastError(
            f"{forecast.model} errs by more than a number can hold. Are the candles' prices right?"
        )
    actual_return = np.log(actual / forecast.last_close)
    forecast_return = _log_return(mean, forecast.last_close)
    mse_target = mse if target == "close" else metrics.mse(forecast_return, actual_return)
    test = diebold_mariano(
        (mean - actual) ** 2, (baseline.mean[:, place] - actual) ** 2, forecast.horizons[place]
    )
    figures: Scores = {
        "n": len(forecast),
        "mse_scaled": mse_target * target_scale**2,
        "rmse": metrics.rmse(mean, actual),
        "mae": metrics.mae(mean, actual),
        "rmse_bp": metrics.rmse(forecast_return, actual_return) * metrics.BASIS_POINTS,
        "mae_bp": metrics.mae(forecast_return, actual_return) * metrics.BASIS_POINTS,
        "skill": metrics.skill(mse, metrics.mse(baseline.mean[:, place], actual)),
        "dm": None if test is None else test.statistic,
        "p_value": None if test is None else test.p_value,
        "directional_accuracy": metrics.directional_accuracy(
            mean - forecast.last_close, actual - forecast.last_close
        ),
    }
    figures |= _coverages(forecast, place)
    return {name: _finite_or_none(figures.get(name)) for name in FIGURES}


def _coverages(forecast: Forecast, place: int) -> Scores:
    """How often what came lay inside each interval; nothing for a forecast of points alone."""
    if forecast.quantiles is None:
        return {}
    level = dict(zip(QUANTILES, forecast.quantiles[:, place].T, strict=True))
    actual = forecast.actual[:, place]
    return {
        "coverage_50": metrics.coverage(level["q25"], level["q75"], actual),
        "coverage_80": metrics.coverage(level["q10"], level["q90"], actual),
        "coverage_95": metrics.coverage(level["q025"], level["q975"], actual),
    }


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _log_return(price: Floats, last_close: Floats) -> Floats:
    """The log return to a price; NaN for a forecast price that is not above 0."""
    return np.log(np.where(price > 0, price, np.nan) / last_close)


def _verdict(model: str, horizon: str, scores: Scores, persistence: Scores) -> str:
    """What the squared errors say, in words."""
    ours, theirs, p_value = scores["rmse"], persistence["rmse"], scores["p_value"]
    assert ours is not None
    assert theirs is not None
    errs = (
        f"{model}, {horizon} ahead: {_judgement(ours, theirs, p_value)} It errs by {ours:,.5g} "
        f'(RMSE in price) where saying "no change" errs by {theirs:,.5g}'
    )
    if theirs == 0:
        return f"{errs}."
    if ours < theirs:
        return f"{errs}, {1 - ours / theirs:.2%} less."
    return f"{errs}, {ours / theirs:,.5g} times as much."


def _judgement(ours: float, theirs: float, p_value: float | None) -> str:
    if p_value is None:
        return "no evidence of skill (nothing here that a test could be made on)."
    if p_value >= LEVEL:
        return f"no evidence of skill (p = {p_value:.2g})."
    beats = "beats persistence" if ours < theirs else "worse than persistence"
    return f"{beats} (p {'< 1e-6' if p_value < 1e-6 else f'= {p_value:.2g}'})."
