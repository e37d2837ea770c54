"""Ctrl-C while training: asked at any time, obeyed between two steps only."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from candlecast.errors import RunInterruptedError


class Interrupt:
    """Whether Ctrl-C was pressed. It is asked at any time and obeyed between two steps only."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """The signal handler; a second Ctrl-C does not wait."""
        del number, frame
        if self.asked:
            self.obey()
        self.asked = True

    def obey(self) -> None:
        """Raise `RunInterruptedError` if Ctrl-C was pressed."""
        if self.asked:
            raise RunInterruptedError("interrupted; what was saved is kept")


@contextmanager
def catching_interrupt() -> Iterator[Interrupt]:
    """Catch Ctrl-C inside; outside the main thread it stays somebody else's business."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt.ask)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
