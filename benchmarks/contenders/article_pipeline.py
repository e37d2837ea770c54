"""The article's own pipeline, in the spelling of today's Lightning.

A DataFrame for each window, a Dataset that turns one into a tensor at a time, a DataLoader with as
many worker processes as there are processors. Kept to its favour: no logger, progress bar or
checkpoint, which the article has, and no validation, which it does with a batch size of 1.
"""

from __future__ import annotations

import os

import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, LambdaCallback
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from candlecast.distributions import Floats
from candlecast.models.windowed.lstm import LSTM  # the article's network, line for line
from contenders.article_sequences import Sequence, create_sequences, scaled_frame
from contenders.quality_task import QualityTask
from contenders.scaled_rows import ScaledRows
from contenders.task import (
    BATCH,
    DROPOUT,
    EPOCHS,
    HIDDEN,
    INPUTS,
    LAYERS,
    LEARNING_RATE,
    LOOKBACK,
    SEED,
    Matrix,
    StepClock,
    Task,
)
from contenders.watch import Watch

_Item = dict[str, Tensor]


class BTCDataset(Dataset[_Item]):
    """The article's dataset."""

    def __init__(self, sequences: list[Sequence]) -> None:
        self.sequences = sequences

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, idx: int) -> _Item:
        """One window, copied out of its DataFrame."""
        sequence, label = self.sequences[idx]
        return {
            "sequence": torch.tensor(sequence.to_numpy(), dtype=torch.float32),
            "label": torch.tensor(label, dtype=torch.float32),
        }


class BTCPricePredictor(LightningModule):
    """The article's module."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.model = LSTM(n_features, 1, hidden=HIDDEN, layers=LAYERS, dropout=DROPOUT)
        self.criterion = nn.MSELoss()

    def training_step(self, batch: _Item, batch_idx: int) -> Tensor:
        """The loss of one batch, logged at each step as the article does."""
        del batch_idx
        output = self.model(batch["sequence"])
        loss: Tensor = self.criterion(output, batch["label"].unsqueeze(dim=1))
        self.log("train_loss", loss, prog_bar=True, logger=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


def train(task: Task, clock: StepClock) -> int:
    """Train for one epoch."""
    seed_everything(SEED, verbose=False)
    loader, model = _loader(task.training), BTCPricePredictor(n_features=INPUTS)
    _trainer(LambdaCallback(on_train_batch_end=clock.batch_done), epochs=1).fit(model, loader)
    return sum(weight.numel() for weight in model.parameters())


def learn(task: QualityTask, watch: Watch) -> None:
    """Train for the article's epochs, watched."""
    seed_everything(SEED, verbose=False)
    rows = ScaledRows.of(task)
    loader, model = _loader(rows.training), BTCPricePredictor(n_features=INPUTS)

    def forecast(network: BTCPricePredictor) -> Floats:
        return rows.forecast(network, _says)

    callback = LambdaCallback(**watch.hooks(forecast, epoch=len(loader)))
    _trainer(callback, epochs=EPOCHS).fit(model, loader)


def _loader(rows: Matrix) -> DataLoader[_Item]:
    return DataLoader(
        BTCDataset(create_sequences(scaled_frame(rows), "close", LOOKBACK)),
        batch_size=BATCH,
        pin_memory=True,
        num_workers=os.cpu_count() or 1,
        shuffle=False,
    )


def _trainer(callback: Callback, epochs: int) -> Trainer:
    return Trainer(
        accelerator="cpu",
        deterministic=True,
        max_epochs=epochs,
        callbacks=[callback],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _says(network: BTCPricePredictor, windows: Tensor) -> Tensor:
    """The scaled close after each window."""
    said: Tensor = network.model(windows)
    return said[:, 0]
