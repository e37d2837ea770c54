"""The figures of one model at one horizon: what `metrics.json` has under its name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from candlecast.distributions import Floats
from candlecast.evaluation import metrics
from candlecast.evaluation.outcome import Outcome
from candlecast.evaluation.significance import diebold_mariano
from candlecast.evaluation.weeks import WEEK, Weeks
from candlecast.features import TargetName
from candlecast.forecast import BANDS, QUANTILES

Scores = dict[str, float | None]

INTERVALS = {"50": ("q25", "q75"), "80": ("q10", "q90"), "95": ("q025", "q975")}

FIGURES = (
    "n",
    "mse_scaled",
    "rmse",
    "mae",
    "mase",
    "rmse_bp",
    "mae_bp",
    "crps_bp",
    "log_score",
    "pinball_bp",
    "skill",
    "r2",
    "information_coefficient",
    "dm",
    "p_value",
    "directional_accuracy",
    *(f"coverage_{level}" for level in INTERVALS),
    *(f"width_{level}_bp" for level in INTERVALS),
    *(f"interval_score_{level}_bp" for level in INTERVALS),
    *(f"worst_week_{level}" for level in INTERVALS),
    *(f"calibrated_coverage_{level}" for level in INTERVALS),
    *(f"calibrated_width_{level}_bp" for level in INTERVALS),
    *(f"calibrated_interval_score_{level}_bp" for level in INTERVALS),
    *(f"calibrated_worst_week_{level}" for level in INTERVALS),
    "qlike",
    "volatility_r2",
    "price_r2",
    "price_mape",
)


def figures_of(
    outcome: Outcome,
    baseline: Outcome,
    target: TargetName,
    target_scale: float | None,
    naive_mae: float | None,
) -> Scores:
    """One model at one horizon; a figure that cannot be had, or is not finite, is None."""
    with np.errstate(all="ignore"):
        figures = _point_figures(outcome, baseline, naive_mae) if len(outcome) else {}
        error = outcome.squared_error
        if target == "log_return":
            error = (outcome.forecast_return - outcome.actual_return) ** 2
        if len(outcome) and target_scale is not None:
            figures["mse_scaled"] = float(np.mean(error)) * target_scale**2
        figures |= _spread_figures(outcome) | _volatility_figures(outcome)
    finite = {name: _finite_or_none(figures.get(name)) for name in FIGURES}
    return finite | {"n": len(outcome)}


def _point_figures(outcome: Outcome, baseline: Outcome, naive_mae: float | None) -> Scores:
    forecast, actual, last = outcome.forecast, outcome.actual, outcome.last_close
    test = diebold_mariano(outcome.squared_error, baseline.squared_error, outcome.horizon)
    bp = metrics.BASIS_POINTS
    return {
        "rmse": metrics.rmse(forecast, actual),
        "mae": metrics.mae(forecast, actual),
        "mase": None if naive_mae is None else metrics.mase(forecast, actual, naive_mae),
        "rmse_bp": metrics.rmse(outcome.forecast_return, outcome.actual_return) * bp,
        "mae_bp": metrics.mae(outcome.forecast_return, outcome.actual_return) * bp,
        "skill": metrics.skill(
            metrics.mse(forecast, actual), metrics.mse(baseline.forecast, actual)
        ),
        "r2": metrics.out_of_sample_r2(outcome.forecast_return, outcome.actual_return),
        "information_coefficient": metrics.information_coefficient(
            outcome.forecast_return, outcome.actual_return
        ),
        "dm": None if test is None else test.statistic,
        "p_value": None if test is None else test.p_value,
        "directional_accuracy": metrics.directional_accuracy(forecast - last, actual - last),
        "price_r2": metrics.price_r2(forecast, actual),
        "price_mape": metrics.mape(forecast, actual),
    }


def _spread_figures(outcome: Outcome) -> Scores:
    """Scores of the distribution; nothing for a forecast of points alone."""
    if outcome.distribution is None or not len(outcome):
        return {}
    assert outcome.crps is not None
    assert outcome.log_score is not None
    quantiles = outcome.distribution.quantiles(list(QUANTILES.values()))
    level = dict(zip(QUANTILES, quantiles.T, strict=True))
    figures: Scores = {
        "crps_bp": float(np.mean(outcome.crps)),
        "log_score": float(np.mean(outcome.log_score)),
        "pinball_bp": metrics.BASIS_POINTS
        * metrics.pinball(quantiles, list(QUANTILES.values()), outcome.actual_return),
    }
    weeks = Weeks.of(outcome.time, _step(outcome), outcome.horizon)
    figures |= _interval_figures(outcome, level, weeks)
    if outcome.bands is not None:
        bands = dict(zip(BANDS, outcome.bands.T, strict=True))
        calibrated = _interval_figures(outcome, bands, weeks)
        figures |= {f"calibrated_{name}": value for name, value in calibrated.items()}
    return figures


def _interval_figures(outcome: Outcome, ends: Mapping[str, Floats], weeks: Weeks) -> Scores:
    """Scores of the central intervals, from the log returns that they end at, by quantile."""
    figures: Scores = {}
    came, bp = outcome.actual_return, metrics.BASIS_POINTS
    for name, (lower, upper) in INTERVALS.items():
        low, high, level = ends[lower], ends[upper], int(name) / 100
        figures |= {
            f"coverage_{name}": metrics.coverage(low, high, came),
            f"width_{name}_bp": metrics.interval_width(low, high) * bp,
            f"interval_score_{name}_bp": metrics.interval_score(low, high, came, level) * bp,
            f"worst_week_{name}": weeks.worst((low <= came) & (came <= high), level),
        }
    return figures


def _step(outcome: Outcome) -> int:
    """From one candle to the next, µs: no two targets are nearer."""
    return max(int(np.min(np.diff(outcome.time), initial=WEEK)), 1)


def _volatility_figures(outcome: Outcome) -> Scores:
    """Scores of the variance forecast, in squared basis points."""
    if outcome.variance is None or not len(outcome):
        return {}
    unit = metrics.BASIS_POINTS**2
    variance, realised = outcome.variance * unit, outcome.realised_variance * unit
    return {
        "qlike": metrics.qlike(variance, realised),
        "volatility_r2": metrics.volatility_r2(variance, realised),
    }


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None
