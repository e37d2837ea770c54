"""A fetch from end to end against an exchange on the loopback, with the real client and store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import candlecast
from candlecast.candles import Candles
from candlecast.errors import FetchError, InputError
from candlecast.store import Span, Store
from venues import ARCHIVED, HOUR, JANUARY, LISTED, NOW, SINCE, Venue, Waits, fetched


def stored(store: Store) -> pl.DataFrame:
    return store.read("BTCUSDT", "1h").to_polars()


def without(candles: Candles, start: datetime, hours: int) -> Candles:
    """The same market with a hole."""
    gone = pl.col("time").is_between(start, start + hours * HOUR, closed="left")
    return Candles(candles.frame.filter(~gone), candles.symbol, candles.interval)


def test_months_then_days_come_from_the_archive_and_the_newest_stretch_from_the_exchange(
    venue: Venue, store: Store, waits: Waits
) -> None:
    done = fetched(venue, store, waits)
    expected = venue.closed.between(SINCE, None)
    assert_frame_equal(stored(store), expected.to_polars())
    assert (done.added, done.months, done.days, done.pieces) == (len(expected), 3, 8, 1)
    assert done.span == Span(SINCE, NOW.replace(minute=0))
    assert done.holes == []
    asked = [path for path in venue.api.asked if "startTime" in path]
    assert len(asked) == 2, "the first candle, and one page"
    assert venue.archive.count("monthly") == 6
    assert venue.archive.count("daily") == 8 * 2 + 1, "9 March has not even a checksum yet"
    assert waits.slept == []
    assert venue.api.agents == {f"candlecast/{candlecast.__version__}"}


def test_a_second_fetch_asks_for_no_candle_again_and_a_later_one_for_the_new_alone(
    venue: Venue, store: Store, waits: Waits
) -> None:
    fetched(venue, store, waits)
    before = stored(store)
    venue.archive.asked.clear()
    again = fetched(venue, store, waits)
    assert (again.added, again.months, again.days, again.pieces) == (0, 0, 0, 0)
    assert all(path.endswith(".CHECKSUM") for path in venue.archive.asked)
    assert len(venue.archive.asked) == 11, "each file that it has candles from, once"
    venue.archive.asked.clear()
    fetched(venue, store, waits, recheck=False)
    assert venue.archive.asked == []
    venue.rest.now += 3 * HOUR
    later = fetched(venue, store, waits, since=None)
    assert later.added == 3
    assert_frame_equal(stored(store)[: len(before)], before)
    assert_frame_equal(stored(store), venue.closed.between(SINCE, None).to_polars())


@pytest.mark.parametrize("after", range(12))
def test_a_fetch_that_breaks_off_keeps_each_file_that_it_had_and_goes_on(
    venue: Venue, store: Store, waits: Waits, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Store.write
    writes: list[object] = []

    def breaking(self: Store, *args: Any, **options: Any) -> object:
        if len(writes) == after:
            raise KeyboardInterrupt
        writes.append(args)
        return write(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write", breaking)
        with pytest.raises(KeyboardInterrupt):
            fetched(venue, store, waits)
    assert len(writes) == after
    done = fetched(venue, store, Waits())
    assert done.months + done.days + done.pieces == 12 - after
    assert_frame_equal(stored(store), venue.closed.between(SINCE, None).to_polars())


def test_what_is_asked_for_is_what_is_stored_to_the_candle(
    venue: Venue, store: Store, waits: Waits
) -> None:
    since, until = SINCE + timedelta(days=3, hours=5), SINCE + timedelta(days=5, minutes=30)
    done = fetched(venue, store, waits, since, until=until)
    assert_frame_equal(stored(store), venue.candles.between(since, until).to_polars())
    assert (done.months, done.days, done.pieces) == (0, 1, 2)


def test_before_the_listing_nothing_is_asked_for(venue: Venue, store: Store, waits: Waits) -> None:
    done = fetched(venue, store, waits, datetime(2017, 1, 1, tzinfo=UTC))
    assert done.span is not None
    assert done.span.since == LISTED
    assert done.holes == []
    assert venue.archive.count("2024-10") == 0
    assert_frame_equal(stored(store), venue.closed.to_polars())


def test_the_open_candle_is_judged_by_the_exchanges_clock_and_never_stored(
    venue: Venue, store: Store, waits: Waits
) -> None:
    for hour, minutes in ((10, 59), (11, 0), (11, 1)):
        venue.rest.now = NOW.replace(hour=hour, minute=minutes)
        fetched(venue, store, waits)
        assert stored(store)["time"][-1] == NOW.replace(hour=hour - 1, minute=0)
    venue.rest.now = NOW.replace(hour=11, minute=59, second=59, microsecond=999_000)
    assert fetched(venue, store, waits).added == 0


def test_a_server_without_a_time_interface_is_read_by_the_date_of_its_answers(
    venue: Venue, store: Store, waits: Waits
) -> None:
    date = {"Date": "Mon, 10 Mar 2025 07:59:59 GMT"}
    venue.api.fail("/api/v3/time", lambda _: (404, date, b""))
    fetched(venue, store, waits)
    assert stored(store)["time"][-1] == NOW.replace(hour=6, minute=0)
    venue.api.fail("/api/v3/time", lambda _: (404, {}, b""))
    with pytest.raises(FetchError, match="does not say what time it is"):
        fetched(venue, store, waits)


def test_a_delisted_symbol_ends_with_its_last_candle(
    venue: Venue, store: Store, waits: Waits
) -> None:
    venue.rest.candles = venue.candles.between(None, datetime(2025, 1, 7, 12, tzinfo=UTC))
    done = fetched(venue, store, waits)
    assert_frame_equal(stored(store), venue.rest.candles.between(SINCE, None).to_polars())
    assert done.holes == []
    assert venue.archive.count("2025-02") == 0


def test_what_the_archive_lacks_comes_from_the_exchange(
    venue: Venue, store: Store, waits: Waits
) -> None:
    short = without(venue.candles, datetime(2025, 1, 20, 7, tzinfo=UTC), 50)
    path = venue.put(
        short, Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    )
    for name in [name for name in venue.files.files if "2025-02" in name or "2025-01-21" in name]:
        del venue.files.files[name]
    done = fetched(venue, store, waits)
    assert path in store.sources("binance", "BTCUSDT", "1h")
    assert_frame_equal(stored(store), venue.closed.between(SINCE, None).to_polars())
    assert (done.months, done.holes) == (2, [])


def test_a_hole_of_the_exchange_is_noted_and_not_asked_for_again(
    venue: Venue, store: Store, waits: Waits
) -> None:
    first, second = datetime(2024, 12, 31, 20, tzinfo=UTC), ARCHIVED + 5 * HOUR
    market = without(without(venue.candles, first, 10), second, 3)
    venue.rest.candles = market
    for month in ("2024-12-01", "2025-01-01", "2025-02-01"):
        start = datetime.fromisoformat(f"{month}T00:00+00:00")
        venue.put(market, Span(start, (start + timedelta(days=32)).replace(day=1)))
    done = fetched(venue, store, waits)
    newyear = datetime(2025, 1, 1, tzinfo=UTC)
    assert done.holes == [
        Span(first, newyear),  # stretches are cut at a month's end
        Span(newyear, first + 10 * HOUR),
        Span(second, second + 3 * HOUR),
    ]
    assert done.lacking == 13
    venue.api.asked.clear()
    assert fetched(venue, store, waits).pieces == 0
    assert len(venue.api.asked) == 3, "the time, the last candle and the first"
    assert len(stored(store)) == len(market.between(SINCE, NOW.replace(minute=0)))


def test_a_file_that_the_archive_replaced_is_noticed_and_read_again(
    venue: Venue, store: Store, waits: Waits
) -> None:
    fetched(venue, store, waits)
    corrected = venue.candles.frame.with_columns(
        volume=pl.when(pl.col("time") == JANUARY.since + 30 * HOUR)
        .then(pl.col("volume") + 1)
        .otherwise("volume")
    )
    venue.put(Candles(corrected, "BTCUSDT", HOUR), JANUARY)
    assert fetched(venue, store, waits, recheck=False).renewed == []
    done = fetched(venue, store, waits)
    assert (done.replaced, done.added) == (1, 0)
    assert [path.rpartition("/")[2] for path in done.renewed] == ["BTCUSDT-1h-2025-01.zip"]
    changed = stored(store)["volume"].to_numpy() - venue.closed.between(SINCE, None).frame["volume"]
    assert np.count_nonzero(changed) == 1
    assert fetched(venue, store, waits).renewed == []


def test_without_the_archive_all_comes_from_the_exchange_in_pages(
    venue: Venue, store: Store, waits: Waits
) -> None:
    done = fetched(venue, store, waits, archive_url="none")
    assert_frame_equal(stored(store), venue.closed.between(SINCE, None).to_polars())
    assert (done.months, done.days, done.pieces) == (0, 0, 4)
    assert venue.archive.asked == []


def test_another_exchanges_interface_does_not_go_with_binances_archive(
    venue: Venue, store: Store, waits: Waits
) -> None:
    done = fetched(venue, store, waits, archive_url=None)
    assert (done.months, done.days) == (0, 0)


def test_candles_off_the_clock_stop_the_fetch_unless_they_may_be_dropped(
    venue: Venue, store: Store, waits: Waits
) -> None:
    late = pl.col("time").is_between(ARCHIVED, ARCHIVED + 2 * HOUR)
    moved = pl.when(late).then(pl.col("time") + timedelta(milliseconds=20_799)).otherwise("time")
    venue.rest.candles = Candles(venue.candles.frame.with_columns(time=moved), "BTCUSDT", HOUR)
    with pytest.raises(FetchError, match=r"2025-03-09 00:00:20.799\S+, between .*--drop-off"):
        fetched(venue, store, waits)
    done = fetched(venue, store, waits, off_grid="drop")
    assert done.off_grid == 3
    assert done.holes == [Span(ARCHIVED, ARCHIVED + 3 * HOUR)]
    (series,) = store.series()
    assert list(series.repairs.values()) == [{"off_grid: drop": 3}]


def test_candles_off_the_clock_of_archive_and_exchange_are_counted_once(
    venue: Venue, store: Store, waits: Waits
) -> None:
    late = pl.col("time").is_between(JANUARY.since, JANUARY.since + 4 * HOUR)
    moved = pl.when(late).then(pl.col("time") + timedelta(milliseconds=20_799)).otherwise("time")
    market = Candles(venue.candles.frame.with_columns(time=moved), "BTCUSDT", HOUR)
    venue.rest.candles = market
    path = venue.put(market, JANUARY)
    done = fetched(venue, store, waits, off_grid="drop")
    assert (done.off_grid, done.lacking) == (5, 5)
    (series,) = store.series()
    assert series.repairs == {path: {"off_grid: drop": 5}}


def test_another_series_damage_is_not_in_the_way_of_going_on(
    venue: Venue, store: Store, waits: Waits
) -> None:
    fetched(venue, store, waits, until=JANUARY.until)
    other = Candles(venue.candles.frame, "ETHUSDT", HOUR)
    store.write(other, "binance")
    (store.root / "binance" / "ETHUSDT" / "1h" / "manifest.json").write_text("{")
    fetched(venue, store, waits, since=None)
    assert_frame_equal(stored(store), venue.closed.between(SINCE, None).to_polars())


def test_days_at_the_calendars_ends_are_days_like_others(
    venue: Venue, store: Store, waits: Waits
) -> None:
    ends = datetime(9999, 12, 31, 23, 59, 30, tzinfo=UTC)
    assert fetched(venue, store, waits, ends).span is None
    done = fetched(venue, store, waits, datetime(1, 1, 1, tzinfo=UTC), until=ends)
    assert done.span == Span(LISTED, NOW.replace(minute=0))
    assert venue.api.count("startTime=-") == 0
    assert_frame_equal(stored(store), venue.closed.to_polars())


def test_the_request_is_checked_before_anything_is_asked(
    venue: Venue, store: Store, waits: Waits
) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"interval": "7m"}, "Binance has no candles of 7m"),
        ({"source": "elsewhere"}, "write binance, or ccxt:"),
        ({"source": "ccxt:"}, "write binance, or ccxt:"),
        ({"source": "ccxt:kraken"}, "are for --source binance"),
        ({"base_url": "ftp://127.0.0.1"}, "--base-url ftp://127.0.0.1: write an address"),
        ({"archive_url": "http://"}, "--archive-url"),
        ({"until": SINCE}, "is not before until"),
        ({"since": None}, "has no binance/BTCUSDT/1h to go on with"),
        ({"off_grid": "round"}, "off_grid is 'round'"),
    ]
    for options, message in wrong:
        with pytest.raises(InputError, match=message):
            fetched(venue, store, waits, **options)
    with pytest.raises(InputError, match="is not a symbol"):
        fetched(venue, store, waits, symbol="../../etc")
    assert venue.api.asked == []


def test_what_is_not_there_yet_or_not_known_is_said(
    venue: Venue, store: Store, waits: Waits
) -> None:
    done = fetched(venue, store, waits, NOW + timedelta(days=1))
    assert done.span is None
    assert "no closed candle" in done.describe()
    with pytest.raises(InputError, match=r"Invalid symbol\. \(code -1121\)"):
        fetched(venue, store, waits, symbol="NOSUCH")
    assert store.series() == []
