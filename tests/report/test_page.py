"""The page says what the run says, in order, stands alone and keeps names from being markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from making import make_report

from candlecast.candles import Candles
from candlecast.report import price
from candlecast.report.page import Report, write_report


class Outline(HTMLParser):
    """Every tag with its attributes, and the text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: dict[str, str] = {}
        self._inside = ""
        self._script = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        self._script = str(dict(attrs).get("id"))

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[self._script] = data
        elif self._inside != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def plots(self) -> list[str]:
        return [str(each["id"]) for each in self.all("div") if each.get("class") == "plot"]

    @property
    def sections(self) -> list[str]:
        return [str(each["id"]) for each in self.all("section")]


def written(report: Report, folder: Path) -> Outline:
    write_report(folder / "report.html", report)
    return Outline((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def report(gappy_candles: Candles) -> Report:
    return make_report(gappy_candles)


@pytest.fixture(scope="module")
def outline(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Outline:
    return written(report, tmp_path_factory.mktemp("page"))


def test_the_sections_stand_in_the_order_in_which_they_matter(outline: Outline) -> None:
    assert outline.sections == [
        *("verdict", "scorecard", "forecast", "skill", "calibration"),
        *("learning", "data", "plan", "features", "origin"),
    ]


def test_the_verdicts_and_the_scores_are_those_of_the_scorecard(
    report: Report, outline: Outline
) -> None:
    for sentence in (*report.scorecard.verdicts, *report.scorecard.notes):
        assert sentence in outline.text
    for model in report.scorecard.scores:
        assert model in outline.text
    assert "every figure, 15 candles ahead" in outline.text.lower()


def test_the_page_asks_for_nothing_from_elsewhere(outline: Outline) -> None:
    for tag, attributes in outline.tags:
        for name in ("src", "href", "action", "data", "srcset"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:")), (tag, attributes)
    policy = next(str(each["content"]) for each in outline.all("meta") if "http-equiv" in each)
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_every_chart_has_a_place_a_title_a_caption_and_numbers(outline: Outline) -> None:
    numbers = json.loads(outline.scripts["charts"])
    assert sorted(numbers) == sorted(set(outline.plots) - {"price"})
    ids = [str(attributes["id"]) for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for key in outline.plots:
        assert {f"{key}-title", f"{key}-caption"} <= set(ids)
    assert {"skill-1", "skill-15", "pit-1", "period-15", "hour-1", "regime-1"} <= set(numbers)
    assert {"loss", "gaps", "parts"} <= set(numbers)


def test_folds_audit_gaps_and_origin_are_told(outline: Outline) -> None:
    text = " ".join(outline.text.split())
    assert "har: too few rows <here>" in text
    assert "The audit made 2 checks and found 1 leak." in text
    assert "leak: it moves" in text
    assert "11 of 900" in text, "missing candles"
    assert "none: candles are refused or taken as they are" in text
    assert "0123abcd" in text
    assert "3.11.0" in text
    assert "features: [log_return, log_range]" in text


def test_a_name_cannot_become_markup(candles: Candles, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><b>&amp;"
    named = replace(
        make_report(Candles(candles.frame, evil, candles.interval)), recipe=f"x: {evil}"
    )
    outline = written(named, tmp_path)
    assert evil in outline.text
    assert not outline.all("b")
    assert len(outline.all("script")) == 5
    assert all("alert" not in script for key, script in outline.scripts.items() if key == "None")


def test_a_run_without_network_folds_or_audit_leaves_their_sections_out(
    candles: Candles, tmp_path: Path
) -> None:
    report = make_report(candles, horizons=(1,))
    bare = replace(report, metrics={"model": None, "audit": None}, recipe="name: bare\n")
    outline = written(bare, tmp_path)
    assert outline.sections == [
        *("verdict", "scorecard", "forecast", "skill", "calibration", "data", "origin")
    ]
    assert "There is no gap." in outline.text
    assert not [each for each in outline.all("button") if "data-choose" in each], "one horizon"


def test_a_model_without_a_distribution_has_nothing_to_calibrate(
    candles: Candles, tmp_path: Path
) -> None:
    outline = written(make_report(candles, model="hopeless"), tmp_path)
    assert "forecasts a point and no distribution" in outline.text
    assert not [key for key in outline.plots if key.startswith("pit")]


def test_a_model_that_failed_still_gets_its_page(candles: Candles, tmp_path: Path) -> None:
    outline = written(replace(make_report(candles), model="lstm"), tmp_path)
    assert "lstm made no forecasts" in outline.text
    assert "price" not in outline.plots
    assert "skill-1" in outline.plots


def test_a_single_split_is_drawn_by_its_rows(candles: Candles, tmp_path: Path) -> None:
    report = make_report(candles)
    metrics = {name: value for name, value in report.metrics.items() if name != "folds"}
    outline = written(replace(report, metrics=metrics), tmp_path)
    data = json.loads(outline.scripts["charts"])["parts"]["data"]
    assert [trace["name"] for trace in data] == ["train", "validation", "test"]
    start = candles.first.timestamp() * 1000
    assert [(trace["base"][0] - start) / 60_000 for trace in data] == [0, 50, 100]


@pytest.mark.parametrize("origins", [1, 5])
def test_very_few_forecasts_make_a_page(candles: Candles, tmp_path: Path, origins: int) -> None:
    report = make_report(candles)
    few = [each.take(np.arange(origins)) for each in report.forecasts]
    assert "price" in written(replace(report, forecasts=few), tmp_path).plots


def test_a_page_whose_outcomes_are_unknown_says_so(candles: Candles, tmp_path: Path) -> None:
    report = make_report(candles)
    unknown = [replace(each, actual=np.full_like(each.actual, np.nan)) for each in report.forecasts]
    outline = written(replace(report, forecasts=unknown), tmp_path)
    assert "no outcome is known yet" in outline.text
    assert "no known outcome" in outline.text


def test_pooled_forecasts_need_not_be_in_time_order(candles: Candles, tmp_path: Path) -> None:
    report = make_report(candles)
    mixed = [each.take(np.argsort(each.origin % 7)) for each in report.forecasts]
    ordered = written(report, tmp_path).scripts["price-columns"]
    assert written(replace(report, forecasts=mixed), tmp_path).scripts["price-columns"] == ordered


def test_what_is_summed_up_is_said(
    candles: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price, "FINE_ROWS", 200)
    monkeypatch.setattr(price, "COARSE_ROWS", 50)
    text = written(make_report(candles), tmp_path).text
    said = re.search(r"candles before ([-\d]+ [:\d]+) UTC are summed up over 15 minutes", text)
    assert said is not None
    assert said[1] == f"{candles.frame['time'][-200]:%Y-%m-%d %H:%M}"


def test_daily_candles_offer_no_hours(candles: Candles, tmp_path: Path) -> None:
    days = candles.frame.with_columns(
        time=pl.datetime_range(
            candles.first, candles.first.replace(year=2030), "1d", time_zone="UTC", eager=True
        ).head(len(candles))
    )
    outline = written(make_report(Candles.from_frame(days, "DAILY")), tmp_path)
    spans = [each["data-span"] for each in outline.all("button") if "data-span" in each]
    assert spans == [str(30 * 86_400_000), str(365 * 86_400_000), "all"]
    assert "All targets open in one hour of the day" in outline.text
