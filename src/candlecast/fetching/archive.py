"""Binance's public archive: a zip for each month and each day, and its checksum beside it.

    HOST/data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2021-01.zip  and  ….zip.CHECKSUM
    HOST/data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2021-01-31.zip and  ….zip.CHECKSUM

A zip holds one CSV of klines (see `sources/klines.py`); a checksum file is a line of `sha256sum`.
What is not there (yet) is answered with 404. Nothing is unpacked before its checksum is right.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from candlecast.candles import SCHEMA
from candlecast.errors import CandleError, FetchError
from candlecast.fetching.clock import Clock
from candlecast.fetching.exchange import Market, Stretch, stretch_of
from candlecast.fetching.http import Http
from candlecast.fetching.retries import PassingError, persistently
from candlecast.fetching.statuses import check_status
from candlecast.intervals import interval_text
from candlecast.sources import klines
from candlecast.sources.opening import opened
from candlecast.store.spans import Span

HOST = "https://data.binance.vision"

_ROW_BYTES = 400  # a line has about 150
_CHECKSUM = re.compile(r"([0-9a-fA-F]{64}) [ *](\S+)\s*")
_DAMAGED = "Download the file again."
_WITHOUT = "To do without the archive, give --archive-url none: all is then asked of the exchange."


@dataclass(frozen=True)
class Part:
    """One file of the archive: a month or a day of a market."""

    market: Market
    span: Span

    @property
    def path(self) -> str:
        """Where it lies, from the host on; a source's name in the store."""
        interval = interval_text(self.market.interval)
        folder = "daily" if self.span.until - self.span.since == timedelta(days=1) else "monthly"
        name = f"{self.name}.zip"
        return f"data/spot/{folder}/klines/{self.market.symbol}/{interval}/{name}"

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        month = self.span.until - self.span.since > timedelta(days=1)
        when = f"{self.span.since:{'%Y-%m' if month else '%Y-%m-%d'}}"
        return f"{self.market.symbol}-{interval_text(self.market.interval)}-{when}"

    @property
    def most_bytes(self) -> int:
        """More than it can have, packed or not."""
        return _ROW_BYTES * (self.span.candles(self.market.interval) + 10)


@dataclass(frozen=True)
class Download:
    """A file of the archive that is there, verified."""

    stretch: Stretch
    sha256: str


class Archive:
    """The archive at one host.

    Args:
        http: What sends the requests.
        clock: What waits between them.
        base_url: Where it is.
    """

    def __init__(self, http: Http, clock: Clock, base_url: str = HOST) -> None:
        self._http = http
        self._clock = clock
        self._base_url = base_url

    def checksum(self, part: Part) -> str | None:
        """What the archive says a file's SHA-256 is, in small letters; None if it has no such file.

        Raises:
            FetchError: If the archive does not answer as it should.
        """
        return persistently(lambda: self._checksum(part), self._clock)

    def download(self, part: Part) -> Download | None:
        """A file's candles; None if the archive has no such file (yet).

        Raises:
            FetchError: If the file does not match its checksum however often it is asked for, is no
                zip of one CSV, or holds a candle that is not valid or not of its time.
        """
        content = persistently(lambda: self._verified(part), self._clock)
        if content is None:
            return None
        where = f"{self._base_url}/{part.path}"
        table = _table(_unpacked(content, part, where), where)
        outside = table.filter(~pl.col("time").is_between(*part.span, closed="left"))
        if outside.height:
            raise FetchError(
                f"{where}: a candle opens at {outside['time'][0]}, outside the file's time. "
                f"{_WITHOUT}"
            )
        return Download(
            stretch_of(table, part.span, part.market, where), hashlib.sha256(content).hexdigest()
        )

    def _verified(self, part: Part) -> bytes | None:
        """A file's bytes. Where its checksum is not there it counts as not there itself."""
        said = self._checksum(part)
        content = None if said is None else self._get(part.path, part.most_bytes)
        if content is None:
            return None
        found = hashlib.sha256(content).hexdigest()
        if found != said:
            raise PassingError(
                f"{self._base_url}/{part.path} does not match its checksum: it has SHA-256 "
                f"{found[:12]}…, not {str(said)[:12]}…",
                f"It may be replaced just now: try again later. {_WITHOUT}",
            )
        return content

    def _checksum(self, part: Part) -> str | None:
        content = self._get(f"{part.path}.CHECKSUM", 10_000)
        if content is None:
            return None
        match = _CHECKSUM.fullmatch(content.decode(errors="replace"))
        if match is None or match[2] != f"{part.name}.zip":
            raise PassingError(
                f"{self._base_url}/{part.path}.CHECKSUM is not the checksum of that file (it "
                f"begins {content[:40].decode(errors='replace')!r})",
                f"Is the address right, or is a proxy or a login page in between? {_WITHOUT}",
            )
        return match[1].lower()

    def _get(self, path: str, at_most: int) -> bytes | None:
        answer = self._http.get(f"{self._base_url}/{path}", at_most=at_most)
        if answer.status == 404:
            return None
        check_status(answer, _WITHOUT)
        return answer.content


def _unpacked(content: bytes, part: Part, where: str) -> bytes:
    """The one CSV of a zip, by its name and never longer than it can be."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if names != [f"{part.name}.csv"]:
                listed = ", ".join(repr(name[:60]) for name in names[:3]) or "nothing"
                raise FetchError(
                    f"{where}: the zip must hold {part.name}.csv alone, and holds {listed}. "
                    f"{_WITHOUT}"
                )
            with archive.open(names[0]) as file:
                text = file.read(part.most_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise FetchError(f"{where}: this is no whole zip ({error}). {_WITHOUT}") from error
    if len(text) > part.most_bytes:
        raise FetchError(
            f"{where}: it unpacks to more than the {part.most_bytes:,} bytes that its candles can "
            f"have. {_WITHOUT}"
        )
    return text


def _table(text: bytes, where: str) -> pl.DataFrame:
    """The candles, sorted, each once."""
    if not text.strip():
        return pl.DataFrame(schema=SCHEMA)
    first = 1
    try:
        rows = opened(text)
        first = rows.first[1]
        if not klines.recognises(rows):
            raise CandleError("these are no klines of 12 columns", _DAMAGED)
        table = klines.parse(rows).frame
    except CandleError as error:
        line = "" if error.row is None else f", line {first + error.row}"
        raise FetchError(f"{where}{line}: {error.problem}. {_WITHOUT}") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise FetchError(f"{where}: the values cannot be read as candles. {_WITHOUT}") from error
    held = [name for name in SCHEMA if name in table.columns]
    return table.select(held).unique(maintain_order=True).sort("time")
