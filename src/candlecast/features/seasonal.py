"""The volatility of the same time of the day, on the days before.

Markets have a daily rhythm: openings, fundings, reports. Sources: Andersen and Bollerslev 1997,
"Intraday periodicity and volatility persistence in financial markets".
"""

from __future__ import annotations

import polars as pl

from candlecast.features.market import Market, root

_SPANS = (10, 60)  # the coming candles whose like is looked for
_DAYS = {"day_before": 1, "week_before": 7}


def seasonal_features(market: Market) -> dict[str, pl.Expr]:
    """How volatile the span of candles that now comes was a day ago, and on average of a week."""
    return {
        f"{name}_{span}": pl.mean_horizontal(
            *(_days_ago(market, days, span) for days in range(1, most + 1))
        ).fill_null(0.0)
        for name, most in _DAYS.items()
        for span in _SPANS
    }


def _days_ago(market: Market, days: int, span: int) -> pl.Expr:
    """The volatility over the span that began so many days ago, as a ratio to the present one.

    Null in a segment's first days. Where a day has fewer candles than the span, the newest ones
    are taken: never any that are still to come.
    """
    variance = market.squared_returns.rolling_mean(span, min_samples=span)
    later = (days * pl.col("day_candles").first() - span).clip(lower_bound=0)
    return (root(variance.shift(later)) / market.volatility).log()
