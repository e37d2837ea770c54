"""The page says what the run says, in order, stands alone and keeps names from being markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from making import make_report

from candlecast.candles import Candles
from candlecast.distributions import StudentT
from candlecast.evaluation.scorecard import score_forecasts
from candlecast.report import price
from candlecast.report.page import Report, write_report
from candlecast.report.terminal import calibration_rows


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


def test_raw_and_calibrated_coverage_stand_side_by_side(
    gappy_candles: Candles, outline: Outline, tmp_path: Path
) -> None:
    report = make_report(gappy_candles, calibrated=True)
    page = written(report, tmp_path)
    assert "plot-calibrated-15" in page.plots or "calibrated-15" in page.plots
    for row in calibration_rows(report.scorecard, "15"):
        assert all(cell.text in page.text for cell in row)
    assert "The shaded calibrated bands should hold" in page.text
    assert not any("calibrated" in plot for plot in outline.plots)
    assert "The shaded bands should hold" in outline.text


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


def parts_of(outline: Outline, candles: Candles) -> dict[str, list[tuple[str, int, int]]]:
    """Each part's bars: the row, and the first candle and the one after the last by minute."""
    start = candles.first.timestamp() * 1000
    data = json.loads(outline.scripts["charts"])["parts"]["data"]
    return {
        trace["name"]: [
            (row, int(base - start) // 60_000, int(base + length - start) // 60_000)
            for row, base, length in zip(trace["y"], trace["base"], trace["x"], strict=True)
        ]
        for trace in data
    }


def split_report(candles: Candles, **changed: str | None) -> Report:
    """A report of a run with one split, some of whose facts are others."""
    report = make_report(candles)
    split = report.metrics["split"] | changed
    return replace(report, metrics={**report.metrics, "folds": None, "split": split})


def test_a_single_split_is_drawn_where_the_run_says(candles: Candles, tmp_path: Path) -> None:
    outline = written(split_report(candles), tmp_path)
    assert parts_of(outline, candles) == {
        "train": [("train", 0, 50)],
        "validation": [("validation", 55, 95)],
        "test": [("test", 100, 900)],
    }
    assert "nothing of a test part is seen before it is scored" in outline.text


def test_each_fold_shows_what_it_was_chosen_on(candles: Candles, tmp_path: Path) -> None:
    outline = written(make_report(candles), tmp_path)
    parts = parts_of(outline, candles)
    assert parts["validation"] == [("fold 1", 250, 291), ("fold 2", 550, 591)]
    assert parts["test"] == [("fold 1", 300, 600), ("fold 2", 600, 900)]
    assert "chosen on" in outline.text


def test_a_part_that_nobody_placed_has_no_bar(candles: Candles, tmp_path: Path) -> None:
    outline = written(split_report(candles, validation_first=None), tmp_path)
    assert sorted(parts_of(outline, candles)) == ["test", "train"]
    ends = [
        f"{part}_{end}" for part in ("train", "validation", "test") for end in ("first", "last")
    ]
    outline = written(split_report(candles, **dict.fromkeys(ends)), tmp_path)
    assert "parts" not in outline.plots
    assert "plan" in outline.sections


def test_a_choice_on_the_test_rows_is_not_called_clean(candles: Candles, tmp_path: Path) -> None:
    report = split_report(candles)
    split = report.metrics["split"]
    same = {f"validation_{end}": split[f"test_{end}"] for end in ("first", "last")}
    text = written(split_report(candles, **same), tmp_path).text
    assert "The weights were chosen on rows of the test part" in text
    assert "nothing of a test part is seen" not in text


def broken_report(candles: Candles, *, rows: slice) -> Report:
    """A report whose drawn model says what is no number at some origins."""
    report = make_report(candles)
    ours = report.forecast_of("garch_t")
    assert ours is not None
    assert isinstance(ours.distribution, StudentT)
    mean, location = ours.mean.copy(), ours.distribution.location.copy()
    mean[rows], location[rows] = np.nan, np.nan
    variance = np.square(ours.distribution.scale)
    variance[rows] = np.nan
    spread = replace(ours.distribution, location=location)
    broken = replace(ours, mean=mean, distribution=spread, variance=variance)
    forecasts = [report.forecasts[0], broken, report.forecasts[2]]
    scorecard = score_forecasts(forecasts, "log_return", 1.0, subject="garch_t")
    return replace(report, scorecard=scorecard, forecasts=forecasts)


def test_one_forecast_that_is_no_number_is_told_and_the_rest_is_drawn(
    candles: Candles, tmp_path: Path
) -> None:
    outline = written(broken_report(candles, rows=slice(7, 8)), tmp_path)
    assert "garch_t cannot be scored and has no line." in outline.text
    assert "1 of 785 known outcomes are left out" in outline.text
    assert {"price", "pit-1", "skill-1", "regime-15"} <= set(outline.plots)


def test_a_model_that_never_says_a_number_gets_its_page(candles: Candles, tmp_path: Path) -> None:
    outline = written(broken_report(candles, rows=slice(None)), tmp_path)
    assert "no forecast distribution is made of numbers" in outline.text
    assert "price" in outline.plots
    assert "pit-1" not in outline.plots


def test_a_forecast_of_no_origin_counts_as_none(candles: Candles, tmp_path: Path) -> None:
    report = make_report(candles)
    none = [each.take(np.arange(0)) for each in report.forecasts]
    forecasts = [report.forecasts[0], none[1]]
    outline = written(replace(report, forecasts=forecasts), tmp_path)
    assert "garch_t made no forecasts" in outline.text
    assert "price" not in outline.plots
    outline = written(replace(report, forecasts=none), tmp_path)
    assert "No model made a forecast." in outline.text
    assert "Persistence made no forecasts." in outline.text


def test_a_run_may_know_nothing_of_itself(candles: Candles, tmp_path: Path) -> None:
    report = make_report(candles)
    nothing = dict.fromkeys(report.metrics)
    assert "calibration" in written(replace(report, metrics=nothing), tmp_path).sections


def test_features_are_those_that_the_audit_tried(candles: Candles, tmp_path: Path) -> None:
    outline = written(replace(make_report(candles), recipe="[no: YAML"), tmp_path)
    text = " ".join(outline.text.split())
    assert "Features were tried on 900 rows." in text
    assert "log_returnclean" in text, "two cells in a row"
    assert "log_rangeleak: it moves" in text


def test_charts_are_groups_with_a_name_and_the_drawn_model_has_a_mark(outline: Outline) -> None:
    for plot in (each for each in outline.all("div") if each.get("class") == "plot"):
        assert plot["role"] == "group"
        assert plot["aria-labelledby"] == f"{plot['id']}-title"
    marks = [each for each in outline.all("span") if each.get("aria-label") == "the model drawn"]
    assert marks
    assert all(mark["role"] == "img" for mark in marks)
    assert "garch_t ◆" in outline.text


def test_the_drawn_model_is_marked_though_it_has_fewer_windows(
    candles: Candles, tmp_path: Path
) -> None:
    report = make_report(candles)
    forecasts = [*report.forecasts]
    forecasts[1] = forecasts[1].take(np.arange(50, len(forecasts[1])))
    scorecard = score_forecasts(forecasts, "log_return", 1.0, subject="garch_t")
    outline = written(replace(report, scorecard=scorecard, forecasts=forecasts), tmp_path)
    assert "garch_t† ◆" in outline.text


def contrast(one: str, other: str) -> float:
    """Of two colours, after WCAG 2."""

    def luminance(colour: str) -> float:
        shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_words_can_be_read_on_their_ground_in_light_and_dark() -> None:
    style = resources.files("candlecast.report").joinpath("page.css").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for name, colour in re.findall(r"--([\w-]+): (#\w{6})", style):
        found.setdefault(name, []).append(colour)
    for name in ("ink", "muted", "ours-text"):
        pairs = list(zip(found[name], found["ground"], strict=True))
        assert len(pairs) == 2
        assert all(contrast(*pair) >= 4.5 for pair in pairs), name


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
