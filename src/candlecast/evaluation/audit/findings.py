"""`Finding`: what one check found. `Audit`: all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        subject: What was checked, such as ``feature log_return`` or ``forecasts of lstm``.
        check: What was tried, in words, or that nothing could be.
        leak: A sentence that says what leaks, by how many rows and what to do; None if nothing.
        rows: By how many rows; 0 if it is clean or rows do not measure it.
        note: What to know though it is no leak.
    """

    subject: str
    check: str
    leak: str | None = None
    rows: int = 0
    note: str | None = None


@dataclass(frozen=True)
class Audit:
    """All findings about a recipe on some candles.

    Attributes:
        findings: One a check, in the order in which candles flow through an experiment.
        notes: What to know though it is no leak.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings that are not clean."""
        return tuple(finding for finding in self.findings if finding.leak is not None)

    @property
    def is_clean(self) -> bool:
        """Whether no check found a leak."""
        return not self.leaks

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain values, fit for JSON."""
        return {
            "clean": self.is_clean,
            "findings": [asdict(finding) for finding in self.findings],
            "notes": list(self.notes),
        }
