"""Who trains the article's network, one file each.

Each file has one function, ``train(task, clock)``, which trains once and returns how many numbers
its network learns. What is inside the clock is the same for all: see `contenders.task`.
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
    """

    name: str
    title: str
    package: str

    @property
    def is_installed(self) -> bool:
        """Whether its package is there; nothing is imported."""
        return find_spec(self.package) is not None


CANDLECAST = Contender("candlecast", "candlecast", "candlecast")
CONTENDERS = (
    CANDLECAST,
    Contender("bare", "bare PyTorch", "torch"),
    Contender("neuralforecast", "neuralforecast", "neuralforecast"),
    Contender("darts", "darts", "darts"),
    Contender("article", "the article's code", "pandas"),
)
