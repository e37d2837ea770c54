"""What rounds of a measurement come to: a median, and a ratio taken within each round."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float], digits: int = 0) -> tuple[str, str]:
    """The median, and the smallest and largest, as text."""
    low, high = min(values), max(values)
    return f"{median(values):,.{digits}f}", f"{low:,.{digits}f}–{high:,.{digits}f}"  # noqa: RUF001


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """One ratio a round: what slows the machine for a while slows both sides of it."""
    return [value / other for value, other in zip(values, others, strict=True)]
