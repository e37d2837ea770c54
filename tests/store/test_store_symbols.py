"""A symbol in the store works wherever a file path does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from store_making import hourly
from typer.testing import CliRunner

import candlecast
from candlecast.cli import main
from candlecast.errors import InputError
from candlecast.sources import check
from candlecast.store import Store

QUICK = [
    arg
    for setting in (
        "model=null",
        "training=null",
        "baselines=[persistence]",
        "features=[log_return]",
        "market_features=[]",
        "horizons=[1]",
    )
    for arg in ("--set", setting)
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The usual store, with three markets; the present folder is an empty one."""
    monkeypatch.setenv("CANDLECAST_STORE", str(tmp_path / "store"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    store = Store()
    for seed, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        minutes = candlecast.simulate(rows=3000, seed=seed, symbol=symbol).candles
        store.write(minutes, "binance")
    store.write(hourly(range(50)), "binance")
    return store


def test_read_takes_a_symbol_with_or_without_its_exchange_and_interval(store: Store) -> None:
    minutes = store.read("BTCUSDT", "1m").sha256
    for text in ("BTCUSDT", "btcusdt", "binance/BTCUSDT", "BTCUSDT/1m", "binance/btcusdt/1m"):
        assert candlecast.read(text).sha256 == minutes
        assert candlecast.read(Path(text)).sha256 == minutes
    assert candlecast.read("BTCUSDT/1h").sha256 == hourly(range(50)).sha256


def test_the_only_interval_is_taken_where_there_are_no_minutes(store: Store) -> None:
    store.write(hourly(range(9), "ADAUSDT"), "binance")
    assert len(candlecast.read("ADAUSDT")) == 9


@pytest.mark.usefixtures("store")
def test_a_symbol_is_checked_like_a_file_and_takes_no_reading_options() -> None:
    found = check("BTCUSDT")
    assert (found.rows, found.symbol, found.interval, found.stopped) == (
        3000,
        "BTCUSDT",
        "1m",
        None,
    )
    assert CliRunner().invoke(main, ["data", "check", "BTCUSDT/1h"]).exit_code == 0
    wrong: list[dict[str, Any]] = [{"interval": "5m"}, {"symbol": "X"}, {"columns": {"open": "o"}}]
    for options in wrong:
        for call in (candlecast.read, check):
            with pytest.raises(InputError, match="symbol, interval, columns and repairs are for"):
                call("BTCUSDT", **options)


def test_a_path_that_exists_wins(store: Store) -> None:
    store.read("ETHUSDT").frame.head(7).write_parquet("BTCUSDT")
    assert len(candlecast.read("BTCUSDT")) == 7
    Path("ETHUSDT").mkdir()
    with pytest.raises(InputError):
        candlecast.read("ETHUSDT")


@pytest.mark.usefixtures("store")
def test_what_is_neither_a_file_nor_in_the_store_is_told_in_one_message() -> None:
    with pytest.raises(
        InputError,
        match=(
            r"XRPUSDT: there is no such file, and the store in .* has no such series of XRPUSDT: "
            r"it has binance/BTCUSDT/1h.* candlecast data fetch XRPUSDT"
        ),
    ):
        candlecast.read("XRPUSDT")
    with pytest.raises(InputError, match=r"none\.csv: there is no such file"):
        candlecast.read("none.csv")


def test_two_exchanges_are_asked_back(store: Store) -> None:
    store.write(hourly(range(9)), "kraken")
    with pytest.raises(InputError, match=r"binance/BTCUSDT/1h, kraken/BTCUSDT/1h\. Say which one"):
        candlecast.read("BTCUSDT/1h")
    assert len(candlecast.read("kraken/BTCUSDT/1h")) == 9


@pytest.mark.usefixtures("store")
def test_run_walkforward_audit_and_predict_take_symbols_and_other_markets_by_name() -> None:
    inputs = ["--candles", "BTCUSDT", "--with", "ETHUSDT"]
    folds = ["--set", "walkforward.first_train=25h", "--set", "walkforward.refit=400"]
    for words in (
        ["run", *QUICK, *inputs, "--out", "run"],
        ["predict", "run", *inputs, "--out", "forecasts.parquet"],
        ["walkforward", *QUICK, *folds, "--candles", "BTCUSDT", "--plan"],
        ["audit", *QUICK, *inputs],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, (words, done.output)
    metrics = json.loads(Path("run/metrics.json").read_text())["data"]
    assert (metrics["symbol"], metrics["markets"], metrics["rows"]) == (
        "BTCUSDT",
        ["ETHUSDT"],
        3000,
    )
    assert Path("forecasts.parquet").is_file()


def test_list_shows_what_is_there_with_its_gaps(store: Store) -> None:
    store.write(hourly([60, 61, 70]), "binance")
    shown = CliRunner().invoke(main, ["data", "list"])
    assert shown.exit_code == 0
    assert "binance/ETHUSDT/1m" in shown.stdout
    assert "binance/BTCUSDT/1h lacks 2021-02-01 02:00 until 2021-02-01 12:00 (10 candles)" in (
        shown.stdout
    )
    document = json.loads(CliRunner().invoke(main, ["data", "list", "--json"]).stdout)
    assert document["store"] == str(store.root)
    assert [each["missing"] for each in document["series"]] == [18, 0, 0]
    assert [each["interval"] for each in document["series"]] == ["1h", "1m", "1m"]


def test_list_and_verify_take_the_folder_that_fetch_and_import_took(store: Store) -> None:
    other = Store("other")
    other.write(hourly(range(9), "ADAUSDT"), "kraken")
    words = ["data", "list", "--store", "other", "--json"]
    document = json.loads(CliRunner().invoke(main, words).stdout)
    assert [each["symbol"] for each in document["series"]] == ["ADAUSDT"]
    (file,) = other.root.rglob("*.parquet")
    file.write_bytes(b"")
    assert CliRunner().invoke(main, ["data", "verify", "--store", "other"]).exit_code == 1
    assert CliRunner().invoke(main, ["data", "verify"]).exit_code == 0
    assert store.verify() == []


def test_list_of_no_store_says_how_to_fill_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLECAST_STORE", str(tmp_path / "none"))
    shown = CliRunner().invoke(main, ["data", "list"])
    assert (shown.exit_code, "candlecast data fetch" in shown.stdout) == (0, True)
    assert not (tmp_path / "none").exists()


def test_verify_names_damaged_files_and_drops_them(store: Store) -> None:
    assert CliRunner().invoke(main, ["data", "verify"]).exit_code == 0
    file = store.root / "binance" / "BTCUSDT" / "1h" / "2021-01.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    found = CliRunner().invoke(main, ["data", "verify", "--json"])
    assert found.exit_code == 1
    assert [each["file"] for each in json.loads(found.stdout)] == [str(file)]
    assert CliRunner().invoke(main, ["data", "verify", "--drop"]).exit_code == 1
    assert CliRunner().invoke(main, ["data", "verify"]).exit_code == 0


@pytest.mark.usefixtures("store")
def test_simulate_writes_a_file_or_into_the_store() -> None:
    small = ["--rows", "500", "--seed", "3", "--start", "2022-02-01", "--interval", "5m"]
    expected = candlecast.simulate(500, seed=3).candles.frame["close"]
    for words in (["--out", "new/SIMULATED_5m.parquet"], ["--store"]):
        done = CliRunner().invoke(main, ["data", "simulate", *small, *words])
        assert done.exit_code == 0, done.output
    for text in ("new/SIMULATED_5m.parquet", "simulated/SIMULATED"):
        candles = candlecast.read(text)
        assert f"{candles.first:%Y-%m-%d} {len(candles)}" == "2022-02-01 500"
        assert candles.symbol == "SIMULATED"
        assert not candles.frame["close"].equals(expected), "five minutes are not one"
    for words in (
        [],
        ["--store", "--out", "x.parquet"],
        ["--out", "."],
        ["--out", "x.parquet", "--start", "May"],
    ):
        wrong = CliRunner().invoke(main, ["data", "simulate", *words])
        assert wrong.exit_code == 2
    assert not Path("x.parquet").exists()
