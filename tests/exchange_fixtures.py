"""Fixtures: an exchange on the loopback, a store, and a clock that passes time at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from candlecast.candles import Candles
from candlecast.fetching.calendar import whole_days, whole_months
from candlecast.simulate import simulate
from candlecast.store import Span, Store
from servers import ArchiveFiles, Rest, serving
from venues import ARCHIVED, HOUR, LISTED, NOW, Venue, Waits, put


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked goes to the loopback, whatever the machine's proxies are."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(scope="session")
def hours() -> Candles:
    """A simulated market from its listing to some days after now."""
    rows = (NOW - LISTED) // HOUR + 100
    return simulate(rows=rows, start=LISTED, interval=HOUR, symbol="BTCUSDT").candles


@pytest.fixture(scope="session")
def archived(hours: Candles) -> dict[str, bytes]:
    """The files of its archive."""
    files = ArchiveFiles()
    months = whole_months([Span(LISTED.replace(day=1), ARCHIVED)])
    for span in (*months, *whole_days([Span(LISTED, ARCHIVED)])):
        put(files, hours, span)
    return files.files


@pytest.fixture
def venue(hours: Candles, archived: dict[str, bytes]) -> Iterator[Venue]:
    """An exchange without faults."""
    rest, files = Rest(hours, NOW), ArchiveFiles()
    files.files |= archived
    with serving(rest.reply) as api, serving(files.reply) as archive:
        yield Venue(hours, rest, files, api, archive)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture
def waits() -> Waits:
    """A clock that passes time at once."""
    return Waits()
