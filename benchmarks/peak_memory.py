"""How much memory a piece of work adds to the process at its peak (Linux only).

The kernel counts the pages of every allocator: Python's, NumPy's, torch's, Polars'. Python's own
`tracemalloc` would not see torch. But pages that an allocator holds from earlier work are used
again without being counted, so `HONEST_ALLOCATORS` makes all of them give back what is freed, and
what is free is given back before the work starts.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

# To be set before the process starts: big blocks each get pages of their own from the kernel (C's
# allocator), and freed pages go back at once (Polars' allocator).
HONEST_ALLOCATORS = {
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
}
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass
class PeakMemory:
    """A context manager around a piece of work.

    Attributes:
        seconds: How long it took.
        peak: Bytes that it added at its highest point.
        kept: Bytes that it added and still holds.
    """

    seconds: float = 0.0
    peak: int = 0
    kept: int = 0

    def __enter__(self) -> Self:
        """Give back what is free and lower the kernel's high-water mark to the present use."""
        if sys.platform != "linux":
            sys.exit("The peak of memory is read from the kernel's /proc: run this on Linux.")
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        _RESET.write_text("5", encoding="ascii")
        self._before = _status_bytes("VmRSS")
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Read the clock and the marks."""
        self.seconds = time.perf_counter() - self._began
        self.peak = _status_bytes("VmHWM") - self._before
        self.kept = _status_bytes("VmRSS") - self._before


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"{_STATUS} has no {field}")
