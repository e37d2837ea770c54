"""How a command ends: what went wrong in one message on stderr, and the exit status that fits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from candlecast.errors import CandlecastError, InputError, RunInterruptedError
from candlecast.progress import console as stderr


@contextmanager
def errors_as_exit_status(advice: str = "") -> Iterator[None]:
    """Say what went wrong in one message on stderr and exit with the status that fits.

    Args:
        advice: What to do after Ctrl-C.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_ToStderr()])
    logging.getLogger("candlecast").setLevel(logging.INFO)
    try:
        yield
    except InputError as error:
        _say(f"error: {error}")
        raise typer.Exit(2) from None
    except (KeyboardInterrupt, RunInterruptedError):
        _say(f"interrupted; what was saved is kept.{advice}")
        raise typer.Exit(130) from None
    except (CandlecastError, OSError) as error:
        _say(f"failed: {error}")
        raise typer.Exit(1) from None


class _ToStderr(logging.Handler):
    """Writes log lines above the progress bar, each on one line whatever the width."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        stderr.print(self.format(record), markup=False, highlight=False, soft_wrap=True)


def _say(message: str) -> None:
    stderr.print(message, style="bold red", markup=False, highlight=False, soft_wrap=True)
