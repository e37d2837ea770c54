"""candlecast's default recipe, by the class that every run fits."""

from __future__ import annotations

from candlecast.distributions import Floats
from candlecast.models.sequence.forecaster import SequenceForecaster, SequenceSettings
from candlecast.progress import Progress
from candlecast.recipe import Recipe
from candlecast.runs.inputs import with_inputs
from contenders.quality_task import QualityTask
from contenders.watch import Watch


class _WatchedProgress(Progress):
    """The training tells of its epochs and steps here; so does each forecast, of other work."""

    def __init__(self, task: QualityTask, watch: Watch) -> None:
        super().__init__(shown=False)
        self.model: SequenceForecaster
        self._asked = task
        self._watch = watch
        self._trains = False

    def start(self, description: str, total: int | None, done: int = 0) -> None:
        super().start(description, total, done)
        self._trains = description.startswith("epoch")
        if self._trains and not self._watch.epoch and total is not None:
            self._watch.prepared(self._forecast, epoch=total)

    def advance(self) -> None:
        super().advance()
        if self._trains:
            self._watch.stepped(self._forecast)

    def _forecast(self) -> Floats:
        """Both parts of the location taken whole: their shares are fitted after the training."""
        mean = self.model.forecast(self._asked.candles, self._asked.origins).mean[:, 0]
        self.model.network_.train()
        self._trains = True
        return mean


def learn(task: QualityTask, watch: Watch) -> None:
    """Train by the default recipe, watched."""
    recipe, _ = with_inputs(Recipe.load("default"), task.candles)
    progress = _WatchedProgress(task, watch)
    progress.model = SequenceForecaster(
        SequenceSettings.from_recipe(recipe), recipe.training, progress=progress
    )
    progress.model.fit(task.candles, task.split)
    watch.finished(lambda: progress.model.forecast(task.candles, task.origins).mean[:, 0])
