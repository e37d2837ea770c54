"""Turns of phrase that several checks share."""

from __future__ import annotations

from collections.abc import Sequence

NOT_AUDITED = "not audited, as a note explains"
"""Stands where a finding says what was tried, if nothing could be."""


def counted(number: int, noun: str) -> str:
    """A number and its noun, in the singular or plural."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def said(error: Exception) -> str:
    """An error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
