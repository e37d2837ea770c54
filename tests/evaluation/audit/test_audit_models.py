"""Every model planted with a leak is found out, with its rows, and no honest one is accused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import pytest
from audit_helpers import Drift, leak_of, only, split_of
from numpy.typing import NDArray

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit import audit_forecaster
from candlecast.forecast import Forecast
from candlecast.models.forecaster import Forecaster, State
from candlecast.recipe import SplitSettings
from candlecast.splits import Split, split_rows


class Prophet(Drift):
    """It forecasts the next close where that is in the table."""

    def prices(self, candles: Candles, origins: NDArray[np.int64]) -> Floats:
        closes: Floats = candles.frame["close"].to_numpy()
        return closes[np.minimum(origins + 1, len(closes) - 1)]


class Crasher(Drift):
    """It reads the next close and is surprised where there is none."""

    def prices(self, candles: Candles, origins: NDArray[np.int64]) -> Floats:
        closes = np.append(candles.frame["close"].to_numpy(), np.nan)
        if np.isnan(closes[origins + 1]).any():
            raise ValueError("no next close")
        return closes[origins]


class Normaliser(Drift):
    """It centres the origins that it is asked for on their common mean."""

    def prices(self, candles: Candles, origins: NDArray[np.int64]) -> Floats:
        closes = super().prices(candles, origins)
        return np.asarray(closes - closes.mean())


class Chooser(Drift):
    """It forecasts only before a rise."""

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        offered = super().origins(candles, rows, known=known)
        closes = candles.frame["close"].to_numpy()
        return offered[closes[np.minimum(offered + 1, len(closes) - 1)] >= closes[offered]]


class ScaledOnAll(Drift):
    """Its scaler is fitted on all rows, those of the test part among them."""

    def fit(self, candles: Candles, split: Split) -> Self:
        return super().fit(candles, Split(range(len(candles)), split.validation, split.test))


class ScaledOnValidation(Drift):
    """Its scaler is fitted on the train and validation rows."""

    def fit(self, candles: Candles, split: Split) -> Self:
        seen = range(split.validation.stop)
        return super().fit(candles, Split(seen, split.validation, split.test))


class Retuner(Drift):
    """It learns while it forecasts."""

    def forecast(self, candles: Candles, origins: NDArray[np.int64]) -> Forecast:
        forecast = super().forecast(candles, origins)
        self.price_scaler_ += 0.0 if len(origins) < 2 else 1e-9
        return forecast


class Gambler(Drift):
    """Its randomness has no seed."""

    def fit(self, candles: Candles, split: Split) -> Self:
        super().fit(candles, split)
        self.price_scaler_ = float(np.random.default_rng().normal())
        return self


class Secretive(Drift):
    """An honest model that saves nothing of what it learned."""

    def state(self) -> State:
        return State({}, {})


class Memoriser(Secretive):
    """It remembers the whole table, and forecasts the next close by its time."""

    def __init__(self) -> None:
        super().__init__()
        self.closes_: dict[int, float] = {}

    def fit(self, candles: Candles, split: Split) -> Self:
        self.closes_ = dict(zip(times_of(candles), candles.frame["close"], strict=True))
        return super().fit(candles, split)

    def prices(self, candles: Candles, origins: NDArray[np.int64]) -> Floats:
        times = np.array(times_of(candles))[origins]
        now = super().prices(candles, origins)
        later = [self.closes_.get(time + 60_000_000) for time in times.tolist()]
        return np.array([a if b is None else b for a, b in zip(now, later, strict=True)])


class SecretlyScaled(Secretive):
    """It forecasts from all rows' mean and deviation and saves neither."""

    def __init__(self) -> None:
        super().__init__()
        self.mean_, self.deviation_ = 0.0, 1.0

    def fit(self, candles: Candles, split: Split) -> Self:
        closes = candles.frame["close"].to_numpy()
        self.mean_, self.deviation_ = float(closes.mean()), float(closes.std())
        return super().fit(candles, split)

    def prices(self, candles: Candles, origins: NDArray[np.int64]) -> Floats:
        closes = super().prices(candles, origins)
        return closes - 0.01 * (closes - self.mean_) / self.deviation_


class SecretGambler(Secretive):
    """Its randomness has no seed, and is not saved."""

    def fit(self, candles: Candles, split: Split) -> Self:
        super().fit(candles, split)
        self.price_scaler_ = float(np.random.default_rng().normal())
        return self


def times_of(candles: Candles) -> list[int]:
    times: list[int] = candles.frame["time"].to_physical().to_list()
    return times


class Greedy(Drift):
    """It takes the targets of its last train rows from the validation part."""

    def origins(self, candles: Candles, rows: range, *, known: bool) -> NDArray[np.int64]:
        return np.arange(rows.start, min(rows.stop, len(candles) - int(known)))


class Feeder(Drift):
    """It shows its inputs, scaled by what the whole table holds."""

    def inputs(self, candles: Candles) -> Floats:
        closes: Floats = candles.frame["close"].to_numpy()
        return np.asarray((closes / closes.mean())[:, None])


@pytest.fixture(scope="module")
def few(gappy_candles: Candles) -> Candles:
    """Few enough to fit often, with a gap."""
    return Candles(gappy_candles.frame[200:500], "FEW", gappy_candles.interval)


def test_an_honest_model_of_a_third_party_is_clean(few: Candles) -> None:
    findings = audit_forecaster(Drift, few, split_of(few))
    assert [finding.subject for finding in findings] == [
        "windows of drift",
        "scalers of drift",
        "what drift learned",
        "forecasts of drift",
    ]
    assert [finding.leak for finding in findings] == [None] * 4


def test_an_honest_model_that_saves_nothing_is_clean(few: Candles) -> None:
    findings = audit_forecaster(Secretive, few, split_of(few))
    assert [finding.leak for finding in findings] == [None] * 3


@pytest.mark.parametrize("make", [Memoriser, SecretlyScaled])
def test_a_model_that_learns_from_the_test_rows_in_secret_is_caught(
    few: Candles, make: Callable[[], Forecaster]
) -> None:
    leak = only(audit_forecaster(make, few, split_of(few)))
    assert (leak.subject, leak.check) == (
        "what drift learned",
        "fitting again with other test rows",
    )
    assert leak.rows in range(70, 78), "the test rows, and the embargo before them"
    assert leak_of(leak).startswith("What state() does not show learned from 7")


def test_a_model_without_a_seed_that_saves_nothing_cannot_be_proven(few: Candles) -> None:
    leak = only(audit_forecaster(SecretGambler, few, split_of(few)))
    assert "What state() does not show comes out different each time" in leak_of(leak)


PLANTED_MODELS: list[tuple[Callable[[], Forecaster], dict[str, int], str]] = [
    (Prophet, {"forecasts of drift": 1}, "A forecast of drift looks 1 row ahead"),
    (Crasher, {"forecasts of drift": 1}, "without that it fails (ValueError: no next close)"),
    (Chooser, {"forecasts of drift": 1}, "Where drift offers to forecast looks 1 row ahead"),
    (
        ScaledOnAll,
        {"scalers of drift": 150, "what drift learned": 75},
        "price_scaler learned from 150 rows after the train part",
    ),
    (ScaledOnValidation, {"scalers of drift": 75}, "Fit scalers on split.train only"),
    (
        Retuner,
        {"forecasts of drift": 0, "what drift learned": 0},
        "A forecast of drift comes out different each time",
    ),
    (
        Greedy,
        {"windows of drift": 1},
        "Reaching into the validation part: 1 train window, by up to 1 row",
    ),
    (Feeder, {"scaled inputs of drift": 299}, "A scaled input looks ahead to the very last row"),
]


@pytest.mark.parametrize(("make", "leaks", "words"), PLANTED_MODELS)
def test_a_model_that_leaks_is_caught_with_its_rows(
    few: Candles, make: Callable[[], Forecaster], leaks: dict[str, int], words: str
) -> None:
    split = split_rows(len(few), SplitSettings(train=0.5, validation=0.25))
    found = [finding for finding in audit_forecaster(make, few, split) if finding.leak]
    assert {finding.subject: finding.rows for finding in found} == leaks
    assert words in leak_of(found[0])


def test_a_model_whose_origins_touch_each_other_is_caught(few: Candles) -> None:
    leak = only(audit_forecaster(Normaliser, few, split_of(few)))
    assert leak.subject == "forecasts of drift"
    assert leak.rows > 1


def test_a_model_without_a_seed_cannot_be_proven(few: Candles) -> None:
    found = [one for one in audit_forecaster(Gambler, few, split_of(few)) if one.leak]
    assert [finding.subject for finding in found] == ["scalers of drift", "what drift learned"]
    assert "comes out different each time" in leak_of(found[0])


def test_choices_on_the_test_rows_are_a_finding_of_the_model_too(few: Candles) -> None:
    split = split_rows(len(few), SplitSettings(train=0.5, validation="test"))
    leak = only(audit_forecaster(Drift, few, split))
    assert leak.subject == "what drift learned"
    assert "the validation part is the test part" in leak_of(leak)
