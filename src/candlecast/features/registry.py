"""Every feature by its name, and the expression that a name stands for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache

import polars as pl

from candlecast.errors import InputError
from candlecast.features.calendar import calendar_features
from candlecast.features.candle import candle_features
from candlecast.features.flow import flow_features
from candlecast.features.market import Market, before
from candlecast.features.returns import MOMENTUM, return_features
from candlecast.features.seasonal import seasonal_features
from candlecast.features.talib import indicator, parse_indicator
from candlecast.features.volatility import volatility_features
from candlecast.features.volume import volume_features

OwnFeatures = Mapping[str, pl.Expr]
"""Features of a user's file by name."""

NO_OWN: OwnFeatures = {}

_LAGGED = re.compile(r"(?P<name>.+)@(?P<candles>[1-9]\d{0,5})")
_OF_MARKET = re.compile(r"(?P<symbol>[A-Z0-9]+):(?P<name>.+)")
_TALIB = "talib:"


def market_features(market: Market) -> dict[str, pl.Expr]:
    """Every feature that any market has."""
    return (
        candle_features(market)
        | return_features(market)
        | volatility_features(market)
        | seasonal_features(market)
        | volume_features(market)
        | flow_features(market)
    )


FEATURES: dict[str, pl.Expr] = market_features(Market()) | calendar_features()
"""Every feature of this market by its plain name; docs/features.md says what each is."""


def expression(name: str, own: OwnFeatures = NO_OWN) -> pl.Expr:
    """The expression over the columns of `feature_table` that a feature's name stands for.

    Args:
        name: A name in `FEATURES` or `own`; ``ETHUSDT:name`` for the same of another market, and
            ``ETHUSDT:lead_5`` for how much more that one rose; ``talib:RSI(timeperiod=14)`` for an
            indicator of TA-Lib; any of these and ``@3`` for its value 3 candles before.
        own: The features of the user's file.

    Raises:
        InputError: For a name that stands for nothing.
    """
    lagged = _LAGGED.fullmatch(name)
    if lagged is not None:
        return before(expression(lagged["name"], own), int(lagged["candles"]))
    if name in FEATURES or name in own:
        return (FEATURES | dict(own))[name]
    if name.startswith(_TALIB):
        return indicator(name)
    of_market = _OF_MARKET.fullmatch(name)
    known = [*FEATURES, *own] if of_market is None else list(_of_other_market("X"))
    if of_market is not None and of_market["name"] in known:
        return _of_other_market(of_market["symbol"])[of_market["name"]]
    raise _unknown(name, name if of_market is None else of_market["name"], known)


def check_names(names: Iterable[str], *, with_own: bool = False) -> None:
    """Raise an `InputError` for a name that stands for no feature.

    Args:
        names: As `expression` takes them. Of an indicator only the way it is written is checked.
        with_own: Whether a plain name that is not known may be one of the user's file.
    """
    for name in names:
        lagged = _LAGGED.fullmatch(name)
        plain = name if lagged is None else lagged["name"]
        if plain.startswith(_TALIB):
            parse_indicator(plain)
        elif not (with_own and plain.isidentifier()):
            expression(plain)


@cache
def _of_other_market(symbol: str) -> dict[str, pl.Expr]:
    """Every feature of another market; 0 where it has no candle."""
    market = Market(f"{symbol}:")
    features = market_features(market)
    for candles in (1, *MOMENTUM):
        name = "scaled_return" if candles == 1 else f"momentum_{candles}"
        features[f"lead_{candles}"] = features[name] - FEATURES[name]
    unknown = market.column("close").is_null()
    return {
        name: pl.when(unknown).then(0.0).otherwise(feature) for name, feature in features.items()
    }


def _unknown(name: str, plain: str, known: list[str]) -> InputError:
    near = difflib.get_close_matches(plain, known, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known features: {', '.join(known)}."
    return InputError(f"feature '{name}' is not known. {hint}")
