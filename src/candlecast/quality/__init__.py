"""What is wrong with raw candles, said aloud, and the named ways to repair it."""

from candlecast.quality.facts import Quality
from candlecast.quality.repairs import Repairs

__all__ = ["Quality", "Repairs"]
