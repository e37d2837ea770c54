"""What forecasters have alike whose network is trained by `candlecast.training`."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from torch import nn

from candlecast.errors import InputError
from candlecast.progress import Progress
from candlecast.recipe import TrainingSettings, network_name
from candlecast.training import Loss, TrainingOutcome, train
from candlecast.windows import WindowBatches


class NetworkMake(Protocol):
    """What settings of any such forecaster say."""

    @property
    def network(self) -> str:
        """The network's name, or where to import it from."""
        ...

    @property
    def seed(self) -> int:
        """Of its first weights and its training."""
        ...


Settings = TypeVar("Settings", bound=NetworkMake)
Network = TypeVar("Network", bound=nn.Module)


class TrainedNetwork(ABC, Generic[Settings, Network]):
    """A network with its settings, and how it is trained.

    Args:
        settings: What to build.
        training: How to train it; a model that was loaded needs none.
        checkpoints: A folder for what resumes an interrupted training.
        progress: Where progress is shown.
        start: A network of the same make (`network_` of another model) whose weights the training
            starts from.
    """

    def __init__(
        self,
        settings: Settings,
        training: TrainingSettings | None = None,
        checkpoints: Path | None = None,
        progress: Progress | None = None,
        start: nn.Module | None = None,
    ) -> None:
        self.settings = settings
        self.training = training
        self.checkpoints = checkpoints
        self.progress = progress or Progress(shown=False)
        self.start = start
        self.network_ = self._fresh_network()
        self.outcome_: TrainingOutcome
        self.prepare_s_ = 0.0

    @property
    def name(self) -> str:
        """The network's name."""
        return network_name(self.settings.network)

    @property
    def parameters(self) -> int:
        """How many numbers the network learns."""
        return sum(weight.numel() for weight in self.network_.parameters())

    @abstractmethod
    def _fresh_network(self) -> Network:
        """The network with its first weights."""

    def _begin_anew(self) -> TrainingSettings:
        """Give the network its first weights, or those to start from; say how it is trained."""
        if self.training is None:
            raise InputError(
                "this model was made without training settings, so it cannot be fitted."
            )
        self.network_ = self._fresh_network()
        if self.start is not None:
            self.network_.load_state_dict(self.start.state_dict())
        return self.training

    def _train(
        self,
        loss: Loss,
        settings: TrainingSettings,
        training: WindowBatches,
        validation: WindowBatches,
    ) -> None:
        """Train the network in place."""
        with tempfile.TemporaryDirectory() as scratch:
            self.outcome_ = train(
                self.network_,
                loss,
                training,
                validation,
                settings,
                self.settings.seed,
                self.checkpoints or Path(scratch),
                self.progress,
            )
