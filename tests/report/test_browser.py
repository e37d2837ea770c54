"""The page in a real browser: everything draws, zooms, fits a phone, and asks no network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium, find_chromium
from making import make_report

from candlecast.candles import Candles
from candlecast.distributions import QuantileFunction
from candlecast.distributions.quantile_function import LEVELS
from candlecast.report.page import write_report
from candlecast.simulate import simulate

READY = "document.body?.dataset.state === 'ready'"
POINTS = 300_000
MOST_BYTES = 15_000_000

DRAWN = """[...document.querySelectorAll('.plot')].filter(each => !each.closest('[hidden]'))
    .map(each => [each.id, each.querySelectorAll('.main-svg').length,
                  each.querySelectorAll('.trace, .bars, .boxlayer path, .point').length])"""
BUCKET = "new Set(document.getElementById('price').data.find(t => t.type === 'candlestick').x)"
STEP = f"(x => x[1] - x[0])([...{BUCKET}])"
WIDTH = (
    "(r => new Date(r[1]) - new Date(r[0]))(document.getElementById('price').layout.xaxis.range)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    path = find_chromium()
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed, and the CI has to test the report in it")
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with Chromium(path) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(gappy_candles: Candles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    write_report(path, make_report(gappy_candles))
    return path


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "large.html"
    write_report(path, make_report(simulate(rows=POINTS + 115).candles))
    return path


@pytest.fixture
def opened(browser: Chromium, page: Path) -> Iterator[Chromium]:
    """The page in a wide, light window; whatever it complains of or asks for fails the test."""
    browser.resize(1200, 900)
    browser.prefer("light")
    browser.open(page, READY)
    yield browser
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:"))] == []


def drawn(browser: Chromium) -> dict[str, int]:
    """The charts that are shown, and how many marks each drew."""
    charts = browser.value(DRAWN)
    assert all(drawings >= 1 for _, drawings, _ in charts), charts
    return {key: marks for key, _, marks in charts}


def show(browser: Chromium, axis: str, start: str, end: str) -> None:
    """Ask the price chart for a stretch, as its own zoom does."""
    change = f"{{'{axis}.range': ['{start}', '{end}']}}"
    browser.value(f"Plotly.relayout('price', {change}).then(() => true)")


def test_every_chart_draws(opened: Chromium) -> None:
    charts = drawn(opened)
    assert sorted(charts) == sorted(
        ["price", "skill-1", "pit-1", "period-1", "hour-1", "regime-1", "loss", "gaps", "parts"]
    )
    assert all(marks > 0 for marks in charts.values()), charts
    assert opened.value("document.querySelectorAll('#pit-1 .point').length") == 20


def test_another_horizon_draws_its_own_charts(opened: Chromium) -> None:
    band = "document.getElementById('price').data[0].y.slice(0, 5)"
    before = opened.value(band)
    opened.value("document.querySelector('[data-choose=\"15\"]').click()")
    opened.wait_for("document.getElementById('regime-15').querySelector('.main-svg') !== null")
    charts = drawn(opened)
    assert {"skill-15", "pit-15", "period-15", "hour-15", "regime-15"} < set(charts)
    assert "skill-1" not in charts
    assert opened.value(band) != before


def test_zooming_in_shows_finer_candles(opened: Chromium) -> None:
    opened.value("document.querySelector('[data-span=\"all\"]').click()")
    opened.wait_for(f"{WIDTH} > 13 * 3600e3")
    whole = opened.value(STEP)
    assert whole > 60_000
    show(opened, "xaxis", "2021-01-20 06:00", "2021-01-20 07:00")
    opened.wait_for(f"{STEP} === 60000")
    assert opened.value(f"{BUCKET}.size") == 60
    assert "60 candles of 1 minute" in opened.value(
        "document.getElementById('price-status').textContent"
    )


def test_candles_drawn_are_those_of_the_run(opened: Chromium, gappy_candles: Candles) -> None:
    show(opened, "xaxis", "2021-01-20 06:00", "2021-01-20 07:00")
    opened.wait_for(f"{BUCKET}.size === 60")
    trace = "document.getElementById('price').data.find(t => t.type === 'candlestick')"
    rows = gappy_candles.frame.filter(
        (gappy_candles.frame["time"].dt.hour() == 6) & (gappy_candles.frame["time"].dt.day() == 20)
    )
    for name in ("open", "high", "low", "close"):
        assert opened.value(f"{trace}.{name}") == pytest.approx(rows[name].to_list(), rel=1e-6)


def test_dragging_over_a_stretch_zooms_into_it(opened: Chromium) -> None:
    opened.value("document.querySelector('[data-span=\"all\"]').click()")
    opened.wait_for(f"{WIDTH} > 13 * 3600e3")
    opened.value("document.getElementById('price').scrollIntoView({block: 'center'})")
    x, y, width, height = opened.value(
        "(r => [r.x, r.y, r.width, r.height])"
        "(document.querySelector('#price .nsewdrag.drag').getBoundingClientRect())"
    )
    middle = y + height / 2
    opened.drag((x + width * 0.4, middle), (x + width * 0.6, middle))
    opened.wait_for(f"{WIDTH} < 4 * 3600e3")
    assert opened.value(STEP) == 60_000


def test_the_strip_below_chooses_a_stretch(opened: Chromium) -> None:
    show(opened, "xaxis2", "2021-01-20 03:00", "2021-01-20 04:00")
    opened.wait_for(f"{WIDTH} === 3600e3")
    assert opened.value("document.getElementById('price').layout.xaxis2.range[0]") == opened.value(
        "document.getElementById('price').data.find(t => t.xaxis === 'x2').x[0]"
    )


def test_a_phone_needs_no_sideways_scrolling(opened: Chromium, page: Path) -> None:
    opened.resize(360, 740, phone=True)
    opened.open(page, READY)
    assert opened.value("document.documentElement.scrollWidth <= innerWidth")
    assert opened.value("innerWidth") == 360
    widest = "Math.max(...[...document.querySelectorAll('.main-svg')].map(s => s.clientWidth))"
    assert opened.value(widest) <= 360
    drawn(opened)


def test_the_dark_recolours_page_and_charts_at_once(opened: Chromium) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    text = "document.querySelector('#skill-1 .xtick text').style.fill"
    light = opened.value(ground), opened.value(text)
    opened.prefer("dark")
    opened.wait_for(f"{text} !== {light[1]!r}")
    assert opened.value(ground) == "rgb(20, 23, 27)"
    assert opened.value(text) == "rgb(232, 234, 237)"
    assert light == ("rgb(255, 255, 255)", "rgb(26, 29, 33)")


def test_it_can_be_printed(opened: Chromium) -> None:
    opened.prefer("dark")
    assert len(opened.send("Page.printToPDF")["data"]) > 50_000
    drawn(opened)


@pytest.mark.parametrize(("model", "origins"), [("garch_t", 1), ("garch_t", 5), ("hopeless", 785)])
def test_few_points_or_no_bands_draw_too(
    opened: Chromium, candles: Candles, tmp_path: Path, model: str, origins: int
) -> None:
    report = make_report(candles, model=model)
    few = [each.take(np.arange(origins)) for each in report.forecasts]
    write_report(tmp_path / "report.html", replace(report, forecasts=few))
    opened.open(tmp_path / "report.html", READY)
    assert drawn(opened)["price"] > 0


def opened_without(browser: Chromium, page: Path, what: str) -> None:
    """Open the page in a browser that lacks a global name."""
    browser.resize(1200, 900)
    browser.prefer("light")
    without = (
        f"delete globalThis.{what}; Object.defineProperty(globalThis, '{what}', {{set() {{}}}})"
    )
    added = browser.send("Page.addScriptToEvaluateOnNewDocument", source=without)
    try:
        browser.open(page, READY)
    finally:
        browser.send("Page.removeScriptToEvaluateOnNewDocument", identifier=added["identifier"])
    assert browser.complaints() == []


STATUS = "document.getElementById('price-status').textContent"


def test_without_a_way_to_unpack_the_prices_all_else_draws(browser: Chromium, page: Path) -> None:
    opened_without(browser, page, "DecompressionStream")
    said = browser.value(STATUS)
    assert said.startswith("The price chart cannot be drawn: this browser has no DecompressionS")
    charts = {key: drawings for key, drawings, _ in browser.value(DRAWN)}
    assert charts.pop("price") == 0
    assert len(charts) == 8
    assert all(charts.values()), charts
    assert browser.value("[...document.querySelectorAll('[data-span]')].every(b => b.disabled)")
    browser.value("document.querySelector('[data-choose=\"15\"]').click()")
    browser.wait_for("document.getElementById('regime-15').querySelector('.main-svg') !== null")
    assert browser.complaints() == []


def test_without_plotly_each_chart_says_so(browser: Chromium, page: Path) -> None:
    opened_without(browser, page, "Plotly")
    assert "Plotly, which draws the charts, did not load" in browser.value(STATUS)
    plots = browser.value(
        "[...document.querySelectorAll('.plot')].filter(each => !each.closest('[hidden]'))"
        ".map(each => each.textContent)"
    )
    assert len(plots) == 9
    assert all(text.startswith("This chart cannot be drawn: Plotly") for text in plots)


def test_what_is_no_number_draws_too(opened: Chromium, candles: Candles, tmp_path: Path) -> None:
    report = make_report(candles)
    ours = report.forecast_of("garch_t")
    assert ours is not None
    assert ours.distribution is not None
    ours.mean[100:200], ours.distribution.location[300:400] = np.nan, np.nan
    write_report(tmp_path / "report.html", report)
    opened.open(tmp_path / "report.html", READY)
    opened.value("document.querySelector('[data-span=\"all\"]').click()")
    opened.wait_for(f"{WIDTH} > 12 * 3600e3")
    assert all(marks > 0 for marks in drawn(opened).values())


def test_bands_that_are_wider_on_one_side_are_drawn_so(
    opened: Chromium, gappy_candles: Candles, tmp_path: Path
) -> None:
    report = make_report(gappy_candles)
    ours = report.forecast_of("garch_t")
    assert ours is not None
    assert ours.distribution is not None
    shape = np.exp(np.linspace(-1.5, 1.5, len(LEVELS))) - 1
    spread = QuantileFunction(ours.distribution.width[..., None] * shape)
    skewed = replace(ours, distribution=spread.centred_at(ours.distribution.location))
    forecasts = [report.forecasts[0], skewed, report.forecasts[2]]
    write_report(tmp_path / "report.html", replace(report, forecasts=forecasts))
    opened.open(tmp_path / "report.html", READY)
    show(opened, "xaxis", "2021-01-20 06:00", "2021-01-20 07:00")
    opened.wait_for(f"{STEP} === 60000")
    band = "document.getElementById('price').data[0]"
    time = opened.value(f"new Date({band}.x[0]).getTime()") * 1000
    low, high = opened.value(f"{band}.y[{band}.y.indexOf(null) - 1]"), opened.value(f"{band}.y[0]")
    quantiles = skewed.quantiles
    assert quantiles is not None
    expected = quantiles[skewed.time[:, 0] == time, 0][0, [0, -1]]
    np.testing.assert_allclose([low, high], expected, rtol=1e-6)


def test_three_hundred_thousand_points_stay_small_and_zoom_from_months_to_minutes(
    browser: Chromium, large_page: Path
) -> None:
    assert large_page.stat().st_size < MOST_BYTES
    browser.resize(1200, 900)
    browser.prefer("light")
    browser.open(large_page, READY)
    browser.value("document.querySelector('[data-span=\"all\"]').click()")
    browser.wait_for(f"{WIDTH} > 200 * 86400e3")
    assert browser.value(f"{BUCKET}.size") <= 1500
    show(browser, "xaxis", "2021-03-01 06:00", "2021-03-01 07:00")
    browser.wait_for(f"{STEP} === 60000")
    assert browser.complaints() == []
