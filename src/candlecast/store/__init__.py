"""The local store of candles; see `Store`."""

from candlecast.store.coverage import Series
from candlecast.store.names import SeriesName
from candlecast.store.spans import Span
from candlecast.store.store import Store, Written, default_root
from candlecast.store.verifying import Damage

__all__ = ["Damage", "Series", "SeriesName", "Span", "Store", "Written", "default_root"]
