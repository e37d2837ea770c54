"""Progress on stderr: a bar in a terminal, silence elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars

console = Console(stderr=True)


class Progress:
    """One bar at a time.

    Args:
        shown: Whether to draw it; it is drawn in a terminal only.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not (shown and console.is_terminal),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, description: str, total: int | None, done: int = 0) -> None:
        """Begin a new piece of work, in place of the one before."""
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = self._bars.add_task(description, total=total, completed=done)

    def advance(self) -> None:
        """One step of the present work is done."""
        if self._task is not None:
            self._bars.advance(self._task)
