"""How the page writes numbers, moments and stretches of time; a dash where there is none."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from candlecast.evaluation import sentences

NONE = "-"


def ahead(horizon: str) -> str:
    """A horizon in words."""
    return f"{horizon} candle{'' if horizon == '1' else 's'} ahead"


def duration(microseconds: int) -> str:
    """A stretch of time in words: 90 minutes, 2 hours, 1 day."""
    seconds = microseconds / 1_000_000
    units = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
    name, length = next((unit for unit in units if seconds % unit[1] == 0), units[-1])
    count = seconds / length
    return f"{count:,.6g} {name}{'' if count == 1 else 's'}"


def value_text(value: object) -> str:
    """A figure in six significant digits, whole numbers whole, and words as they are."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def skill_text(skill: float | None) -> str:
    """A skill as the verdicts write it."""
    return NONE if skill is None or math.isnan(skill) else sentences.skill_text(skill)


def date_text(microseconds: int | None) -> str:
    """The day of a moment, given in µs since the epoch."""
    if microseconds is None:
        return NONE
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d}"


def minute_text(iso: str | None) -> str:
    """A moment in ISO text, to the minute."""
    return NONE if iso is None else iso[:16].replace("T", " ")


def span_text(first: str | None, last: str | None) -> str:
    """From one moment in ISO text to another."""
    if first is None or last is None:
        return NONE
    return f"{minute_text(first)} to {minute_text(last)}"


def sentence_case(text: str) -> str:
    """With a capital first letter, the others as they are."""
    return text[:1].upper() + text[1:]
