"""The exchange's own archive files, served over the loopback and read by the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from candlecast.candles import SCHEMA, Candles
from candlecast.store import Store
from servers import Rest, folder_reply, serving

ARCHIVE = Path(__file__).parents[3] / "shared/data/binance_archive"
START, END = datetime(2024, 12, 1, tzinfo=UTC), datetime(2025, 2, 4, tzinfo=UTC)
PROGRAM = str(Path(sys.executable).parent / "candlecast")

pytestmark = pytest.mark.skipif(
    not ARCHIVE.exists(),
    reason="the archive is not at hand: it is read from ../shared and never copied",
)


@pytest.fixture(scope="module")
def real() -> Candles:
    """All rows of the archive, read without the client."""
    files = sorted(ARCHIVE.rglob("*.zip"))
    tables = [klines_of(unzipped(file)) for file in files]
    return Candles.from_frame(pl.concat(tables).sort("time"), "BTCUSDT")


def unzipped(file: Path) -> bytes:
    """A zip's one member."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(archive.namelist()[0])


def klines_of(text: bytes) -> pl.DataFrame:
    """The columns by their places; the archive changed from milliseconds to microseconds."""
    places = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10]
    table = pl.read_csv(text, has_header=False)
    table = table.select(
        pl.nth(place).alias(name) for place, name in zip(places, SCHEMA, strict=True)
    )
    factor = 1 if table["time"][0] > 10**14 else 1000
    time = pl.from_epoch(pl.col("time") * factor, "us").dt.replace_time_zone("UTC")
    return table.with_columns(time)


def command(api: str, archive: str, folder: Path) -> list[str]:
    options = ["--since", "2024-12-01", "--base-url", api, "--archive-url", archive, "--json"]
    return [PROGRAM, "data", "fetch", "BTCUSDT", *options, "--store", str(folder)]


def test_two_months_and_three_days_of_minutes_come_as_the_exchange_wrote_them(
    real: Candles, tmp_path: Path
) -> None:
    rest = Rest(real, END)
    folder = tmp_path / "store"
    with serving(rest.reply) as api, serving(folder_reply(ARCHIVE)) as archive:
        order = command(api.url, archive.url, folder)
        done = subprocess.run(order, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["months"], told["days"], told["pieces"]) == (2, 3, 0)
        assert told["added"] == 2 * 44_640 + 3 * 1_440
        held = Store(folder).read("BTCUSDT")
        assert held.sha256 == real.sha256
        assert held.missing == 0
        assert (held.first, held.last) == (START, END - timedelta(minutes=1))
        again = subprocess.run(order, capture_output=True, text=True, check=True)
        assert json.loads(again.stdout)["added"] == 0


def test_a_fetch_that_was_killed_goes_on_and_ends_the_same(real: Candles, tmp_path: Path) -> None:
    rest = Rest(real, END)
    folder = tmp_path / "store"
    reply = folder_reply(ARCHIVE)

    def slow(path: str) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.3 if "2025" in path else 0)
        return reply(path)

    with serving(rest.reply) as api, serving(slow) as archive:
        order = command(api.url, archive.url, folder)
        for kind in (signal.SIGKILL, signal.SIGINT):
            asked = len(archive.asked)
            process = subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            while len(archive.asked) < asked + 4 and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(kind)
            _, said = process.communicate(timeout=60)
            assert process.returncode in (-signal.SIGKILL, 130), said
            assert b"Traceback" not in said
            if process.returncode == 130:
                assert b"Give the same command again to go on" in said
        done = subprocess.run(order, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert Store(folder).read("BTCUSDT").sha256 == real.sha256
    assert Store(folder).verify() == []


def test_ctrl_c_ends_a_fetch_at_once_though_the_server_is_silent(
    real: Candles, tmp_path: Path
) -> None:
    release = threading.Event()

    def silent(_: str) -> tuple[int, dict[str, str], bytes]:
        release.wait(30)
        return 404, {}, b""

    with serving(Rest(real, END).reply) as api, serving(silent) as archive:
        order = command(api.url, archive.url, tmp_path)
        process = subprocess.Popen(order, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not archive.asked and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)  # by now it waits
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        took = time.monotonic() - began
        release.set()
    assert process.returncode == 130, said
    assert took < 8
