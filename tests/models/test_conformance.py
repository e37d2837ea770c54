"""What every `Forecaster` must do, one suite for all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.errors import CandlecastError, InputError
from candlecast.features import TargetName
from candlecast.forecast import Forecast
from candlecast.models.adapters.forecaster import AdapterForecaster
from candlecast.models.adapters.foreign import AdapterSettings
from candlecast.models.baselines import BASELINES
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.models.boosting.forecaster import BoostingForecaster, BoostingSettings
from candlecast.models.ensemble.forecaster import EnsembleForecaster, EnsembleSettings
from candlecast.models.sequence.forecaster import SequenceForecaster, SequenceSettings
from candlecast.models.windowed.forecaster import NetworkForecaster, NetworkSettings
from candlecast.recipe import BaselineName, HeadName, Option, SplitSettings, TrainingSettings
from candlecast.scaling import ScalerName
from candlecast.splits import Split, split_rows
from fake_libraries import modules, save_weights

Alone = NetworkForecaster | SequenceForecaster | BoostingForecaster | AdapterForecaster | Baseline
Model = Alone | EnsembleForecaster
HORIZONS = (1, 4)
SMALL_BODIES: dict[str, dict[str, Option]] = {
    "lstm": {"hidden": 4, "layers": 2},
    "gru": {"hidden": 4},
    "tcn": {"channels": 4, "blocks": 2, "dropout": 0.1},
    "transformer": {"width": 4, "heads": 2, "layers": 2, "lookback": 6, "dropout": 0.1},
    "dlinear": {"width": 4, "lookback": 6, "average": 3},
    "nlinear": {"width": 4, "lookback": 6},
}


def network(target: TargetName, scaler: ScalerName, *, across_gaps: bool = False) -> Model:
    settings = NetworkSettings(
        network="lstm",
        options={"hidden": 4, "layers": 2, "dropout": 0.2},
        features=("log_return", "log_range", "close", "close_change"),
        target=target,
        horizons=HORIZONS,
        scaler=scaler,
        lookback=8,
        across_gaps=across_gaps,
        seed=3,
    )
    return NetworkForecaster(
        settings, TrainingSettings(learning_rate=1e-3, batch_size=64, max_epochs=1, patience=1)
    )


def sequence(body: str, *, linear: float | None = 1.0, head: HeadName = "student_t") -> Alone:
    settings = SequenceSettings(
        network=body,
        options=SMALL_BODIES[body],
        head=head,
        members=2,
        dropout=0.1,
        linear=linear,
        features=("scaled_return", "scaled_range", "close_location", "log_volatility"),
        horizons=HORIZONS,
        lookback=8,
        seed=3,
    )
    training = TrainingSettings(
        sequence=20,
        learning_rate=1e-3,
        schedule="one_cycle",
        clip=1.0,
        batch_size=8,
        steps=4,
        mirror=True,
        max_epochs=2,
        patience=2,
    )
    return SequenceForecaster(settings, training)


def boosting() -> Model:
    pytest.importorskip("lightgbm", reason="LightGBM is not installed")
    settings = BoostingSettings(
        options={"rounds": 8, "min_leaf": 20, "num_leaves": 4, "learning_rate": 0.1},
        linear=1.0,
        features=("scaled_return", "scaled_range", "close_location", "log_volatility"),
        horizons=HORIZONS,
        lookback=8,
        seed=3,
    )
    return BoostingForecaster(settings)


def adapter(network: str, **options: Option) -> Model:
    tree = {"network": network, "options": options, "horizons": HORIZONS, "lookback": 8, "seed": 3}
    return AdapterForecaster(AdapterSettings.model_validate(tree))


def baseline(rule: BaselineName, *, across_gaps: bool = False) -> Alone:
    return Baseline(BaselineSettings(rule=rule, horizons=HORIZONS, across_gaps=across_gaps))


def ensemble() -> Model:
    settings = EnsembleSettings(horizons=HORIZONS, memory=30)
    return EnsembleForecaster([sequence("gru"), baseline("ewma_t"), baseline("drift")], settings)


MODELS: dict[str, Callable[[], Model]] = {
    **{rule: partial(baseline, rule) for rule in BASELINES},
    **{f"{rule} across gaps": partial(baseline, rule, across_gaps=True) for rule in BASELINES},
    "lstm on closes": lambda: network("close", "minmax"),
    "lstm on closes across gaps": lambda: network("close", "minmax", across_gaps=True),
    "lstm on returns": lambda: network("log_return", "standard"),
    **{f"{body} at every step": partial(sequence, body) for body in SMALL_BODIES},
    "lstm at every step without a linear forecast": partial(sequence, "lstm", linear=None),
    "lstm with a mixture": partial(sequence, "lstm", head="normal_mixture"),
    "lstm with quantiles": partial(sequence, "lstm", head="quantiles"),
    "lightgbm": boosting,
    "ensemble": ensemble,
    "neuralforecast": lambda: adapter("neuralforecast", model="NLinear", max_steps=5),
    "chronos": lambda: adapter("chronos", weights="bolt"),
}
every_model = pytest.mark.parametrize("make", list(MODELS.values()), ids=list(MODELS))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "bolt"
    save_weights(folder)
    return folder


@pytest.fixture(autouse=True)
def other_libraries(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    """Other libraries' models are tried on stand-ins where the libraries are not installed."""
    monkeypatch.chdir(weights.parent)
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)


def split_of(candles: Candles) -> Split:
    return split_rows(len(candles), SplitSettings(train=0.6, validation=0.2))


def fitted(make: Callable[[], Model], candles: Candles) -> Model:
    return make().fit(candles, split_of(candles))


def with_other_future(candles: Candles, origin: int) -> Candles:
    """The same candles up to the origin, others after it."""
    future = pl.int_range(pl.len()) > origin
    changed = candles.frame.with_columns(
        pl.when(future).then(pl.col(name) * 2).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close", "volume")
    )
    return Candles(changed, candles.symbol, candles.interval)


def cut_after(candles: Candles, origin: int) -> Candles:
    return Candles(candles.frame[: origin + 1], candles.symbol, candles.interval)


def assert_same_forecast(first: Forecast, second: Forecast) -> None:
    np.testing.assert_array_equal(first.mean, second.mean)
    for ours, theirs in ((first.quantiles, second.quantiles), (first.variance, second.variance)):
        if ours is not None:
            assert theirs is not None
            np.testing.assert_array_equal(ours, theirs)


@every_model
def test_nothing_after_an_origin_reaches_its_forecast(
    make: Callable[[], Model], gappy_candles: Candles
) -> None:
    model, origin = fitted(make, gappy_candles), 700
    past = model.origins(gappy_candles, range(origin + 1), known=False)
    assert past[-1] == origin
    truth = model.forecast(gappy_candles, past)
    for variant in (with_other_future(gappy_candles, origin), cut_after(gappy_candles, origin)):
        assert_same_forecast(model.forecast(variant, past), truth)


@every_model
def test_the_test_rows_reach_nothing_that_is_learned(
    make: Callable[[], Model], candles: Candles
) -> None:
    split = split_of(candles)
    origins = np.array([split.validation.stop - 1])
    other = with_other_future(candles, split.validation.stop - 1)
    honest = make().fit(candles, split).forecast(candles, origins)
    assert_same_forecast(make().fit(other, split).forecast(candles, origins), honest)


@every_model
def test_two_fits_give_the_same_forecasts_to_the_bit(
    make: Callable[[], Model], candles: Candles
) -> None:
    first, second = fitted(make, candles), fitted(make, candles)
    origins = first.origins(candles, split_of(candles).test, known=True)
    assert_same_forecast(first.forecast(candles, origins), second.forecast(candles, origins))


@every_model
def test_to_fit_again_gives_what_to_fit_once_does(
    make: Callable[[], Model], candles: Candles
) -> None:
    once, twice = fitted(make, candles), fitted(make, candles)
    split = split_of(candles)
    twice.fit(candles, split)
    origins = once.origins(candles, split.test, known=True)
    assert_same_forecast(twice.forecast(candles, origins), once.forecast(candles, origins))


@every_model
def test_a_saved_model_forecasts_the_same_to_the_bit(
    make: Callable[[], Model], candles: Candles, tmp_path: Path
) -> None:
    model = fitted(make, candles)
    save_model(tmp_path / "model", model, candles)
    document, loaded = load_model(tmp_path / "model")
    assert (document.symbol, document.interval) == ("SIMULATED", "1m")
    assert loaded.name == model.name
    origins = model.origins(candles, range(len(candles)), known=False)
    assert_same_forecast(model.forecast(candles, origins), loaded.forecast(candles, origins))


@every_model
def test_a_batch_forecasts_what_each_origin_alone_does(
    make: Callable[[], Model], candles: Candles
) -> None:
    model = fitted(make, candles)
    origins = model.origins(candles, range(850, 900), known=False)
    batch = model.forecast(candles, origins)
    for place, origin in enumerate(origins):
        alone = model.forecast(candles, np.array([origin]))
        np.testing.assert_allclose(alone.mean[0], batch.mean[place], rtol=1e-6)


@every_model
def test_forecasts_have_the_shapes_and_times_they_promise(
    make: Callable[[], Model], gappy_candles: Candles
) -> None:
    model = fitted(make, gappy_candles)
    origins = model.origins(gappy_candles, range(len(gappy_candles)), known=False)
    forecast = model.forecast(gappy_candles, origins)
    assert forecast.mean.shape == forecast.actual.shape == (len(origins), len(HORIZONS))
    assert np.isfinite(forecast.mean).all()
    assert np.isnan(forecast.actual[-1]).all(), "the last candle has no target yet"
    minute = 60_000_000
    assert forecast.time[-1].tolist() == [forecast.origin[-1] + h * minute for h in HORIZONS]
    assert forecast.quantiles is not None
    assert forecast.variance is not None
    assert forecast.quantiles.shape == (len(origins), len(HORIZONS), 7)
    assert (np.diff(forecast.quantiles, axis=2) > 0).all()
    assert (forecast.variance > 0).all()
    assert np.isfinite(forecast.quantiles).all()


@every_model
def test_a_gap_is_straddled_only_by_a_model_that_says_so(
    make: Callable[[], Model], gappy_candles: Candles
) -> None:
    model = make()
    origins = model.origins(gappy_candles, range(len(gappy_candles)), known=True)
    segment = gappy_candles.segment_ids
    straddling = segment[origins] != segment[origins + max(HORIZONS)]
    assert straddling.any() == getattr(model.settings, "across_gaps", False)


@every_model
def test_no_origins_give_an_empty_forecast(make: Callable[[], Model], candles: Candles) -> None:
    forecast = fitted(make, candles).forecast(candles, np.empty(0, dtype=np.int64))
    assert len(forecast) == 0
    assert forecast.to_frame().is_empty()


@every_model
def test_too_few_candles_are_refused_in_words(make: Callable[[], Model], candles: Candles) -> None:
    few = cut_after(candles, 6)
    with pytest.raises(CandlecastError, match="Give more candles"):
        make().fit(few, split_of(few))


@every_model
def test_a_constant_market_is_forecast_or_refused_in_words(
    make: Callable[[], Model], candles: Candles
) -> None:
    flat = Candles(
        candles.frame.with_columns(
            pl.lit(5.0).alias(name) for name in ("open", "high", "low", "close")
        ),
        candles.symbol,
        candles.interval,
    )
    model = make()
    if isinstance(model, NetworkForecaster) or model.name in ("ar", "garch_t", "har"):
        with pytest.raises(CandlecastError, match=r"in every training row|that vary"):
            model.fit(flat, split_of(flat))
        return
    forecast = model.fit(flat, split_of(flat)).forecast(flat, np.array([100]))
    np.testing.assert_allclose(forecast.mean, 5.0, rtol=1e-5)
    assert forecast.quantiles is not None
    np.testing.assert_allclose(forecast.quantiles, 5.0, rtol=1e-3)


def test_a_network_s_spread_is_that_of_its_errors_on_rows_it_was_not_trained_on(
    candles: Candles,
) -> None:
    split = split_of(candles)
    model = network("log_return", "standard").fit(candles, split)
    origins = model.origins(candles, split.validation, known=True)
    forecast = model.forecast(candles, origins)
    assert forecast.distribution is not None
    pit = forecast.distribution.cdf(forecast.actual_return)
    np.testing.assert_allclose(np.mean(np.abs(pit - 0.5) <= 0.4, axis=0), 0.8, atol=0.06)
    assert forecast.variance is not None
    error = forecast.actual_return - forecast.mean_return
    np.testing.assert_allclose(forecast.variance[0], np.mean(error**2, axis=0))
    flattered = Split(split.train, split.test, split.test)
    on_train = network("log_return", "standard").fit(candles, flattered)
    train = on_train.origins(candles, split.train, known=True)
    errors = on_train.forecast(candles, train)
    assert errors.variance is not None
    squares = (errors.actual_return - errors.mean_return) ** 2
    np.testing.assert_allclose(errors.variance[0], np.mean(squares, axis=0))


def test_a_model_without_training_settings_cannot_be_fitted(candles: Candles) -> None:
    model = network("close", "minmax")
    assert isinstance(model, NetworkForecaster)
    with pytest.raises(InputError, match="without training settings"):
        NetworkForecaster(model.settings).fit(candles, split_of(candles))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lstn", {}, "network 'lstn' is not known. Known networks: lstm"),
        ("lstm", {"hiden": 3}, "model.options.hiden: .* takes hidden"),
        ("lstm", {"hidden": "x"}, "model.options.hidden: .*integer"),
        ("lstm", {"hidden": True}, "model.options.hidden: .*integer"),
        ("lstm", {"hidden": 0}, "model.options.hidden: .*equal to 1"),
        ("lstm", {"layers": -1}, "model.options.layers: .*equal to 1"),
        ("lstm", {"dropout": 2}, "model.options.dropout: .*less than 1"),
    ],
)
def test_a_wrong_network_or_option_is_named(
    name: str, options: dict[str, object], message: str
) -> None:
    settings = network("close", "minmax").settings
    assert isinstance(settings, NetworkSettings)
    with pytest.raises(InputError, match=message):
        NetworkForecaster(settings.model_copy(update={"network": name, "options": options}))
