"""candlecast forecasts market candles and says honestly how good the forecast is.

::

    import candlecast

    recipe = candlecast.Recipe.load("article")
    candles = candlecast.read("Binance_BTCUSDT_minute.csv.gz")
    run = candlecast.run(recipe, candles, out="runs/article")
    print(run.scorecard.verdicts)
    print(run.forecasts)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from candlecast.align import align
from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError, RunInterruptedError
from candlecast.recipe import Recipe
from candlecast.simulate import SimulatedMarket, simulate
from candlecast.sources import read
from candlecast.store import Span, Store

if TYPE_CHECKING:
    from candlecast.auditing import audit_recipe
    from candlecast.experiment import predict, run
    from candlecast.forecast import Forecast
    from candlecast.runs.finished import Run
    from candlecast.walk_forward import walkforward

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
    "Span",
    "Store",
    "align",
    "audit_recipe",
    "predict",
    "read",
    "run",
    "simulate",
    "walkforward",
]


_LAZY = {
    "Forecast": "candlecast.forecast",
    "Run": "candlecast.runs.finished",
    "audit_recipe": "candlecast.auditing",
    "predict": "candlecast.experiment",
    "run": "candlecast.experiment",
    "walkforward": "candlecast.walk_forward",
}


def __getattr__(name: str) -> Any:
    """Import what needs SciPy, torch or Lightning (seconds) only when it is asked for."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'candlecast' has no attribute '{name}'")
