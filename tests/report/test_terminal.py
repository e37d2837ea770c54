"""The tables of the terminal fit eighty columns and mark what is best and what is proven."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from making import make_forecasts
from rich.console import Console

from candlecast.candles import Candles
from candlecast.conformal import calibrate
from candlecast.evaluation.audit import Audit, Finding
from candlecast.evaluation.figures import Scores
from candlecast.evaluation.scorecard import Scorecard, score_forecasts
from candlecast.report.terminal import (
    COLUMNS,
    calibration_headings,
    calibration_rows,
    headings,
    price,
    print_audit,
    print_plan,
    print_scorecard,
    table_rows,
)


@pytest.fixture(scope="module")
def scorecard(candles: Candles) -> Scorecard:
    return score_forecasts(make_forecasts(candles), "log_return", None)


def printed(width: int = 80) -> tuple[Console, io.StringIO]:
    stream = io.StringIO()
    return Console(file=stream, width=width), stream


def test_persistence_comes_first_and_nothing_is_cut_off(scorecard: Scorecard) -> None:
    console, stream = printed()
    print_scorecard(scorecard, console)
    text = stream.getvalue()
    assert "…" not in text
    assert all(heading in text for heading in headings())
    rows = table_rows(scorecard, "1")
    assert rows[0][0].text == "persistence"
    assert {len(row) for row in rows} == {len(headings())} == {len(COLUMNS) + 2}
    assert "corrected for asking four" in " ".join(text.split())


def test_the_best_of_each_column_is_marked(scorecard: Scorecard) -> None:
    rows = {row[0].text: row for row in table_rows(scorecard, "1")}
    place = headings().index("CRPS bp")
    crps = {model: scorecard.scores[model]["1"]["crps_bp"] for model in rows}
    known = {model: value for model, value in crps.items() if value is not None}
    best = min(known, key=lambda model: known[model])
    assert rows[best][place].best
    assert sum(row[place].best for row in rows.values()) >= 1
    assert not rows["persistence"][place].best
    console, stream = printed()
    print_scorecard(scorecard, console)
    assert f"▸{rows[best][place].text}" in stream.getvalue()


@pytest.mark.parametrize(
    ("verdict", "p_value", "said"),
    [
        ("beats persistence", 0.04, "beats *"),
        ("beats persistence", 0.004, "beats **"),
        ("worse than persistence", 1e-9, "worse ***"),
        ("no evidence of skill", 0.01, "none"),
        ("cannot be judged", None, "unjudged"),
    ],
)
def test_stars_tell_how_sure_the_judge_is(
    scorecard: Scorecard, verdict: str, p_value: float | None, said: str
) -> None:
    judged = {"verdict": verdict, "p_value": p_value}
    judgements = scorecard.judgements | {"garch_t": {"1": judged, "15": judged}}
    changed = Scorecard(scorecard.scores, judgements, scorecard.comparisons, scorecard.pit, (), ())
    rows = {row[0].text: row for row in table_rows(changed, "1")}
    assert rows["garch_t"][-1].text == said


def test_a_model_of_fewer_windows_is_marked_and_not_ranked(candles: Candles) -> None:
    persistence, model, _ = make_forecasts(candles)
    fewer = model.take(np.arange(200, len(model)))
    rows = table_rows(score_forecasts([persistence, fewer], "log_return", None), "1")
    assert rows[1][0].text == "garch_t†"
    assert not any(cell.best for cell in rows[1])


def test_prices_keep_five_digits_and_every_one_before_the_point() -> None:
    assert [price(value) for value in (37.7, 0.0123456, 2370.53, 21970.4)] == [
        "37.700",
        "0.012346",
        "2,370.5",
        "21,970",
    ]


def test_a_plan_shows_each_fold() -> None:
    day = datetime(2021, 3, 4, tzinfo=UTC)
    row = dict.fromkeys(("train_first", "train_last", "test_first", "test_last"), day)
    console, stream = printed()
    counts = {"fold": 1, "train_rows": 1000, "validation_rows": 100, "test_rows": 500}
    print_plan([row | counts], "kept apart by 7 rows", console)
    text = stream.getvalue()
    assert "2021-03-04" in text
    assert "1,000" in text
    assert "kept apart by 7 rows" in text
    assert "…" not in text


def test_an_audit_names_each_leak_and_counts_them() -> None:
    clean = Finding("feature close", "changing what comes after", None)
    leak = Finding("feature [centred]", "changing what comes after", "reads 2 rows ahead", 2)
    console, stream = printed()
    print_audit(Audit((clean, leak), ("seen on 900 candles",)), console)
    text = stream.getvalue()
    assert "LEAK" in text
    assert "feature [centred]" in text
    assert "reads 2 rows ahead" in text
    assert "Note. seen on 900 candles" in text
    assert "1 of 2 checks found a leak." in text
    console, stream = printed()
    print_audit(Audit((clean,), ()), console)
    assert "No leak found." in stream.getvalue()


def test_raw_and_calibrated_coverage_stand_side_by_side(candles: Candles) -> None:
    calibrated = [calibrate(forecast)[0] for forecast in make_forecasts(candles)]
    card = score_forecasts(calibrated, "log_return", None)
    rows = calibration_rows(card, "15")
    assert [row[0].text for row in rows] == ["persistence", "garch_t"], "one forecasts points alone"
    figures = card.scores["garch_t"]["15"]
    own, held = figures["coverage_80"], figures["calibrated_coverage_80"]
    assert own is not None
    assert held is not None
    assert rows[1][2].text == f"{own * 100:.1f} → {held * 100:.1f}"
    assert rows[1][-1].text == "-", "there is no whole week"
    assert {len(row) for row in rows} == {len(calibration_headings())}
    console, stream = printed()
    print_scorecard(card, console)
    text = stream.getvalue()
    assert "…" not in text
    assert all(heading in text for heading in calibration_headings())
    assert rows[1][2].text in text


def test_the_worst_week_is_the_worst_of_the_three_bands(scorecard: Scorecard) -> None:
    known: Scores = dict.fromkeys(scorecard.scores["garch_t"]["1"], 0.5)
    known |= {"worst_week_50": 0.31, "worst_week_80": 0.12, "worst_week_95": 0.02}
    known |= {f"calibrated_worst_week_{level}": 0.016 for level in (50, 80, 95)}
    scores = scorecard.scores | {"garch_t": {"1": known, "15": known}}
    changed = replace(scorecard, scores=scores)
    (row,) = calibration_rows(changed, "1")
    assert row[-1].text == "31.0 → 1.6"


def test_without_calibrated_bands_there_is_no_such_table(scorecard: Scorecard) -> None:
    console, stream = printed()
    print_scorecard(scorecard, console)
    assert calibration_rows(scorecard, "1") == []
    assert "worst week" not in stream.getvalue()
