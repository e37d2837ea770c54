"""One question to a store, asked lazily; prints seconds and the process' peak of memory as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import polars as pl

from candlecast.store import Store

_DAY = pl.col("time").dt.truncate("1d")
QUESTIONS = {
    "count": lambda panel: panel.select(pl.len()),
    "mean close": lambda panel: panel.select(pl.col("close").mean(), pl.col("volume").sum()),
    "mean close by symbol": lambda panel: panel.group_by("symbol").agg(pl.col("close").mean()),
    "daily bars": lambda panel: panel.group_by("symbol", _DAY).agg(
        pl.col("open").sort_by("time").first(),
        pl.col("high").max(),
        pl.col("low").min(),
        pl.col("close").sort_by("time").last(),
        pl.col("volume").sum(),
    ),
}


def main(root: str, question: str) -> None:
    """Ask, and say what it took."""
    began = time.perf_counter()
    answer = QUESTIONS[question](Store(root).scan()).collect(engine="streaming")
    seconds = time.perf_counter() - began
    print(
        json.dumps({"seconds": seconds, "peak_bytes": _peak_bytes(), "answer_rows": answer.height})
    )


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    sys.exit("The peak of memory is read from the kernel's /proc: run this on Linux.")


if __name__ == "__main__":
    main(*sys.argv[1:])
