"""The work that every contender is given, and the clock that times it.

All of them get the same matrix of scaled rows and train for one pass over the same number of
windows, in batches of 64, with Adam at 1e-4 on the squared error; the network is an LSTM of 9
inputs, 2 layers of 128 and a dropout of 0.2 between them, read out by one linear layer.

Inside the clock is the steady state and nothing else: from the end of the 5th training batch to
the end of the last. So imports, reading, building windows or datasets, starting worker processes
and the first slow steps are outside for everybody, and so is what follows the last batch
(validation, checkpoints). Inside are fetching each batch, the step itself, and whatever a
contender's own machinery does between two batches.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOOKBACK = 120
BATCH = 64
INPUTS = 9
HIDDEN = 128
LAYERS = 2
DROPOUT = 0.2
LEARNING_RATE = 1e-4
EPOCHS = 8  # at most, of those who go on for more than one
SEED = 42

WARM_UP_BATCHES = 5
VALIDATION_WINDOWS = BATCH  # only candlecast's training cannot do without; outside the clock

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Task:
    """What is trained on.

    Attributes:
        matrix: Scaled features, float32, shape [rows, 9]; the last column is the close, whose next
            value is the target.
        windows: How many windows one pass has: a multiple of the batch size.
    """

    matrix: Matrix
    windows: int

    @property
    def training(self) -> Matrix:
        """The rows of exactly that many windows and their targets."""
        return self.matrix[: self.windows + LOOKBACK]

    @property
    def batches(self) -> int:
        """Steps in one pass."""
        return self.windows // BATCH


def rows_needed(windows: int) -> int:
    """Rows for the training windows and, after them, the validation windows."""
    return windows + LOOKBACK + VALIDATION_WINDOWS + LOOKBACK


class StepClock:
    """Times the steady state of one pass.

    Args:
        batches: Steps in the pass.
    """

    def __init__(self, batches: int) -> None:
        self._batches = batches
        self._done = 0
        self._began = 0.0
        self._ended = 0.0

    def batch_done(self, *_: object) -> None:
        """To be called when a step has ended; takes whatever a callback is handed."""
        self._done += 1
        if self._done == WARM_UP_BATCHES:
            self._began = time.perf_counter()
        elif self._done == self._batches:
            self._ended = time.perf_counter()

    @property
    def windows_per_second(self) -> float:
        """The speed.

        Raises:
            RuntimeError: If the contender did not take the number of steps it was asked for.
        """
        if self._done != self._batches:
            raise RuntimeError(f"{self._done} steps were taken, {self._batches} were asked for")
        return (self._batches - WARM_UP_BATCHES) * BATCH / (self._ended - self._began)
