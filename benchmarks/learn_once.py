"""Train one contender once, in this process, watched, and print one line of JSON.

`time_to_quality` starts it in a fresh process for each contender.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import typer
from contenders.quality_task import QualityTask
from contenders.watch import BudgetSpentError, Watch

import candlecast


def main(contender: str, candles: Path, train: int, origins: int, budget: float) -> None:
    """Train a contender on the candles before the test rows."""
    learn = _imported(contender)
    task = QualityTask.of(candlecast.read(candles), train, origins)
    import torch  # not before the contender: each imports in the order that is its own

    threads = torch.get_num_threads()
    watch = Watch(task, budget)
    with suppress(BudgetSpentError):
        learn(task, watch)
    print(json.dumps({**watch.to_dict(), "origins": len(task.origins), "threads": threads}))


def _imported(contender: str) -> Callable[[QualityTask, Watch], None]:
    """Import that contender alone: the others' packages may not be installed, and cost seconds."""
    match contender:
        case "candlecast":
            from contenders.candlecast_default import learn
        case "neuralforecast":
            from contenders.neuralforecast_lstm import learn
        case "darts":
            from contenders.darts_block_rnn import learn
        case "article":
            from contenders.article_pipeline import learn
        case _:
            raise typer.BadParameter(f"there is no contender '{contender}'")
    return learn


if __name__ == "__main__":
    typer.run(main)
