"""Prepare the article's windows once, in this process, and print one line of JSON.

`window_memory` starts it in a fresh process for each measurement. The candles are simulated: where
windows lie depends on the number of rows and the gaps, not on prices.
"""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from typing import Any

import numpy as np
import torch
import typer
from contenders.article_sequences import create_sequences, scaled_frame
from contenders.task import BATCH, LOOKBACK, Matrix
from peak_memory import PeakMemory

import candlecast
from candlecast.candles import Candles
from candlecast.features import compute_features
from candlecast.scaling import fit_minmax
from candlecast.windows import WindowBatches, window_origins

ROWS = 310_502
TRAIN_ROWS = range(int(ROWS * 0.9))
_REHEARSAL_ROWS = 1_000


class Way(StrEnum):
    """A way to prepare windows."""

    CANDLECAST = "candlecast"
    ACROSS_GAPS = "across-gaps"
    ARTICLE = "article"


def main(way: Way, windows: int = 0) -> None:
    """Prepare windows.

    Args:
        way: Who does it.
        windows: How many (the article only).
    """
    candles = candlecast.simulate(rows=ROWS).candles
    matrix = _matrix(candles)
    if way is Way.ARTICLE:
        result = _by_article(matrix, windows)
    else:
        result = _by_candlecast(candles, matrix, across_gaps=way is Way.ACROSS_GAPS)
    print(json.dumps({"matrix_bytes": matrix.nbytes, **result}))


def _matrix(candles: Candles) -> Matrix:
    """The article's scaled features of all rows, as a run makes them."""
    names = candlecast.Recipe.load("article").features
    features = compute_features(candles, names, across_gaps=True)
    return fit_minmax(features, names).transform(features).astype(np.float32)


def _by_candlecast(candles: Candles, matrix: Matrix, *, across_gaps: bool) -> dict[str, Any]:
    """Find the windows of the train rows, and cut the first batch: only then is all prepared."""
    inputs = torch.from_numpy(matrix)
    targets = inputs[:, -1:].roll(-1, dims=0)
    few = range(_REHEARSAL_ROWS)  # loads what is loaded on first use
    next(iter(_batches(replace(candles), few, inputs, targets, across_gaps=across_gaps)))
    unseen = replace(candles)  # the same candles, whose segments nobody has asked for yet
    with PeakMemory() as memory:
        batches = _batches(unseen, TRAIN_ROWS, inputs, targets, across_gaps=across_gaps)
        first = next(iter(batches))
    own = (batches.origins, batches.offsets, *first)
    return {
        "windows": len(batches.origins),
        "seconds": memory.seconds,
        "peak_bytes": memory.peak,
        "kept_bytes": memory.kept,
        "tensor_bytes": sum(tensor.untyped_storage().nbytes() for tensor in own),
    }


def _batches(
    candles: Candles,
    rows: range,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    across_gaps: bool,
) -> WindowBatches:
    origins = window_origins(candles, rows, LOOKBACK, ahead=1, across_gaps=across_gaps)
    return WindowBatches(inputs, targets, torch.from_numpy(origins), LOOKBACK, BATCH)


def _by_article(matrix: Matrix, windows: int) -> dict[str, Any]:
    """Build the first so many of the article's sequences."""
    frame = scaled_frame(matrix[: windows + LOOKBACK])
    create_sequences(frame[:_REHEARSAL_ROWS], "close", LOOKBACK)
    with PeakMemory() as memory:
        sequences = create_sequences(frame, "close", LOOKBACK)
    return {
        "windows": len(sequences),
        "seconds": memory.seconds,
        "peak_bytes": memory.peak,
        "kept_bytes": memory.kept,
        "tensor_bytes": 0,
    }


if __name__ == "__main__":
    typer.run(main)
