"""Measurements in fresh processes: no memory, cache or setting leaks from one into the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def measure(script: str, *arguments: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """Run a script of this folder in a fresh interpreter.

    Args:
        script: The script's file name.
        arguments: Its arguments.
        settings: Environment variables to set for it.

    Returns:
        The JSON document that the last line of its output holds.

    Raises:
        SystemExit: If the script fails; what it wrote to stderr is shown.
    """
    done = subprocess.run(  # noqa: S603 - our own script, our own arguments
        [sys.executable, str(_HERE / script), *arguments],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{done.stderr}\n{script} {' '.join(arguments)} failed ({done.returncode})")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
