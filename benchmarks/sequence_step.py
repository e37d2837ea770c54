"""One training step of the default recipe's network, as `candlecast.training` takes it.

The rows are random numbers: what a step costs does not hang on them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.profiler import record_function

from candlecast.models.networks import build_body
from candlecast.models.sequence.batches import training_sequences
from candlecast.models.sequence.heads.student_t import StudentTHead
from candlecast.models.sequence.network import Member, SequenceNetwork
from candlecast.recipe import Recipe
from candlecast.windows import WindowBatches

_ROWS = 264_000  # the article's train rows


class SequenceStep:
    """Gathers a batch, goes forward and back, clips and updates; each part is told a profiler.

    Args:
        recipe: Whose network and training it is; all its features and one other market's are read.
        precision: Of the products, in the forward pass and back.
    """

    def __init__(self, recipe: Recipe, precision: torch.dtype) -> None:
        model, training = recipe.needed_model(), recipe.training
        assert training is not None
        assert training.sequence is not None
        self.precision = precision
        self.clip = training.clip or float("inf")
        self.inputs = len(recipe.features) + len(recipe.market_features) + 1
        self.members = model.members
        self.sequences = training.batch_size
        self.rows = training.batch_size * training.sequence
        self.head = StudentTHead(recipe.horizons)
        self.network = SequenceNetwork(
            [
                Member(
                    build_body(model.network, inputs=self.inputs, options=model.options),
                    self.head.outputs,
                    model.dropout,
                )
                for _ in range(model.members)
            ]
        ).train()
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), training.learning_rate, weight_decay=training.weight_decay
        )
        self._batches = _random_sequences(recipe, self.inputs)
        self._coming = iter(self._batches)

    @property
    def width(self) -> int:
        """Cells of a member."""
        width = self.network.get_submodule("members.0.body").width
        assert isinstance(width, int)
        return width

    def run(self) -> None:
        """Take one step."""
        with record_function("gather"):
            rows, targets = self._next()
        with record_function("forward"):
            lower = self.precision != torch.float32
            with torch.autocast("cpu", torch.bfloat16, enabled=lower):
                outputs = self.network(rows)
        with record_function("loss"):
            loss = self.head(outputs.float(), targets)
        with record_function("backward"):
            self.optimizer.zero_grad()
            loss.backward()
        with record_function("clip"):
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        with record_function("optimiser"):
            self.optimizer.step()

    def _next(self) -> tuple[Tensor, Tensor]:
        batch = next(self._coming, None)
        if batch is None:
            self._coming = iter(self._batches)
            batch = next(self._coming)
        return batch


def _random_sequences(recipe: Recipe, inputs: int) -> WindowBatches:
    training = recipe.training
    assert training is not None
    rows = torch.randn(_ROWS, inputs)
    return training_sequences(
        rows,
        torch.randn(_ROWS, 2 * len(recipe.horizons)).abs(),
        torch.zeros(_ROWS, dtype=torch.int64).numpy(),
        range(_ROWS),
        training,
        mirrored=rows if training.mirror else None,
        shortest=recipe.windows.lookback,
        seed=recipe.seed,
    )
