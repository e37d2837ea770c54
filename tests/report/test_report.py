"""What people look at says what the scorecard says, and needs no network."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console

from candlecast.candles import Candles
from candlecast.evaluation.scorecard import Scorecard, score_forecasts
from candlecast.forecast import Forecast
from candlecast.report.figures import draw_forecast
from candlecast.report.page import write_page
from candlecast.report.terminal import print_scorecard

ORIGINS = np.arange(100, 800)


@pytest.fixture
def forecasts(candles: Candles) -> list[Forecast]:
    close = candles.frame["close"].to_numpy()[ORIGINS][:, None]
    means = {"persistence": close, "lstm": close * 0.9}
    return [
        Forecast.at(candles, ORIGINS, (1, 5), name, np.repeat(mean, 2, axis=1))
        for name, mean in means.items()
    ]


@pytest.fixture
def scorecard(forecasts: list[Forecast]) -> Scorecard:
    return score_forecasts(forecasts, "close", 1.0, notes=["this flatters it"])


def printed(scorecard: Scorecard, width: int) -> str:
    stream = io.StringIO()
    print_scorecard(scorecard, Console(file=stream, width=width))
    return stream.getvalue()


def test_the_terminal_shows_every_model_whole_in_eighty_columns(scorecard: Scorecard) -> None:
    text = printed(scorecard, 80)
    assert text.index("persistence") < text.index("lstm")
    assert "…" not in text
    assert "1 candle ahead" in text
    assert "5 candles ahead" in text
    assert "worse than persistence" in text
    assert "flatter" in text


def test_a_figure_is_drawn_for_each_horizon(
    forecasts: list[Forecast], scorecard: Scorecard, tmp_path: Path
) -> None:
    paths = draw_forecast(forecasts[1], scorecard, "SIMULATED", tmp_path)
    assert [path.name for path in paths] == ["forecast_1.png", "forecast_5.png"]
    for path in paths:
        pixels = imread(path)
        assert pixels.shape[:2] == (900, 1500)
        colours = {
            tuple(colour) for colour in (pixels[::3, ::3, :3].reshape(-1, 3) * 255).astype(int)
        }
        assert (213, 94, 0) in colours, "the forecast is drawn"
        assert (0, 0, 0) in colours, "the real price is drawn"


def test_the_page_stands_alone_and_says_what_the_scorecard_says(
    forecasts: list[Forecast], scorecard: Scorecard, tmp_path: Path
) -> None:
    figures = draw_forecast(forecasts[1], scorecard, "SIMULATED", tmp_path)
    facts = {"Data": {"symbol": "<BTC>", "rows": 5}}
    write_page(tmp_path / "report.html", scorecard, figures, facts, "name: x\n")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert not re.search(r"(src|href)=.(?!data:)", page)
    assert "&lt;BTC&gt;" in page
    assert "worse than persistence" in page
    assert "flatter" in page
    assert "<td>persistence</td>" in page
