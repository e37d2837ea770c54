"""`Foreign`: what an adapter asks of another library's model, and how it is kept quiet."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from lightning.pytorch.utilities.seed import isolate_rng
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.progress import Progress
from candlecast.recipe import Count, Option, Recipe

_LOGGERS = (
    *("lightning.pytorch", "lightning.fabric", "lightning_fabric", "pytorch_lightning"),
    *("chronos", "transformers"),
)


class AdapterSettings(BaseModel):
    """All that a foreign model's forecasts depend on, apart from what it learns.

    Attributes:
        network: Whose model it is.
        options: Which one, and how it is made.
        horizons: Candles ahead.
        lookback: Values that the model reads at a time.
        seed: Of its first weights and its training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["neuralforecast", "chronos"]
    options: dict[str, Option]
    horizons: Annotated[tuple[Count, ...], Field(min_length=1)]
    lookback: Count
    seed: int

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """What a recipe says of its model; it must have one."""
        model = recipe.needed_model()
        return cls.model_validate(
            {
                "network": model.network,
                "options": model.options,
                "horizons": recipe.horizons,
                "lookback": recipe.windows.lookback,
                "seed": recipe.seed,
            }
        )


class Said(NamedTuple):
    """What a model says, in units of the volatility known at each origin.

    Attributes:
        location: Of the log return; shape [origins, horizons].
        width: How far it says that it may err, 1 where it says nothing of that; likewise.
    """

    location: Floats
    width: Floats


class Foreign(Protocol):
    """Another library's model; to make one raises an `InputError` if it cannot be had as asked."""

    @property
    def name(self) -> str:
        """A lower-case word, such as ``nhits``."""
        ...

    @property
    def options(self) -> dict[str, Option]:
        """Those that it was made with, and all that must be the same when it is loaded again."""
        ...

    @property
    def network(self) -> nn.Module:
        """Its weights."""
        ...

    @property
    def rows(self) -> int:
        """Candles without a gap, the origin's included, that it needs to say something."""
        ...

    def learn(
        self, candles: Candles, train: range, start: nn.Module | None, progress: Progress
    ) -> int:
        """Learn anew from the train rows, from the weights of `start` if there is one.

        Returns:
            Epochs, as its library counts them.
        """
        ...

    def said(self, candles: Candles, origins: NDArray[np.int64], progress: Progress) -> Said:
        """What it says at an origin or more; no origin's answer may hang on another's."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it learned."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take up what was learned."""
        ...


@contextmanager
def quiet() -> Iterator[None]:
    """Keep a library's advice off the terminal, its prints off stdout, its seeds to itself."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with isolate_rng(), warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
