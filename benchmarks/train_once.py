"""Train one contender once, in this process, and print one line of JSON.

`training_speed` starts it in a fresh process for each measurement.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import typer
from contenders.task import StepClock, Task


def main(contender: str, matrix: Path, windows: int) -> None:
    """Train a contender on a matrix of scaled rows."""
    task = Task(np.load(matrix), windows)
    clock = StepClock(task.batches)
    parameters = _train(contender, task, clock)
    import torch  # not before the contender: each imports in the order that is its own

    result = {
        "windows_per_second": clock.windows_per_second,
        "parameters": parameters,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(result))


def _train(contender: str, task: Task, clock: StepClock) -> int:
    """Import that contender alone: the others' packages may not be installed, and cost seconds."""
    match contender:
        case "candlecast":
            from contenders.candlecast_training import train
        case "bare":
            from contenders.bare_loop import train
        case "neuralforecast":
            from contenders.neuralforecast_lstm import train
        case "darts":
            from contenders.darts_block_rnn import train
        case "article":
            from contenders.article_pipeline import train
        case _:
            raise typer.BadParameter(f"there is no contender '{contender}'")
    return train(task, clock)


if __name__ == "__main__":
    typer.run(main)
