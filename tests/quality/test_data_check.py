"""`candlecast data check` and `data import` say what a file holds, and take it in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from candlecast.candles import Candles
from candlecast.cli import main
from candlecast.sources import read
from candlecast.store import Store

ROW = "2021-01-01 00:0{minute}:00,10,12,9,11,{volume}"


def command(*args: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["data", *map(str, args)])
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def conflicting(tmp_path: Path) -> Path:
    path = tmp_path / "BTCUSDT.csv"
    rows = [ROW.format(minute=minute, volume=1) for minute in (0, 1, 2, 5, 6)]
    rows.insert(2, ROW.format(minute=1, volume=2))
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    return path


def test_what_is_found_is_printed_with_its_gaps_and_a_picture(
    tmp_path: Path, write_candles: Callable[[Path, int], Path]
) -> None:
    status, shown, _ = command("check", write_candles(tmp_path / "candles.csv", 3000))
    assert status == 0
    for told in ("BTCUSDT 1m", "CryptoDataDownload", "milliseconds", "newest first", "3,000"):
        assert told in shown
    assert "2021-01  " in shown
    assert "██" in shown


def test_the_same_is_had_as_json(conflicting: Path) -> None:
    status, shown, _ = command("check", conflicting, "--json")
    found = json.loads(shown)
    assert status == 1, "the default policy stops at conflicting duplicates"
    assert found["rows"] == 6
    assert found["conflicting_duplicates"]["count"] == 1
    assert found["conflicting_duplicates"]["examples"][0]["place"].endswith("line 4")
    assert found["gaps"] == [
        {
            "after": "2021-01-01T00:02:00+00:00",
            "before": "2021-01-01T00:05:00+00:00",
            "missing": 2,
            "length": "0:02:00",
        }
    ]
    assert "stands twice" in found["stopped"]


def test_a_stop_is_status_1_and_a_chosen_repair_status_0(conflicting: Path) -> None:
    status, shown, _ = command("check", conflicting)
    assert (status, "stopped: " in shown, "gap: 2021-01-01 00:02" in shown) == (1, True, True)
    status, shown, _ = command("check", conflicting, "--repair", "conflicting_duplicates=last")
    assert (status, "repaired: conflicting_duplicates: last, 1 row\n" in shown) == (0, True)


def test_a_wrong_request_is_one_line_and_status_2(conflicting: Path) -> None:
    for args in (["--repair", "gaps"], ["--repair", "gaps=guess"], ["--column", "x=y"]):
        status, shown, _ = command("check", conflicting, *args)
        assert (status, shown) == (2, ""), args
    assert command("check", conflicting.with_name("none.csv"))[0] == 2


def test_a_symbol_of_the_store_is_checked_like_a_file(
    candles: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLECAST_STORE", str(tmp_path))
    Store().write(candles, "binance")
    status, shown, _ = command("check", candles.symbol, "--json")
    found = json.loads(shown)
    assert (status, found["rows"], found["layouts"]) == (0, len(candles), ["the store"])
    assert command("check", "NONEUSDT")[0] == 2


def test_import_puts_the_repaired_candles_into_the_store(conflicting: Path, tmp_path: Path) -> None:
    root = tmp_path / "store"
    given = ["--exchange", "binance", "--store", root]
    assert command("import", conflicting, *given)[0] == 2
    repair = ["--repair", "conflicting_duplicates=last"]
    status, shown, _ = command("import", conflicting, *given, *repair, "--json")
    assert status == 0
    assert json.loads(shown)["repairs"] == {"conflicting_duplicates: last": 1}
    (manifest,) = root.rglob("manifest.json")
    assert json.loads(manifest.read_bytes())["repairs"] == {
        str(conflicting): {"conflicting_duplicates: last": 1}
    }
    kept = Store(root).read("BTCUSDT", "1m", exchange="binance")
    assert kept.sha256 == read(conflicting, repairs={"conflicting_duplicates": "last"}).sha256
