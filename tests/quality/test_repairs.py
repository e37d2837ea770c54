"""Every fault is counted, and repaired by the policy that the user names and no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from candlecast.errors import InputError
from candlecast.quality import Repairs
from candlecast.quality.coverage import picture
from candlecast.sources import check, read, read_with_report

HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,tb,tbq,ignore"
START = datetime(2021, 1, 1, tzinfo=UTC)


def line(minute: float, **changed: object) -> str:
    """One candle of the klines layout with a header."""
    opens = START + timedelta(minutes=minute)
    cells: dict[str, object] = {
        "time": f"{opens:%Y-%m-%d %H:%M:%S.%f}",
        "open": 10, "high": 12, "low": 9, "close": 11 + minute / 1000, "volume": 2,
        "close_time": f"{opens + timedelta(seconds=59.999):%Y-%m-%d %H:%M:%S.%f}",
        "quote": 22, "trades": 5, "tb": 1, "tbq": 11, "ignore": 0,
    }  # fmt: skip
    return ",".join(str(cell) for cell in (cells | changed).values())


def written(folder: Path, lines: list[str]) -> Path:
    path = folder / "BTCUSDT.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


GOOD = [line(minute) for minute in range(10)]
FAULTS = {
    # fault: lines, repair, policy, rows left, rows changed, message of stop
    "order": ([GOOD[1], GOOD[2], GOOD[0], *GOOD[3:]], "order", "sort", 10, 1,
              "line 4: open time 2021-01-01 00:00:00 breaks the time order"),
    "impossible": ([*GOOD[:4], line(4, high=1), *GOOD[5:]], "impossible", "drop", 9, 1,
                   "line 6: high is below open"),
    "infinite": ([*GOOD[:4], line(4, volume="inf"), *GOOD[5:]], "impossible", "drop", 9, 1,
                 "line 6: volume is not a finite number"),
    "off the grid, dropped": ([*GOOD[:4], line(4.3465), *GOOD[5:]], "off_grid", "drop", 9, 1,
                              "line 6: open time 2021-01-01 00:04:20.790000 is off the 1m grid"),
    "off the grid, first": ([line(0.5), *GOOD[1:]], "off_grid", "floor", 10, 1,
                            "line 2: open time 2021-01-01 00:00:30.000000 is off the 1m grid"),
    "identical": ([*GOOD[:5], GOOD[4], *GOOD[5:]], "identical_duplicates", "drop", 10, 1,
                  "line 7: open time 2021-01-01 00:04:00 stands twice, with the same"),
    "conflicting": ([*GOOD[:5], line(4, volume=3), *GOOD[5:]], "conflicting_duplicates", "last",
                    10, 1, "line 7: open time 2021-01-01 00:04:00 stands twice, with different"),
    "open last": ([*GOOD, line(10, close_time="2021-01-01 00:10:31")], "open_last", "drop", 10, 1,
                  "line 12: the newest candle is unfinished: its close time is 2021-01-01 00:10"),
    "gaps": ([*GOOD[:3], *GOOD[5:]], "gaps", "carry", 10, 2, None),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_repaired_as_asked_and_counted_or_stops(
    tmp_path: Path, fault: tuple[list[str], str, str, int, int, str | None]
) -> None:
    lines, repair, policy, left, changed, message = fault
    path = written(tmp_path, lines)
    candles, quality = read_with_report(path, repairs={repair: policy})
    assert len(candles) == left
    assert quality.repairs == {f"{repair}: {policy}": changed}
    assert quality.rows == len(lines)
    if message is not None:
        with pytest.raises(InputError, match=message):
            read(path, repairs={repair: "stop"})
        assert message in str(check(path, repairs={repair: "stop"}).stopped)


def test_defaults_stop_where_a_value_would_be_guessed_and_nowhere_else() -> None:
    assert Repairs() == Repairs(
        order="sort", impossible="stop", off_grid="stop", identical_duplicates="drop",
        conflicting_duplicates="stop", open_last="drop", gaps="keep",
    )  # fmt: skip


@pytest.mark.parametrize(("policy", "volume"), [("first", 5.0), ("last", 3.0), ("fullest", 9.0)])
def test_of_conflicting_rows_the_chosen_one_stays(
    tmp_path: Path, policy: str, volume: float
) -> None:
    same = [line(4, volume=each) for each in (5, 9, 3)]
    path = written(tmp_path, [*GOOD[:4], *same, *GOOD[5:]])
    candles = read(path, repairs={"conflicting_duplicates": policy})
    assert candles.frame["volume"][4] == volume
    newest_first = written(tmp_path, [*GOOD[:4], *same, *GOOD[5:]][::-1])
    again = read(newest_first, repairs={"conflicting_duplicates": "fullest"})
    assert again.frame["volume"][4] == 9.0


def test_a_carried_candle_has_the_last_close_and_no_volume(tmp_path: Path) -> None:
    candles = read(written(tmp_path, [*GOOD[:3], *GOOD[5:]]), repairs={"gaps": "carry"})
    row = candles.frame.row(4, named=True)
    assert (row["open"], row["low"], row["close"]) == (11.002, 11.002, 11.002)
    assert (row["volume"], row["trades"]) == (0, 0)


def test_gaps_stay_unless_asked_otherwise(tmp_path: Path) -> None:
    assert read(written(tmp_path, [*GOOD[:3], *GOOD[5:]])).missing == 2


def test_a_value_that_the_file_says_it_lacks_is_impossible_and_never_filled(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, [*GOOD[:4], line(4, close="null"), *GOOD[5:7], *GOOD[8:]])
    for repairs in (None, {"gaps": "carry"}):
        quality = check(path, repairs=repairs)
        assert quality.impossible.examples[0]["problem"] == "close is missing"
        assert "line 6: close is missing" in str(quality.stopped)
    candles, quality = read_with_report(path, repairs={"impossible": "drop"})
    assert (len(candles), quality.repairs) == (8, {"impossible: drop": 1})


def test_what_one_of_two_agreeing_rows_alone_knows_is_kept(tmp_path: Path) -> None:
    for place in (5, 4):
        rows = [*GOOD]
        rows.insert(place, line(4, trades="NULL"))
        candles = read(written(tmp_path, rows))
        assert candles.frame["trades"].to_list() == [5] * 10


def test_rows_that_agree_with_one_between_that_knows_less_may_still_conflict(
    tmp_path: Path,
) -> None:
    rows = [*GOOD[:5], line(4, trades="NULL"), line(4, trades=6), *GOOD[5:]]
    with pytest.raises(InputError, match=r"line 8: .* stands twice, with different values"):
        read(written(tmp_path, rows))


def test_a_repair_or_policy_that_there_is_not_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"'polish' is no repair. The repairs are order"):
        read(path, repairs={"polish": "yes"})
    with pytest.raises(
        InputError, match=r"repair gaps: 'guess' is no policy. Choose keep or carry"
    ):
        read(path, repairs={"gaps": "guess"})


def test_what_is_worth_a_look_is_counted_with_its_place(tmp_path: Path) -> None:
    lines = [line(minute, close=11 + minute % 2 / 1000) for minute in range(60)]
    flat = {"open": 11, "high": 11, "low": 11, "close": 11, "volume": 0, "trades": 0}
    lines[20:27] = [line(minute, **flat) for minute in range(20, 27)]
    lines[40] = line(40, close=9.5)
    lines[50] = line(50, close=11, close_time="2021-01-01 00:50:10")
    quality = check(written(tmp_path, lines))
    assert quality.zero_trade.count == 7
    assert quality.flat_runs.count == 1
    assert quality.flat_runs.examples[0]["candles"] in (6, 7)
    assert [each["place"] for each in quality.jumps.examples] == [
        f"{tmp_path}/BTCUSDT.csv, line {number}" for number in (42, 43)
    ]
    assert quality.cut_short.count == 1
    assert quality.cut_short.examples[0]["time"] == START + timedelta(minutes=50)
    assert quality.stopped is None
    assert quality.repairs == {}


def test_the_newest_candle_is_dropped_on_proof_alone(tmp_path: Path) -> None:
    small = written(tmp_path, [*GOOD, line(10, volume=0.01)])
    candles, quality = read_with_report(small)
    assert len(candles) == 11
    assert quality.last_candle == "suspicious"
    assert "0.5% of the median" in str(quality.last_candle_reason)
    said = tmp_path / "said.csv"
    rows = [f"{START + timedelta(minutes=n):%Y-%m-%d %H:%M:%S},1,1,1,1,1,true" for n in range(3)]
    rows[2] = rows[2].replace("true", "false")
    said.write_text("\n".join(["time,open,high,low,close,volume,is_closed", *rows]) + "\n")
    candles, quality = read_with_report(said)
    assert (len(candles), quality.last_candle) == (2, "open")
    assert quality.repairs == {"open_last: drop": 1}


def test_coverage_is_drawn_and_never_rounded_up(tmp_path: Path) -> None:
    lines = [line(minute) for minute in range(3 * 1440) if minute != 2000]
    quality = check(written(tmp_path, lines))
    assert [each["part"] for each in quality.coverage] == [1.0, pytest.approx(1439 / 1440), 1.0]
    (drawn,) = picture(quality.coverage)
    assert drawn.startswith("2021-01  █▇█ ")
    assert drawn.endswith("99.9 %")
    assert json.loads(json.dumps(quality.to_dict()))["missing"] == 1
