"""Several models as one `Forecaster`, each believed as far as it has foretold of late."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import nn

from candlecast.candles import Candles
from candlecast.distributions import Floats, StudentT
from candlecast.errors import InputError
from candlecast.forecast import Forecast
from candlecast.models.baselines.forecaster import Baseline
from candlecast.models.ensemble.pool import pooled, weights
from candlecast.models.forecaster import State
from candlecast.models.in_price import never_narrower
from candlecast.models.kinds import KINDS, TrainedAlone, kind_of
from candlecast.models.networks import checked_options
from candlecast.models.sequence.rows import until
from candlecast.progress import Progress
from candlecast.recipe import ENSEMBLE, Count, Recipe
from candlecast.splits import Split
from candlecast.training import TrainingOutcome

_log = logging.getLogger("candlecast")

Member = TrainedAlone | Baseline


class EnsembleSettings(BaseModel):
    """What an ensemble needs to know beside its members.

    Attributes:
        horizons: Candles ahead.
        across_gaps: Whether targets may lie across gaps.
        memory: Candles after which a log score counts 1/e of what it did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizons: Annotated[tuple[Count, ...], Field(min_length=1)]
    across_gaps: bool = False
    memory: Count = 10_080  # a week of minutes: the least that did no harm on 2022, of five tried

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """What a recipe says of its ensemble; it must have one."""
        options = recipe.needed_model().options
        here = {"horizons": recipe.horizons, "across_gaps": recipe.windows.across_gaps}
        checked_options(ENSEMBLE, cls, options, set_here=tuple(here))
        return cls.model_validate({**here, **options})


class EnsembleForecaster:
    """Members that are fitted one after the other, and forecast together.

    At every origin the weights follow from the log scores of what the members said before, as far
    as its outcome was known by then; see `pool`. What they said of the rows that they learned from
    counts for nothing, since there the one that learned most by heart would be believed.

    Args:
        members: Not fitted; two or more.
        settings: How they are weighed.
    """

    def __init__(self, members: Sequence[Member], settings: EnsembleSettings) -> None:
        self.members = tuple(members)
        self.settings = settings
        self.checkpoints: Path | None = None
        self.progress = Progress(shown=False)
        self.network_: nn.Module | None = None  # nothing that another fit could start from
        self.start: nn.Module | None = None
        self.outcome_: TrainingOutcome | None = None  # each member has its own
        self.prepare_s_ = 0.0
        self.held_out_ = 0  # from this open time on log scores count, µs since the epoch

    @property
    def name(self) -> str:
        """What it is called beside other models."""
        return ENSEMBLE

    @property
    def parameters(self) -> int:
        """How many numbers the trained members learned."""
        return sum(member.parameters for member in self._trained)

    def fit(self, candles: Candles, split: Split) -> Self:
        """Fit every member; the weights need no fit.

        Raises:
            InputError: If a member cannot be fitted to these candles.
            RunInterruptedError: If Ctrl-C was pressed.
        """
        for number, member in enumerate(self.members):
            if not isinstance(member, Baseline):
                member.progress = self.progress
                member.checkpoints = self._checkpoints_of(number)
            member.fit(candles, split)
        self.prepare_s_ = sum(member.prepare_s_ for member in self._trained)
        self.held_out_ = int(candles.frame["time"].to_physical()[split.train.stop])
        return self

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        """The rows that every member can forecast at."""
        origins = np.arange(rows.start, rows.stop, dtype=np.int64)
        for member in self.members:
            origins = np.intersect1d(origins, member.origins(candles, rows, known=known))
        return origins

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        """What the members say together.

        They forecast at every row up to the last origin, so that the weights are the same whichever
        origins are asked for.

        Raises:
            InputError: If a member's distribution is not Student's t.
        """
        seen = until(candles, int(origins[-1]) + 1 if len(origins) else 1)
        rows = self.origins(seen, range(len(seen)), known=False)
        said = [self._said(member, seen, rows) for member in self.members]
        spreads = [_student_t(each) for each in said]
        learned = said[0].origin[:, None] < self.held_out_
        scores = [
            np.where(learned, np.nan, spread.log_density(each.actual_return))
            for spread, each in zip(spreads, said, strict=True)
        ]
        shares = weights(scores, rows, self.settings.horizons, self.settings.memory)
        asked = np.searchsorted(rows, origins)
        shares = shares[:, asked]
        self._tell(shares)
        together = never_narrower(pooled([each.take(asked) for each in spreads], shares))
        variances = [each.variance[asked] for each in said if each.variance is not None]
        return Forecast.at(
            candles,
            origins,
            self.settings.horizons,
            self.name,
            mean=candles.frame["close"].to_numpy()[origins, None] * np.exp(together.location),
            distribution=together,
            variance=np.sum(shares * np.stack(variances), axis=0)
            if len(variances) == len(said)
            else None,
            across_gaps=self.settings.across_gaps,
        )

    def state(self) -> State:
        """The settings, and what each member learned."""
        states = [member.state() for member in self.members]
        members = [
            {"kind": kind_of(member), "model": dict(state.document)}
            for member, state in zip(self.members, states, strict=True)
        ]
        arrays = {
            f"{number}.{name}": array
            for number, state in enumerate(states)
            for name, array in state.arrays.items()
        }
        document = {
            "settings": self.settings.model_dump(mode="json"),
            "members": members,
            "held_out": self.held_out_,
        }
        return State(document, arrays)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The same models again, to the bit."""
        members = [
            KINDS[each["kind"]].from_state(State(each["model"], _arrays_of(state.arrays, number)))
            for number, each in enumerate(state.document["members"])
        ]
        model = cls(members, EnsembleSettings.model_validate(state.document["settings"]))
        model.held_out_ = int(state.document["held_out"])
        return model

    def no_window(self, part: str, rows: int) -> str:
        """Why a part of the rows has no origin, in words."""
        return (self._trained or self.members)[0].no_window(part, rows)

    @property
    def _trained(self) -> list[TrainedAlone]:
        return [member for member in self.members if not isinstance(member, Baseline)]

    def _checkpoints_of(self, number: int) -> Path | None:
        if self.checkpoints is None:
            return None
        folder = self.checkpoints / f"member-{number}"
        folder.mkdir(exist_ok=True)
        return folder

    def _tell(self, shares: Floats) -> None:
        """Log how far each member is believed, on the mean of the origins."""
        means = shares.mean(axis=(1, 2)) if shares.size else ()
        told = (
            f"{member.name} {share:.1%}" for member, share in zip(self.members, means, strict=False)
        )
        _log.info("%s: believed on average: %s", self.name, ", ".join(told))

    def _said(self, member: Member, candles: Candles, rows: NDArray[np.int64]) -> Forecast:
        if not isinstance(member, Baseline):
            member.progress = self.progress
        return member.forecast(candles, rows)


def _student_t(forecast: Forecast) -> StudentT:
    if not isinstance(forecast.distribution, StudentT):
        raise InputError(
            f"{forecast.model} forecasts no Student's t, and an ensemble pools nothing else. Leave "
            "it out of model.of, or give it the head student_t."
        )
    return forecast.distribution


def _arrays_of(arrays: Mapping[str, NDArray[Any]], number: int) -> dict[str, NDArray[Any]]:
    start = f"{number}."
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }
