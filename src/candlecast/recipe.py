"""`Recipe`: one experiment in one YAML file, every key checked."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from candlecast.checks import first_repeated
from candlecast.conformal import GAIN
from candlecast.errors import InputError
from candlecast.features import TargetName, check_names
from candlecast.intervals import IntervalText, as_utc
from candlecast.scaling import ScalerName
from candlecast.yaml_text import parse_yaml

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, lt=2**31)]
BaselineName = Literal["persistence", "drift", "seasonal_naive", "ar", "ewma_t", "garch_t", "har"]
TREES = "lightgbm"
"""The network that is none: boosted trees, which need no training settings."""
NEURALFORECAST, CHRONOS = "neuralforecast", "chronos"
"""Models of other libraries, which read closes alone and are trained there or not at all."""
HeadName = Literal["student_t", "normal_mixture", "quantiles"]
_IMPORT_PATH = r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*"
Option = bool | int | float | str
T = TypeVar("T")


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
            trained on windows; ``lightgbm`` for boosted trees, which know no `head`,
            no `members`, no `dropout` and no training settings; ``neuralforecast`` or ``chronos``
            for a model of that library, which knows no features and no training settings either;
            or the user's own, such as ``my_package.my_module:MyBody``.
        options: What the network's constructor takes beside its inputs and outputs; and, of
            another library, which ``model``, or which folder of ``weights``.
        head: What the network's outputs mean: Student's t, a mixture of normal distributions, or
            quantiles; see `candlecast.models.sequence.heads`.
        members: Networks that learn side by side from other first weights; their mean forecasts.
        dropout: The share of values that is dropped before the outputs while training.
        linear: The penalty of the linear forecast of the next return that the network adds to; see
            `candlecast.models.location.directional`. None does without.

    All but the first two are for networks that learn from every step.
    """

    network: str
    options: dict[str, Option] = {}
    head: HeadName = "student_t"
    members: Count = 1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    linear: Annotated[float, Field(gt=0)] | None = None

    @property
    def name(self) -> str:
        """What it is called beside the other models."""
        named = self.options.get("model") if self.network == NEURALFORECAST else None
        return network_name(str(named or self.network))

    @field_validator("network")
    @classmethod
    def _a_name_or_a_path(cls, network: str) -> str:
        if ":" in network and not re.fullmatch(_IMPORT_PATH, network):
            raise ValueError("write your own network as my_package.my_module:MyNetwork")
        if network_name(network) in get_args(BaselineName):
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


class Recipe(Section):
    """One experiment, from candles to score.

    Attributes:
        name: A short name, used for the run's folder.
        description: One sentence for people.
        seed: Of every random choice.
        data: Which candles are used.
        features_file: A Python file of the user's with features of their own; see
            `candlecast.features.own`.
        features_file_sha256: The file's hash. A run fills it in; where it is given, the file must
            have it.
        features: The network's inputs, by names that `candlecast.features.expression` knows.
        market_features: What is computed of every other market that is given beside the candles,
            and joins the inputs; none is given, none is computed.
        target: What is forecast: the later `close`, or the `log_return` from origin to target.
        horizons: Candles ahead, one forecast each.
        scaler: How inputs and target are scaled, fitted on the train part.
        windows: How windows are cut.
        split: How rows are divided.
        walkforward: How a walk-forward refits and tests.
        calibration: How the bands are kept to what they promise.
        baselines: What the network has to beat. Persistence and EWMA-t are always among them: the
            one is what every score is held against, the other the yardstick of volatility.
        model: Which network; None scores the baselines alone.
        training: How it is trained; needed with a network that is neither made of trees nor of
            another library.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    description: str = ""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    data: DataSettings = DataSettings()
    features_file: str | None = None
    features_file_sha256: str | None = None
    features: tuple[str, ...] = ()
    market_features: tuple[str, ...] = ()
    target: TargetName = "log_return"
    horizons: Annotated[tuple[Count, ...], Field(min_length=1)] = (1,)
    scaler: ScalerName = "standard"
    windows: WindowSettings = WindowSettings(lookback=1)
    split: SplitSettings
    walkforward: WalkForwardSettings = WalkForwardSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    baselines: tuple[BaselineName, ...] = get_args(BaselineName)
    model: ModelSettings | None = None
    training: TrainingSettings | None = None

    @field_validator("features")
    @classmethod
    def _known_features(cls, features: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        check_names(features, with_own=others.data.get("features_file") is not None)
        return _unique(features)

    @field_validator("market_features")
    @classmethod
    def _known_market_features(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        check_names(f"MARKET:{name}" for name in features)
        return _unique(features)

    @field_validator("horizons")
    @classmethod
    def _rising_horizons(cls, horizons: tuple[int, ...]) -> tuple[int, ...]:
        if list(horizons) != sorted(horizons):
            raise ValueError("horizons must rise")
        return _unique(horizons)

    @field_validator("baselines")
    @classmethod
    def _yardsticks_first(cls, baselines: tuple[BaselineName, ...]) -> tuple[BaselineName, ...]:
        _unique(baselines)
        chosen: set[BaselineName] = {"persistence", "ewma_t", *baselines}
        return tuple(name for name in get_args(BaselineName) if name in chosen)

    @model_validator(mode="after")
    def _no_key_that_nothing_reads(self) -> Recipe:
        if self.model is None:
            return self
        training, trees = self.training, self.model.network == TREES
        unread: dict[str, tuple[object, object]]
        if self.model.network in (NEURALFORECAST, CHRONOS):
            kind = "a model of another library"
            unread = {
                "features": (self.features, ()),
                "features_file": (self.features_file, None),
                "market_features": (self.market_features, ()),
                "target": (self.target, "log_return"),
                "scaler": (self.scaler, "standard"),
                "windows.across_gaps": (self.windows.across_gaps, False),
                "model.head": (self.model.head, "student_t"),
                "model.members": (self.model.members, 1),
                "model.dropout": (self.model.dropout, 0.0),
                "model.linear": (self.model.linear, None),
                "training": (training, None),
            }
        elif trees or training is None or training.sequence is not None:
            kind = "a model of trees" if trees else "a model that reads candles in sequence"
            unread = {
                "target": (self.target, "log_return"),
                "scaler": (self.scaler, "standard"),
                "windows.across_gaps": (self.windows.across_gaps, False),
            }
            if trees:
                unread["model.head"] = (self.model.head, "student_t")
        else:
            kind = "a network that learns from windows"
            unread = {
                "model.head": (self.model.head, "student_t"),
                "model.members": (self.model.members, 1),
                "model.dropout": (self.model.dropout, 0.0),
                "model.linear": (self.model.linear, None),
                "training.steps": (training.steps, None),
                "training.mirror": (training.mirror, False),
            }
        for key, (value, usual) in unread.items():
            if value != usual:
                raise ValueError(f"{kind} does not know '{key}'; leave it out")
        return self

    @model_validator(mode="after")
    def _a_network_whole_or_none(self) -> Recipe:
        if self.model is None and self.training is not None:
            raise ValueError("there is 'training' and no 'model' to train; give both or neither")
        needs: tuple[str, ...] = ("features", "windows", "training")
        if self.model is None:
            needs = ()
        elif self.model.network == TREES:
            needs = ("features", "windows")
        elif self.model.network in (NEURALFORECAST, CHRONOS):
            needs = ("windows",)
        for key in needs:
            given = key in self.model_fields_set and getattr(self, key) not in (None, ())
            if not given:
                raise ValueError(f"key '{key}' is missing or empty: the 'model' needs it")
        return self

    def needed_model(self) -> ModelSettings:
        """What it says of its model.

        Raises:
            InputError: If it has none.
        """
        if self.model is None:
            raise InputError(f"the recipe {self.name} has no network (key 'model').")
        return self.model

    @classmethod
    def load(cls, recipe: str | Path = "default", overrides: Sequence[str] = ()) -> Recipe:
        """Read a recipe by the name of a packaged one, or from a YAML file.

        Args:
            recipe: ``article``, ``default``, or the path of a YAML file.
            overrides: Settings such as ``training.max_epochs=1``, applied in order.

        Raises:
            InputError: If the recipe is not there or not YAML, or a key or value is wrong; the
                message names the key.
        """
        where, text = _recipe_text(recipe)
        tree = parse_yaml(text, where)
        if not isinstance(tree, dict):
            raise InputError(f"{where}: a recipe is a YAML mapping of keys to values.")
        if str(recipe) not in packaged_recipes() and isinstance(tree.get("features_file"), str):
            # It lies beside the recipe; one that an override names lies in the working folder.
            tree["features_file"] = str(Path(recipe).absolute().parent / tree["features_file"])
        for override in overrides:
            _apply(tree, override)
        return cls.from_tree(tree, where)

    @classmethod
    def from_tree(cls, tree: dict[str, Any], where: str = "recipe") -> Recipe:
        """Check a tree of keys and values; `where` is named in the error's message."""
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise InputError(f"{where}: " + "; ".join(_problems(error))) from error

    def to_yaml(self) -> str:
        """The recipe with every key in place, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def network_name(network: str) -> str:
    """What a network is called in tables: its name, or the user's class in lower case."""
    return network.rpartition(":")[2].lower()


def packaged_recipes() -> dict[str, str]:
    """The recipes that come with candlecast: name to YAML text."""
    folder = resources.files("candlecast") / "recipes"
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {
        Path(file.name).stem: file.read_text(encoding="utf-8")
        for file in files
        if file.name.endswith(".yaml")
    }


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    repeated = first_repeated(values)
    if repeated is not None:
        raise ValueError(f"{repeated} stands twice")
    return values


def _recipe_text(recipe: str | Path) -> tuple[str, str]:
    """Where a recipe is, for messages, and its text."""
    packaged = packaged_recipes()
    if str(recipe) in packaged:
        return f"recipe {recipe}", packaged[str(recipe)]
    path = Path(recipe)
    try:
        is_file = path.is_file()
    except OSError:  # a folder that may not be entered
        is_file = False
    if not is_file:
        raise InputError(
            f"there is no recipe '{recipe}'. Packaged recipes: {', '.join(packaged)}; anything "
            "else is read as the path of a YAML file."
        )
    try:
        return str(path), path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: the recipe cannot be read ({_one_line(error)}).") from error


def _apply(tree: dict[str, Any], override: str) -> None:
    """Set one dotted key in the tree."""
    dotted, equals, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"--set {override}: write key=value, such as training.max_epochs=1.")
    value = parse_yaml(text, f"--set {override}")
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise InputError(f"--set {override}: '{key}' holds a value, not further keys.")
    tree[keys[-1]] = value


def _problems(error: ValidationError) -> list[str]:
    """Each wrong key once: of the ways that a value may be written, the first that it fails."""
    problems: dict[tuple[str, ...], str] = {}
    for detail in error.errors():
        keys = _keys(detail["loc"])
        if not any(known[: len(keys)] == keys for known in problems):
            problems[keys] = _explain(keys, dict(detail))
    return list(problems.values())


def _keys(location: Iterable[int | str]) -> tuple[str, ...]:
    """The keys of a place in the recipe, without the marks that Pydantic sets for alternatives."""
    alternatives = (
        *("constrained-float", "constrained-int", "literal['test']", "literal['month']"),
        *("bool", "int", "float", "str"),
    )
    return tuple(str(key) for key in location if key not in alternatives)


def _explain(keys: tuple[str, ...], detail: dict[str, Any]) -> str:
    """One problem in the user's words: the key, what is wrong, and the nearest known key."""
    dotted = ".".join(keys) or "the recipe"
    if detail["type"] == "extra_forbidden":
        known = _known_keys(keys[:-1])
        near = difflib.get_close_matches(keys[-1], known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key '{dotted}' ({hint})"
    if detail["type"] == "missing":
        return f"key '{dotted}' is missing"
    message = str(detail["msg"]).removeprefix("Value error, ").replace("valid tuple", "list")
    if isinstance(detail["input"], dict):
        return f"'{dotted}': {message}"
    return f"'{dotted}' is {detail['input']!r}: {message}"


def _known_keys(path: Sequence[str]) -> list[str]:
    """The keys of the section at a path."""
    section: Any = Recipe
    for key in path:
        annotation = section.model_fields[key].annotation
        section = next(iter(get_args(annotation)), annotation)  # of `Section | None` the section
    return list(section.model_fields)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
