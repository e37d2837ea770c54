"""Whatever layout candles are written in, reading gives back exactly what was written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout_writers import HOURLY, WRITERS, Writer, archive, parquet, plain_csv, zipped
from polars.testing import assert_frame_equal

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.simulate import simulate
from candlecast.sources import check, read, read_with_report

MINUTE = timedelta(minutes=1)


def full(rows: int, seed: int, first: datetime, interval: timedelta = MINUTE) -> Candles:
    """Simulated candles with all the columns that there are."""
    frame = simulate(rows=rows, seed=seed).candles.frame
    times = pl.Series("time", [first + row * interval for row in range(rows)])
    whole = frame.with_columns(
        times,
        taker_buy_volume=pl.col("volume") * 0.4,
        taker_buy_quote_volume=pl.col("quote_volume") * 0.4,
    )
    return Candles.from_frame(whole, "BTCUSDT", interval)


def assert_same(again: Candles, candles: Candles) -> None:
    assert (again.symbol, again.interval) == ("BTCUSDT", candles.interval)
    known = again.frame.columns
    assert set(known) >= {"time", "open", "high", "low", "close", "volume"}
    assert_frame_equal(again.frame, candles.frame.select(known), check_exact=True)


@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(25, 60),
    seed=st.integers(0, 99),
    minutes=st.integers(0, 45 * 365 * 1440),
    hole=st.booleans(),
)
def test_what_was_written_is_read_again(
    write: Writer, tmp_path: Path, rows: int, seed: int, minutes: int, hole: bool
) -> None:
    first = datetime(1976, 1, 1, tzinfo=UTC) + minutes * MINUTE
    candles = full(rows, seed, first)
    if hole:
        kept = [row for row in range(rows) if row not in (5, 6)]
        candles = Candles.from_frame(candles.frame[kept], "BTCUSDT", MINUTE)
    path = tmp_path / "BTCUSDT-1m"
    path.write_bytes(write(candles))
    assert_same(read(path), candles)


@pytest.mark.parametrize("write", HOURLY.values(), ids=list(HOURLY))
def test_hours_by_am_and_pm_are_read_again(write: Writer, tmp_path: Path) -> None:
    candles = full(60, 1, datetime(2019, 11, 30, 5, tzinfo=UTC), timedelta(hours=1))
    path = tmp_path / "BTCUSDT-1h"
    path.write_bytes(write(candles))
    assert_same(read(path), candles)


def test_daily_files_with_bare_dates_null_counts_and_two_units_are_read(tmp_path: Path) -> None:
    path = tmp_path / "Binance_BTCUSDT_d.csv"
    path.write_text(
        "https://www.CryptoDataDownload.com\n"
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USDT,tradecount\n"
        "1503187200000,2017-08-20 00:00:00,BTC/USDT,10,12,9,11,2,22,5\n"
        "1503100800.0,2017-08-19,BTC/USDT,10,12,9,11,2,22,NULL\n"
        "1503014400.0,2017-08-18,BTC/USDT,10,12,9,11,2,22,NULL\n"
    )
    candles, quality = read_with_report(path)
    assert candles.frame["trades"].to_list() == [None, None, 5]
    assert candles.interval == timedelta(days=1)
    assert sorted(quality.units) == ["milliseconds", "seconds"]


def test_dates_tell_the_time_where_a_spreadsheet_rounded_the_numbers_and_it_is_said(
    tmp_path: Path,
) -> None:
    candles = full(40, 3, datetime(2021, 5, 4, 3, tzinfo=UTC))  # month or day first: numbers tell
    path = tmp_path / "copy.csv"
    content = WRITERS["CryptoDataDownload, damaged by a spreadsheet"](candles)
    path.write_bytes(content)
    again, quality = read_with_report(path)
    assert again.first == candles.first
    assert "rounded by a spreadsheet" in quality.notes[0]
    path.write_bytes(content.replace(b"5/4/2021", b"5/9/2021"))
    with pytest.raises(InputError, match=r"line 2: .*are not the same moment"):
        read(path)


def test_a_rounded_time_without_a_date_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "X.csv"
    path.write_text("time,open,high,low,close,volume\n" + "1.61888E+12,1,1,1,1,1\n" * 3)
    with pytest.raises(InputError, match=r"line 2: time '1.61888E\+12' was rounded by a spread"):
        read(path)


def test_dates_that_may_be_month_first_or_day_first_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "X.csv"
    rows = "".join(f"{day}/3/2021,1,1,1,1,1\n" for day in range(1, 10))
    path.write_text("date,open,high,low,close,volume\n" + rows)
    with pytest.raises(InputError, match="line 2: '1/3/2021' may be month/day or day/month"):
        read(path)


def test_columns_are_mapped_by_the_user(tmp_path: Path) -> None:
    candles = full(30, 4, datetime(2022, 1, 1, tzinfo=UTC))
    theirs = {"time": "when", "open": "first", "high": "top", "low": "bottom", "close": "end"}
    renamed = candles.frame.rename(theirs)
    renamed.write_csv(tmp_path / "BTCUSDT.csv")
    renamed.write_parquet(tmp_path / "BTCUSDT.parquet")
    for name in ("BTCUSDT.csv", "BTCUSDT.parquet"):
        with pytest.raises(InputError, match=r"layout is not known.*columns="):
            read(tmp_path / name)
        assert_same(read(tmp_path / name, columns=theirs), candles)


def test_the_users_names_find_the_header_whatever_the_order_of_columns(tmp_path: Path) -> None:
    candles = full(30, 4, datetime(2022, 1, 1, tzinfo=UTC))
    kept = ["volume", "close", "time", "low", "high", "open"]
    names = {name: f"theirs {name}" for name in kept}
    path = tmp_path / "BTCUSDT.csv"
    candles.frame.select(kept).rename(names).write_csv(path)
    assert_same(read(path, columns=names), candles)
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    with pytest.raises(InputError, match=r"BTCUSDT.csv: columns: there is no column .* no header"):
        read(path, columns=names)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"price": "close"}, "'price' is no column of candles"),
        ({"open": "o"}, "there is no column 'o' for open. The file has time, open"),
        ({"open": "close", "close": "close"}, "'close' is given twice"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, columns: dict[str, str], message: str) -> None:
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(plain_csv(full(30, 4, datetime(2022, 1, 1, tzinfo=UTC))))
    with pytest.raises(InputError, match=message):
        read(path, columns=columns)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("X.csv", b"time,open,high,low,close,volume\n1,1,1,1,1,1\n", "line 2: time 1 is no"),
        ("X.csv", b"time,open,high,low,close,volume\nsoon,1,1,1,1,1\n", "line 2: 'soon' is no"),
        ("X.csv", b"time,open,high,low,close,volume\n\n,1,1,1,1,1\n", "line 3: time is missing"),
        ("X.csv", b"time,open,high,low,close,volume\n", "a header and no candle"),
        ("X.csv", b"time,open,high,low,close\n2021-01-01,1,1,1,1\n", "missing column volume"),
        ("X.csv", b"time,open,high,low,close,volume\n9999-01-01,1,1,1,1,1\n", "1970 to 2261"),
        ("X.csv", b"\xff\xfet", "UTF-16 and is not"),
        ("X.csv", "time,open\n".encode("utf-16-le"), "encoding that is not told. Save it as UTF-8"),
        ("X.csv", b"time,open,high,low,close,volume\n01/20/21,1,1,1,1,1\n", "time '01/20/21' lies"),
        ("X.csv", b"time,open,high,low,close,volume\n20.1.21,1,1,1,1,1\n", "'20.1.21' is no time"),
        ("X.csv", b"open,high,low,close,volume\n1,1,1,1,1\n", r"missing column time.*columns=\{"),
        ("X.csv", b"time,open,high,low,close,volume\n" + b"1" * 70_000, "longer than 65,536 bytes"),
        ("X.json", b'[{"open": 1, "open": 2}]', "an object gives 'open' twice"),
        ("X.json", b'{"time": [1, 2], "open": [1]}', "column open has 1 values where time has 2"),
        ("X.json", b"[[1653640800000,1,1,1,true,1],[1653640860000,1,1,1,1,1]]", "row 1: 'True' in"),
        ("X.json", b"[[1,1,1,1,1,1" + b"0" * 400 + b"]]", "time 1 is no moment"),
        ("X.csv", b"time,open,high,low,close,volume\n2021-01-01,1,1\0,1,1,1\n", "NUL .* line 2"),
        ("X.csv", b"open,open,high,low,close,time,volume\n1,1,1,1,1,1,1\n", "open. stands twice"),
        ("X.json", b"[[1,2,3,4,5,6],[1,2]]", "row 2: the row has 2 cells where the first has 6"),
        ("X.json", b"[[1653640800000,1,1,1,", "JSON file is cut or damaged"),
        ("X.json", b"[" * 100_000, "nested too deep"),
        ("X.json", b'{"a": 1}', "the JSON holds no candles"),
        ("X.feather", b"ARROW1\0\0" + b"\0" * 40, "Arrow file is cut or damaged"),
        ("X.parquet", b"PAR1" + b"\0" * 40 + b"PAR1", "Parquet file is cut or damaged"),
        ("1.csv", b"time,open,high,low,close,volume\n2021-01-01,1,1,1,1,1\n", "with a symbol"),
    ],
)  # fmt: skip
def test_a_fault_of_a_file_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))


@pytest.mark.parametrize(
    "written",
    [
        "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%S.000Z", "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%dT%H:%M:%S.000000+0000", "%Y/%m/%d %H:%M",
    ],
)  # fmt: skip
def test_times_as_text_are_utc_however_they_say_so(tmp_path: Path, written: str) -> None:
    candles = full(30, 4, datetime(2022, 3, 27, 0, 50, tzinfo=UTC))  # an hour that some clocks skip
    path = tmp_path / "BTCUSDT.csv"
    candles.frame.with_columns(pl.col("time").dt.strftime(written)).write_csv(path)
    assert_same(read(path), candles)


@pytest.mark.parametrize("written", ["%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%d %H:%M:%S%.6f%z"])
def test_times_with_an_offset_are_brought_to_utc_over_a_change_of_clocks(
    tmp_path: Path, written: str
) -> None:
    candles = full(120, 4, datetime(2021, 10, 31, 0, 30, tzinfo=UTC))
    there = pl.col("time").dt.convert_time_zone("Europe/Berlin").dt.strftime(written)
    path = tmp_path / "BTCUSDT.csv"
    candles.frame.with_columns(there).write_csv(path)
    assert b"+02" in path.read_bytes()
    assert b"+01" in path.read_bytes()
    assert_same(read(path), candles)


@pytest.mark.parametrize("date", ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M"])
@pytest.mark.parametrize("time", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
def test_two_columns_of_dates_agree_or_the_row_is_named(
    tmp_path: Path, date: str, time: str
) -> None:
    candles = full(30, 4, datetime(2022, 1, 30, tzinfo=UTC))
    times = candles.frame["time"]
    table = candles.frame.with_columns(
        times.dt.strftime(time), times.dt.strftime(date).alias("date")
    )
    path = tmp_path / "BTCUSDT"
    table.write_csv(path)
    assert_same(read(path), candles)
    parsed = table.with_columns(times)
    assert_same(read(parsed.with_columns(date=times.dt.date()), symbol="BTCUSDT"), candles)
    path.write_bytes(path.read_bytes().replace(b"30", b"31", 1))
    with pytest.raises(InputError, match=r"line 2: date .* and time .* are not the same moment"):
        read(path)


def test_what_pandas_writes_is_read_with_its_index(tmp_path: Path) -> None:
    candles = full(30, 4, datetime(2022, 1, 1, tzinfo=UTC))
    path = tmp_path / "BTCUSDT"
    path.write_bytes(WRITERS["CryptoDataDownload, by minute"](candles))
    pd.read_csv(path).to_csv(path)
    assert path.read_bytes().startswith(b",unix,")
    assert_same(read(path), candles)
    frame = candles.to_pandas()
    frame["time"] = frame["time"].dt.strftime("%Y-%m-%d %H:%M:%S")
    frame.to_json(path, double_precision=15)
    again = read(path).frame
    assert_frame_equal(again, candles.frame, rel_tol=1e-12)


def test_header_less_volumes_that_prices_do_not_tell_apart_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "copy.csv"
    times = [datetime(2021, 1, 1, 0, minute, tzinfo=UTC) for minute in range(3)]
    path.write_text(
        "".join(
            f"{time.timestamp():.0f},{time:%Y-%m-%d %H:%M:%S},X/USDT,1,1,1,1,5,5\n"
            for time in times
        )
    )
    with pytest.raises(InputError, match="do not tell which volume is of the coin"):
        read(path)


def test_a_folder_a_glob_and_a_zip_of_files_are_one_series(tmp_path: Path) -> None:
    candles = full(300, 5, datetime(2024, 12, 31, 22, tzinfo=UTC))
    first, second = (
        Candles(candles.frame[rows], "BTCUSDT", MINUTE) for rows in (slice(0, 120), slice(120, 300))
    )
    folder = tmp_path / "months"
    folder.mkdir()
    (folder / "BTCUSDT-1m-b.zip").write_bytes(zipped(archive(first)))
    (folder / "BTCUSDT-1m-a.zip").write_bytes(zipped(archive(second, "us")))
    (folder / "BTCUSDT-1m-a.zip.CHECKSUM").write_text("not candles")
    for path in (folder, str(folder / "*.zip"), folder / "**" / "*.zip"):
        assert_same(read(path), candles)


def test_files_that_overlap_agree_or_the_row_is_named(tmp_path: Path) -> None:
    candles = full(200, 6, datetime(2022, 1, 1, tzinfo=UTC))
    (tmp_path / "BTCUSDT_a.parquet").write_bytes(
        parquet(Candles(candles.frame[:120], "BTCUSDT", MINUTE))
    )
    later = candles.frame[100:]
    later.write_csv(tmp_path / "BTCUSDT_b.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    again, quality = read_with_report(tmp_path)
    assert_same(again, candles)
    assert quality.repairs == {"identical_duplicates: drop": 20}
    other = later.with_columns(volume=pl.col("volume") + 1)
    other.write_csv(tmp_path / "BTCUSDT_b.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    with pytest.raises(InputError, match=r"BTCUSDT_b.csv, line 2: .* stands twice, with different"):
        read(tmp_path)


def test_files_of_two_markets_or_intervals_are_not_one_series(tmp_path: Path) -> None:
    candles = full(200, 6, datetime(2022, 1, 1, tzinfo=UTC))
    (tmp_path / "BTCUSDT.parquet").write_bytes(parquet(candles))
    (tmp_path / "ETHUSDT.parquet").write_bytes(parquet(candles))
    with pytest.raises(InputError, match=r"candles of ETHUSDT, and .* has BTCUSDT"):
        read(tmp_path)
    (tmp_path / "ETHUSDT.parquet").unlink()
    hours = full(40, 6, datetime(2023, 1, 1, tzinfo=UTC), timedelta(hours=1))
    (tmp_path / "BTCUSDT_h.parquet").write_bytes(parquet(hours))
    with pytest.raises(InputError, match=r"candles of 1h, and .* has 1m"):
        read(tmp_path)


FACTS = {  # rows, missing, identical and conflicting duplicates, as the data's README lists them
    "article/Binance_BTCUSDT_minute.csv.gz": (354_831, 915, 0, 0),
    "binance_archive": (93_600, 0, 0, 0),
    "candles/BTCUSDT_1m_2021-2022.parquet": (1_050_207, 993, 0, 0),
    "candles/ETHUSDT_1m_2021-2022.parquet": (1_050_207, 993, 0, 0),
    "layouts/cryptodatadownload/Binance_BTCUSDT_1h_2019-12.csv": (20_088, None, 0, 0),
    "layouts/cryptodatadownload/Binance_BTCUSDT_d_2020-12.csv": (1_233, 0, 0, 1),
    "layouts/cryptodatadownload/Binance_BTCUSDT_minute_2021-05.csv": (347, 0, 0, 0),
    "layouts/freqtrade/BTC_USDT-1m.json": (43_199, 0, 0, 0),
    "layouts/freqtrade/BTC_USDT-1m.feather": (43_209, 0, 0, 0),
    "layouts/freqtrade/BTC_USDT-1m_143_duplicates.json": (43_201, 143, 143, 0),
    "layouts/klines/BTCUSDT-1m_header_32_duplicates.csv": (15_725, None, 0, 32),
}


@pytest.mark.parametrize(("name", "expected"), FACTS.items(), ids=list(FACTS))
def test_every_shared_file_has_the_facts_of_its_description(
    shared_data: Path, name: str, expected: tuple[int, int | None, int, int]
) -> None:
    quality = check(shared_data / name)
    rows, missing, identical, conflicting = expected
    assert quality.symbol in ("BTCUSDT", "ETHUSDT")
    assert quality.rows == rows
    assert missing in (None, quality.missing)
    assert quality.identical_duplicates.count == identical
    assert quality.conflicting_duplicates.count == conflicting
    assert quality.off_grid.count == quality.impossible.count == 0
    assert (quality.stopped is not None) == bool(conflicting)
    candles = read(shared_data / name, repairs={"conflicting_duplicates": "last"})
    assert len(candles) == rows - identical - conflicting
    json.dumps(quality.to_dict())


def test_every_coin_is_read(shared_data: Path) -> None:
    files = sorted((shared_data / "coins").iterdir())
    assert len(files) == 20
    for file in files:
        candles = read(file)
        assert candles.symbol == file.name.partition("_")[0]
        assert 41_674 <= len(candles) <= 42_766
        assert candles.gaps["missing"].max() in (283, 284)  # the hole of 2021-04-25
