"""What a recipe's features come to on some candles: which there are, and which are left out."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import NO_OWN, OwnFeatures, expression, usable
from candlecast.features.compute import Dropped, check_computable
from candlecast.features.own import load_own_features, own_features
from candlecast.recipe import Recipe

_log = logging.getLogger("candlecast")

_WORDS = {
    "quote_volume": "quote volumes",
    "trades": "trade counts",
    "taker_buy_volume": "taker volumes",
    "taker_buy_quote_volume": "taker quote volumes",
}


def with_inputs(recipe: Recipe, candles: Candles) -> tuple[Recipe, Dropped]:
    """A recipe with the features filled in that its network really reads.

    Args:
        recipe: Its `features`, its `market_features` for each market beside the candles, and its
            `features_file`, which is executed here.
        candles: The candles after the recipe's `data` section, with their other markets.

    Returns:
        The recipe, and the features that these candles do not allow; a warning names them.

    Raises:
        InputError: If no feature is left, one is unknown or reads a market that is not there, or
            the features file is not what it should be.
    """
    recipe = _with_file(recipe)
    own = own_of(recipe)
    wanted = _wanted(recipe, candles)
    kept, dropped = usable(candles, wanted, own)
    if wanted and not kept:
        raise InputError(
            f"none of the recipe's features can be computed: {_lacks(dropped, candles)}. Give "
            "candles that have these, or other features."
        )
    warn_of_unread_markets(candles, kept, own)
    if dropped:
        _log.warning("%s", _lacks(dropped, candles))
    plain = dict.fromkeys(name.partition("@")[0] for name in kept)
    check_computable(candles, [name for name in plain if name in own], own)
    return recipe.model_copy(update={"features": tuple(kept)}), dropped


def resolve_features(recipe: Recipe, candles: Candles) -> tuple[str, ...]:
    """The features that a recipe's network really reads, in order; see `with_inputs`."""
    return with_inputs(recipe, candles)[0].features


def own_of(recipe: Recipe) -> OwnFeatures:
    """The user's features of a recipe that `with_inputs` gave."""
    return NO_OWN if recipe.features_file is None else own_features(recipe.features_file_sha256)


def _with_file(recipe: Recipe) -> Recipe:
    """The recipe with the hash of its features file, which is executed."""
    if recipe.features_file is None:
        return recipe
    sha256 = load_own_features(recipe.features_file, recipe.features_file_sha256)
    return recipe.model_copy(update={"features_file_sha256": sha256})


def _wanted(recipe: Recipe, candles: Candles) -> list[str]:
    """The recipe's features, then those of each other market, each once."""
    others = [f"{symbol}:{name}" for symbol in candles.markets for name in recipe.market_features]
    return list(dict.fromkeys([*recipe.features, *others]))


def warn_of_unread_markets(candles: Candles, features: Sequence[str], own: OwnFeatures) -> None:
    """Warn of other markets that stand beside the candles and that no feature reads."""
    read = {column for name in features for column in expression(name, own).meta.root_names()}
    for symbol in candles.markets:
        if not any(column.startswith(f"{symbol}:") for column in read):
            _log.warning(
                "%s stands beside these candles and no feature reads it: name features of it in "
                "market_features, or leave it out",
                symbol,
            )


def _lacks(dropped: Dropped, candles: Candles) -> str:
    """Which columns these candles lack, and which features that costs."""
    features: dict[str, list[str]] = {}
    for name, columns in dropped.items():
        some = any(column in candles.frame for column in columns)
        where = "in some of these candles" if some else "in these candles"
        features.setdefault(f"no {_told(columns)} {where}", []).append(name)
    return "; ".join(f"{lack}: left out {', '.join(names)}" for lack, names in features.items())


def _told(columns: Sequence[str]) -> str:
    parts = [column.rpartition(":") for column in columns]
    words = [f"{_WORDS[name]}{f' of {symbol}' if symbol else ''}" for symbol, _, name in parts]
    return ", ".join(words)
