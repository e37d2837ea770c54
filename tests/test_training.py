"""Training is deterministic, keeps its best epoch, and is resumed to the bit."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from candlecast.errors import CandlecastError, RunInterruptedError
from candlecast.models.lstm import LSTM
from candlecast.progress import Progress
from candlecast.recipe import TrainingSettings
from candlecast.training import TrainingOutcome, train
from candlecast.windows import WindowBatches

SETTINGS = TrainingSettings(
    learning_rate=3e-3, batch_size=16, shuffle=True, min_epochs=2, max_epochs=4, patience=1
)
ROWS, LOOKBACK, SPLIT = 400, 6, 300
BATCHES = -(-(SPLIT - LOOKBACK) // 16)  # of one epoch


def windows() -> tuple[WindowBatches, WindowBatches]:
    """Windows whose target is their last input, with some noise."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(ROWS, 2, generator=generator)
    targets = inputs[:, :1] + 0.3 * torch.randn(ROWS, 1, generator=generator)
    learn, choose = torch.arange(LOOKBACK, SPLIT), torch.arange(SPLIT + LOOKBACK, ROWS)
    return (
        WindowBatches(inputs, targets, learn, LOOKBACK, 16, shuffle_seed=5),
        WindowBatches(inputs, targets, choose, LOOKBACK, 32),
    )


def fresh_network() -> LSTM:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return LSTM(inputs=2, outputs=1, hidden=5, layers=2, dropout=0.4)


def trained(
    checkpoints: Path,
    network: nn.Module | None = None,
    settings: TrainingSettings = SETTINGS,
) -> tuple[dict[str, Tensor], TrainingOutcome]:
    network = network or fresh_network()
    outcome = train(network, *windows(), settings, 42, checkpoints, Progress(shown=False))
    return network.state_dict(), outcome


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def interrupting(at: int, *, training: bool) -> nn.Module:
    """A network that presses Ctrl-C in its `at`-th forward pass, of training or of validation."""
    network = fresh_network()
    passes = 0

    def press(module: nn.Module, *_: object) -> None:
        nonlocal passes
        passes += module.training is training
        if passes == at and module.training is training:
            os.kill(os.getpid(), signal.SIGINT)

    network.register_forward_hook(press)
    return network


def test_two_trainings_give_the_same_weights_to_the_bit(tmp_path: Path) -> None:
    torch.manual_seed(123)
    first, outcome = trained(tmp_path / "a")
    torch.manual_seed(321)
    drawn = torch.get_rng_state()
    second, again = trained(tmp_path / "b")
    assert same(first, second)
    assert outcome == again
    assert torch.equal(torch.get_rng_state(), drawn), "the caller's generator was left alone"
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    "network",
    [
        lambda: interrupting(1, training=True),
        lambda: interrupting(BATCHES // 2, training=True),
        lambda: interrupting(BATCHES, training=True),
        lambda: interrupting(BATCHES + 1, training=True),
        lambda: interrupting(3 * BATCHES - 1, training=True),
        lambda: interrupting(1, training=False),
        lambda: interrupting(4, training=False),
        lambda: interrupting(9, training=False),
    ],
)
def test_ctrl_c_at_any_moment_and_a_resume_give_the_same_weights_to_the_bit(
    tmp_path: Path, network: Callable[[], nn.Module]
) -> None:
    whole, outcome = trained(tmp_path / "whole")
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RunInterruptedError):
        trained(tmp_path / "cut", network())
    assert signal.getsignal(signal.SIGINT) is before
    resumed, again = trained(tmp_path / "cut")
    assert same(whole, resumed)
    assert outcome == again


@pytest.mark.parametrize("learning_rate", [3e-3, 0.3], ids=["to its last epoch", "early"])
def test_a_finished_training_that_is_resumed_trains_no_further(
    tmp_path: Path, learning_rate: float
) -> None:
    settings = SETTINGS.model_copy(update={"learning_rate": learning_rate})
    weights, outcome = trained(tmp_path, settings=settings)
    again, outcome_again = trained(tmp_path, settings=settings)
    assert same(weights, again)
    assert outcome == outcome_again


def test_training_stops_early_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    # So fast a rate that later epochs are worse.
    settings = SETTINGS.model_copy(update={"learning_rate": 0.3, "max_epochs": 30, "patience": 2})
    network = fresh_network()
    weights, outcome = trained(tmp_path, network, settings)
    losses = [epoch["val_loss"] for epoch in outcome.history]
    assert outcome.epochs == len(losses) < 30
    assert outcome.best_epoch == losses.index(min(losses)) + 1 == outcome.epochs - 2
    assert outcome.val_loss == min(losses)
    _, validation = windows()
    network.eval()
    with torch.inference_mode():
        squares = [(network(inputs) - targets) ** 2 for inputs, targets in validation]
    assert torch.cat(squares).mean().item() == pytest.approx(outcome.val_loss, rel=1e-5)
    assert same(weights, network.state_dict())


def test_min_epochs_hold_early_stopping_off(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(
        update={"learning_rate": 1e-12, "min_epochs": 3, "max_epochs": 3, "patience": 0}
    )
    assert trained(tmp_path, settings=settings)[1].epochs == 3


def test_the_losses_are_those_of_a_bare_loop(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"max_epochs": 2})
    network, copy = (LSTM(2, 1, hidden=5, layers=1) for _ in range(2))
    copy.load_state_dict(network.state_dict())
    _, outcome = trained(tmp_path, network, settings)
    training, validation = windows()
    optimiser = torch.optim.Adam(copy.parameters(), lr=settings.learning_rate)
    for epoch in outcome.history:
        total = 0.0
        for inputs, targets in training:
            loss = nn.functional.mse_loss(copy(inputs), targets)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(targets)
        with torch.inference_mode():
            squares = torch.cat([(copy(inputs) - targets) ** 2 for inputs, targets in validation])
        assert epoch["train_loss"] == pytest.approx(total / len(training.origins), rel=1e-6)
        assert epoch["val_loss"] == pytest.approx(squares.mean().item(), rel=1e-6)


def test_a_training_that_diverges_says_so(tmp_path: Path) -> None:
    class Diverged(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(float("nan")))

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs[:, -1, :1] * self.weight

    with pytest.raises(CandlecastError, match="the training diverged"):
        trained(tmp_path, Diverged())
