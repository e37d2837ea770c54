"""Boosted trees as a `Forecaster` of whole distributions: location and variance, each by trees.

They read what a sequence network reads of a candle, and no candle before it: what went before is in
the features. One forest says how the next return lies beside the linear forecast; one for each
horizon says how the realised variance grows from the horizon before, so that it always grows.
Around the location lies Student's t, as wide beside that variance, and with as fat tails, as the
errors on the validation rows were.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from candlecast.candles import Candles
from candlecast.distributions import Floats, StudentT
from candlecast.errors import InputError
from candlecast.forecast import Forecast
from candlecast.models.boosting.trees import Ground, Growth, Inputs, TreeOptions, Trees
from candlecast.models.forecaster import State
from candlecast.models.in_price import in_price
from candlecast.models.location.shares import checked_shares, fit_shares
from candlecast.models.networks import checked_options
from candlecast.models.sequence.inputs import (
    SequenceInputs,
    features_of,
    learn_inputs,
    sequence_targets,
)
from candlecast.models.sequence.rows import learned_from, no_origin, until, warm_origins
from candlecast.models.spread import fit_spread
from candlecast.progress import Progress
from candlecast.recipe import TREES, Count, Option, Recipe
from candlecast.splits import Split
from candlecast.training import TrainingOutcome

_log = logging.getLogger("candlecast")
_WIDEST_RETURN = 6.0  # volatilities: rare extremes must not rule the fit
_LEAST_RATE, _GREATEST_RATE = 1e-4, 1e3  # of variance a candle, over the variance known beforehand


class BoostingSettings(BaseModel):
    """All that the trees' forecasts depend on, apart from what they learn.

    Attributes:
        options: See `TreeOptions`.
        linear: The penalty of the linear forecast that they add to; None does without.
        features: The inputs, in order.
        features_file_sha256: Of the user's own features among them.
        horizons: Candles ahead.
        lookback: Rows that a segment must have before a forecast is made.
        seed: Of what is drawn for each tree.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    options: dict[str, Option]
    linear: float | None
    features: tuple[str, ...]
    features_file_sha256: str | None = None
    horizons: Annotated[tuple[Count, ...], Field(min_length=1)]
    lookback: Count
    seed: int

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """What a recipe says of its model; it must have one."""
        model = recipe.needed_model()
        return cls(
            options=model.options,
            linear=model.linear,
            features=recipe.features,
            features_file_sha256=recipe.features_file_sha256,
            horizons=recipe.horizons,
            lookback=recipe.windows.lookback,
            seed=recipe.seed,
        )


class Said(NamedTuple):
    """What the trees say, in units of the volatility known at the origin.

    Attributes:
        linear: The linear forecast of the next return; shape [origins].
        added: What the trees add to it; likewise.
        variance: The realised variance; shape [origins, horizons].
    """

    linear: Floats
    added: Floats
    variance: Floats


class BoostingForecaster:
    """Boosted trees for the location and the variance, each by itself.

    Args:
        settings: What to grow.
        checkpoints: Not used: what is interrupted begins anew.
        progress: Where progress is shown.
    """

    def __init__(
        self,
        settings: BoostingSettings,
        checkpoints: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.settings = settings
        options: dict[str, Any] = checked_options(self.name, TreeOptions, settings.options)
        self.options = TreeOptions(**options)
        self.checkpoints = checkpoints
        self.progress = progress or Progress(shown=False)
        self.network_: nn.Module | None = None  # trees have no weights for the next fit to start
        self.start: nn.Module | None = None  # from, so this is not used either
        self.inputs_: SequenceInputs
        self.location_: Trees
        self.variance_: tuple[Trees, ...] = ()  # one for each horizon
        self.shares_: Floats = np.ones(2)  # of the linear forecast and of what the trees add
        self.spread_: Floats  # of the standardised returns: scale, degrees, mean square; [3, h]
        self.outcome_: TrainingOutcome
        self.prepare_s_ = 0.0

    @property
    def name(self) -> str:
        """The library's name."""
        return TREES

    @property
    def parameters(self) -> int:
        """How many numbers the trees learned."""
        return sum(trees.parameters for trees in (self.location_, *self.variance_))

    def fit(self, candles: Candles, split: Split) -> Self:
        """Fit scaler, linear forecast and trees on the train rows, the rest on the validation rows.

        The validation rows choose how many trees there are, how far each part of the location is
        believed, and the spread.

        Raises:
            InputError: If a part has no origin.
            MissingCodeError: If LightGBM is not installed.
        """
        began = time.perf_counter()
        candles, split = learned_from(candles, split)
        train = self._known("train", until(candles, split.train.stop), split.train)
        checked = self._known("validation", candles, split.validation)
        upright, turned = self._learn_inputs(candles, split.train)
        both = np.concatenate([upright[train], turned[train]])
        ground = Ground(both, upright[checked], self.options, self.settings.seed)
        self.prepare_s_ = time.perf_counter() - began
        returns, rates = self._targets(candles)
        near = (returns[:, 0] / self._root).clip(-_WIDEST_RETURN, _WIDEST_RETURN)
        total = self.options.rounds * (1 + len(self.settings.horizons))
        self.progress.start(f"trees of {self.name}", total=total)
        self.location_, growth = ground.grow(
            "regression",
            np.concatenate([near[train], -near[train]]) - both[:, -1],
            near[checked] - upright[checked, -1],
            self.progress.advance,
        )
        self.variance_ = tuple(
            ground.grow("gamma", np.tile(rate[train], 2), rate[checked], self.progress.advance)[0]
            for rate in rates.T
        )
        self.outcome_ = _outcome(growth)
        _log.info(
            "%s: %d of %d trees kept for the location", self.name, growth.best, len(growth.history)
        )
        held_out = train if split.validates_on_test else checked
        self._weigh(self._said(upright[held_out]), returns[held_out])
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """The rows before which there is enough to warm up on; it may lie before `rows`."""
        return warm_origins(
            candles, rows, self.settings.lookback, self.settings.horizons, known=known
        )

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """What the trees say of the origins, in price."""
        seen = until(candles, int(origins[-1]) + 1 if len(origins) else 0)
        said = self._said(self.inputs(seen)[origins].numpy())
        scale, degrees, _ = self.spread_
        width = np.sqrt(said.variance) * scale
        return in_price(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            spread=StudentT(
                np.broadcast_to(self._location(said)[:, None], width.shape),
                width,
                degrees[None, :],
            ),
            variance=said.variance,
        )

    def inputs(self, candles: Candles) -> Tensor:
        """What the trees read of every candle; shape [rows, features + 1]."""
        return self.inputs_.read(self._features(candles))

    def state(self) -> State:
        """The settings, the scaler, the linear forecast and the trees."""
        document = {
            "settings": self.settings.model_dump(mode="json"),
            "shares": self.shares_.tolist(),
            "spread": self.spread_.tolist(),
        }
        arrays: dict[str, NDArray[Any]] = {}
        forests = zip(self._forests, (self.location_, *self.variance_), strict=True)
        for forest, trees in forests:
            arrays |= {f"{forest}.{name}": array for name, array in trees.arrays().items()}
        return self.inputs_.added_to(State(document, arrays))

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again, to the bit."""
        model = cls(BoostingSettings.model_validate(state.document["settings"]))
        model.inputs_, trees = SequenceInputs.taken_from(state, model.settings.features)
        model.shares_ = checked_shares(state.document["shares"])
        model.spread_ = np.asarray(state.document["spread"], dtype=np.float64)
        model.location_, *variance = (
            Trees(**{each.name: trees[f"{forest}.{each.name}"] for each in fields(Trees)})
            for forest in model._forests
        )
        model.variance_ = tuple(variance)
        if max(each.inputs for each in (model.location_, *variance)) > model.inputs_.width:
            raise ValueError("trees that ask for more inputs than there are")
        return model

    def no_window(self, part: str, rows: int) -> str:
        """Why a part of the rows has no origin, in words."""
        return no_origin(part, rows, self.settings.lookback, self.settings.horizons)

    @property
    def _forests(self) -> tuple[str, ...]:
        """What the trees' arrays are saved under: those of the location, then of each horizon."""
        return ("location", *(f"variance.{horizon}" for horizon in self.settings.horizons))

    def _known(self, part: str, candles: Candles, rows: range) -> NDArray[np.int64]:
        """The origins of a part whose targets are there."""
        origins = self.origins(candles, rows, known=True)
        if not origins.size:
            raise InputError(self.no_window(part, len(rows)))
        return origins

    def _features(self, candles: Candles) -> Floats:
        return features_of(candles, self.settings.features, self.settings.features_file_sha256)

    def _learn_inputs(self, candles: Candles, train: range) -> tuple[Inputs, Inputs]:
        """What is read of every candle, and of every candle of the mirrored market."""
        targets = sequence_targets(until(candles, train.stop), self.settings.horizons)
        self.inputs_, upright, mirrored = learn_inputs(
            candles, self.settings, train, targets[:, 0] / self._root
        )
        return self.inputs_.read(upright).numpy(), self.inputs_.read(mirrored).numpy()

    def _targets(self, candles: Candles) -> tuple[Floats, Floats]:
        """Returns, and variance a candle between one horizon and the next; [rows, horizons]."""
        targets = sequence_targets(candles, self.settings.horizons).double().numpy()
        returns, realised = np.split(targets, 2, axis=1)
        rates = np.diff(realised, axis=1, prepend=0.0) / self._gaps
        return returns, rates.clip(_LEAST_RATE, _GREATEST_RATE)

    @property
    def _root(self) -> float:
        """How much further a return goes to the first horizon than to the next candle."""
        return math.sqrt(self.settings.horizons[0])

    @property
    def _gaps(self) -> NDArray[np.int64]:
        """Candles from one horizon to the next."""
        return np.diff(self.settings.horizons, prepend=0)

    def _said(self, inputs: Inputs) -> Said:
        rates = np.stack([np.exp(trees(inputs)) for trees in self.variance_], axis=1)
        variance: Floats = (rates * self._gaps).cumsum(axis=1)
        linear = inputs[:, -1].astype(np.float64)
        return Said(self._root * linear, self._root * self.location_(inputs), variance)

    def _location(self, said: Said) -> Floats:
        """Where the return lies: beyond the first horizon nothing more is said to come."""
        return np.asarray(self.shares_[0] * said.linear + self.shares_[1] * said.added)

    def _weigh(self, said: Said, returns: Floats) -> None:
        """Learn from rows that check how far what is said is to be believed, and how wide it is."""
        width = np.sqrt(said.variance)
        self.shares_ = fit_shares(said.linear, said.added, width[:, 0], returns[:, 0])
        errors = (returns - self._location(said)[:, None]) / width
        self.spread_ = fit_spread(errors, self.settings.horizons)


def _outcome(growth: Growth) -> TrainingOutcome:
    """The location's trees, as epochs: a tree is one look at the train rows."""
    best = growth.history[growth.best - 1]
    return TrainingOutcome(growth.best, len(growth.history), best["val_loss"], growth.history)
