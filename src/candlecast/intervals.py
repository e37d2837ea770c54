"""Time as people write it: intervals such as ``1m``, ``4h``, ``1d``, and moments in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from candlecast.errors import InputError


def _checked(text: str) -> str:
    parse_interval(text)
    return text


IntervalText = Annotated[str, AfterValidator(_checked)]
"""An interval as text, for Pydantic models."""

_UNITS = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def parse_interval(text: str) -> timedelta:
    """Read an interval such as ``1m`` or ``4h``.

    Raises:
        InputError: If the text is not a positive count of s, m, h, d or w.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", text.strip())
    if match is None:
        raise InputError(
            f"'{text}' is not an interval. Write a count and a unit: 1s, 1m, 5m, 1h, 1d or 1w."
        )
    return int(match[1]) * _UNITS[match[2]]


def interval_text(interval: timedelta) -> str:
    """Write an interval in its largest whole unit; whole seconds and longer only."""
    for unit, length in _UNITS.items():
        if interval % length == timedelta(0):
            return f"{interval // length}{unit}"
    raise InputError(f"{interval} is not a whole number of seconds, so it is no candle interval.")


def as_utc(moment: datetime) -> datetime:
    """A moment in UTC; one without a zone is read as UTC.

    Raises:
        InputError: If it lies before the year 1 or after 9999 there.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InputError(f"{moment} is out of range in UTC.") from None
