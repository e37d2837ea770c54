"""Training any network on windows: the Lightning module, its data, and what lets it be resumed."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint, EarlyStopping
from torch import Tensor, nn

from candlecast.errors import CandlecastError, RunInterruptedError
from candlecast.progress import Progress
from candlecast.recipe import TrainingSettings
from candlecast.windows import WindowBatches

_log = logging.getLogger("candlecast")
_RESUME_FILE = "last.ckpt"
_SECONDS_BETWEEN_SAVES = 60.0


class Interrupt:
    """Whether Ctrl-C was pressed. It is asked at any time and obeyed between two steps only."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """The signal handler; a second Ctrl-C does not wait."""
        del number, frame
        if self.asked:
            self.obey()
        self.asked = True

    def obey(self) -> None:
        """Raise `RunInterruptedError` if Ctrl-C was pressed."""
        if self.asked:
            raise RunInterruptedError("interrupted; the training's state is saved")


@contextmanager
def _catching_interrupt() -> Iterator[Interrupt]:
    """Catch Ctrl-C inside; outside the main thread it stays somebody else's business."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt.ask)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)


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


def train(
    network: nn.Module,
    training: WindowBatches,
    validation: WindowBatches,
    settings: TrainingSettings,
    seed: int,
    checkpoints: Path,
    progress: Progress,
) -> TrainingOutcome:
    """Train a network in place; it ends with the weights of its best epoch.

    Args:
        network: Maps [batch, lookback, features] to [batch, horizons].
        training: The windows to learn from.
        validation: The windows that stop the training and choose the epoch.
        settings: The recipe's.
        seed: Of every draw while training.
        checkpoints: A folder for what resumes an interrupted training; a training that finds such
            a file there goes on from it, to the same weights to the bit.
        progress: Where progress is shown.

    Raises:
        RunInterruptedError: If Ctrl-C was pressed; the state is saved first.
        CandlecastError: If no epoch had a finite validation loss.
    """
    best, history = BestWeights(), History(progress)
    resume = checkpoints / _RESUME_FILE
    with _quiet_lightning(), _reproducible(seed), _catching_interrupt() as interrupt:
        trainer = Trainer(
            accelerator="gpu" if torch.cuda.is_available() else "cpu",
            devices=1,
            deterministic=True,
            min_epochs=settings.min_epochs,
            max_epochs=settings.max_epochs,
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
            Regression(network, settings.learning_rate),
            WindowData(training, validation),
            ckpt_path=resume if resume.exists() else None,
            weights_only=True,
        )
        interrupt.obey()
    network.cpu().load_state_dict(best.weights())
    return history.outcome()


class Regression(LightningModule):
    """Mean squared error and Adam around any network."""

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The loss of one batch."""
        inputs, targets = batch
        return nn.functional.mse_loss(self.network(inputs), targets)

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Add one batch to the mean validation loss."""
        inputs, targets = batch
        loss = nn.functional.mse_loss(self.network(inputs), targets)
        self.log("val_loss", loss, batch_size=len(targets), on_step=False, on_epoch=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam (Kingma and Ba, 2015)."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


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


class BestWeights(Callback):
    """Keeps a copy of the weights of the epoch with the lowest validation loss."""

    def __init__(self) -> None:
        self._loss = math.inf
        self._weights: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep this epoch's weights if they are the best so far."""
        loss = float(trainer.callback_metrics["val_loss"])
        if loss < self._loss:
            self._loss = loss
            assert isinstance(pl_module, Regression)
            weights = pl_module.network.state_dict()
            self._weights = {name: value.detach().cpu().clone() for name, value in weights.items()}

    def weights(self) -> dict[str, Tensor]:
        """The best epoch's weights."""
        if not self._weights:
            raise CandlecastError(
                "the training diverged: no epoch had a finite validation loss. Try a smaller "
                "training.learning_rate."
            )
        return self._weights

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {"loss": self._loss, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the best so far."""
        self._loss = state_dict["loss"]
        self._weights = state_dict["weights"]


class History(Callback):
    """Remembers the losses of each epoch and shows the training's progress."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.epochs: list[dict[str, float]] = []
        self._loss_sum: Tensor = torch.zeros(())
        self._windows = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar."""
        del pl_module
        self._epoch_began = time.perf_counter()
        self._windows_before = self._windows
        self._show(trainer, done=trainer.fit_loop.epoch_loop.batch_progress.current.completed)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the epoch's mean anew."""
        del pl_module
        self._loss_sum = torch.zeros((), dtype=torch.float64)
        self._windows = self._windows_before = 0
        self._epoch_began = time.perf_counter()
        self._show(trainer, done=0)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Add the batch's loss, without waiting for the device."""
        del trainer, pl_module, batch_idx
        windows = len(batch[1])
        self._loss_sum = self._loss_sum.to(outputs["loss"].device) + outputs["loss"] * windows
        self._windows += windows
        self.progress.advance()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Close the epoch."""
        del pl_module
        seconds = time.perf_counter() - self._epoch_began
        epoch = {
            "train_loss": float(self._loss_sum) / max(self._windows, 1),
            "val_loss": float(trainer.callback_metrics["val_loss"]),
        }
        self.epochs.append(epoch)
        _log.info(
            "epoch %d of at most %d: train_loss %.4g, val_loss %.4g, %.0f windows/s",
            len(self.epochs),
            trainer.max_epochs,
            epoch["train_loss"],
            epoch["val_loss"],
            (self._windows - self._windows_before) / seconds,
        )

    def _show(self, trainer: Trainer, done: int) -> None:
        self.progress.start(
            f"epoch {len(self.epochs) + 1}/{trainer.max_epochs}",
            total=int(trainer.num_training_batches),
            done=done,
        )

    def outcome(self) -> TrainingOutcome:
        """The finished training, summed up."""
        losses = [epoch["val_loss"] for epoch in self.epochs]
        best = min(range(len(losses)), key=losses.__getitem__)  # the first of equals, as kept
        return TrainingOutcome(best + 1, len(losses), losses[best], tuple(self.epochs))

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training needs to know of the epochs before."""
        return {
            "epochs": self.epochs,
            "loss_sum": self._loss_sum,
            "windows": self._windows,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the epochs before."""
        self.epochs = state_dict["epochs"]
        self._loss_sum = state_dict["loss_sum"]
        self._windows = state_dict["windows"]


class ResumePoint(Checkpoint):
    """Saves the whole state of a training: at each epoch's end, each minute, and on Ctrl-C.

    It goes last among the callbacks, so that the state of the others is saved as it stands.
    """

    def __init__(self, path: Path, interrupt: Interrupt, batches: WindowBatches) -> None:
        self.path = path
        self.interrupt = interrupt
        self.batches = batches
        self._saved_at = time.perf_counter()
        self._should_stop = False
        self._restored: dict[str, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take up the saved state, now that nothing else will draw from the generators."""
        del pl_module
        if self._restored:
            torch.set_rng_state(self._restored["cpu"])
            torch.cuda.set_rng_state_all(self._restored["cuda"])
            self.batches.load_state_dict(self._restored["batches"])
            trainer.should_stop = self._restored["should_stop"]

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save between two steps if it is time to; an epoch's last step is saved at its end."""
        del pl_module, outputs, batch
        if batch_idx + 1 == trainer.num_training_batches:
            return
        if self.interrupt.asked or time.perf_counter() - self._saved_at > _SECONDS_BETWEEN_SAVES:
            self._save(trainer)
        self.interrupt.obey()

    def on_validation_batch_end(self, *args: Any, **kwargs: Any) -> None:
        """Do not make a Ctrl-C wait for the end of the validation."""
        del args, kwargs
        self.interrupt.obey()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the finished epoch."""
        del pl_module
        self._save(trainer)
        if not trainer.should_stop:
            self.interrupt.obey()

    def _save(self, trainer: Trainer) -> None:
        self._should_stop = trainer.should_stop
        trainer.save_checkpoint(self.path)
        self._saved_at = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """What Lightning does not save: random generators, place in the data, and the decision.

        (It saves the place in the data in mid-epoch only, and an early stop not at all.)
        """
        return {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all(),
            "batches": self.batches.state_dict(),
            "should_stop": self._should_stop,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep them until the training starts."""
        self._restored = state_dict


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
