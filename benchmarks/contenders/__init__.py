"""Who trains, one file each.

A file has ``train(task, clock)``, which trains the article's network once and returns how many
numbers that learns, or ``learn(task, watch)``, which trains until its seconds are spent and
forecasts on the way, or both. What is inside the clock is the same for all: see `contenders.task`
and `contenders.watch`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Contender:
    """One way to train.

    Attributes:
        name: Its name on the command line of `train_once`.
        title: Its name in the table.
        package: The package without which it cannot run.
        learns: Whether it takes part where it counts how good the forecasts are.
    """

    name: str
    title: str
    package: str
    learns: bool = True

    @property
    def is_installed(self) -> bool:
        """Whether its package is there; nothing is imported."""
        return find_spec(self.package) is not None


CANDLECAST = Contender("candlecast", "candlecast", "candlecast")
CONTENDERS = (
    CANDLECAST,
    Contender("bare", "bare PyTorch", "torch", learns=False),
    Contender("neuralforecast", "neuralforecast", "neuralforecast"),
    Contender("darts", "darts", "darts"),
    Contender("article", "the article's code", "pandas"),
)
