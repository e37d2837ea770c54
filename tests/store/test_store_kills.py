"""A writer killed at any moment leaves the old state or the new one, and nothing between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from store_making import hourly, with_close

from candlecast.candles import Candles
from candlecast.store import Store

# Forks one writer after the other, each killed one step on disk later than the one before; a write
# that is killed while it waits for the disk has got half of its bytes there.
KILLED_WRITERS = """
import os, shutil, signal, stat, sys
from pathlib import Path
import polars as pl
from candlecast.candles import Candles
from candlecast.store import Store

folder, steps_left, armed = Path(sys.argv[1]), 0, False

def step(fd=None):
    global steps_left
    steps_left -= 1
    if steps_left < 0:
        if fd is not None and stat.S_ISREG(os.fstat(fd).st_mode):
            os.ftruncate(fd, os.fstat(fd).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

def watch(event, args):
    if armed and event in ("os.rename", "os.remove", "os.mkdir"):
        step()
    if armed and event == "open" and isinstance(args[2], int) and args[2] & os.O_WRONLY:
        step()

sys.addaudithook(watch)
fsync = os.fsync
os.fsync = lambda fd: (armed and step(fd), fsync(fd))

for kill_at in range(1000):
    root = folder / f"{kill_at:03}"
    shutil.copytree(folder / "before", root)
    child = os.fork()
    if child == 0:
        table = pl.read_parquet(folder / "later.parquet")
        later = Candles.from_frame(table, "BTCUSDT")
        steps_left, armed = kill_at, True
        Store(root).write(later, "binance", source="later", on_conflict="newer")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 0:
        break
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status
print(kill_at)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("killed_before", [False, True])
def test_a_kill_at_any_step_leaves_the_old_state_or_the_new(
    tmp_path: Path, *, killed_before: bool
) -> None:
    old = hourly(range(1200))  # 30 January to 20 March
    new = with_close(hourly(range(900, 2400)), 10, 103.5)  # changes March, adds April and May
    Store(tmp_path / "before").write(old, "binance", source="earlier")
    if killed_before:  # the last writer left a file that nobody lists
        orphan = tmp_path / "before" / "binance" / "BTCUSDT" / "1h" / "2021-03.2.new"
        orphan.write_bytes(b"half a file")
    new.frame.write_parquet(tmp_path / "later.parquet")
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WRITERS, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 15, "each file, the manifest, and each move is a step"
    states = [_state_after(tmp_path / f"{step:03}", old, new) for step in range(steps + 1)]
    assert states == sorted(states, reverse=True), "once it is new it stays new"
    assert states[0] == "old"
    assert states.count("new") > 5


def _state_after(root: Path, old: Candles, new: Candles) -> str:
    """What a reader finds after the kill; then the next writer makes all whole."""
    store = Store(root)
    both = Candles.from_frame(
        pl.concat([old.frame.filter(pl.col("time") < new.first), new.frame]), "BTCUSDT"
    )
    found = store.read("BTCUSDT", "1h")
    folder = root / "binance" / "BTCUSDT" / "1h"
    by_glob = pl.read_parquet(folder / "*.parquet")
    assert by_glob["time"].is_unique().all(), "the plain files hold no candle twice"
    assert store.scan("BTCUSDT", "1h").collect()["close"].equals(found.frame["close"])
    assert store.verify() == []

    changed = store.write(new, "binance", source="later", on_conflict="newer")
    assert store.read("BTCUSDT", "1h").sha256 == both.sha256
    assert sorted(path.name for path in folder.iterdir()) == [
        ".lock",
        *(f"2021-{month:02}.parquet" for month in range(1, 6)),
        "manifest.json",
    ]
    assert pl.read_parquet(folder / "*.parquet")["close"].to_list() == both.frame["close"].to_list()
    assert found.sha256 in (old.sha256, both.sha256)
    assert bool(changed.months) == (found.sha256 == old.sha256)
    return "old" if found.sha256 == old.sha256 else "new"
