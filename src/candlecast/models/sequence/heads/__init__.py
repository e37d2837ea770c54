"""What a sequence network's outputs mean: a distribution at every horizon, and how to learn it.

To add a head, write its file as `Head` asks, and add its line to `HEADS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from candlecast.models.sequence.heads.head import Head, Said
from candlecast.models.sequence.heads.normal_mixture import NormalMixtureHead
from candlecast.models.sequence.heads.quantiles import QuantilesHead
from candlecast.models.sequence.heads.student_t import StudentTHead

__all__ = ["HEADS", "Head", "Said"]

HEADS: dict[str, Callable[[Sequence[int]], Head]] = {
    "student_t": StudentTHead,
    "normal_mixture": NormalMixtureHead,
    "quantiles": QuantilesHead,
}
"""By the names that `model.head` knows; each is made for some horizons, candles ahead, rising."""
