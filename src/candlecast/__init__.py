"""candlecast forecasts market candles and says honestly how good the forecast is.

::

    import candlecast

    recipe = candlecast.Recipe.load("article")
    candles = candlecast.read("Binance_BTCUSDT_minute.csv.gz")
    run = candlecast.run(recipe, candles, out="runs/article")
    print(run.scorecard.verdicts)
    print(run.forecasts)
"""

from typing import TYPE_CHECKING, Any

from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError, RunInterruptedError
from candlecast.forecast import Forecast
from candlecast.recipe import Recipe
from candlecast.simulate import SimulatedMarket, simulate
from candlecast.sources import read

if TYPE_CHECKING:
    from candlecast.experiment import Run, predict, run

__version__ = "0.1.0"

__all__ = [
    "CandlecastError",
    "Candles",
    "Forecast",
    "InputError",
    "Recipe",
    "Run",
    "RunInterruptedError",
    "SimulatedMarket",
    "predict",
    "read",
    "run",
    "simulate",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch and Lightning (seconds) only when it is asked for."""
    if name in ("Run", "predict", "run"):
        from candlecast import experiment

        return getattr(experiment, name)
    raise AttributeError(f"module 'candlecast' has no attribute '{name}'")
