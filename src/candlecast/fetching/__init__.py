"""Candles fetched from exchanges into the store; see `fetch`."""

from candlecast.fetching.fetch import fetch
from candlecast.fetching.fetched import Fetched

__all__ = ["Fetched", "fetch"]
