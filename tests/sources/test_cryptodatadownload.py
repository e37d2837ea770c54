"""CryptoDataDownload's layout is read as it is, and every fault is named with its line."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.sources import read

HEADER = 'unix,date,symbol,open,high,low,close,"Volume BTC","Volume USDT",tradecount'


def line(minute: int, **changed: str) -> str:
    """One candle of the layout."""
    moment = datetime(2021, 1, 1, 0, minute, tzinfo=UTC)
    cells = {
        "unix": f"{int(moment.timestamp()) * 1000}",
        "date": f"{moment:%Y-%m-%d %H:%M:%S}",
        "symbol": "BTC/USDT",
        "open": "10.0",
        "high": "12.0",
        "low": "9.0",
        "close": f"{11 + minute / 100}",
        "volume": "1.5",
        "quote_volume": "16.5",
        "trades": "7",
    }
    return ",".join((cells | changed).values())


NEWEST_FIRST = [line(minute) for minute in (4, 3, 2, 1, 0)]


def written(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    path = folder / "candles.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_the_layout_is_read_newest_first_with_quoted_names(tmp_path: Path) -> None:
    candles = read(written(tmp_path, NEWEST_FIRST))
    assert candles.symbol == "BTCUSDT"
    assert candles.first == datetime(2021, 1, 1, tzinfo=UTC)
    assert candles.frame["close"].to_list() == [11.0, 11.01, 11.02, 11.03, 11.04]
    assert candles.frame.row(0, named=True) | {"time": None} == {
        "time": None,
        "open": 10.0,
        "high": 12.0,
        "low": 9.0,
        "close": 11.0,
        "volume": 1.5,
        "quote_volume": 16.5,
        "trades": 7,
    }


def test_gzip_crlf_bom_order_and_a_missing_last_line_end_make_no_difference(
    tmp_path: Path,
) -> None:
    plain = read(written(tmp_path, NEWEST_FIRST))
    text = "\n".join([HEADER, *NEWEST_FIRST])
    variants = {
        "cut.csv": text.encode(),
        "crlf.csv": text.replace("\n", "\r\n").encode(),
        "bom.csv": b"\xef\xbb\xbf" + text.encode(),
        "blank-lines.csv": (text + "\n\n \r\n").encode(),
        "oldest.csv": "\n".join([HEADER, *reversed(NEWEST_FIRST), ""]).encode(),
        "packed.csv.gz": gzip.compress(text.encode()),
        "packed-under-another-name.csv": gzip.compress(text.encode()),
    }
    for name, content in variants.items():
        (tmp_path / name).write_bytes(content)
        assert read(tmp_path / name).sha256 == plain.sha256, name


def test_volume_columns_go_by_name_and_the_trade_count_may_be_absent(tmp_path: Path) -> None:
    header = "unix,date,symbol,open,high,low,close,Volume USDT,Volume BTC"
    lines = [each.rsplit(",", 1)[0] for each in NEWEST_FIRST]
    candles = read(written(tmp_path, lines, header))
    assert candles.frame["volume"].to_list() == [16.5] * 5
    assert candles.frame["quote_volume"].to_list() == [1.5] * 5
    assert "trades" not in candles.frame.columns


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows[:2], line(2, open="ten"), *rows[3:]], "line 4: 'ten' in column open"),
        (lambda rows: [*rows[:2], line(2, trades="many"), *rows[3:]], "line 4: 'many'"),
        (
            lambda rows: [*rows[:2], line(2, close="NaN"), *rows[3:]],
            "line 4: close is not a finite",
        ),
        (lambda rows: [*rows[:2], line(2, high="1"), *rows[3:]], "line 4: high is below open"),
        (
            lambda rows: [rows[0], line(4, close="11.5"), *rows[1:]],
            "line [23]: .* stands twice, with different values",
        ),
        (lambda rows: [*rows[:4], rows[4][:40]], "line 6: .* is missing, the line may be cut"),
        (lambda rows: [*rows[:2], rows[2] + ",1", *rows[3:]], "a line has other fields than"),
        (lambda rows: [*rows[:2], line(2, unix="1609459140000"), *rows[3:]], "not the same moment"),
        (lambda rows: [*rows[:2], line(2, symbol="ETH/USDT"), *rows[3:]], "one symbol a file"),
        (lambda rows: [each.replace("BTC/", "") for each in rows], "not BASE/QUOTE"),
        (lambda rows: rows[:1], "single row does not tell the interval"),
        (lambda rows: rows[:0], "a header and no candle"),
    ],
)
def test_a_fault_is_named_with_its_file_and_line(
    tmp_path: Path, change: object, message: str
) -> None:
    assert callable(change)
    path = written(tmp_path, change(list(NEWEST_FIRST)))
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("low,", "").replace("close,", ""), "missing columns low, close"),
        (HEADER.replace("Volume BTC", "Volume ETH"), "missing column Volume BTC"),
        (HEADER.replace("open", "close"), "column 'close' stands twice"),
        (HEADER + ",", "the header's column 11 has no name"),
        ("time,price", r"layout is not known \(the first line is 'time,price'\)"),
    ],
)
def test_a_wrong_header_is_named(tmp_path: Path, header: str, message: str) -> None:
    kept = header.count(",") + 1
    lines = [",".join(each.split(",")[:kept]) for each in NEWEST_FIRST]
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, lines, header))


def test_what_is_no_readable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "blank.csv").write_bytes(b"\n \n")
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf")
    packed = gzip.compress("\n".join([HEADER, *NEWEST_FIRST]).encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "bent.csv.gz").write_bytes(packed[:30] + b"!!!" + packed[33:])
    for name, message in {
        "none.csv": "no such file",
        "none*.csv": "no candle file has such a name",
        "folder": "this is a folder without candle files",
        "empty.csv": "the file is empty",
        "blank.csv": "the file is empty",
        "bom.csv": "the file is empty",
        "long" * 100: "the file cannot be read",
        "cut.csv.gz": "gzip stream is cut or damaged",
        "bent.csv.gz": "gzip stream is cut or damaged",
    }.items():
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)


def test_a_file_cut_anywhere_reads_as_a_part_or_is_refused(tmp_path: Path) -> None:
    whole = read(written(tmp_path, NEWEST_FIRST)).frame.drop("trades")
    content = (tmp_path / "candles.csv").read_bytes()
    for end in range(len(HEADER) + 1, len(content)):
        path = tmp_path / "part.csv"
        path.write_bytes(content[:end])
        try:
            part = read(path)
        except InputError:
            continue
        # Only the digits of a last cell can be lost unseen: there the layout has the trade count.
        assert whole.tail(len(part)).equals(part.frame.drop("trades"))


def test_the_article_file_has_the_facts_of_its_description(article_file: Path) -> None:
    candles = read(article_file)
    assert isinstance(candles, Candles)
    assert len(candles) == 354_831
    assert candles.first == datetime(2020, 12, 1, tzinfo=UTC)
    assert candles.last == datetime(2021, 8, 5, 1, 5, tzinfo=UTC)
    since = candles.between(datetime(2021, 1, 1, 0, 1, tzinfo=UTC), None)
    assert len(since) == 310_502
    assert since.missing == 603
    assert since.gaps["missing"].to_list() == [79, 90, 150, 284]
    assert f"{since.gaps['after'][0]:%m-%d %H:%M} {since.gaps['before'][0]:%H:%M}" == (
        "02-11 03:40 05:00"
    )
    assert (since.frame["trades"] == 0).sum() == 81
