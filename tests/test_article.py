"""The article, number by number, on the real file that it reads."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from candlecast.candles import Candles
from candlecast.evaluation.scorecard import score_forecasts
from candlecast.features import compute_features
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.models.windowed.forecaster import NetworkForecaster, NetworkSettings
from candlecast.recipe import Recipe
from candlecast.runs.chosen_candles import bounded
from candlecast.scaling import SCALERS
from candlecast.sources import read
from candlecast.splits import Split, split_rows


class Tables(HTMLParser):
    """The cells of each table of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._in_cell = True
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.tables[-1][-1][-1] += data.strip()


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe.load("article")


@pytest.fixture(scope="module")
def candles(recipe: Recipe, article_file: Path) -> Candles:
    return bounded(read(article_file), recipe)


@pytest.fixture(scope="module")
def split(recipe: Recipe, candles: Candles) -> Split:
    return split_rows(len(candles), recipe.split)


@pytest.fixture(scope="module")
def network(recipe: Recipe) -> NetworkForecaster:
    return NetworkForecaster(NetworkSettings.from_recipe(recipe))


def test_the_filter_leaves_310_502_rows(candles: Candles) -> None:
    assert len(candles) == 310_502


def test_nine_tenths_train_one_row_is_skipped_and_the_rest_is_test(split: Split) -> None:
    assert (len(split.train), len(split.test)) == (279_451, 31_050)
    assert split.test.start == split.train.stop + 1


def test_there_are_279_331_and_30_930_windows(
    network: NetworkForecaster, candles: Candles, split: Split
) -> None:
    counts = [len(network.origins(candles, rows, known=True)) for rows in (split.train, split.test)]
    assert counts == [279_331, 30_930]


def test_the_first_forecast_is_for_the_121st_test_row(
    network: NetworkForecaster, candles: Candles, split: Split
) -> None:
    first_target = network.origins(candles, split.test, known=True)[0] + 1
    assert first_target == split.test.start + 120


def test_the_network_has_203_393_parameters(network: NetworkForecaster) -> None:
    assert network.parameters == 203_393


def test_the_first_and_last_five_rows_are_those_that_the_article_prints(
    recipe: Recipe, candles: Candles, article_text: Path
) -> None:
    ours = as_the_article_names_it(recipe, candles)
    parser = Tables()
    parser.feed(article_text.read_text(encoding="utf-8"))
    edges = {0: ours.head(5), 997_645: ours.tail(5)}
    compared = 0
    for table in parser.tables:
        names, *rows = table
        if not set(names[1:]) <= set(ours.columns):
            continue  # the small example of sequences
        for first_index, rows_of_ours in edges.items():
            printed = [row for row in rows if row[0].isdigit() and is_edge(row, first_index)]
            for cells, (_, row) in zip(printed, rows_of_ours.iterrows(), strict=False):
                for name, cell in zip(names[1:], cells[1:], strict=True):
                    assert agrees(cell, row[name]), (name, cell, row[name])
                    compared += 1
    # Two whole tables of ten rows (10 and 9 columns) and two heads of five (12 and 16).
    assert compared == 10 * 10 + 9 * 10 + 12 * 5 + 16 * 5


def as_the_article_names_it(recipe: Recipe, candles: Candles) -> pd.DataFrame:
    """Our candles and features under the article's column names."""
    frame = candles.to_pandas()
    features = compute_features(candles, recipe.features, across_gaps=True)
    ours = pd.DataFrame(features, columns=list(recipe.features))
    ours["unix"] = frame["time"].astype("datetime64[ms, UTC]").astype("int64")
    ours["date"] = frame["time"].dt.strftime("%Y-%m-%d %H:%M:%S")
    ours["symbol"] = candles.symbol.removesuffix("USDT") + "/USDT"
    ours["Volume BTC"] = frame["volume"]
    ours["Volume USDT"] = frame["quote_volume"]
    ours["tradecount"] = frame["trades"]
    ours["prev_close"] = frame["close"].shift(1)
    return ours


def is_edge(row: list[str], first_index: int) -> bool:
    """Whether a printed row is among the first five (its index starts at 691213) or the last."""
    first = 691_213 if first_index == 0 else first_index
    return first <= int(row[0]) < first + 5


def agrees(printed: str, value: object) -> bool:
    """Whether a value rounds to what is printed."""
    if isinstance(value, str):
        return printed == value
    assert isinstance(value, float | int)
    if printed == "NaN":
        return bool(np.isnan(value))
    mantissa = printed.split("e")[0]
    decimals = len(mantissa.partition(".")[2])
    power = 10.0 ** int(printed.partition("e")[2] or 0)
    return abs(float(printed) - value) <= 0.5000001 * 10.0**-decimals * power


def test_persistence_errs_by_37_70_dollars(
    recipe: Recipe, network: NetworkForecaster, candles: Candles, split: Split
) -> None:
    persistence = Baseline(BaselineSettings(rule="persistence", horizons=(1,), across_gaps=True))
    persistence.fit(candles, split)
    forecast = persistence.forecast(candles, network.origins(candles, split.test, known=True))
    train_close = candles.frame["close"].to_numpy()[: len(split.train), None]
    scaler = SCALERS[recipe.scaler](train_close, ["close"])
    card = score_forecasts([forecast], recipe.target, scaler.scale[0])
    copy = card.judgements["persistence"]["1"]["shifted_copy"]
    assert (copy["lag"], round(copy["at_lag"], 6)) == (1, 1.0), "the lag-1 illusion is named"
    scores = card.scores["persistence"]["1"]
    assert scores["rmse"] == pytest.approx(37.70, abs=0.005)
    assert scores["mse_scaled"] == pytest.approx(4.25e-6, rel=0.002)
    # The article's val_loss of 0.01444, on the same scale, in dollars.
    assert np.sqrt(0.01444) / scaler.scale[0] == pytest.approx(2197, abs=0.5)
