"""Training is deterministic, keeps its best epoch, and is resumed to the bit."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from candlecast.errors import CandlecastError, RunInterruptedError
from candlecast.models.windowed.lstm import LSTM
from candlecast.progress import Progress
from candlecast.recipe import TrainingSettings
from candlecast.training import Loss, TrainingOutcome, train
from candlecast.windows import WindowBatches

SETTINGS = TrainingSettings(
    learning_rate=3e-3, batch_size=16, shuffle=True, min_epochs=2, max_epochs=4, patience=1
)
CYCLE = SETTINGS.model_copy(update={"schedule": "one_cycle", "weight_decay": 0.1, "clip": 0.3})
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
    loss: Loss = nn.functional.mse_loss,
) -> tuple[dict[str, Tensor], TrainingOutcome]:
    network = network or fresh_network()
    progress = Progress(shown=False)
    outcome = train(network, loss, *windows(), settings, 42, checkpoints, progress)
    return network.state_dict(), outcome


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def interrupting(
    at: int, *, training: bool, make: Callable[[], nn.Module] = fresh_network
) -> nn.Module:
    """A network that presses Ctrl-C in its `at`-th forward pass, of training or of validation."""
    network = make()
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


@pytest.mark.parametrize("settings", [SETTINGS, CYCLE], ids=["constant", "one cycle"])
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
    tmp_path: Path, network: Callable[[], nn.Module], settings: TrainingSettings
) -> None:
    whole, outcome = trained(tmp_path / "whole", settings=settings)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(RunInterruptedError):
        trained(tmp_path / "cut", network(), settings)
    assert signal.getsignal(signal.SIGINT) is before
    resumed, again = trained(tmp_path / "cut", settings=settings)
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


@pytest.mark.parametrize("settings", [SETTINGS, CYCLE], ids=["constant", "one cycle"])
def test_the_losses_are_those_of_a_bare_loop(tmp_path: Path, settings: TrainingSettings) -> None:
    settings = settings.model_copy(update={"max_epochs": 3, "patience": 3})
    network, copy = (LSTM(2, 1, hidden=5, layers=1) for _ in range(2))
    copy.load_state_dict(network.state_dict())
    _, outcome = trained(tmp_path, network, settings)
    training, validation = windows()
    optimiser = torch.optim.Adam(copy.parameters())
    rates = iter(one_cycle(3 * BATCHES) if settings.schedule == "one_cycle" else [1.0] * 999)
    for epoch in outcome.history:
        total = 0.0
        for inputs, targets in training:
            loss = nn.functional.mse_loss(copy(inputs), targets)
            optimiser.zero_grad()
            loss.backward()
            gradients = [weight.grad for weight in copy.parameters() if weight.grad is not None]
            length = sum(float(gradient.square().sum()) for gradient in gradients) ** 0.5
            rate = settings.learning_rate * next(rates)
            with torch.no_grad():
                for gradient in gradients:
                    gradient.mul_(min(1.0, (settings.clip or math.inf) / length))
                for weight in copy.parameters():
                    weight.mul_(1 - rate * settings.weight_decay)
            optimiser.param_groups[0]["lr"] = rate
            optimiser.step()
            total += loss.item() * len(targets)
        with torch.inference_mode():
            squares = torch.cat([(copy(inputs) - targets) ** 2 for inputs, targets in validation])
        assert epoch["train_loss"] == pytest.approx(total / len(training.origins), rel=1e-5)
        assert epoch["val_loss"] == pytest.approx(squares.mean().item(), rel=1e-5)


def one_cycle(steps: int) -> list[float]:
    """The share of the highest rate at each step: two half waves, as Smith and Topin have it."""
    top, last, first, lowest = 0.15 * steps - 1, steps - 1, 1 / 25, 1 / 25 / 10_000
    rates = []
    for step in range(steps):
        way = step / top if step <= top else (step - top) / (last - top)
        begin, end = (first, 1.0) if step <= top else (1.0, lowest)
        rates.append(end + (begin - end) * (1 + math.cos(math.pi * way)) / 2)
    return rates


class Pushed(nn.Module):
    """One weight with a gradient of 1 always: each step of Adam moves it by just the rate."""

    def __init__(self, seen: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.seen = seen

    def forward(self, inputs: Tensor) -> Tensor:
        if self.training:
            self.seen.append(float(self.weight.detach()))
        return self.weight.expand(len(inputs))


def mean_of(said: Tensor, _: Tensor) -> Tensor:
    return said.mean()


@pytest.mark.parametrize("interrupted", [None, 1, BATCHES + 1, 2 * BATCHES - 3])
def test_one_cycle_warms_up_and_cools_down_to_the_last_step_also_when_interrupted(
    tmp_path: Path, interrupted: int | None
) -> None:
    settings = CYCLE.model_copy(update={"weight_decay": 0.0, "clip": None, "max_epochs": 3})
    seen: list[float] = []
    if interrupted is not None:
        network = interrupting(interrupted, training=True, make=lambda: Pushed(seen))
        with pytest.raises(RunInterruptedError):
            trained(tmp_path, network, settings, mean_of)
        assert len(seen) == interrupted
    weights, outcome = trained(tmp_path, Pushed(seen), settings, mean_of)
    assert (outcome.epochs, outcome.best_epoch) == (3, 3)
    rates = -np.diff([*seen, float(weights["weight"])]) / settings.learning_rate
    np.testing.assert_allclose(rates, one_cycle(3 * BATCHES), rtol=1e-5, atol=1e-12)
    assert rates.argmax() == round(0.15 * 3 * BATCHES) - 1
    assert rates[-1] == pytest.approx(4e-6, rel=1e-3), "a 25th of a 10,000th"


def test_a_constant_rate_stays_what_it_is(tmp_path: Path) -> None:
    seen: list[float] = []
    trained(tmp_path, Pushed(seen), SETTINGS, mean_of)
    np.testing.assert_allclose(-np.diff(seen), SETTINGS.learning_rate, rtol=1e-6)


@pytest.mark.parametrize("clip", [None, 0.3])
def test_no_gradient_that_is_followed_is_longer_than_the_clip(
    tmp_path: Path, clip: float | None
) -> None:
    lengths: list[float] = []

    def measure(optimiser: torch.optim.Optimizer, *_: object) -> None:
        gradients = [weight.grad for weight in optimiser.param_groups[0]["params"]]
        lengths.append(float(torch.cat([gradient.ravel() for gradient in gradients]).norm()))

    with register_optimizer_step_post_hook(measure):
        trained(tmp_path, settings=SETTINGS.model_copy(update={"clip": clip}))
    assert len(lengths) >= 2 * BATCHES
    assert min(lengths) < 0.3
    if clip is None:
        assert max(lengths) > 0.5
    else:
        assert max(lengths) == pytest.approx(clip, rel=1e-4)


def test_weight_decay_shrinks_each_weight_by_its_share_of_the_rate(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"weight_decay": 2.0, "min_epochs": 1, "max_epochs": 1})
    network = Pushed([])
    with torch.no_grad():
        network.weight.fill_(5.0)
    weights, _ = trained(tmp_path, network, settings, lambda said, _: 0.0 * said.mean())
    expected = 5.0 * (1 - settings.learning_rate * 2.0) ** BATCHES
    assert float(weights["weight"]) == pytest.approx(expected)


def test_a_training_that_diverges_says_so(tmp_path: Path) -> None:
    class Diverged(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(float("nan")))

        def forward(self, inputs: Tensor) -> Tensor:
            return inputs[:, -1, :1] * self.weight

    with pytest.raises(CandlecastError, match="the training diverged"):
        trained(tmp_path, Diverged())


def test_products_of_a_lower_precision_learn_the_same_with_weights_and_losses_as_before(
    tmp_path: Path,
) -> None:
    seen: set[torch.dtype] = set()

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.add(outputs.dtype)
        return nn.functional.mse_loss(outputs, targets)

    lower = SETTINGS.model_copy(update={"precision": "bfloat16"})
    weights, outcome = trained(tmp_path / "lower", settings=lower, loss=loss)
    usual_weights, usual = trained(tmp_path / "usual", loss=loss)
    assert seen == {torch.float32}
    assert {each.dtype for each in weights.values()} == {torch.float32}
    assert not same(weights, usual_weights), "the products were not of a lower precision"
    assert outcome.val_loss == pytest.approx(usual.val_loss, rel=0.02)
