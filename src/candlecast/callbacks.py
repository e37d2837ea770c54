"""What happens beside a training: keep the best weights, remember the losses, save to resume."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, Checkpoint
from torch import Tensor

from candlecast.errors import CandlecastError
from candlecast.interrupt import Interrupt
from candlecast.progress import Progress
from candlecast.windows import WindowBatches

SECONDS_BETWEEN_SAVES = 60.0

_log = logging.getLogger("candlecast")


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
            network = pl_module.get_submodule("network")
            weights = network.state_dict()
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
    """Remembers the losses of each epoch and shows the training's progress.

    Args:
        progress: Where.
        every_step: Whether every step of a window is a target, so that it is called a sequence.
    """

    def __init__(self, progress: Progress, *, every_step: bool = False) -> None:
        self.progress = progress
        self._noun = "sequences" if every_step else "windows"
        self.epochs: list[dict[str, float]] = []
        self._loss_sum: Tensor = torch.zeros(())
        self._windows = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the bar."""
        del pl_module
        self._epoch_began = time.perf_counter()
        self._windows_before = self._windows
        done = trainer.fit_loop.epoch_loop.batch_progress.current.completed
        if self.epochs or done:
            _log.info("taking up the training after %d whole epochs", len(self.epochs))
        self._show(trainer, done)

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
            "epoch %d of at most %d: train_loss %.4g, val_loss %.4g, %.0f %s/s",
            len(self.epochs),
            trainer.max_epochs,
            epoch["train_loss"],
            epoch["val_loss"],
            (self._windows - self._windows_before) / seconds,
            self._noun,
        )

    def _show(self, trainer: Trainer, done: int) -> None:
        self.progress.start(
            f"epoch {len(self.epochs) + 1}/{trainer.max_epochs}",
            total=int(trainer.num_training_batches),
            done=done,
        )

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
        if self.interrupt.asked or time.perf_counter() - self._saved_at > SECONDS_BETWEEN_SAVES:
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
