"""What is installed of all that takes part."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import candlecast

_PACKAGES = ("torch", "lightning", "pytorch-lightning", "neuralforecast", "darts", "pandas")


def versions() -> dict[str, str | None]:
    """Python's version, candlecast's, and the packages'; None for what is not there."""
    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "candlecast": candlecast.__version__,
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def versions_text(found: dict[str, str | None]) -> str:
    """What there is, in one line."""
    return ", ".join(f"{name} {number}" for name, number in found.items() if number is not None)
