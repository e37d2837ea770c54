"""Disks that refuse, files that others changed or linked, and a writer who comes in between."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from store_making import HOUR, START, hourly

from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.sources import read
from candlecast.store import Store, commit, disk, scanning
from candlecast.store.manifest import read_manifest

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.write(hourly(range(100)), "binance")
    return store


def folder_of(store: Store) -> Path:
    return store.root / "binance" / "BTCUSDT" / "1h"


def refusing(number: int, after: int) -> Callable[[Path, bytes], None]:
    """Writes some files and then as a disk that refuses, half of a file written."""
    written: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) <= after:
            path.write_bytes(content)
            return
        path.write_bytes(content[: len(content) // 2])
        raise OSError(number, os.strerror(number), str(path))

    return write


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_refuses_leaves_what_was_there_and_the_same_write_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, number: int, after: int
) -> None:
    before = store.read("BTCUSDT", "1h").sha256
    later = hourly(range(90, 1800))
    with monkeypatch.context() as patch:
        patch.setattr(commit, "write_synced", refusing(number, after))
        words = rf"cannot be written to \({os.strerror(number)}\).*held is kept\. Make room"
        with pytest.raises(CandlecastError, match=words):
            store.write(later, "binance")
    assert store.read("BTCUSDT", "1h").sha256 == before
    assert store.verify() == []
    store.write(later, "binance")
    assert store.read("BTCUSDT", "1h").sha256 == hourly(range(1800)).sha256
    assert list(folder_of(store).glob("*.new")) == []


def test_a_reader_between_two_writers_scans_files_that_stay(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = commit.settle

    def unsettled(places: range) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(commit, "settle", lambda *_: None)
            store.write(hourly(places), "binance")

    @contextmanager
    def followed_by_another(folder: Path, wait_s: float) -> Iterator[None]:
        with disk.locked(folder, wait_s):
            yield
        unsettled(range(2000))

    unsettled(range(1000))
    assert list(folder_of(store).glob("*.new"))
    monkeypatch.setattr(scanning, "locked", followed_by_another)
    frame = store.scan("BTCUSDT", "1h")
    settle(folder_of(store), read_manifest(folder_of(store)))
    assert frame.collect().height >= 1000


def test_what_was_left_aside_is_scanned_where_nobody_may_move_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(commit, "settle", lambda *_: None)
        store.write(hourly(range(1000)), "binance")

    def refused(*_: object) -> None:
        raise CandlecastError("the store cannot be written to")

    monkeypatch.setattr(scanning, "settle", refused)
    assert store.scan("BTCUSDT", "1h").collect().height == 1000
    assert len(store.read("BTCUSDT", "1h")) == 1000


@pytest.mark.parametrize("refusals", [0, 2, 99])
def test_a_file_that_a_reader_has_open_is_replaced_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    replace, tries, waits = Path.replace, list[Path](), list[float]()

    def replace_late(path: Path, target: Path) -> Path:
        tries.append(path)
        if len(tries) <= refusals:
            raise PermissionError(errno.EACCES, "used by another process")
        return replace(path, target)

    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text("new")
    old.write_text("old")
    monkeypatch.setattr(Path, "replace", replace_late)
    monkeypatch.setattr(time, "sleep", waits.append)
    with pytest.raises(PermissionError) if refusals == 99 else nullcontext():
        disk.move(new, old)
    assert old.read_text() == ("old" if refusals == 99 else "new")
    assert len(waits) == min(refusals, 4)
    assert sum(waits) < 1


def test_a_link_that_waits_where_a_file_is_to_be_written_is_not_followed(
    store: Store, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    for name in ("2021-01.2.new", "2021-02.2.new", "manifest.json.new"):
        (folder_of(store) / name).symlink_to(outside)
    store.write(hourly(range(1000)), "binance")
    assert outside.read_text() == "mine"
    assert len(store.read("BTCUSDT", "1h")) == 1000
    assert not any(path.is_symlink() for path in folder_of(store).iterdir())


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"rows": 48', '"rows": "many"'),
        ('"rows": 48', '"rows": -1'),
        ('"months": {', '"months": [], "more": {'),
        ('T00:00:00Z"', '"'),
        ('"interval": "1h"', '"interval": "1m"'),
        ('"exchange": "binance"', '"exchange": "../../etc"'),
        ('"2021-02"', '"/etc/passwd"'),
        ('"holes": []', '"holes": [{"since": 1, "until": null}]'),
        ('"holes": []', '"holes": ' + "[" * 5000 + "]" * 5000),
        ('"symbol"', "\udcff\udcfe"),
    ],
)
def test_a_manifest_with_anything_else_than_a_manifests_content_is_named(
    store: Store, right: str, wrong: str
) -> None:
    path = folder_of(store) / "manifest.json"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong, 1), errors="surrogateescape")
    calls: list[Callable[[], Any]] = [
        lambda: store.read("BTCUSDT", "1h"),
        lambda: store.scan("BTCUSDT", "1h"),
        lambda: store.missing("binance", "BTCUSDT", "1h", START, START + HOUR),
        lambda: store.write(hourly(range(9)), "binance"),
        store.series,
    ]
    for call in calls:
        with pytest.raises(InputError, match=r"manifest\.json: this is"):
            call()
    assert [damage.file for damage in store.drop_damaged()] == [path]
    assert len(list(folder_of(store).glob("*.parquet"))) == 2, "the candles stay"


def test_a_month_that_somebody_deleted_or_cut_is_not_counted_as_there(store: Store) -> None:
    store.write(hourly(range(1800)), "binance")
    file = folder_of(store) / "2021-02.parquet"
    content = file.read_bytes()
    calls: list[Callable[[], Any]] = [
        store.series,
        lambda: store.missing("binance", "BTCUSDT", "1h", START, START + 1800 * HOUR),
        lambda: store.read("BTCUSDT", "1h"),
    ]
    file.write_bytes(content[:-1])
    for call in calls:
        with pytest.raises(InputError, match=r"2021-02\.parquet: the file is damaged.*--drop"):
            call()
    file.unlink()
    for call in [*calls, lambda: store.scan("BTCUSDT", "1h")]:
        with pytest.raises(InputError, match=r"2021-02\.parquet: .* is not there\. .*--drop"):
            call()
    assert store.missing("binance", "BTCUSDT", "1h", START, START + 9 * HOUR) == []
    store.drop_damaged()
    (gap,) = store.missing("binance", "BTCUSDT", "1h", START, START + 1800 * HOUR)
    assert gap.candles(HOUR) == 28 * 24


def test_twenty_coins_are_one_panel_that_is_scanned_lazily(tmp_path: Path) -> None:
    files = sorted((SHARED / "data" / "coins").glob("*.parquet"))
    if not files:
        pytest.skip("the coins are not at hand: they are read from ../shared and never copied")
    store = Store(tmp_path)
    coins: dict[str, Candles] = {}
    for file in files:
        candles = read(file)
        coins[candles.symbol] = candles
        store.write(candles, "binance", source=file.name)
    assert len(coins) == 20
    assert [series.name.symbol for series in store.series()] == sorted(coins)
    panel = store.scan()
    assert panel.collect_schema().names()[:3] == ["symbol", "time", "open"]
    rows = panel.group_by("symbol").len().collect(engine="streaming")
    assert dict(rows.rows()) == {symbol: len(each) for symbol, each in coins.items()}
    for symbol, candles in coins.items():
        own = panel.filter(symbol=symbol).select(candles.frame.columns).collect()
        assert own.equals(candles.frame)
