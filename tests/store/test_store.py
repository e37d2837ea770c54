"""The store gives back what was written, merged, and says what it has and what it lacks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_making import HOUR, START, hourly, with_close

from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.intervals import interval_text
from candlecast.markets import with_market
from candlecast.store import Span, Store, default_root

PLACES = st.sets(st.integers(0, 90), min_size=1, max_size=40)


def folder_of(store: Store, *, symbol: str = "BTCUSDT", interval: str = "1h") -> Path:
    return store.root / "binance" / symbol / interval


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_candles_come_back_as_they_were_written_one_file_a_month(
    store: Store, gappy_candles: Candles
) -> None:
    written = store.write(gappy_candles, "Binance")
    assert written.added == len(gappy_candles)
    back = store.read(gappy_candles.symbol)
    assert back.frame.equals(gappy_candles.frame)
    assert back.sha256 == gappy_candles.sha256
    files = sorted(store.root.rglob("*.parquet"))
    months = sorted(set(gappy_candles.frame["time"].dt.strftime("%Y-%m")))
    series = store.root / "binance" / gappy_candles.symbol / "1m"
    assert files == [series / f"{month}.parquet" for month in months]


def test_writing_the_same_again_changes_not_one_byte(store: Store) -> None:
    candles = hourly(range(100))
    for _ in range(2):
        store.write(candles, "binance", source="a.csv", facts={"sha256": "1"}, repairs={"open": 1})
        state = {path: path.read_bytes() for path in sorted(store.root.rglob("*.*"))}
    assert store.write(
        candles, "binance", source="a.csv", facts={"sha256": "1"}, repairs={"open": 1}
    ) == (0, 0, ())
    assert {path: path.read_bytes() for path in sorted(store.root.rglob("*.*"))} == state


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PLACES, min_size=1, max_size=6))
def test_overlapping_writes_in_any_order_give_the_same_as_one(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[set[int]]
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    added = sum(store.write(hourly(places), "binance").added for places in pieces)
    whole = hourly(set().union(*pieces))
    once = Store(tmp_path_factory.mktemp("store"))
    once.write(whole, "binance")
    assert added == len(whole)
    assert store.read("BTCUSDT", "1h").sha256 == whole.sha256
    contents = [
        {name: month["content_sha256"] for name, month in _manifest(each)["months"].items()}
        for each in (store, once)
    ]
    assert contents[0] == contents[1]


@settings(max_examples=60)
@given(
    has=st.sets(st.integers(0, 60), max_size=30),
    holes=st.lists(st.tuples(st.integers(-5, 65), st.integers(1, 12)), max_size=3),
    since=st.integers(-10, 60),
    length=st.integers(0, 70),
    minutes=st.integers(0, 59),
)
def test_missing_is_what_counting_hour_by_hour_finds(
    tmp_path_factory: pytest.TempPathFactory,
    has: set[int],
    holes: list[tuple[int, int]],
    since: int,
    length: int,
    minutes: int,
) -> None:
    store = Store(tmp_path_factory.mktemp("store"))
    if has:
        store.write(hourly(has), "binance")
    for first, count in holes:
        store.note_hole(
            "binance", "BTCUSDT", "1h", START + first * HOUR, START + (first + count) * HOUR
        )
    start = START + since * HOUR + timedelta(minutes=minutes)
    end = start + length * HOUR
    found = store.missing("binance", "BTCUSDT", "1h", start, end)
    known = {place for first, count in holes for place in range(first, first + count)} | has
    lacking = [
        place
        for place in range(-20, 140)
        if start <= START + place * HOUR < end and place not in known
    ]
    by_span = [
        (span.since - START) // HOUR + step for span in found for step in range(span.candles(HOUR))
    ]
    assert by_span == lacking
    assert all(span.since < span.until for span in found)
    assert all(one.until < two.since for one, two in pairwise(found))


def test_conflicting_candles_stop_with_their_time_and_nothing_is_written(store: Store) -> None:
    store.write(hourly(range(60)), "binance")
    before = store.read("BTCUSDT", "1h")
    other = with_close(hourly(range(50, 100)), 3, 104.5)
    with pytest.raises(
        InputError,
        match=(
            r"binance/BTCUSDT/1h: the candle of 2021-02-01 05:00:00 has close 104\.0 in the store "
            r"and 104\.5 in what is to be written\. Nothing was written.*on_conflict='newer'"
        ),
    ):
        store.write(other, "binance")
    assert store.read("BTCUSDT", "1h").sha256 == before.sha256
    written = store.write(other, "binance", on_conflict="newer")
    assert (written.added, written.replaced) == (40, 1)
    after = store.read("BTCUSDT", "1h")
    assert after.frame["close"][53] == 104.5
    assert len(after) == 100


def test_a_column_that_some_candles_lack_is_null_there_and_filled_when_it_comes(
    store: Store,
) -> None:
    with_trades = hourly(range(40, 60), trades=list(range(20)))
    store.write(hourly(range(50)), "binance")
    store.write(with_trades, "binance")
    back = store.read("BTCUSDT", "1h").frame
    assert back["trades"].to_list() == [None] * 40 + list(range(20))
    assert "quote_volume" not in back.columns, "what is not known anywhere is left out"
    # A candle that is replaced takes nothing along from the one that it replaces.
    store.write(with_close(hourly([45]), 0, 105.5), "binance", on_conflict="newer")
    assert store.read("BTCUSDT", "1h").frame["trades"][45] is None


def test_a_span_is_read_and_scanned_alone(store: Store) -> None:
    candles = hourly(range(2000))
    store.write(candles, "binance")
    since, until = START + 100 * HOUR, START + 1500 * HOUR
    part = store.read("BTCUSDT", "1h", since=since, until=until.replace(tzinfo=None))
    assert part.sha256 == candles.between(since, until).sha256
    scanned = store.scan("BTCUSDT", "1h", since=since, until=until).collect()
    assert scanned["time"].equals(part.frame["time"])
    with pytest.raises(InputError, match=r"no candle of binance/BTCUSDT/1h with since 2031"):
        store.read("BTCUSDT", "1h", since=datetime(2031, 1, 1, tzinfo=UTC))


def test_a_panel_of_many_symbols_is_one_long_lazy_frame(store: Store) -> None:
    markets = {f"COIN{n}USDT": hourly(range(n, 50), f"COIN{n}USDT") for n in range(5)}
    for candles in markets.values():
        store.write(candles, "binance")
    panel = store.scan(interval="1h")
    assert isinstance(panel, pl.LazyFrame)
    for symbol, candles in markets.items():
        own = panel.filter(symbol=symbol).collect()
        assert own.select(candles.frame.columns).equals(candles.frame)
    assert panel.select(pl.len()).collect().item() == sum(len(each) for each in markets.values())
    chosen = store.scan(["COIN1USDT", "coin3usdt"], "1h").collect()
    assert chosen["symbol"].unique(maintain_order=True).to_list() == ["COIN1USDT", "COIN3USDT"]


def test_what_is_there_is_listed_with_its_gaps_and_known_holes(store: Store) -> None:
    store.write(
        hourly([*range(10), *range(20, 30), *range(45, 50)]),
        "binance",
        source="a.zip",
        facts={"sha256": "f"},
        repairs={"open last candle: drop": 1, "none": 0},
    )
    store.note_hole("binance", "BTCUSDT", "1h", START + 8 * HOUR, START + 20 * HOUR, "outage")
    (series,) = store.series()
    assert str(series.name) == "binance/BTCUSDT/1h"
    assert (series.rows, series.first, series.last) == (25, START, START + 49 * HOUR)
    assert series.gaps == [
        Span(START + 10 * HOUR, START + 20 * HOUR),
        Span(START + 30 * HOUR, START + 45 * HOUR),
    ]
    assert series.holes == [series.gaps[0]], "candles that are there are no hole"
    assert (series.missing, series.unexplained) == (25, 15)
    assert series.sources == {"a.zip": {"sha256": "f"}}
    assert series.repairs == {"a.zip": {"open last candle: drop": 1}}
    assert json.loads(json.dumps(series.to_dict()))["missing"] == 25
    store.write(hourly(range(12, 14)), "binance")
    (series,) = store.series()
    assert series.holes == [
        Span(START + 10 * HOUR, START + 12 * HOUR),
        Span(START + 14 * HOUR, START + 20 * HOUR),
    ]


def test_damaged_files_are_found_by_name_and_can_be_taken_out(store: Store) -> None:
    store.write(hourly(range(2200)), "binance")
    store.write(hourly(range(30), "ETHUSDT"), "binance")
    assert store.verify() == []
    folder = folder_of(store)
    content = bytearray((folder / "2021-02.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "2021-02.parquet").write_bytes(content)
    (folder / "2021-03.parquet").unlink()
    (folder / "2020-01.parquet").write_bytes(b"mine")
    found = store.verify()
    assert [damage.file.name for damage in found] == [
        "2021-02.parquet",
        "2021-03.parquet",
        "2020-01.parquet",
    ]
    for damage, words in zip(found, ["checksum", "is not there", "no manifest lists"], strict=True):
        assert str(damage.file) in damage.problem
        assert words in damage.problem
    with pytest.raises(InputError, match=r"2021-02\.parquet: the file is damaged"):
        store.read("BTCUSDT", "1h")
    assert store.drop_damaged() == found
    assert store.verify() == []
    lacks = store.missing("binance", "BTCUSDT", "1h", START, START + 2200 * HOUR)
    assert lacks == [Span(START + 48 * HOUR, datetime(2021, 4, 1, tzinfo=UTC))]
    store.write(hourly(range(2200)), "binance")
    assert len(store.read("BTCUSDT", "1h")) == 2200


def test_a_damaged_manifest_is_named(store: Store) -> None:
    store.write(hourly(range(30)), "binance")
    path = folder_of(store) / "manifest.json"
    whole = path.read_text()
    other = whole.replace('"BTCUSDT"', '"ETHUSDT"')
    escaping = whole.replace('"2021-01"', '"../2021-01"')
    for text in (
        whole[:50],
        "",
        "[]",
        whole.replace('"version": 1', '"version": 2'),
        other,
        escaping,
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=r"manifest\.json: this is"):
            store.read("BTCUSDT", "1h")
        assert [damage.file for damage in store.verify()] == [path]
        with pytest.raises(InputError, match=r"manifest\.json: this is"):
            store.write(hourly(range(40)), "binance")


TRICKS = [
    "",
    ".",
    "..",
    "../BTCUSDT",
    "/etc",
    "BTC/USDT",
    "BTC\\USDT",
    "BTC\0USDT",
    "BTC USDT",
    "~",
    "C:BTC",
    "-BTC",
    "BTC-",
    ".hidden",
    "BTCUSDT\n",
    "БТЦ",
    "İ",
    "\N{LATIN SMALL LETTER LONG S}",
    "\N{KELVIN SIGN}",
    "nul",
    "com1",
    "A" * 41,
    "*",
    "[a]",
]


@pytest.mark.parametrize("name", TRICKS)
def test_a_name_that_could_leave_its_folder_is_refused_everywhere(
    store: Store, tmp_path: Path, name: str
) -> None:
    candles = hourly(range(5))
    tricky = Candles(candles.frame, name, HOUR)
    calls: list[Any] = [
        lambda: store.write(tricky, "binance"),
        lambda: store.write(candles, name),
        lambda: store.read(name, "1h"),
        lambda: store.read("BTCUSDT", name),
        lambda: store.read("BTCUSDT", "1h", exchange=name),
        lambda: store.scan([name], "1h"),
        lambda: store.missing(name, "BTCUSDT", "1h", START, START + HOUR),
        lambda: store.note_hole("binance", name, "1h", START, START + HOUR),
    ]
    for call in calls:
        with pytest.raises(InputError):
            call()
    assert list(tmp_path.rglob("*")) == []


@given(st.text(max_size=50))
def test_no_text_makes_a_path_outside_the_store(text: str) -> None:
    from candlecast.store.names import checked_name

    try:
        name = checked_name(text, text, "1h")
    except InputError:
        return
    root = Path("/root/of/store")
    assert (root / name.folder).resolve().relative_to(root).parts == tuple(name)
    assert name.exchange == text.lower()
    assert name.symbol == text.upper()


def test_small_and_capital_letters_mean_the_same_series(store: Store) -> None:
    store.write(hourly(range(5), "btcusdt"), "BINANCE")
    store.write(hourly(range(5, 9)), "binance")
    assert len(store.read("btcUSDT", "60m", exchange="Binance")) == 9
    assert [path.name for path in store.root.iterdir()] == ["binance"]


def test_a_symbol_at_two_exchanges_is_asked_back(store: Store) -> None:
    for exchange in ("binance", "kraken"):
        store.write(hourly(range(5)), exchange)
    with pytest.raises(InputError, match=r"binance/BTCUSDT/1h, kraken/BTCUSDT/1h\. Say which"):
        store.read("BTCUSDT", "1h")
    assert len(store.read("BTCUSDT", "1h", exchange="kraken")) == 5
    with pytest.raises(InputError, match=r"no such series of ETHUSDT: it has binance/BTCUSDT/1h"):
        store.read("ETHUSDT", "1h")


def test_candles_of_another_grid_or_with_other_columns_are_refused(store: Store) -> None:
    store.write(hourly(range(5)), "binance")
    shifted = hourly(range(5)).frame.with_columns(pl.col("time") + timedelta(minutes=7))
    with pytest.raises(InputError, match="They are not of one series"):
        store.write(Candles.from_frame(shifted, "BTCUSDT"), "binance")
    beside = with_market(hourly(range(5)), "ETHUSDT", hourly(range(5), "ETHUSDT"))
    with pytest.raises(InputError, match="not the columns ETHUSDT:open"):
        store.write(beside, "binance")
    older: Any = "older"
    with pytest.raises(InputError, match="on_conflict is 'older'"):
        store.write(hourly(range(5)), "binance", on_conflict=older)
    with pytest.raises(InputError, match="Name the source"):
        store.write(hourly(range(5)), "binance", repairs={"a": 1})


def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(CandlecastError, match="cannot be written to"):
        Store(tmp_path / "store").write(hourly(range(5)), "binance")


def test_no_candles_make_no_months(store: Store) -> None:
    none = hourly(range(5)).between(START - HOUR, START)
    assert store.write(none, "binance", source="an empty page") == (0, 0, ())
    assert store.series()[0].rows == 0
    with pytest.raises(InputError, match="holds no candle"):
        store.read("BTCUSDT", "1h")
    assert store.scan("BTCUSDT", "1h").collect().is_empty()


def test_the_usual_place_is_a_variable_or_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLECAST_STORE", "~/candles")
    assert default_root() == Path.home() / "candles"
    monkeypatch.delenv("CANDLECAST_STORE")
    assert default_root() == Path.home() / ".local" / "share" / "candlecast"


@pytest.mark.parametrize("interval", [timedelta(seconds=1), timedelta(days=1), timedelta(weeks=1)])
def test_every_interval_finds_its_months(store: Store, interval: timedelta) -> None:
    times = [START + place * interval for place in range(50)]
    frame = hourly(range(50)).frame.with_columns(
        time=pl.Series(times, dtype=pl.Datetime("us", "UTC"))
    )
    candles = Candles.from_frame(frame, "BTCUSDT")
    store.write(candles, "binance")
    text = interval_text(interval)
    assert store.read("BTCUSDT", text).sha256 == candles.sha256
    assert store.missing("binance", "BTCUSDT", text, times[0], times[-1]) == []
    rows = [month["rows"] for month in _manifest(store, text)["months"].values()]
    assert np.array(rows).sum() == 50


def _manifest(store: Store, interval: str = "1h") -> dict[str, Any]:
    text = (folder_of(store, interval=interval) / "manifest.json").read_text()
    manifest: dict[str, Any] = json.loads(text)
    return manifest
