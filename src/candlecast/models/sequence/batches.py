"""The sequences that a network learns from at every step, and those that choose its epoch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from candlecast.recipe import TrainingSettings
from candlecast.windows import WindowBatches


def training_sequences(
    inputs: Tensor,
    targets: Tensor,
    segments: NDArray[np.int64],
    rows: range,
    training: TrainingSettings,
    *,
    mirrored: Tensor | None,
    shortest: int,
    seed: int,
) -> WindowBatches:
    """Sequences drawn at random from the train rows.

    Args:
        inputs: Of every row, those after the train rows left out; shape [rows, inputs].
        targets: As `sequence_targets` gives them; shape [rows, 2 * horizons].
        segments: Of every row at least, the number of its segment; shape [rows].
        rows: The train rows.
        training: The recipe's.
        mirrored: Inputs of the mirrored market, which is learned from too; None leaves it out.
        shortest: A sequence starts where its segment has so many rows left, or more.
        seed: Of the draws.
    """
    length = _length(rows, training)
    starts = torch.from_numpy(_starts(segments, rows, shortest))
    segment = torch.from_numpy(segments[: len(inputs)].astype(np.int64))
    markets = [(inputs, targets)]
    if mirrored is not None:
        returns, realised = targets.chunk(2, dim=1)
        markets.append((mirrored, torch.cat([-returns, realised], dim=1)))
    count = len(inputs) + length  # of each market, with the rows after its last that are no one's
    return WindowBatches(
        torch.cat([_padded(each, length, 0.0) for each, _ in markets]),
        torch.cat([_padded(each, length, torch.nan) for _, each in markets]),
        torch.cat([starts + place * count for place in range(len(markets))]) + length - 1,
        length,
        training.batch_size,
        seed,
        every_step=True,
        draws=-(-len(rows) // length)
        if training.steps is None
        else training.steps * training.batch_size,
        segments=torch.cat([_padded(segment, length, -1) for _ in markets]),
    )


def validation_sequences(
    inputs: Tensor,
    targets: Tensor,
    segments: NDArray[np.int64],
    rows: range,
    training: TrainingSettings,
) -> WindowBatches:
    """Sequences one after the other that hold every validation row once; else as above."""
    length = _length(rows, training)
    within = segments[rows.start : rows.stop]
    firsts = np.flatnonzero(np.diff(within, prepend=-1))
    ends = np.append(firsts[1:], len(within))
    starts = [np.arange(first, end, length) for first, end in zip(firsts, ends, strict=True)]
    places = rows.start + np.concatenate([np.empty(0, dtype=np.int64), *starts])
    segment = torch.from_numpy(segments[: rows.stop].astype(np.int64))
    return WindowBatches(
        _padded(inputs[: rows.stop], length, 0.0),
        _padded(targets[: rows.stop], length, torch.nan),
        torch.from_numpy(places) + length - 1,
        length,
        training.batch_size,
        every_step=True,
        segments=_padded(segment, length, -1),
    )


def _length(rows: range, training: TrainingSettings) -> int:
    return max(1, min(training.sequence or len(rows), len(rows)))


def _starts(segments: NDArray[np.int64], rows: range, shortest: int) -> NDArray[np.int64]:
    """The rows from which on the segment has so many left, the part's own only."""
    within = segments[rows.start : rows.stop]
    ends = np.searchsorted(within, within, side="right")
    return rows.start + np.flatnonzero(ends - np.arange(len(within)) >= shortest)


def _padded(values: Tensor, more: int, value: float) -> Tensor:
    """The same with so many rows of one value after them."""
    tail = values.new_full((more, *values.shape[1:]), value)
    return torch.cat([values, tail])
