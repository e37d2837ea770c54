"""Training any network on windows: the Lightning module, its data, and what lets it be resumed."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from candlecast.callbacks import BestWeights, History, ResumePoint
from candlecast.errors import InputError
from candlecast.interrupt import catching_interrupt
from candlecast.progress import Progress
from candlecast.recipe import TrainingSettings
from candlecast.windows import WindowBatches

_RESUME_FILE = "last.ckpt"


@dataclass(frozen=True)
class TrainingOutcome:
    """What a training came to.

    Attributes:
        best_epoch: The epoch whose weights were kept, counted from 1.
        epochs: Epochs trained.
        val_loss: The kept epoch's validation loss.
        history: Per epoch `train_loss` and `val_loss`.
    """

    best_epoch: int
    epochs: int
    val_loss: float
    history: tuple[dict[str, float], ...]


Loss = Callable[[Tensor, Tensor], Tensor]
"""Of what a network says and what came, both as a batch."""


def train(
    network: nn.Module,
    loss: Loss,
    training: WindowBatches,
    validation: WindowBatches,
    settings: TrainingSettings,
    seed: int,
    checkpoints: Path,
    progress: Progress,
) -> TrainingOutcome:
    """Train a network in place; it ends with the weights of its best epoch.

    Args:
        network: Maps [batch, lookback, features] to what the loss compares with the targets.
        loss: What is made small.
        training: The windows to learn from.
        validation: The windows that stop the training and choose the epoch.
        settings: The recipe's.
        seed: Of every draw while training.
        checkpoints: A folder for what resumes an interrupted training; a training that finds such
            a file there goes on from it. On a CPU it comes to the same weights to the bit; on a
            GPU that was not tried, and cuDNN keeps a dropout state of its own.
        progress: Where progress is shown.

    Raises:
        RunInterruptedError: If Ctrl-C was pressed. The state is saved between two steps; a Ctrl-C
            in a validation goes back to the save before it, a minute of training at most.
        CandlecastError: If no epoch had a finite validation loss.
        InputError: If the file to go on from is damaged.
    """
    best, history = BestWeights(), History(progress, every_step=training.every_step)
    resume = checkpoints / _RESUME_FILE
    _check_whole(resume)
    with _quiet_lightning(), _reproducible(seed), catching_interrupt() as interrupt:
        trainer = Trainer(
            accelerator="gpu" if torch.cuda.is_available() else "cpu",
            devices=1,
            deterministic=True,
            min_epochs=settings.min_epochs,
            max_epochs=settings.max_epochs,
            gradient_clip_val=settings.clip,
            precision="bf16-mixed" if settings.precision == "bfloat16" else "32-true",
            callbacks=[
                EarlyStopping("val_loss", patience=settings.patience),
                best,
                history,
                ResumePoint(resume, interrupt, training),
            ],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(
            Learning(network, loss, settings),
            WindowData(training, validation),
            ckpt_path=resume if resume.exists() else None,
            weights_only=True,
        )
        interrupt.obey()
    network.cpu().load_state_dict(best.weights())
    return _outcome(history.epochs)


def _check_whole(resume: Path) -> None:
    """Raise an `InputError` if the saved state is there but cannot be read."""
    try:
        if resume.exists():
            state = torch.load(resume, map_location="cpu", weights_only=True)
            for key in ("callbacks", "state_dict", "loops", "pytorch-lightning_version"):
                state[key]
    except Exception as error:  # torch raises whatever its reader trips over
        raise InputError(
            f"{resume}: the saved state of the training is damaged or of another version. Delete "
            "the file to train from the beginning."
        ) from error


def _outcome(epochs: list[dict[str, float]]) -> TrainingOutcome:
    losses = [math.inf if math.isnan(epoch["val_loss"]) else epoch["val_loss"] for epoch in epochs]
    best = losses.index(min(losses))  # the first of equals, as kept
    return TrainingOutcome(best + 1, len(losses), losses[best], tuple(epochs))


class Learning(LightningModule):
    """What is made small, and by which steps, around any network."""

    def __init__(self, network: nn.Module, loss: Loss, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        self.loss = loss  # a module moves to the training's device with the network
        self.settings = settings

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of one batch."""
        inputs, targets = batch
        return self.loss(self.network(inputs).float(), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Add one batch to the mean validation loss."""
        inputs, targets = batch
        loss = self.loss(self.network(inputs).float(), targets)
        self.log("val_loss", loss, batch_size=len(targets), on_step=False, on_epoch=True)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Adam (Kingma and Ba, 2015), with decoupled weight decay (Loshchilov and Hutter, 2019).

        Without weight decay the two are one. One cycle is by Smith and Topin (2019).
        """
        rate, decay = self.settings.learning_rate, self.settings.weight_decay
        optimizer = torch.optim.AdamW(self.parameters(), lr=rate, weight_decay=decay)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule: LRScheduler = (
            OneCycleLR(optimizer, rate, total_steps=steps, pct_start=0.15, cycle_momentum=False)
            if self.settings.schedule == "one_cycle"
            else LambdaLR(optimizer, lambda _: 1.0)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class WindowData(LightningDataModule):
    """The two sets of windows, put on the training's device once; no worker processes."""

    def __init__(self, training: WindowBatches, validation: WindowBatches) -> None:
        super().__init__()
        self.training = training
        self.validation = validation

    def train_dataloader(self) -> WindowBatches:
        """Windows to learn from."""
        return self.training.to(self._device)

    def val_dataloader(self) -> WindowBatches:
        """Windows that stop and choose."""
        return self.validation.to(self._device)

    @property
    def _device(self) -> torch.device:
        assert self.trainer is not None
        return self.trainer.strategy.root_device


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Seed torch inside and leave the caller's generators and settings as they were."""
    strict = torch.are_deterministic_algorithms_enabled()
    deterministic: Any = torch.utils.deterministic
    fill = deterministic.fill_uninitialized_memory
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Torch would fill every new tensor with NaN, to show code that reads what it never wrote;
        # there is none here, and it costs an LSTM's training a tenth of its speed.
        deterministic.fill_uninitialized_memory = False
        try:
            yield
        finally:
            deterministic.fill_uninitialized_memory = fill
            torch.use_deterministic_algorithms(strict)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence Lightning's advice that does not apply here: batches need no worker processes."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            yield
        finally:
            logger.setLevel(level)
