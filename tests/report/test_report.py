"""What people look at says what the scorecard says, and needs no network."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from making import make_forecasts
from matplotlib.image import imread
from rich.console import Console

from candlecast.candles import Candles
from candlecast.evaluation.scorecard import Scorecard, score_forecasts
from candlecast.forecast import Forecast
from candlecast.report.figures import _caption, draw_calibration, draw_forecast, draw_skill
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


def test_skill_and_calibration_are_drawn_where_they_apply(candles: Candles, tmp_path: Path) -> None:
    forecasts = make_forecasts(candles, (1, 5))
    skill = draw_skill(forecasts, "garch_t", "A$B$", tmp_path)
    assert [path.name for path in skill] == ["skill_1.png", "skill_5.png"]
    calibration = draw_calibration(forecasts[1], "A$B$", tmp_path)
    assert [path.name for path in calibration] == ["calibration_1.png", "calibration_5.png"]
    assert all(imread(path).std() > 0.05 for path in skill + calibration)
    assert draw_calibration(forecasts[2], "A$B$", tmp_path) == [], "it forecasts points alone"
    assert draw_skill(forecasts[:1], "persistence", "A$B$", tmp_path) == []


def test_a_model_that_cannot_be_scored_is_drawn_and_said_to_be_so(
    forecasts: list[Forecast], tmp_path: Path
) -> None:
    forecasts[1].mean[3] = np.nan
    scorecard = score_forecasts(forecasts, "close", 1.0)
    assert scorecard.scores["lstm"]["1"]["rmse"] is None
    assert len(draw_forecast(forecasts[1], scorecard, "BROKEN", tmp_path)) == 2
    caption = _caption(forecasts[1], 1, scorecard)
    assert caption.startswith("lstm cannot be scored (RMSE, 700 forecasts)")
    assert 'saying "no change" errs by ' in caption
    assert len(draw_skill(forecasts, "lstm", "BROKEN", tmp_path)) == 0
    scorecard.scores["persistence"]["1"]["rmse"] = None
    assert 'saying "no change" cannot be scored.' in _caption(forecasts[1], 1, scorecard)
    del scorecard.scores["lstm"]
    assert _caption(forecasts[1], 1, scorecard).startswith("lstm cannot be scored")


def test_a_model_without_a_number_or_a_forecast_needs_no_figures(
    candles: Candles, tmp_path: Path
) -> None:
    forecasts = make_forecasts(candles, (1,))
    scorecard = score_forecasts(forecasts, "log_return", 1.0)
    forecasts[1].mean[:] = np.nan
    assert len(draw_forecast(forecasts[1], scorecard, "NONE", tmp_path)) == 1
    empty = [each.take(np.arange(0)) for each in forecasts]
    assert draw_forecast(empty[1], scorecard, "NONE", tmp_path) == []
    assert draw_calibration(empty[1], "NONE", tmp_path) == []
    assert draw_skill(empty, "garch_t", "NONE", tmp_path) == []
    assert draw_skill(forecasts[1:], "garch_t", "NONE", tmp_path) == []


@pytest.mark.parametrize("origins", [1, 2, 5])
def test_figures_are_drawn_of_very_few_forecasts(
    candles: Candles, tmp_path: Path, origins: int
) -> None:
    forecasts = make_forecasts(candles, (1,))
    few = [each.take(np.arange(origins)) for each in forecasts]
    scorecard = score_forecasts(forecasts, "log_return", 1.0)
    draw_forecast(few[1], scorecard, "FEW", tmp_path)
    draw_skill(few, "garch_t", "FEW", tmp_path)
    draw_calibration(few[1], "FEW", tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["calibration_1.png", "forecast_1.png", "skill_1.png"]
