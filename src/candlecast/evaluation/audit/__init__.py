"""The leak audit: change the future, and see whether anything that was known before it moves.

What belongs to a row is known at that row's close, so nothing after the row may reach it: no
feature, no scaled input, no forecast. What a model learned is known before the test part begins, so
nothing from there on may reach it. Each check changes, shuffles and deletes what comes after a row
(`futures`), computes again, and compares to the bit (`look_ahead`). It knows nothing of how a
feature or a model is made, so those of others are audited as our own are::

    audit_features(candles, {"slope": pl.col("close").diff(5), "mine": my_function})
    audit_forecaster(MyModel, candles, split)

`audit` does all that there is to do for a recipe. A leak that is found is proven. A clean finding
says that nothing moved at the rows that were tried; of a feature these are many (`few_rows`), and
the user's own are computed without the second half of all candles too (`far_ahead`). What was
computed elsewhere no other future can move: such a feature is told by ignoring its candles
(`elsewhere`), such a model by forecasting otherwise once fitted with other test rows (`learning`).
"""

from candlecast.evaluation.audit.far_ahead import audit_far_ahead
from candlecast.evaluation.audit.features import audit_features
from candlecast.evaluation.audit.findings import Audit, Finding
from candlecast.evaluation.audit.forecasts import ShowsInputs
from candlecast.evaluation.audit.last_candle import audit_last_candle
from candlecast.evaluation.audit.models import audit_forecaster
from candlecast.evaluation.audit.parts import audit_split, audit_windows
from candlecast.evaluation.audit.preparation import audit_preparation, audit_resampling
from candlecast.evaluation.audit.whole import audit

__all__ = [
    "Audit",
    "Finding",
    "ShowsInputs",
    "audit",
    "audit_far_ahead",
    "audit_features",
    "audit_forecaster",
    "audit_last_candle",
    "audit_preparation",
    "audit_resampling",
    "audit_split",
    "audit_windows",
]
