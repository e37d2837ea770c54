"""`Recipe`: one experiment in one YAML file, every key checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from candlecast.checks import first_repeated
from candlecast.errors import InputError
from candlecast.features import TargetName, check_names
from candlecast.recipe.kinds import check_keys
from candlecast.recipe.problems import problems
from candlecast.recipe.sections import (
    BaselineName,
    CalibrationSettings,
    Count,
    DataSettings,
    ModelSettings,
    Section,
    SplitSettings,
    TrainingSettings,
    WalkForwardSettings,
    WindowSettings,
)
from candlecast.recipe.text import apply_override, packaged_recipes, recipe_text
from candlecast.scaling import ScalerName
from candlecast.yaml_text import parse_yaml

T = TypeVar("T")


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
        training: How it is trained, if it is a network of ours or of the user's.
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
    def _keys_as_the_model_reads_them(self) -> Recipe:
        if self.model is not None and self.model.is_baseline:
            raise ValueError(
                f"'model.network' is the baseline {self.model.name}; name it in 'baselines'"
            )
        check_keys(self, self.model, self.training)
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
        where, text = recipe_text(recipe)
        tree = parse_yaml(text, where)
        if not isinstance(tree, dict):
            raise InputError(f"{where}: a recipe is a YAML mapping of keys to values.")
        if str(recipe) not in packaged_recipes() and isinstance(tree.get("features_file"), str):
            # It lies beside the recipe; one that an override names lies in the working folder.
            tree["features_file"] = str(Path(recipe).absolute().parent / tree["features_file"])
        for override in overrides:
            apply_override(tree, override)
        return cls.from_tree(tree, where)

    @classmethod
    def from_tree(cls, tree: dict[str, Any], where: str = "recipe") -> Recipe:
        """Check a tree of keys and values; `where` is named in the error's message."""
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise InputError(f"{where}: " + "; ".join(problems(error, cls))) from error

    def to_yaml(self) -> str:
        """The recipe with every key in place, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    repeated = first_repeated(values)
    if repeated is not None:
        raise ValueError(f"{repeated} stands twice")
    return values
