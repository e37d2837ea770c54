"""The clock of `time_to_quality`: how far the forecasts err, second by second of training.

It runs from the moment that candles lie in memory and everything is imported, so each contender's
own preparation is inside: features, scaling, windows, datasets, worker processes. It stands still
while a forecast is made to see how good it is. That happens when all is prepared and before the
first step, then at seconds that grow by the root of 2, at each epoch's end, and at the last step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from candlecast.distributions import Floats
from contenders.quality_task import QualityTask

_GROWTH = math.sqrt(2)
Ask = Callable[[], Floats]
"""Forecasts the close after each origin with the network as it stands; shape [origins]."""


class BudgetSpentError(Exception):
    """The seconds that a contender was given are over."""


@dataclass(frozen=True)
class Point:
    """How good the forecasts are at some moment.

    Attributes:
        seconds: Of training and preparation.
        processor_seconds: That the process, without its workers, really computed: what the seconds
            would be, on one thread, if nothing else ran on the machine.
        steps: Taken until then.
        rmse: Of the close one candle ahead, in price.
        rmse_bp: The same over the close at the origin, in basis points.
        skill: 1 - the mean squared error over persistence's.
    """

    seconds: float
    processor_seconds: float
    steps: int
    rmse: float
    rmse_bp: float
    skill: float


class Watch:
    """Times one training and looks how good it is.

    Args:
        task: What is forecast.
        budget: Seconds after which the training is ended.
    """

    def __init__(self, task: QualityTask, budget: float) -> None:
        self.task = task
        self.points: list[Point] = []
        self.epoch = 0
        self._budget = budget
        self._finished: Point | None = None
        self._steps = 0
        self._next = 1.0
        self._paused = np.zeros(2)
        self._paused = self._times  # whatever was before

    def prepared(self, ask: Ask, epoch: int) -> None:
        """To be called before the first step.

        Args:
            ask: What forecasts.
            epoch: Steps of an epoch.
        """
        self.epoch = epoch
        self._look(ask)

    def stepped(self, ask: Ask) -> None:
        """To be called after each step.

        Raises:
            BudgetSpentError: To end the training.
        """
        self._steps += 1
        seconds = self._times[0]
        spent = seconds >= self._budget
        if spent or seconds >= self._next or self._steps % self.epoch == 0:
            self._look(ask)
        if spent:
            raise BudgetSpentError

    def finished(self, ask: Ask) -> None:
        """To be called when the model is as its maker hands it out."""
        at = self._times
        self._finished = self._point(ask(), at)

    def hooks(
        self, forecast: Callable[[Any], Floats], epoch: int
    ) -> dict[str, Callable[..., None]]:
        """The same as the hooks of Lightning's `LambdaCallback`, under either of its two names.

        Args:
            forecast: Forecasts with the Lightning module that it is handed.
            epoch: Steps of an epoch.
        """

        def on_train_start(_: object, module: object) -> None:
            self.prepared(lambda: forecast(module), epoch)

        def on_train_batch_end(_: object, module: object, *__: object) -> None:
            self.stepped(lambda: forecast(module))

        return {"on_train_start": on_train_start, "on_train_batch_end": on_train_batch_end}

    def to_dict(self) -> dict[str, Any]:
        """All that was seen."""
        return {
            "points": [asdict(point) for point in self.points],
            "steps": self._steps,
            "epoch_steps": self.epoch,
            "finished": None if self._finished is None else asdict(self._finished),
            "persistence": asdict(self._point(self.task.known, np.zeros(2))),
        }

    def _look(self, ask: Ask) -> None:
        """Ask for a forecast while the clocks stand still."""
        at = self._times
        self.points.append(self._point(ask(), at))
        while self._next <= at[0]:
            self._next *= _GROWTH
        self._paused += self._times - at

    def _point(self, forecast: Floats, at: Floats) -> Point:
        came, known = self.task.came, self.task.known
        error = forecast - came
        return Point(
            seconds=float(at[0]),
            processor_seconds=float(at[1]),
            steps=self._steps,
            rmse=_root_mean_square(error),
            rmse_bp=1e4 * _root_mean_square(error / known),
            skill=float(1 - np.mean(error**2) / np.mean((known - came) ** 2)),
        )

    @property
    def _times(self) -> Floats:
        """Seconds by the clock on the wall and by the processor's, without the pauses."""
        return np.array([time.perf_counter(), time.process_time()]) - self._paused


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))
