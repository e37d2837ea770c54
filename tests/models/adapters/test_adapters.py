"""Models of other libraries: their windows, units and spread, how they are saved, what is wrong."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import yaml
from torch import nn

from candlecast.artifact import load_model, save_model
from candlecast.auditing import audit_recipe
from candlecast.candles import Candles
from candlecast.errors import (
    CandlecastError,
    InputError,
    MissingCodeError,
    MissingWeightsError,
    RunInterruptedError,
)
from candlecast.experiment import predict, run
from candlecast.models.adapters.chronos import Chronos, weights_sha256
from candlecast.models.adapters.forecaster import AdapterForecaster
from candlecast.models.adapters.foreign import AdapterSettings, Said
from candlecast.models.adapters.neuralforecast import LOSSES, MODELS
from candlecast.models.baselines import BASELINES
from candlecast.models.roster import make_network
from candlecast.models.sequence.inputs import volatility_of
from candlecast.progress import Progress
from candlecast.recipe import Option, Recipe, SplitSettings
from candlecast.simulate import simulate
from candlecast.splits import Split, split_rows
from candlecast.walk_forward import walkforward
from fake_libraries import modules, save_weights

HORIZONS = (1, 5)
SILENT = Progress(shown=False)
MORE_MODELS = [name for name in MODELS if name != "NLinear"]


@pytest.fixture(autouse=True)
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in modules().items():
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_weights(tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture(scope="module")
def market() -> Candles:
    return simulate(rows=6_000, r2=0.1, seed=3).candles


def split_of(candles: Candles) -> Split:
    return split_rows(len(candles), SplitSettings(train=0.6, validation=0.2))


def settings_of(network: str, lookback: int, **options: Option) -> AdapterSettings:
    return AdapterSettings.model_validate(
        {
            "network": network,
            "options": options,
            "horizons": HORIZONS,
            "lookback": lookback,
            "seed": 3,
        }
    )


def nlinear(lookback: int = 20, **options: Option) -> AdapterForecaster:
    given: dict[str, Option] = {"model": "NLinear", "max_steps": 5, **options}
    return AdapterForecaster(settings_of("neuralforecast", lookback, **given))


def chronos(weights: Path, lookback: int = 20, **options: Option) -> AdapterForecaster:
    return AdapterForecaster(settings_of("chronos", lookback, weights=str(weights), **options))


def without_weights(model: AdapterForecaster) -> AdapterForecaster:
    """NLinear adds the last value that it read to all that it says: now it says nothing more."""
    nn.init.zeros_(model.network_.get_parameter("linear.weight"))
    nn.init.zeros_(model.network_.get_parameter("linear.bias"))
    return model


@pytest.mark.parametrize("scaler", ["identity", "standard"])
def test_what_is_read_is_the_return_over_the_volatility_that_was_known(
    candles: Candles, scaler: str
) -> None:
    model, origins = without_weights(nlinear(scaler_type=scaler)), np.arange(100, 140)
    said = model.foreign.said(candles, origins, SILENT)
    close = np.log(candles.frame["close"].to_numpy())
    last = (close[origins] - close[origins - 1]) / volatility_of(candles)[origins - 1]
    expected = np.stack([last, 5 * last], axis=1)
    np.testing.assert_allclose(said.location, expected, rtol=1e-3, atol=1e-5)
    assert (said.width == 1.0).all()


def test_a_scaler_of_windows_counts(candles: Candles) -> None:
    plain, scaled = (
        nlinear(scaler_type=scaler).foreign.said(candles, np.arange(100, 140), SILENT)
        for scaler in ("identity", "standard")
    )
    assert not np.allclose(plain.location, scaled.location)


def test_a_window_needs_a_candle_more_than_returns(gappy_candles: Candles, weights: Path) -> None:
    for model, first in ((nlinear(), 20), (chronos(weights), 19)):
        origins = model.origins(gappy_candles, range(300), known=False)
        assert origins[0] == first
        later = model.origins(gappy_candles, range(270, 400), known=False)
        assert later.min() == 270 + first
        assert later[later >= 300][0] == 300 + first, "no window straddles the gap before row 300"


def test_it_learns_from_windows_without_a_gap_alone(gappy_candles: Candles) -> None:
    every = gappy_candles.frame.with_row_index().filter(pl.col("index") % 23 > 0).drop("index")
    torn = Candles(every, gappy_candles.symbol, gappy_candles.interval)
    model = nlinear()
    with pytest.raises(InputError, match=r"26 candles without a gap .* Give more candles"):
        model.fit(torn, split_of(torn))
    foreign = nlinear().foreign
    with pytest.raises(CandlecastError, match=r"cannot train its NLinear .*[Nn]o windows"):
        foreign.learn(torn, range(500), None, SILENT)


def test_bands_cover_what_their_levels_say(market: Candles, weights: Path) -> None:
    split = split_of(market)
    for model in (nlinear(), chronos(weights)):
        model.fit(market, split)
        forecast = model.forecast(market, model.origins(market, split.test, known=True))
        assert forecast.distribution is not None
        pit = forecast.distribution.cdf(forecast.actual_return)
        np.testing.assert_allclose(np.mean(np.abs(pit - 0.5) <= 0.4, axis=0), 0.8, atol=0.06)
        assert model.outcome_.val_loss > 0
        assert model.outcome_.epochs == (5 if model.name == "nlinear" else 0)


def test_training_brings_it_nearer_to_what_comes(market: Candles) -> None:
    split = split_of(market)
    little, more = (
        nlinear(max_steps=steps, learning_rate=0.02).fit(market, split).outcome_.val_loss
        for steps in (1, 300)
    )
    assert more < 0.95 * little


def test_another_training_may_start_from_its_weights(market: Candles) -> None:
    split = split_of(market)
    first = nlinear(max_steps=200, learning_rate=0.02).fit(market, split)
    second = nlinear(max_steps=1, learning_rate=1e-9)
    second.start = first.network_
    second.fit(market, split)
    np.testing.assert_allclose(second.outcome_.val_loss, first.outcome_.val_loss, rtol=1e-4)


def test_a_library_leaves_the_generator_and_stdout_alone(
    market: Candles, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = torch.random.get_rng_state()
    nlinear().fit(market, split_of(market))
    assert torch.equal(torch.random.get_rng_state(), expected)
    assert capsys.readouterr().out == ""


def test_ctrl_c_ends_a_training(market: Candles, monkeypatch: pytest.MonkeyPatch) -> None:
    model = nlinear(max_steps=100_000)
    monkeypatch.setattr(model.progress, "advance", lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(RunInterruptedError):
        model.fit(market, split_of(market))


def test_the_medians_and_the_distance_of_quantiles_are_what_a_zero_shot_model_says(
    candles: Candles, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = chronos(weights, batch_size=7)
    seen = []

    class Pipeline:
        def predict_quantiles(self, windows: torch.Tensor, **asked: Any) -> tuple[torch.Tensor]:
            seen.append(windows)
            assert asked == {"prediction_length": 5, "quantile_levels": [0.1, 0.5, 0.9]}
            steps = torch.arange(1.0, 6.0)
            said = [-0.02 * steps, 3.0 * steps, 2.0 + 3.0 * steps]
            return (torch.stack(said, dim=-1).expand(len(windows), -1, -1),)

    monkeypatch.setattr(model.foreign, "_pipeline", Pipeline())
    origins = np.arange(100, 120)
    said = model.foreign.said(candles, origins, SILENT)
    np.testing.assert_allclose(said.location, np.broadcast_to([3.0, 15.0], (20, 2)))
    np.testing.assert_allclose(said.width[0], np.array([5.02, 17.1]) / 2.5631, rtol=1e-4)
    close = np.log(candles.frame["close"].to_numpy())
    window = (close[81:101] - close[100]) / volatility_of(candles)[100]
    np.testing.assert_allclose(seen[0][0], window, rtol=1e-5, atol=1e-6)
    assert [len(batch) for batch in seen] == [7, 7, 6]


def test_quantiles_in_the_wrong_order_still_have_a_width(
    candles: Candles, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = chronos(weights)
    crossing = torch.tensor([1.0, 0.0, -1.0]).expand(30, 5, 3)
    monkeypatch.setattr(model.foreign, "_quantiles", lambda windows: crossing[: len(windows)])
    assert (model.foreign.said(candles, np.arange(100, 130), SILENT).width > 0).all()


def test_a_model_that_reads_several_series_is_asked_in_its_own_way(
    candles: Candles, tmp_path: Path
) -> None:
    save_weights(tmp_path / "second", architecture="Chronos2Model")
    model = chronos(tmp_path / "second")
    batch = model.foreign.said(candles, np.arange(100, 110), SILENT)
    alone = model.foreign.said(candles, np.array([104]), SILENT)
    assert batch.location.shape == (10, 2)
    np.testing.assert_allclose(alone.location[0], batch.location[4], rtol=1e-3, atol=1e-5)


def test_what_is_not_finite_is_refused_in_words(
    market: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = nlinear()

    def said(candles: Candles, origins: Any, progress: Progress) -> Said:
        del candles, progress
        return Said(np.full((len(origins), 2), np.nan), np.ones((len(origins), 2)))

    monkeypatch.setattr(model.foreign, "said", said)
    with pytest.raises(CandlecastError, match="validation rows is not finite"):
        model.fit(market, split_of(market))


def test_a_saved_zero_shot_model_keeps_no_weights_but_their_hash(
    market: Candles, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(weights.parent)
    model = chronos(Path(weights.name)).fit(market, split_of(market))
    save_model(tmp_path / "model", model, market)
    monkeypatch.chdir("/")
    text = json.loads((tmp_path / "model" / "model.json").read_text())
    options = text["model"]["settings"]["options"]
    assert options["weights"] == str(weights)
    assert options["weights_sha256"] == weights_sha256(weights)
    assert (tmp_path / "model" / "weights.safetensors").stat().st_size < 100
    assert load_model(tmp_path / "model")[1].name == "chronos"
    config = weights / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(MissingWeightsError, match=r"model: .*not those that are asked for"):
        load_model(tmp_path / "model")
    weights.rename(weights.with_name("elsewhere"))
    with pytest.raises(MissingWeightsError, match=r"model: .*cannot be read .*put it back"):
        load_model(tmp_path / "model")


def test_a_saved_model_names_no_class_but_those_of_a_fixed_list(
    market: Candles, tmp_path: Path
) -> None:
    model = nlinear().fit(market, split_of(market))
    save_model(tmp_path / "model", model, market)
    path = tmp_path / "model" / "model.json"
    whole = path.read_text()
    for old, new in (
        ('"model": "NLinear"', '"model": "TimeLLM"'),
        ('"lookback": 20', '"lookback": 21'),
        ('"spread": [', '"spread": [[1.0],'),
    ):
        assert whole.count(old) == 1
        path.write_text(whole.replace(old, new))
        with pytest.raises(InputError, match=r"damaged .* Train it again"):
            load_model(tmp_path / "model")


@pytest.mark.parametrize("library", ["neuralforecast", "chronos"])
def test_without_the_library_it_says_how_to_get_it(
    library: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("chronos", "neuralforecast", "neuralforecast.models"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingCodeError, match=rf"pip install 'candlecast\[{library}\]'"):
        nlinear() if library == "neuralforecast" else chronos(weights)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "TimesNet"}, r"model.options.model is 'TimesNet', .* Give one of RNN, GRU"),
        ({"model": 3}, "model.options.model is 3"),
        ({"loss": "GMM"}, r"model.options.loss is 'GMM', .* Give one of MSE, MAE"),
        ({"max_step": 3}, "model.options.max_step: .*The network NLinear takes"),
        ({"max_steps": "x"}, "model.options.max_steps: .*integer"),
        ({"accelerator": "tpu"}, "model.options.accelerator: "),
        ({"h": 3}, "model.options.h: "),
        ({"random_seed": 3}, "model.options.random_seed: "),
        ({"scaler_type": "none such"}, "cannot make its NLinear .* Change model.options"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        nlinear(**options)


def test_a_model_must_be_named() -> None:
    with pytest.raises(InputError, match=r"model.options.model is missing. Give one of"):
        AdapterForecaster(settings_of("neuralforecast", 20))
    with pytest.raises(InputError, match=r"model.options.weights: .*takes weights"):
        AdapterForecaster(settings_of("chronos", 20))


def test_wrong_weights_are_named(weights: Path) -> None:
    with pytest.raises(InputError, match=r"model.options.temperature: "):
        chronos(weights, temperature=1.0)
    with pytest.raises(InputError, match=r"model.options.batch_size: "):
        chronos(weights, batch_size=0)
    with pytest.raises(InputError, match="not those that are asked for"):
        chronos(weights, weights_sha256="0" * 64)
    with pytest.raises(InputError, match=r"windows.lookback reaches to 65 .* to 64 candles"):
        chronos(weights, lookback=65)
    far = settings_of("chronos", 20, weights=str(weights)).model_copy(update={"horizons": (1, 17)})
    with pytest.raises(InputError, match=r"horizons reaches to 17 .* to 16 candles"):
        AdapterForecaster(far)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "there is no model here"),
        (lambda folder: (folder / "config.json").write_text("{"), "no architecture can be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "no architecture can be read"),
        (
            lambda folder: (folder / "config.json").write_text(
                '{"architectures": ["T5ForConditionalGeneration"]}'
            ),
            "T5ForConditionalGeneration is not known here.* Take a Chronos-Bolt",
        ),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), "Take a whole model"),
        (
            lambda folder: (folder / "model.safetensors").write_text("damaged"),
            "cannot load this model",
        ),
    ],
)
def test_a_folder_that_holds_no_fitting_model_is_refused(
    weights: Path, change: Any, message: str
) -> None:
    change(weights)
    with pytest.raises(InputError, match=message):
        chronos(weights)


def recipe_of(network: str, options: dict[str, Option], **more: Any) -> Recipe:
    return Recipe.from_tree(
        {
            "name": "adapter",
            "horizons": list(HORIZONS),
            "windows": {"lookback": 20},
            "split": {"train": 0.6, "validation": 0.2},
            "baselines": ["persistence"],
            "model": {"network": network, "options": options},
            **more,
        }
    )


NLINEAR: dict[str, Option] = {"model": "NLinear", "max_steps": 3}


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"features": ["log_return"]}, "features"),
        ({"market_features": ["log_return"]}, "market_features"),
        ({"target": "close"}, "target"),
        ({"windows": {"lookback": 5, "across_gaps": True}}, "windows.across_gaps"),
        ({"training": {"learning_rate": 1, "batch_size": 1, "max_epochs": 1, "patience": 1}}, ""),
        ({"model": {"network": "chronos", "members": 2}}, "model.members"),
    ],
)
def test_a_key_that_nothing_reads_is_refused(more: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match=f"another library does not know '{key or 'training'}'"):
        recipe_of("neuralforecast", NLINEAR, **more)


def test_a_recipe_needs_windows_alone() -> None:
    with pytest.raises(InputError, match="key 'windows' is missing"):
        Recipe.from_tree(
            {
                "name": "a",
                "split": {"train": 0.6, "validation": 0.2},
                "model": {"network": "chronos"},
            }
        )
    network = make_network(recipe_of("neuralforecast", NLINEAR))
    assert isinstance(network, AdapterForecaster)
    assert network.name == recipe_of("neuralforecast", NLINEAR).needed_model().name == "nlinear"
    assert not {name.lower() for name in MODELS} & set(BASELINES)


def test_a_run_its_predict_and_its_audit_are_whole(
    candles: Candles, weights: Path, tmp_path: Path
) -> None:
    asked: dict[str, dict[str, Option]] = {
        "neuralforecast": NLINEAR,
        "chronos": {"weights": str(weights)},
    }
    for network, options in asked.items():
        recipe = recipe_of(network, options)
        name = recipe.needed_model().name
        finished = run(recipe, candles, tmp_path / network, progress=False)
        assert finished.metrics["model"]["name"] == name
        assert name in finished.scorecard.scores
        assert predict(tmp_path / network, candles, progress=False).height > 0
        audited = audit_recipe(recipe, candles, progress=False)
        mine = [each for each in audited.findings if name in each.subject]
        assert len(mine) >= 3
        assert not [each for each in mine if each.leak is not None]
        assert not [note for note in audited.notes if "could not be audited" in note]


def test_a_walk_forward_trains_anew_in_each_fold(candles: Candles, tmp_path: Path) -> None:
    folds = {"first_train": "400m", "refit": 200, "validation": 0.2}
    recipe = recipe_of("neuralforecast", NLINEAR, walkforward=folds)
    finished = walkforward(recipe, candles, tmp_path / "run", progress=False)
    assert len(finished.metrics["folds"]) > 1
    assert not any(fold["failures"].get("nlinear") for fold in finished.metrics["folds"])


def test_the_recipe_of_the_readme_is_one() -> None:
    readme = Path(__file__).parents[3] / "README.md"
    blocks = re.findall(r"```yaml\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    (mine,) = [block for block in blocks if "network: neuralforecast" in block]
    recipe = Recipe.from_tree(yaml.safe_load(mine))
    assert recipe.needed_model().name == "nhits"
    weights = {"network": "chronos", "options": {"weights": "chronos-bolt-small"}}
    assert Recipe.from_tree(yaml.safe_load(mine) | {"model": weights}).needed_model().options


@pytest.mark.parametrize("loss", LOSSES[1:])
def test_every_loss_can_be_asked_for(market: Candles, loss: str) -> None:
    assert nlinear(loss=loss).fit(market, split_of(market)).outcome_.val_loss > 0


@pytest.mark.parametrize("model", MORE_MODELS)
def test_every_listed_model_keeps_the_contract(candles: Candles, model: str) -> None:
    pytest.importorskip("neuralforecast.auto", reason="neuralforecast is not installed")
    split, origins = split_of(candles), np.arange(700, 720)
    first, second = (nlinear(model=model, max_steps=2).fit(candles, split) for _ in range(2))
    again = AdapterForecaster.from_state(first.state())
    said = first.forecast(candles, origins)
    for other in (second, again):
        np.testing.assert_array_equal(other.forecast(candles, origins).mean, said.mean)
    alone = first.forecast(candles, origins[5:6])
    np.testing.assert_allclose(alone.mean[0], said.mean[5], rtol=1e-6)
    assert isinstance(first.network_, nn.Module)


def test_weights_are_hashed_by_name_and_content(weights: Path) -> None:
    before = weights_sha256(weights)
    (weights / "README.md").write_text("not read")
    assert weights_sha256(weights) == before
    (weights / "config.json").rename(weights / "other.json")
    assert weights_sha256(weights) != before
    assert isinstance(chronos_of(weights), Chronos)


def chronos_of(weights: Path) -> Chronos:
    (weights / "other.json").rename(weights / "config.json")
    model = chronos(weights).foreign
    assert isinstance(model, Chronos)
    return model
