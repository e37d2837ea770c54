"""The sections of a recipe, each checked for itself."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from candlecast.conformal import GAIN
from candlecast.intervals import IntervalText, as_utc

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
BaselineName = Literal["persistence", "drift", "seasonal_naive", "ar", "ewma_t", "garch_t", "har"]
TREES = "lightgbm"
"""The network that is none: boosted trees, which need no training settings."""
NEURALFORECAST, CHRONOS = "neuralforecast", "chronos"
"""Models of other libraries, which read closes alone and are trained there or not at all."""
ENSEMBLE = "ensemble"
"""Several models as one."""
HeadName = Literal["student_t", "normal_mixture", "quantiles"]
_IMPORT_PATH = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"
Option = bool | int | float | str


def _not_a_number(moment: object) -> object:
    # Pydantic would read 2021 or 20210101 as seconds since 1970.
    if isinstance(moment, int | float):
        raise ValueError("write a date such as 2021-01-31, or 2021-01-31T12:00:00Z")
    return moment


def _a_refit(value: object) -> object:
    count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value != "month" and not count:
        raise ValueError("write month, or a count of candles such as 10080")
    return value


Moment = Annotated[datetime, BeforeValidator(_not_a_number), AfterValidator(as_utc)]


class Section(BaseModel):
    """A part of a recipe: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SimulationSettings(Section):
    """The market that is simulated where no candles are given.

    Attributes:
        rows: Candles.
        r2: The share of the next return's variance that can be predicted; 0 gives a martingale.
    """

    rows: Annotated[int, Field(ge=2, le=50_000_000)] = 40_000
    r2: Annotated[float, Field(ge=0, lt=1)] = 0.01


class DataSettings(Section):
    """Which candles are used.

    Attributes:
        start: Candles whose open time is at or after this (UTC where no zone is given).
        end: Candles whose open time is before this.
        interval: Resample to this interval, such as ``5m``; None keeps the file's.
        simulated: The market where no candles are given.
    """

    start: Moment | None = None
    end: Moment | None = None
    interval: IntervalText | None = None
    simulated: SimulationSettings = SimulationSettings()

    @model_validator(mode="after")
    def _start_before_end(self) -> DataSettings:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(f"start {self.start} is not before end {self.end}")
        return self


class WindowSettings(Section):
    """How windows are cut.

    Attributes:
        lookback: Past candles that the model sees, the origin's included.
        across_gaps: Whether a window may straddle a gap as if it were not there.
    """

    lookback: Count
    across_gaps: bool = False


class SplitSettings(Section):
    """How rows are divided in time order.

    Attributes:
        train: The share of rows that train.
        validation: The share of rows that stop the training and choose the epoch; ``test`` makes
            the choice on the test part itself, which flatters the score.
        embargo: Rows left out between parts.
    """

    train: Share
    validation: Share | Literal["test"]
    embargo: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> SplitSettings:
        if self.validation != "test" and self.train + self.validation >= 1:
            raise ValueError("train and validation together leave no test part")
        return self


class WalkForwardSettings(Section):
    """How a walk-forward refits and tests; each fold tests what follows its training.

    Attributes:
        start: The open time of the first candle that is tested; None leaves `first_train` before
            it, rounded up to a whole month where `refit` is one.
        first_train: The span, such as ``180d``, that the first fold trains (and validates) on.
        window: ``expanding`` trains on all that went before, ``rolling`` on the last `first_train`.
        refit: A fold each calendar ``month``, or each so many candles.
        validation: The share of each fold's training span that stops the training and chooses the
            epoch; it is the newest part of it.
        warm_start: Whether a network starts from the weights of the fold before.
    """

    start: Moment | None = None
    first_train: IntervalText = "180d"
    window: Literal["expanding", "rolling"] = "expanding"
    refit: Annotated[Literal["month"] | Count, BeforeValidator(_a_refit)] = "month"
    validation: Share = 0.1
    warm_start: bool = False


class CalibrationSettings(Section):
    """How the bands are kept to what they promise; see `candlecast.conformal`.

    Attributes:
        adaptive: Whether bands are shown, and scored, that follow the outcomes.
        gain: How fast they follow: the log of the width for each outcome that was missed.
    """

    adaptive: bool = True
    gain: Annotated[float, Field(gt=0, le=0.1)] = GAIN


class ModelSettings(Section):
    """Which network, and its options.

    Attributes:
        network: A name from `candlecast.models.networks.BODIES`, or from its `NETWORKS` where it is
            trained on windows; ``lightgbm`` for boosted trees, which make nothing of
            `members`, `dropout` and training settings; ``neuralforecast`` or ``chronos``
            for a model of that library, which knows no features and no training settings either;
            ``ensemble`` for those of `of` together; or the user's own, such as
            ``my_package.my_module:MyBody``.
        options: What the network's constructor takes beside its inputs and outputs; and, of
            another library, which ``model``, or which folder of ``weights``.
        head: What the network's outputs mean: Student's t, a mixture of normal distributions, or
            quantiles; see `candlecast.models.sequence.heads`.
        members: Networks that learn side by side from other first weights; their mean forecasts.
        dropout: The share of values that is dropped before the outputs while training.
        linear: The penalty of the linear forecast of the next return that the network adds to; see
            `candlecast.models.location.directional`. None does without.
        of: An ensemble's members: models as here, or baselines by name.

    Which of these keys a kind of model reads is said in `candlecast.recipe.kinds`.
    """

    network: str
    options: dict[str, Option] = {}
    head: HeadName = "student_t"
    members: Annotated[int, Field(ge=1, le=64)] = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    linear: Annotated[float, Field(gt=0)] | None = None
    of: tuple[ModelSettings, ...] = ()

    @property
    def name(self) -> str:
        """What it is called beside the other models."""
        named = self.options.get("model") if self.network == NEURALFORECAST else None
        return network_name(str(named or self.network))

    @property
    def is_baseline(self) -> bool:
        """Whether it goes by a baseline's name."""
        return self.name in get_args(BaselineName)

    @field_validator("network")
    @classmethod
    def _a_name_or_a_path(cls, network: str) -> str:
        if ":" in network and not re.fullmatch(_IMPORT_PATH, network):
            raise ValueError("write your own network as my_package.my_module:MyNetwork")
        if ":" in network and network_name(network) in get_args(BaselineName):
            raise ValueError("a baseline has this name; give the network another")
        return network


class TrainingSettings(Section):
    """How the network is trained.

    Attributes:
        sequence: Rows of a sequence with a target at every step. None trains on windows, with a
            target at their end alone.
        learning_rate: Adam's; the highest of one cycle.
        schedule: ``constant``, or ``one_cycle`` that warms up and cools down to the last epoch.
        weight_decay: AdamW's.
        clip: The longest gradient that is followed whole; None follows any.
        precision: Of the network's products while it learns; weights and losses stay ``float32``.
            ``bfloat16`` is faster where the processor multiplies such matrices by itself.
        batch_size: Windows or sequences a step.
        steps: Steps an epoch, on sequences drawn at random; None takes as many as go once through
            the train rows.
        mirror: Whether sequences also learn from the market turned upside down, where every price
            p is 1/p.
        shuffle: Whether windows are drawn in a new order each epoch, or in time order; sequences
            always are drawn.
        min_epochs: Epochs before early stopping may end the training. As Lightning does it, a stop
            that was called for earlier takes place then, whatever the epochs since were worth.
        max_epochs: Epochs at most.
        patience: Epochs without a better validation loss before the training ends.
    """

    sequence: Count | None = None
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "one_cycle"] = "constant"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    batch_size: Count
    steps: Count | None = None
    mirror: bool = False
    shuffle: bool = False
    min_epochs: Count = 1
    max_epochs: Count
    patience: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _epochs_in_order(self) -> TrainingSettings:
        if self.min_epochs > self.max_epochs:
            raise ValueError(
                f"min_epochs {self.min_epochs} is above max_epochs {self.max_epochs}; set both"
            )
        return self


def network_name(network: str) -> str:
    """What a network is called in tables: its name, or the user's class in lower case."""
    return network.rpartition(":")[2].lower()
