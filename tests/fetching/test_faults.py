"""Servers that fail: what passes is survived, what lasts ends in one error and loses nothing."""

from __future__ import annotations

import errno
import io
import json
import socket
import time
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from candlecast.errors import CandlecastError, FetchError, MissingCodeError
from candlecast.fetching.clock import Clock
from candlecast.fetching.http import Http
from candlecast.fetching.pace import Pace
from candlecast.fetching.retries import TRIES, PassingError
from candlecast.store import Store, commit
from servers import Fault, csv_text, cut_short, hang_up, klines, serving, status, zipped
from venues import HOUR, JANUARY, NOW, SINCE, Venue, Waits, fetched

HTML = status(200, b"<html>Please log in</html>", Content_Type="text/html")
KLINE = "1735689600000000,9,9,9,9,1,1735693199999999,9,1,1,9,0"
MONTH = "monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2025-01"


def assert_complete(venue: Venue, store: Store) -> None:
    expected = venue.closed.between(SINCE, None)
    assert_frame_equal(store.read("BTCUSDT", "1h").to_polars(), expected.to_polars())


def rows_of(venue: Venue, start: datetime, count: int) -> list[list[object]]:
    frame = venue.candles.frame.filter(pl.col("time") >= start).head(count)
    return klines(frame, HOUR)


def replying(code: int, headers: dict[str, str]) -> Fault:
    return lambda _: (code, headers, b"")


def page(rows: object) -> Fault:
    return status(200, json.dumps(rows).encode())


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(hang_up, id="closes at once"),
        pytest.param(status(503), id="503"),
        pytest.param(status(500, b"<html>"), id="500"),
        pytest.param(HTML, id="html"),
        pytest.param(status(200, b""), id="nothing"),
        pytest.param(status(200, b'{"code": 0}'), id="another JSON"),
        pytest.param(page([[1]]), id="short rows"),
        pytest.param(page([]), id="empty page"),
        pytest.param(page([["soon"] * 12]), id="no numbers"),
        pytest.param(status(200, b"[" * 100_000), id="deep JSON"),
    ],
)
def test_a_fault_of_the_exchange_that_passes_is_survived(
    venue: Venue, store: Store, waits: Waits, fault: Fault
) -> None:
    fetched(venue, store, waits, until=SINCE + HOUR, archive_url="none")
    venue.api.fail("startTime=17", fault, times=2)
    fetched(venue, store, waits, archive_url="none")
    assert_complete(venue, store)
    assert len(waits.slept) == 2
    assert waits.slept[:2] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(hang_up, "the transfer failed .* Check the network", id="closes at once"),
        pytest.param(status(503), "status 503 .* has a fault", id="503"),
        pytest.param(HTML, "something else than JSON .* a login page", id="html"),
        pytest.param(page([[1]]), "something else than candles", id="short rows"),
        pytest.param(page([]), "gave no candle after .* though it has some", id="empty page"),
        pytest.param(page([[1.5] * 12]), "'1.5' as an open time", id="no time"),
        pytest.param(
            page([[1735689600000000, *["1"] * 11]]), "not in milliseconds", id="microseconds"
        ),
        pytest.param(page([[1735689600000, *["x"] * 11]]), "gave 'x' as open", id="no number"),
    ],
)
def test_a_fault_of_the_exchange_that_lasts_is_said_and_what_was_fetched_is_kept(
    venue: Venue, store: Store, waits: Waits, fault: Fault, message: str
) -> None:
    fetched(venue, store, waits, until=JANUARY.since)
    kept = store.read("BTCUSDT", "1h").sha256
    for name in [name for name in venue.files.files if "2025" in name]:
        del venue.files.files[name]
    venue.api.fail("limit=745", fault, times=TRIES)
    with pytest.raises(FetchError, match=f"(?s){message}.*the same command goes on") as caught:
        fetched(venue, store, waits, until=JANUARY.until)
    assert f"{TRIES} times in a row" in str(caught.value)
    assert store.read("BTCUSDT", "1h").sha256 == kept
    assert max(waits.slept) <= 60
    fetched(venue, store, waits)
    assert_complete(venue, store)


def test_an_empty_page_never_makes_a_hole(venue: Venue, store: Store, waits: Waits) -> None:
    venue.api.fail("limit=745", page([]), times=TRIES * 4)
    with pytest.raises(FetchError, match="gave no candle"):
        fetched(venue, store, waits, archive_url="none", until=SINCE + timedelta(days=200))
    assert all(series.holes == [] for series in store.series())


def test_that_there_is_no_candle_at_all_is_believed_when_it_is_said_twice(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.api.fail("endTime", page([]))
    fetched(venue, store, waits)
    assert_complete(venue, store)
    venue.api.fail("endTime", page([]), times=2)
    assert fetched(venue, store, waits).span is None


def test_a_page_that_begins_too_late_makes_no_hole(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.api.fail("limit=745", page(rows_of(venue, JANUARY.since + 200 * HOUR, 600)))
    done = fetched(venue, store, waits, archive_url="none")
    assert done.holes == []
    assert all(series.holes == [] for series in store.series())
    assert_complete(venue, store)


def test_pages_out_of_order_doubled_and_seen_before_come_to_the_same(
    venue: Venue, store: Store, waits: Waits
) -> None:
    def shuffled(handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        code, headers, body = venue.rest.reply(handler.path)
        rows = json.loads(body)
        return code, headers, json.dumps([*rows[::-1], *rows[:40]]).encode()

    early = rows_of(venue, SINCE, 300)  # what was asked for before, once more
    for fault in (shuffled, page(early), shuffled, shuffled):
        venue.api.fail("limit=7", fault)
    done = fetched(venue, store, waits, archive_url="none")
    assert done.holes == []
    assert_complete(venue, store)


def test_two_different_candles_of_one_time_are_not_chosen_between(
    venue: Venue, store: Store, waits: Waits
) -> None:
    rows = rows_of(venue, SINCE, 3)
    other = [*rows[1][:5], "1.0", *rows[1][6:]]
    venue.api.fail("limit=745", page([*rows, other]), times=TRIES)
    with pytest.raises(FetchError, match="two different candles for 2024-12-01 01:00 UTC"):
        fetched(venue, store, waits, archive_url="none", until=JANUARY.since)


def test_an_impossible_candle_is_named_by_its_time(
    venue: Venue, store: Store, waits: Waits
) -> None:
    rows = rows_of(venue, SINCE, 745)
    rows[5][3] = "999999999"
    venue.api.fail("limit=745", page(rows))
    with pytest.raises(FetchError, match=r"candle of 2024-12-01 05:00.*low is above open"):
        fetched(venue, store, waits, archive_url="none", until=JANUARY.since)
    assert store.series() == []


def test_a_storm_of_429_is_waited_out_as_long_as_each_answer_says(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.api.fail("startTime", status(429, b"{}", Retry_After="7"), times=12)
    fetched(venue, store, waits)
    assert waits.slept == [7.0] * 12
    assert_complete(venue, store)


def test_a_429_that_asks_for_no_wait_at_all_is_not_taken_at_its_word(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.api.fail("startTime", status(429, b"{}", Retry_After="0"), times=3)
    fetched(venue, store, waits)
    assert waits.slept == [1.0, 2.0, 4.0]


def test_429_counts_a_date_and_without_a_word_a_minute(
    venue: Venue, store: Store, waits: Waits
) -> None:
    date = {"Date": "Mon, 10 Mar 2025 09:30:00 GMT"}
    until = date | {"Retry-After": "Mon, 10 Mar 2025 09:30:42 GMT"}
    for headers in (until, {}):
        venue.api.fail("startTime", replying(429, headers))
    fetched(venue, store, waits)
    assert waits.slept == [42.0, 60.0]


def test_a_long_429_and_a_ban_end_the_fetch_and_say_until_when(
    venue: Venue, store: Store, waits: Waits
) -> None:
    date = {"Date": "Mon, 10 Mar 2025 09:30:00 GMT"}
    for code, wait, message in (
        (429, {"Retry-After": "7200"}, "after 2025-03-10 11:30:00 UTC"),
        (418, {"Retry-After": "90"}, "banned .* after 2025-03-10 09:31:30 UTC"),
        (418, {}, r"later \(it does not say when\)"),
        (418, {"Retry-After": "9" * 30}, "in 1,000"),
    ):
        venue.api.fail("startTime", replying(code, date | wait))
        asked = len(venue.api.asked)
        with pytest.raises(FetchError, match=message):
            fetched(venue, store, waits)
        assert len(venue.api.asked) == asked + 3, (
            "the time, the last candle, the first: not again after the refusal"
        )
    assert waits.slept == []


def test_near_the_limit_the_next_minute_of_the_servers_clock_is_awaited(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.rest.now = NOW.replace(second=48)
    venue.rest.weight = 4799
    fetched(venue, store, waits)
    assert waits.slept == []
    venue.rest.weight = 4800
    fetched(venue, store, waits)
    assert waits.slept == [12.0], "between its two requests for candles"


def test_the_weight_is_read_by_its_older_name_too(venue: Venue, store: Store, waits: Waits) -> None:
    used = {"X-MBX-USED-WEIGHT": "5000", "Date": "Mon, 10 Mar 2025 09:30:30 GMT"}

    def answered(handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        return 200, used, venue.rest.reply(handler.path)[2]

    venue.api.fail("endTime", answered)
    fetched(venue, store, waits)
    assert waits.slept == [30.0]
    assert_complete(venue, store)


def test_who_waits_goes_on_waiting_when_another_is_told_to_wait_longer() -> None:
    waits = Waits()

    def pause(seconds: float) -> None:
        waits.pause(seconds)
        if len(waits.slept) == 1:
            pace.hold(20.0)

    pace = Pace(replace(waits.clock, pause=pause))
    pace.hold(5.0)
    pace.wait()
    assert waits.slept == [5.0, 20.0]


def test_a_barred_archive_can_be_done_without(venue: Venue, store: Store, waits: Waits) -> None:
    venue.archive.fail("CHECKSUM", status(403))
    with pytest.raises(FetchError, match=r"does not serve this address.*--archive-url none"):
        fetched(venue, store, waits)


def test_a_barred_country_learns_of_another_host(venue: Venue, store: Store, waits: Waits) -> None:
    venue.api.fail("time", status(451, b'{"code":0,"msg":"restricted location"}'))
    with pytest.raises(FetchError, match=r"restricted location.*data-api.binance.vision"):
        fetched(venue, store, waits)


def test_a_redirect_is_followed_on_its_host_and_nowhere_else(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.archive.fail(
        f"{MONTH}.zip.CHECKSUM", status(302, Location=f"/data/spot/{MONTH}.zip.CHECKSUM")
    )
    fetched(venue, store, waits)
    assert_complete(venue, store)
    venue.api.fail("time", status(302, Location="http://127.0.0.2:1/api/v3/time"))
    with pytest.raises(FetchError, match=r"sends us on to http://127.0.0.2:1/.*another host"):
        fetched(venue, store, waits)
    venue.api.fail("time", status(302, Location="/api/v3/time"), times=9)
    with pytest.raises(FetchError, match="round in circles"):
        fetched(venue, store, waits)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(hang_up, id="closes at once"),
        pytest.param(status(502), id="502"),
        pytest.param(HTML, id="html"),
        pytest.param(status(200, b"PK not this one"), id="wrong checksum"),
        pytest.param(None, id="cut short"),
    ],
)
@pytest.mark.parametrize("file", [".zip", ".zip.CHECKSUM"])
def test_a_fault_of_the_archive_that_passes_is_survived(
    venue: Venue, store: Store, waits: Waits, fault: Fault | None, file: str
) -> None:
    place = 2 if file == ".zip" else 1  # the checksum's path has the zip's in it
    if place == 2:
        venue.archive.fail(MONTH, lambda each: venue.files.reply(each.path))
    venue.archive.fail(MONTH, fault or cut_short(venue.files.reply))
    done = fetched(venue, store, waits)
    assert done.months == 3
    assert_complete(venue, store)
    assert waits.slept == [1.0]


def test_a_checksum_that_never_fits_stops_the_fetch_and_nothing_of_it_is_read(
    venue: Venue, store: Store, waits: Waits
) -> None:
    path = f"data/spot/{MONTH}.zip"
    venue.files.files[path] = venue.files.files[path][:-1] + b"?"
    with pytest.raises(FetchError, match=r"does not match its checksum.*--archive-url none"):
        fetched(venue, store, waits)
    held = store.read("BTCUSDT", "1h").to_polars()["time"] if store.series() else pl.Series([])
    assert not held.is_in([JANUARY.since]).any()
    fetched(venue, store, waits, archive_url="none")
    assert_complete(venue, store)


def bomb() -> bytes:
    return zipped({"BTCUSDT-1h-2025-01.csv": "0" * 3_000_000})


def encrypted() -> bytes:
    packed = bytearray(zipped({"BTCUSDT-1h-2025-01.csv": "1"}))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(magic) + place] |= 1
    return bytes(packed)


def crossed() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../etc/passwd", "1")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"BTCUSDT-1h-2025-01.csv": "1", "more.csv": "2"}), "alone, and holds .*'more.csv'"),
        (zipped({"another.csv": "1"}), "alone, and holds 'another.csv'"),
        (crossed(), r"alone, and holds '\.\./\.\./etc/passwd'"),
        (zipped({}), "alone, and holds nothing"),
        (b"this is no zip", "no whole zip"),
        (encrypted(), "no whole zip .*encrypted"),
        (bomb(), "unpacks to more than the"),
        (zipped({"BTCUSDT-1h-2025-01.csv": "1,2,3\n"}), "no klines of 12 columns"),
        (zipped({"BTCUSDT-1h-2025-01.csv": "a," * 11 + "0\n"}), "no klines of 12 columns"),
        (zipped({"BTCUSDT-1h-2025-01.csv": f"{KLINE}\n{KLINE[:40]}\n"}), "line 2: .* cut short"),
        (
            zipped({"BTCUSDT-1h-2025-01.csv": f"{KLINE}\n{KLINE[:-4]}x,0\n"}),
            "line 2: .*not a number",
        ),
        (zipped({"BTCUSDT-1h-2025-01.csv": "<html>\n"}), "no klines of 12 columns"),
    ],
)
def test_a_file_that_fits_its_checksum_and_is_no_zip_of_its_candles_is_refused(
    venue: Venue, store: Store, waits: Waits, content: bytes, message: str
) -> None:
    venue.files.put(f"data/spot/{MONTH}.zip", content)
    with pytest.raises(FetchError, match=f"BTCUSDT-1h-2025-01.zip.*({message})"):
        fetched(venue, store, waits)


def test_a_file_with_candles_of_another_time_is_refused(
    venue: Venue, store: Store, waits: Waits
) -> None:
    text = csv_text(venue.candles.between(SINCE, SINCE + HOUR).frame, HOUR)
    venue.files.put(f"data/spot/{MONTH}.zip", zipped({"BTCUSDT-1h-2025-01.csv": text}))
    with pytest.raises(FetchError, match="outside the file's time"):
        fetched(venue, store, waits)


def test_an_empty_file_counts_as_one_that_lacks_its_rows(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.files.put(f"data/spot/{MONTH}.zip", zipped({"BTCUSDT-1h-2025-01.csv": ""}))
    assert fetched(venue, store, waits).days == 8 + 31
    assert_complete(venue, store)


def test_an_answer_that_is_too_large_is_not_read(venue: Venue, store: Store, waits: Waits) -> None:
    venue.archive.fail(MONTH, status(200, b"", Content_Length="99999999999"))
    with pytest.raises(FetchError, match="it announces 99,999,999,999 bytes"):
        fetched(venue, store, waits)

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b"[" * 2_000_000)
        handler.close_connection = True

    venue.api.fail("time", endless)
    with pytest.raises(FetchError, match="it goes on after them"):
        fetched(venue, store, waits)


def test_a_slow_drip_ends_at_the_deadline() -> None:
    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b".")
            except OSError:
                break
            time.sleep(0.05)
        handler.close_connection = True

    begun = time.monotonic()
    with serving(lambda _: (200, {}, b"")) as server, Http(Clock(), deadline_s=0.3) as http:
        server.fail("/", dripping)
        with pytest.raises(PassingError, match=r"not there after 0.3 s"):
            http.get(f"{server.url}/", at_most=1000)
    assert 0.3 <= time.monotonic() - begun < 4


def test_a_proxy_of_the_usual_variables_is_asked(
    venue: Venue, store: Store, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(target: str) -> Any:
        path = target.partition(".invalid")[2]
        rest = target.startswith("http://api.")
        return venue.rest.reply(path) if rest else venue.files.reply(path)

    with serving(forward) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        urls = "http://api.invalid", "http://archive.invalid"
        fetched(venue, store, waits, base_url=urls[0], archive_url=urls[1])
        assert proxy.count("http://archive.invalid/data/spot/monthly") == 6
    assert venue.api.asked == venue.archive.asked == []
    assert_complete(venue, store)


def test_a_host_that_needs_no_proxy_is_asked_itself(
    venue: Venue, store: Store, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    fetched(venue, store, waits)
    assert_complete(venue, store)


def test_a_proxy_for_https_is_asked_for_a_tunnel_and_its_refusal_is_said(
    venue: Venue, store: Store, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", venue.api.url)  # which knows no CONNECT
    with pytest.raises(FetchError, match=r"api.invalid/api/v3/time: .*501.*proxy variables"):
        fetched(venue, store, waits, base_url="https://api.invalid")


def test_a_proxy_that_cannot_be_used_is_named(
    venue: Venue, store: Store, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(MissingCodeError, match=r"httpx\[socks\]"):
        fetched(venue, store, waits)
    monkeypatch.setenv("HTTP_PROXY", "gopher://127.0.0.1:9")
    with pytest.raises(ValueError, match="a proxy variable cannot be used"):
        fetched(venue, store, waits)


def test_a_server_that_is_not_there_is_named(store: Store, venue: Venue, waits: Waits) -> None:
    with serving(lambda _: (200, {}, b"")) as gone:
        url = gone.url
    with pytest.raises(FetchError, match=f"{url}/api/v3/time: the transfer failed"):
        fetched(venue, store, waits, base_url=url)
    assert waits.slept == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_name_that_no_host_has_is_named(
    store: Store, venue: Venue, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FetchError, match=r"no-host.invalid.*Name or service not known.*network"):
        fetched(venue, store, waits, base_url="http://no-host.invalid")


def test_a_full_disk_stops_the_fetch_and_the_same_command_goes_on(
    venue: Venue, store: Store, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        path.write_bytes(content)

    with monkeypatch.context() as patch:
        patch.setattr(commit, "write_synced", full)
        with pytest.raises(CandlecastError, match=r"No space left.*held is kept\. Make room"):
            fetched(venue, store, waits)
    assert store.verify() == []
    assert len(store.read("BTCUSDT", "1h")) > 600, "what had been written"
    fetched(venue, store, waits)
    assert_complete(venue, store)
