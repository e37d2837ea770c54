"""Whatever bytes a file holds, reading gives valid candles or one clear error."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layout_writers import WRITERS, archive, plain_csv, zipped

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.simulate import simulate
from candlecast.sources import check, containers, read

FAST = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def whole() -> Candles:
    frame = simulate(rows=40, seed=1).candles.frame.with_columns(
        taker_buy_volume=pl.col("volume") / 2, taker_buy_quote_volume=pl.col("quote_volume") / 2
    )
    return Candles.from_frame(frame, "BTCUSDT")


CANDLES = whole()
WRITTEN = {name: write(CANDLES) for name, write in WRITERS.items()}


def read_or_refuse(path: Path) -> Candles | None:
    """Valid candles, or None for the one error that there is."""
    try:
        candles = read(path)
    except InputError as error:
        message = str(error)
    else:
        Candles.from_frame(candles.frame, candles.symbol, candles.interval)
        return candles
    assert message.startswith(str(path))
    return None


@FAST
@given(content=st.sampled_from(sorted(WRITTEN)), cut=st.floats(0, 1))
def test_a_file_cut_anywhere_is_a_part_of_the_whole_or_is_refused(
    tmp_path: Path, content: str, cut: float
) -> None:
    path = tmp_path / "BTCUSDT"
    path.write_bytes(WRITTEN[content][: int(len(WRITTEN[content]) * cut)])
    part = read_or_refuse(path)
    if part is not None:
        # The digits of a line's last cell can be lost unseen; no price or time stands there.
        kept = ["time", "open", "high", "low", "close"]
        assert part.frame.select(kept).join(CANDLES.frame, on=kept, how="anti").is_empty()


@FAST
@given(
    content=st.sampled_from(sorted(WRITTEN)),
    place=st.floats(0, 1),
    put=st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from(
            [b"\0", b",", b"\n", b'"', b"NaN", b"1e999", b"-1", b"\xff\xfe", b"9" * 400, b"NULL",
             "日本".encode(), b"inf", b"\r", b"\xef\xbb\xbf", b"1e-320", b"{", b"]"]
        ),
    ),
    over=st.integers(0, 8),
)  # fmt: skip
def test_bytes_put_anywhere_give_valid_candles_or_one_error(
    tmp_path: Path, content: str, place: float, put: bytes, over: int
) -> None:
    before = WRITTEN[content]
    at = int(len(before) * place)
    path = tmp_path / "BTCUSDT"
    path.write_bytes(before[:at] + put + before[at + over :])
    read_or_refuse(path)


@FAST
@given(content=st.binary(max_size=300), start=st.sampled_from(
    [b"", b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff", b"[[", b'{"open":', b"PK\x03\x04",
     b"\x1f\x8b\x08", b"\xff\xfe", b"unix,date,symbol,open,high,low,close,Volume BTC\n",
     b"time,open,high,low,close,volume\n"]
))  # fmt: skip
def test_any_bytes_at_all_give_valid_candles_or_one_error(
    tmp_path: Path, content: bytes, start: bytes
) -> None:
    path = tmp_path / "BTCUSDT"
    path.write_bytes(start + content)
    read_or_refuse(path)


@FAST
@given(units=st.lists(st.sampled_from(["s", "ms", "us", "ns"]), min_size=40, max_size=40))
def test_each_number_tells_its_own_unit_however_they_are_mixed(
    tmp_path: Path, units: list[str]
) -> None:
    factors = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
    times = CANDLES.frame["time"].dt.epoch("ns").to_list()
    mixed = [time // factors[unit] for time, unit in zip(times, units, strict=True)]
    path = tmp_path / "BTCUSDT.csv"
    path.write_text(CANDLES.frame.with_columns(time=pl.Series(mixed)).write_csv())
    assert read(path).sha256 == CANDLES.sha256
    assert len(check(path).units) == len(set(units))


@FAST
@given(
    encoding=st.sampled_from(
        ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
    ),
    ends=st.sampled_from(["\n", "\r\n", "\r"]),
    note=st.text("aé\x80ß€日\t;'", max_size=4),
)
def test_in_any_encoding_the_candles_are_exact_or_refused(
    tmp_path: Path, encoding: str, ends: str, note: str
) -> None:
    table = CANDLES.frame.with_columns(remark=pl.lit(note), time=pl.col("time").dt.epoch("ms"))
    text = table.write_csv().replace("\n", ends)
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(text.encode(encoding, errors="replace"))
    candles = read_or_refuse(path)
    if candles is not None:
        assert candles.sha256 == CANDLES.sha256
    assert candles is not None or encoding in ("utf-16-le", "utf-16-be", "utf-32")


PRICES = st.floats(1e-12, 1e12, allow_nan=False)
AMOUNTS = st.floats(0, 1e15, allow_nan=False)


@FAST
@given(
    layout=st.sampled_from(sorted(WRITERS)),
    prices=st.lists(st.lists(PRICES, min_size=4, max_size=4), min_size=25, max_size=25),
    amounts=st.lists(AMOUNTS, min_size=25, max_size=25),
)
def test_any_numbers_that_candles_can_have_are_read_again_to_the_last_bit(
    tmp_path: Path, layout: str, prices: list[list[float]], amounts: list[float]
) -> None:
    bars = [(sorted(each), each) for each in prices]
    frame = CANDLES.frame.head(25).with_columns(
        open=pl.Series([each[0] for _, each in bars]),
        close=pl.Series([each[1] for _, each in bars]),
        low=pl.Series([low for (low, *_), _ in bars]),
        high=pl.Series([high for (*_, high), _ in bars]),
        volume=pl.Series(amounts),
        quote_volume=pl.Series(amounts) * pl.Series([each[1] for _, each in bars]),
    )
    candles = Candles.from_frame(frame, "BTCUSDT")
    path = tmp_path / "BTCUSDT"
    path.write_bytes(WRITERS[layout](candles))
    again = read_or_refuse(path)
    if again is None:  # nameless volumes that all are 0 do not tell which is of the coin
        assert layout == "CryptoDataDownload, without a header"
        return
    assert again.frame.equals(candles.frame.select(again.frame.columns))


LINES = ("archive, milliseconds", "CryptoDataDownload, without a header", "klines with a header")


@FAST
@given(layout=st.sampled_from(LINES), order=st.permutations(range(40)))
def test_rows_of_any_layout_in_any_order_are_the_same_candles(
    tmp_path: Path, layout: str, order: list[int]
) -> None:
    lines = WRITTEN[layout].splitlines(keepends=True)
    header = lines[: len(lines) - 40]
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(b"".join([*header, *(lines[len(header) + row] for row in order)]))
    again = read(path).frame
    assert again.equals(CANDLES.frame.select(again.columns))


@FAST
@given(
    name=st.one_of(
        st.text(min_size=1, max_size=30),
        st.lists(st.sampled_from(["..", "/", "\\", "C:", "~", "a", "\0", "BTCUSDT", ".csv"])).map(
            "".join
        ),
    ).filter(lambda name: name.partition("\0")[0])
)
def test_any_name_in_a_zip_is_a_name_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "inner" / "BTC.zip"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zipped(archive(CANDLES), name))
    candles = read_or_refuse(path)
    if candles is not None:
        assert candles.frame.equals(CANDLES.frame)
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@FAST
@given(order=st.permutations(range(12)))
def test_rows_in_any_order_are_sorted_and_counted(tmp_path: Path, order: list[int]) -> None:
    lines = plain_csv(CANDLES).splitlines()
    path = tmp_path / "BTCUSDT.csv"
    path.write_bytes(b"\n".join([lines[0], *(lines[1 + row] for row in order)]))
    candles = read(path)
    assert candles.frame["time"].to_list() == CANDLES.frame["time"][:12].to_list()
    assert check(path).unsorted == (order not in (sorted(order), sorted(order, reverse=True)))


CELLS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.sampled_from(
        ["", "NULL", "0", "-0", "1_000", "0x10", "\N{FULLWIDTH DIGIT ONE}", "true", "1,5", "1e308"]
    ),
)


@FAST
@given(
    rows=st.lists(st.lists(CELLS, min_size=5, max_size=5), min_size=1, max_size=4),
    form=st.sampled_from(["csv", "json"]),
)
def test_absurd_numbers_give_valid_candles_or_one_error(
    tmp_path: Path, rows: list[list[str]], form: str
) -> None:
    path = tmp_path / "BTCUSDT"
    if form == "csv":
        lines = [f"2021-01-01 00:0{n}:00,{','.join(row)}" for n, row in enumerate(rows)]
        path.write_text("\n".join(["time,open,high,low,close,volume", *lines]), encoding="utf-8")
    else:
        cells = [f"[{1609459200000 + 60000 * n},{','.join(row)}]" for n, row in enumerate(rows)]
        path.write_text(f"[{','.join(cells)}]", encoding="utf-8")
    read_or_refuse(path)


MOMENTS = st.sampled_from(
    ["2021-01-20 00:0{}:00", "2021-01-20T00:0{}:00+02:00", "2021-01-20", "2021-01-20 03-AM",
     "01/20/2021 00:0{}", "20/01/2021 00:0{}", "161110{}800", "161110{}800000.0", "1.61111{}E+12",
     "", "NULL", "x", "-5", "inf", "1e999", "9999999999999999999999{}", "0001-01-01",
     "99999-01-01 00:00:00", "2021-01-20 00:0{}:00+25:99"]
)  # fmt: skip


@FAST
@given(
    names=st.sampled_from(
        ["unix,date", "time,date", "unix,time", "time,close_time", "time,closed"]
    ),
    usual=st.tuples(MOMENTS, MOMENTS),
    odd=st.one_of(st.none(), st.tuples(MOMENTS, MOMENTS)),
    layout=st.sampled_from(["symbol", "pair", "remark"]),
)
def test_two_columns_of_any_times_give_valid_candles_or_one_error(
    tmp_path: Path,
    names: str,
    usual: tuple[str, str],
    odd: tuple[str, str] | None,
    layout: str,
) -> None:
    path = tmp_path / "BTCUSDT"
    pairs = [usual, usual, odd or usual, usual]
    lines = [f"{','.join(p).format(n, n)},BTC/USDT,10,12,9,11,{n}" for n, p in enumerate(pairs)]
    header = f"{names},{layout},open,high,low,close,volume"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    read_or_refuse(path)


def test_bombs_are_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "FREE", 2**20)
    zeros = b"0" * (3 * 2**20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(zeros))
    (tmp_path / "bomb.zip").write_bytes(zipped(zeros))
    (tmp_path / "nested.zip").write_bytes(zipped(gzip.compress(zeros), "a.csv.gz"))
    lying = bytearray(zipped(zeros))
    lying[22:26] = b"\x10\0\0\0"  # the size that the header claims
    (tmp_path / "lying.zip").write_bytes(bytes(lying))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(4):
            file.writestr(f"BTCUSDT-{number}.csv", archive(CANDLES) + b"\n" * 2**21)
    (tmp_path / "many.zip").write_bytes(many.getvalue())
    for name in ("bomb.gz", "bomb.zip", "nested.zip", "lying.zip", "many.zip"):
        with pytest.raises(InputError, match="unpacks to far more than candles would"):
            read(tmp_path / name)


def test_names_in_an_archive_are_never_paths(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    for name in ("../../BTCUSDT-1m.csv", "/etc/BTCUSDT-1m.csv", "C:\\BTCUSDT-1m.csv"):
        path = folder / "x.zip"
        path.write_bytes(zipped(archive(CANDLES), name))
        assert read(path).symbol == "BTCUSDT"
    assert sorted(tmp_path.rglob("*")) == [folder, folder / "x.zip"]
    (folder / "x.zip").write_bytes(zipped(b"open\n", "\x1b[31m\nBTC.csv"))
    with pytest.raises(InputError) as caught:
        read(folder / "x.zip")
    assert "\x1b" not in str(caught.value)


def test_archives_without_candles_damaged_or_too_deep_are_refused(tmp_path: Path) -> None:
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as file:
        file.writestr("a.md", "")
        file.writestr("b.md", "")
    good = zipped(archive(CANDLES))
    for name, content, message in (
        ("none.zip", empty.getvalue(), "no candle file in the archive"),
        ("cut.zip", good[:-30], "zip archive is cut or damaged"),
        ("bent.zip", good[:60] + b"!!!!" + good[64:], "zip archive is cut or damaged"),
        ("deep.zip", zipped(zipped(good, "a.zip"), "b.zip"), "archives in archives in archives"),
        ("tail.gz", gzip.compress(archive(CANDLES)) + b"more", "something stands behind its end"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)


def test_what_is_packed_otherwise_is_named(tmp_path: Path) -> None:
    locked = bytearray(zipped(archive(CANDLES)))
    for start in (6, locked.index(b"PK\x01\x02") + 8):
        locked[start] |= 1  # the flag of encryption, in both headers
    for name, content, message in (
        ("a.csv.xz", lzma.compress(archive(CANDLES)), "packed by xz. Unpack it first"),
        ("a.csv.bz2", bz2.compress(archive(CANDLES)), "packed by bzip2. Unpack it first"),
        ("a.csv.zst", b"\x28\xb5\x2f\xfd" + bytes(9), "packed by Zstandard"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(9), "packed by 7-Zip"),
        ("a.xlsx", zipped(b"<xml/>", "xl/workbook.xml"), "a spreadsheet. Save its sheet as CSV"),
        ("a.zip", bytes(locked), "the zip archive is encrypted. Unpack it first"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
    (tmp_path / "months").mkdir()
    (tmp_path / "months" / "BTCUSDT.csv").write_bytes(archive(CANDLES))
    (tmp_path / "a.csv.xz").rename(tmp_path / "months" / "BTCUSDT-2.csv.xz")
    with pytest.raises(InputError, match="packed by xz"):
        read(tmp_path / "months")


def test_pipes_and_links_in_a_circle_are_named_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "BTCUSDT.csv")
    for path in (tmp_path / "BTCUSDT.csv", tmp_path):
        with pytest.raises(InputError, match="no file that ends"):
            read(path)
    (tmp_path / "BTCUSDT.csv").unlink()
    (tmp_path / "round.csv").symlink_to(tmp_path / "round.csv")
    with pytest.raises(InputError, match=r"cannot be read|no such file"):
        read(tmp_path / "round.csv")
    (tmp_path / "round.csv").unlink()
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "BTCUSDT.csv").write_bytes(archive(CANDLES))
    assert check(tmp_path).files == 1


def test_a_folder_within_that_may_not_be_looked_into_is_no_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "BTCUSDT.csv").write_bytes(archive(CANDLES))
    (tmp_path / "more").mkdir()
    look = os.scandir

    def refusing(path: str) -> Any:
        if str(path).endswith("more"):
            raise PermissionError(13, "Permission denied", path)
        return look(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(InputError, match=r"more: the folder cannot be read \(Permission denied\)"):
        read(tmp_path)


def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file that ends"):
        read("/dev/zero")
    with pytest.raises(InputError, match=r"the path is none|cannot be read"):
        read(str(tmp_path / "a\0b"))


def test_a_single_day_is_told_from_a_moment_before_1973(tmp_path: Path) -> None:
    path = tmp_path / "X.csv"
    path.write_text("time,open,high,low,close,volume\n86400,1,1,1,1,1\n172800,1,1,1,1,1\n")
    with pytest.raises(InputError, match="time 86400 is no moment since 1973"):
        read(path)
    assert read_or_refuse(path) is None
    assert datetime.fromtimestamp(1e8, UTC).year == 1973
