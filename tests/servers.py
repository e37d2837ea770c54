"""Loopback servers that speak as an exchange and its archive do, and fail as they are told to."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl

from candlecast.candles import Candles
from candlecast.store.spans import Span

Reply = tuple[int, dict[str, str], bytes]
Fault = Callable[[BaseHTTPRequestHandler], Reply | None]
"""Replies to a request in another way, or has done so itself (None)."""

MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_FROM = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Served:
    """One server: where it is, what it was asked, and the faults that wait for their turn."""

    url: str
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fail(self, path: str, fault: Fault, times: int = 1) -> None:
        """The next so many requests whose path has this in it meet a fault."""
        self.faults += [(path, fault)] * times

    def count(self, text: str) -> int:
        """How many requests had this in their path or query."""
        return sum(text in path for path in self.asked)

    def next_fault(self, path: str) -> Fault | None:
        with self.lock:
            self.asked.append(path)
            for place, (part, fault) in enumerate(self.faults):
                if part in path:
                    del self.faults[place]
                    return fault
        return None


@contextmanager
def serving(reply_to: Callable[[str], Reply]) -> Iterator[Served]:
    """A server on the loopback whose replies come from a function of the path and query."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            served.agents.add(self.headers["User-Agent"])
            fault = served.next_fault(self.path)
            reply = reply_to(self.path) if fault is None else fault(self)
            if reply is not None:
                send(self, *reply)

        def log_message(self, *args: object) -> None:
            """Stay silent."""

    # The base class looks its methods up by the request's word, which is in capitals.
    handler = type("GetHandler", (Handler,), {"do_GET": Handler.answer})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    served = Served(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Write one reply; headers replace those that a server gives by itself."""
    handler.send_response_only(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def klines(frame: pl.DataFrame, interval: timedelta) -> list[list[object]]:
    """Candles as the exchange's REST interface has them."""
    length = interval // timedelta(milliseconds=1)
    return [
        [
            (row["time"] - EPOCH) // timedelta(milliseconds=1),
            *(f"{row[name]!r}" for name in ("open", "high", "low", "close", "volume")),
            (row["time"] - EPOCH) // timedelta(milliseconds=1) + length - 1,
            f"{row['quote_volume']!r}",
            row["trades"],
            f"{row['taker_buy_volume']!r}",
            f"{row['taker_buy_quote_volume']!r}",
            "0",
        ]
        for row in frame.to_dicts()
    ]


@dataclass
class Rest:
    """What an exchange's REST interface knows, as documented.

    Attributes:
        candles: All candles that it will ever have.
        now: Its clock; a candle is known from its open time on, and open until it ends.
        weight: What it says is used.
    """

    candles: Candles
    now: datetime
    weight: int = 2
    headers: dict[str, str] = field(default_factory=dict)

    def reply(self, path: str) -> Reply:
        """The documented answer to a path and query."""
        parts = urlsplit(path)
        headers = {
            "Date": format_datetime(self.now.replace(microsecond=0), usegmt=True),
            "X-MBX-USED-WEIGHT-1M": str(self.weight),
            "Content-Type": "application/json",
        } | self.headers
        if parts.path == "/api/v3/time":
            said: object = {"serverTime": (self.now - EPOCH) // timedelta(milliseconds=1)}
            return 200, headers, json.dumps(said).encode()
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if query["symbol"] != self.candles.symbol:
            return 400, headers, b'{"code":-1121,"msg":"Invalid symbol."}'
        return 200, headers, json.dumps(self._page(query)).encode()

    def _page(self, query: dict[str, str]) -> list[list[object]]:
        frame = self.candles.frame.filter(pl.col("time") <= self.now)
        limit = int(query.get("limit", "500"))
        assert 1 <= limit <= 1000
        if "endTime" in query:
            ends = EPOCH + timedelta(milliseconds=int(query["endTime"]))
            frame = frame.filter(pl.col("time") <= ends)
        if "startTime" not in query:
            return klines(frame.tail(limit), self.candles.interval)
        starts = EPOCH + timedelta(milliseconds=int(query["startTime"]))
        frame = frame.filter(pl.col("time") >= starts)
        return klines(frame.head(limit), self.candles.interval)


def csv_text(frame: pl.DataFrame, interval: timedelta) -> str:
    """Candles as the archive has them: milliseconds through 2024, microseconds from 2025."""
    lines = []
    for row in klines(frame, interval):
        moment = EPOCH + timedelta(milliseconds=int(str(row[0])))
        in_us = moment >= MICROSECONDS_FROM
        cells = list(row)
        if in_us:
            cells[0], cells[6] = int(str(row[0])) * 1000, (int(str(row[6])) + 1) * 1000 - 1
        lines.append(",".join(map(str, cells)))
    return "\n".join([*lines, ""])


def zipped(members: dict[str, str]) -> bytes:
    """A zip of text files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


class ArchiveFiles:
    """The files of an archive, by their paths."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, path: str, content: bytes) -> None:
        """A file and its checksum."""
        self.files[path] = content
        name = path.rpartition("/")[2]
        line = f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        self.files[f"{path}.CHECKSUM"] = line.encode()

    def put_candles(self, candles: Candles, path: str, span: Span) -> None:
        """The candles of a span as the archive's file of this path."""
        name = path.rpartition("/")[2].removesuffix(".zip")
        part = candles.between(*span)
        self.put(path, zipped({f"{name}.csv": csv_text(part.frame, part.interval)}))

    def reply(self, path: str) -> Reply:
        """The file, or 404 as the archive says it."""
        content = self.files.get(path.lstrip("/"))
        return (404, {}, b"<Error>NoSuchKey</Error>") if content is None else (200, {}, content)


def folder_reply(root: Path) -> Callable[[str], Reply]:
    """Serves the files of a folder."""

    def reply(path: str) -> Reply:
        file = root / path.lstrip("/")
        return (200, {}, file.read_bytes()) if file.is_file() else (404, {}, b"")

    return reply


def status(code: int, body: bytes = b"", **headers: str) -> Fault:
    """Replies with a status; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: (code, named, body)


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Closes without a word."""
    handler.close_connection = True


def cut_short(reply_to: Callable[[str], Reply]) -> Fault:
    """Announces the whole and sends half."""

    def fault(handler: BaseHTTPRequestHandler) -> None:
        code, headers, body = reply_to(handler.path)
        send(handler, code, headers | {"Content-Length": str(len(body))}, body[: len(body) // 2])
        handler.close_connection = True

    return fault
