"""A network that reads candles in sequence, as a `Forecaster` of whole distributions.

It learns from every step of its sequences: what it says of each row is held against what came after
that row. It works in units of the volatility known at the origin, so that a calm night and a crash
look alike, and it carries its memory on from candle to candle, so that a new forecast costs one
step.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from candlecast.candles import Candles
from candlecast.distributions import Distribution, Floats
from candlecast.errors import InputError
from candlecast.forecast import Forecast
from candlecast.models.forecaster import State
from candlecast.models.in_price import in_price
from candlecast.models.location.shares import checked_shares, fit_shares
from candlecast.models.networks import build_body
from candlecast.models.sequence.batches import training_sequences, validation_sequences
from candlecast.models.sequence.bodies.body import Memory
from candlecast.models.sequence.heads import HEADS, Head, Said
from candlecast.models.sequence.inputs import (
    SequenceInputs,
    features_of,
    learn_inputs,
    sequence_targets,
)
from candlecast.models.sequence.network import Member, SequenceNetwork
from candlecast.models.sequence.rows import learned_from, no_origin, until, warm_origins
from candlecast.models.trained_network import TrainedNetwork
from candlecast.recipe import (
    Count,
    HeadName,
    Option,
    Recipe,
    TrainingSettings,
)
from candlecast.splits import Split
from candlecast.threads import one_thread
from candlecast.windows import WindowBatches

_log = logging.getLogger("candlecast")
_ROWS_AT_ONCE = 16_384  # that a forecast reads before it writes down what was said
_LATER_SHARE = 1 / 3  # of what is said to come after the first horizon: spans that overlap as these
# do tell too little on the validation rows, so this was chosen on the walk-forward of 2021 and 2022


class SequenceSettings(BaseModel):
    """All that a sequence network's forecasts depend on, apart from what it learns.

    Attributes:
        network: The bodies' name, or where to import them from.
        options: What their constructor takes.
        head: What their outputs mean, by its name in `HEADS`.
        members: How many of them there are.
        dropout: The share of values dropped before the outputs while training.
        linear: The penalty of the linear forecast that they add to; None does without.
        features: The inputs, in order.
        features_file_sha256: Of the user's own features among them.
        horizons: Candles ahead.
        lookback: Rows that a segment must have before a forecast is made.
        seed: Of the first weights and the training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    options: dict[str, Option]
    head: HeadName = "student_t"
    members: Count
    dropout: float
    linear: float | None
    features: tuple[str, ...]
    features_file_sha256: str | None = None
    horizons: Annotated[tuple[Count, ...], Field(min_length=1)]
    lookback: Count
    seed: int

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """What a recipe says of its network; it must have one."""
        model = recipe.needed_model()
        return cls(
            **model.model_dump(exclude={"of"}),
            features=recipe.features,
            features_file_sha256=recipe.features_file_sha256,
            horizons=recipe.horizons,
            lookback=recipe.windows.lookback,
            seed=recipe.seed,
        )


class SequenceForecaster(TrainedNetwork[SequenceSettings, SequenceNetwork]):
    """Any body of `candlecast.models.networks`, trained on every step of sequences of candles.

    Its arguments are those of `TrainedNetwork`.
    """

    inputs_: SequenceInputs
    shares_: Floats = np.ones(2)  # of the linear forecast and of what the network adds

    @cached_property
    def head(self) -> Head:
        """What the network's outputs mean."""
        return HEADS[self.settings.head](self.settings.horizons)

    def fit(self, candles: Candles, split: Split) -> Self:
        """Fit scaler and linear forecast on the train rows, train the network, weigh the two.

        The validation rows choose the epoch, and how far each part of the location is believed.

        Raises:
            InputError: If a part has too few rows for a sequence.
            RunInterruptedError: If Ctrl-C was pressed.
        """
        settings, self.shares_ = self._begin_anew(), np.ones(2)
        began = time.perf_counter()
        candles, split = learned_from(candles, split)
        training, validation = self._prepare(candles, split, settings)
        self.prepare_s_ = time.perf_counter() - began
        _log.info(
            "%s: %s parameters, %s steps an epoch",
            *(self.name, f"{self.parameters:,}", f"{len(training):,}"),
        )
        with one_thread():
            self._train(self.head, settings, training, validation)
        if not split.validates_on_test:
            self.shares_ = self._fit_shares(candles, split.validation)
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """The rows before which there is enough to warm up on; it may lie before `rows`."""
        return warm_origins(
            candles, rows, self.settings.lookback, self.settings.horizons, known=known
        )

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """Read every segment from its start, and write down what is said at the origins."""
        seen = until(candles, int(origins[-1]) + 1 if len(origins) else 0)
        inputs = self.inputs(seen)
        said = self._says(seen, inputs, origins)
        linear = self._root * inputs[origins, -1].double().numpy()
        return in_price(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            spread=self._believed(said.spread, linear),
            variance=said.variance,
        )

    def inputs(self, candles: Candles) -> Tensor:
        """What the network reads of every candle; shape [rows, features + 1]."""
        return self.inputs_.read(self._features(candles))

    def state(self) -> State:
        """The settings, the scaler, the linear forecast and the weights."""
        document = {
            "settings": self.settings.model_dump(mode="json"),
            "shares": self.shares_.tolist(),
        }
        weights = self.network_.state_dict()
        return self.inputs_.added_to(
            State(document, {name: value.cpu().numpy() for name, value in weights.items()})
        )

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same model again, to the bit."""
        model = cls(SequenceSettings.model_validate(state.document["settings"]))
        model.inputs_, weights = SequenceInputs.taken_from(state, model.settings.features)
        model.shares_ = checked_shares(state.document["shares"])
        model.network_.load_state_dict(
            {name: torch.from_numpy(value) for name, value in weights.items()}
        )
        return model

    def no_window(self, part: str, rows: int) -> str:
        """Why a part of the rows has no origin, in words."""
        return no_origin(part, rows, self.settings.lookback, self.settings.horizons)

    def _fresh_network(self) -> SequenceNetwork:
        settings = self.settings
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            return SequenceNetwork(
                [
                    Member(
                        build_body(
                            settings.network,
                            inputs=len(settings.features) + 1,
                            options=settings.options,
                        ),
                        self.head.outputs,
                        settings.dropout,
                    )
                    for _ in range(settings.members)
                ]
            )

    def _prepare(
        self, candles: Candles, split: Split, training: TrainingSettings
    ) -> tuple[WindowBatches, WindowBatches]:
        """Learn the inputs from the train rows, then lay out the sequences of both parts.

        Targets are computed from candles that end with their part, so that none reaches beyond it.
        """
        settings, rows = self.settings, slice(split.train.start, split.train.stop)
        targets = sequence_targets(until(candles, split.train.stop), settings.horizons)
        self.inputs_, upright, mirrored = learn_inputs(
            candles, settings, split.train, targets[:, 0] / self._root
        )
        inputs = self.inputs_.read(upright)
        segments = candles.segment_ids
        learning = training_sequences(
            *(inputs[: len(targets)], targets, segments, split.train, training),
            mirrored=self.inputs_.read(mirrored[: len(targets)]) if training.mirror else None,
            shortest=settings.lookback,
            seed=settings.seed,
        )
        if not (len(learning.origins) and _any_known(targets[rows])):
            raise InputError(self.no_window("train", len(split.train)))
        checked = sequence_targets(candles, settings.horizons)
        choosing = validation_sequences(inputs, checked, segments, split.validation, training)
        # The loss of nothing is 0, which would pass for a perfect one.
        known = _any_known(checked[split.validation.start : split.validation.stop])
        if not (len(choosing.origins) and known):
            raise InputError(self.no_window("validation", len(split.validation)))
        return learning, choosing

    @property
    def _root(self) -> float:
        """How much further a return goes to the first horizon than to the next candle."""
        return math.sqrt(self.settings.horizons[0])

    def _features(self, candles: Candles) -> Floats:
        return features_of(candles, self.settings.features, self.settings.features_file_sha256)

    def _says(self, candles: Candles, inputs: Tensor, origins: NDArray[np.int64]) -> Said:
        """What head and network say at the origins."""
        return self.head.cpu().says(self._outputs(candles, inputs, origins))

    def _outputs(self, candles: Candles, inputs: Tensor, origins: NDArray[np.int64]) -> Tensor:
        """What the network says at the origins; shape [origins, outputs]."""
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        network = self.network_.to(device).eval()
        outputs = torch.empty(len(origins), self.head.outputs)
        segment, pieces = candles.segment_ids, list(_pieces(candles, origins))
        self.progress.start(f"forecast of {self.name}", total=len(pieces))
        memory: list[Memory] = []
        with torch.inference_mode(), one_thread():
            for piece in pieces:
                if piece.start == 0 or segment[piece.start - 1] != segment[piece.start]:
                    memory = [()] * self.settings.members
                rows = inputs[piece.start : piece.stop][None].to(device)
                said, memory = network.advance(rows, memory)
                first, last = np.searchsorted(origins, [piece.start, piece.stop])
                outputs[first:last] = said[0, origins[first:last] - piece.start].cpu()
                self.progress.advance()
        return outputs

    def _fit_shares(self, candles: Candles, rows: range) -> Floats:
        """How far the linear forecast and what the network adds to it are to be believed.

        Both were fitted to the train rows and say too much of others. Their shares are those, from
        0 to 1, with which they come closest to the first horizon's returns on the validation rows.
        """
        origins = self.origins(candles, rows, known=True)
        if not len(origins):
            return np.ones(2)
        inputs = self.inputs(candles)
        spread = self._says(candles, inputs, origins).spread.at_horizon(0)
        linear = self._root * inputs[origins, -1].double().numpy()
        came = sequence_targets(candles, self.settings.horizons)[origins, 0].double().numpy()
        return fit_shares(linear, spread.location - linear, spread.width, came)

    def _believed(self, spread: Distribution, linear: Floats) -> Distribution:
        """What is said, around a location whose parts are taken by their shares."""
        location = spread.location
        first = self.shares_[0] * linear + self.shares_[1] * (location[:, 0] - linear)
        return spread.centred_at(first[:, None] + _LATER_SHARE * (location - location[:, :1]))


def _any_known(targets: Tensor) -> bool:
    """Whether a return and its realised variance are known at any row and horizon."""
    returns, realised = targets.chunk(2, dim=-1)
    return bool((returns.isfinite() & realised.isfinite()).any())


def _pieces(candles: Candles, origins: NDArray[np.int64]) -> Iterator[range]:
    """The rows to read for some origins: of each segment with any, from its start to the last."""
    segment = candles.segment_ids
    numbers, first_origins = np.unique(segment[origins], return_index=True)
    lasts = origins[np.append(first_origins[1:], len(origins)) - 1] if len(origins) else origins
    for first, last in zip(np.searchsorted(segment, numbers).tolist(), lasts.tolist(), strict=True):
        for start in range(first, last + 1, _ROWS_AT_ONCE):
            yield range(start, min(start + _ROWS_AT_ONCE, last + 1))
