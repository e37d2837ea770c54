"""A network of the user's own is trained, saved and loaded, and never executed unasked."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import own_bodies
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.cli import main
from candlecast.errors import InputError, MissingCodeError
from candlecast.experiment import predict, run
from candlecast.models.networks import allow, build_body, build_network
from candlecast.models.own_network import own_network
from candlecast.models.roster import make_network
from candlecast.models.sequence.forecaster import SequenceForecaster
from candlecast.models.windowed.forecaster import NetworkForecaster, NetworkSettings
from candlecast.recipe import ModelSettings, Recipe, SplitSettings, TrainingSettings
from candlecast.splits import split_rows
from candlecast.walk_forward import walkforward
from small import small_default

HERE = own_bodies.__name__

MODULE = """
from torch import nn


class Mine(nn.Module):
    def __init__(self, inputs, size: int = 3):
        super().__init__()
        self.width = size
        self.layer = nn.Linear(inputs, size)

    def forward(self, rows, memory=()):
        return self.layer(rows).tanh(), ()
"""


def body_of(name: str) -> nn.Module:
    return build_body(f"{HERE}:{name}", inputs=3, options={})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NoWidth", "its 'width' is None. Set it to the number of values"),
        ("WrongWidth", r"gives one of shape \[2, 3, 2\]. Give a tensor of shape \[2, 3, 7\]"),
        ("NoMemory", r"gives one of shape \[2, 3, 2\]. Give a pair"),
        ("MemoryOfText", "its memory is a tuple of a str. Give a tuple of tensors"),
        (
            "Growing",
            r"\(3, 2, 3\).* after one piece .*\(8, 2, 3\).* after the next. Keep it of one",
        ),
        ("Forgetful", "reading a sequence in two pieces, .* gives something else"),
        ("Failing", "forward fails on rows of shape .*the door"),
        ("Unmade", r"cannot be made with {} \(LookupError: no stone\)"),
        ("Absent", "has no class Absent that is a torch.nn.Module"),
        ("torch", "has no class torch that is a torch.nn.Module"),
    ],
)
def test_a_body_that_is_none_is_refused_in_words(name: str, message: str) -> None:
    with pytest.raises(InputError, match=f"network {HERE}:{name}.*{message}"):
        body_of(name)


def test_to_look_ahead_is_left_to_the_audit() -> None:
    assert isinstance(body_of("Clairvoyant"), own_bodies.Clairvoyant)


def test_what_a_body_is_tried_on_draws_nothing_and_leaves_it_in_training() -> None:
    torch.manual_seed(0)
    body = own_bodies.Plain(3)
    after = torch.rand(1)
    torch.manual_seed(0)
    made = body_of("Plain")
    assert torch.equal(torch.rand(1), after)
    assert made.training
    assert all(map(torch.equal, made.parameters(), body.parameters()))


def test_options_are_held_against_what_the_signature_says() -> None:
    with pytest.raises(InputError, match=r"model.options.size: .*integer.* takes size"):
        build_body(f"{HERE}:Plain", inputs=3, options={"size": "big"})
    with pytest.raises(InputError, match=r"model.options.sice: .* takes size"):
        build_body(f"{HERE}:Plain", inputs=3, options={"sice": 3})
    with pytest.raises(InputError, match=r"model.options.kind: Field required"):
        build_body(f"{HERE}:Loose", inputs=3, options={})
    loose = build_body(f"{HERE}:Loose", inputs=3, options={"kind": "odd", "colour": "red"})
    assert isinstance(loose, own_bodies.Loose)
    assert (loose.kind, loose.others) == ("odd", {"colour": "red"})


def test_a_network_of_windows_of_one_s_own_is_trained_saved_and_loaded(
    candles: Candles, tmp_path: Path
) -> None:
    settings = NetworkSettings(
        network=f"{HERE}:Windows",
        options={"rows": 8},
        features=("log_return", "log_range"),
        target="log_return",
        horizons=(1, 4),
        scaler="standard",
        lookback=8,
        across_gaps=False,
        seed=3,
    )
    training = TrainingSettings(learning_rate=1e-3, batch_size=64, max_epochs=1, patience=1)
    split = split_rows(len(candles), SplitSettings(train=0.6, validation=0.2))
    model = NetworkForecaster(settings, training).fit(candles, split)
    assert model.name == "windows"
    save_model(tmp_path / "model", model, candles)
    origins = np.arange(800, 820)
    again = load_model(tmp_path / "model")[1].forecast(candles, origins)
    np.testing.assert_array_equal(again.mean, model.forecast(candles, origins).mean)


def test_a_network_of_windows_gives_one_value_for_each_horizon() -> None:
    name = f"{HERE}:Windows"
    with pytest.raises(InputError, match=r"gives one of shape \[2, 1\]. Give .* \[2, 2\]"):
        build_network(name, inputs=3, outputs=2, lookback=8, options={"lacking": 1})
    with pytest.raises(InputError, match=r"forward fails on rows of shape \[2, 9, 3\]"):
        build_network(name, inputs=3, outputs=2, lookback=9, options={})


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("mine:", "write your own network as my_package.my_module:MyNetwork"),
        ("mine.Body:", "write your own network"),
        ("os.system('x'):y", "write your own network"),
        ("mine:Drift", "a baseline has this name"),
    ],
)
def test_a_path_that_is_none_is_refused_by_the_recipe(network: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ModelSettings(network=network)


def test_it_is_called_by_its_class_in_lower_case() -> None:
    assert ModelSettings(network="mine.bodies:MyBody").name == "mybody"
    assert ModelSettings(network="lstm").name == "lstm"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a module that can be imported and was not yet."""
    name = f"bodies_{abs(hash(request.node.name))}"
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.setattr("candlecast.models.own_network._allowed", set())
    return name


def forget(name: str) -> None:
    """As in a process that has not asked for it."""
    from candlecast.models import own_network as place

    place._allowed.clear()
    del sys.modules[name]


def own_recipe(module: str, *overrides: str) -> Recipe:
    return small_default(f"model.network={module}:Mine", "model.options={size: 4}", *overrides)


def test_a_run_of_it_is_whole_and_predict_executes_nothing_unasked(
    module: str, candles: Candles, tmp_path: Path
) -> None:
    finished = run(own_recipe(module), candles, tmp_path / "run", progress=False)
    assert finished.metrics["model"]["name"] == "mine"
    assert "mine" in finished.scorecard.scores
    whole = predict(tmp_path / "run", candles, progress=False)
    forget(module)
    with pytest.raises(MissingCodeError, match=f"`import {module}` first, .* candlecast.predict"):
        predict(tmp_path / "run", candles, progress=False)
    assert module not in sys.modules
    allow(f"{module}:Mine")
    assert predict(tmp_path / "run", candles, progress=False).equals(whole)


def test_the_command_line_says_what_to_do(module: str, candles: Candles, tmp_path: Path) -> None:
    recipe = own_recipe(module)
    model = make_network(recipe)
    assert isinstance(model, SequenceForecaster)
    split = split_rows(len(candles), recipe.split)
    (tmp_path / "run").mkdir()
    save_model(tmp_path / "run" / "model", model.fit(candles, split), candles)
    forget(module)
    candles.frame.write_parquet(tmp_path / "candles.parquet")
    arguments = ["predict", str(tmp_path / "run"), "--candles", str(tmp_path / "candles.parquet")]
    said = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out.parquet")])
    assert said.exit_code == 2
    assert f"import {module}" in said.output
    assert "Train it again" not in said.output
    assert not (tmp_path / "out.parquet").exists()


def test_a_walk_forward_goes_on_from_the_weights_of_the_fold_before(
    module: str, candles: Candles, tmp_path: Path
) -> None:
    folds = "walkforward={first_train: 400m, refit: 200, warm_start: true, validation: 0.2}"
    finished = walkforward(own_recipe(module, folds), candles, tmp_path / "run", progress=False)
    assert finished.metrics["model"]["name"] == "mine"
    assert len(finished.metrics["folds"]) > 1
    assert not any(fold["failures"].get("mine") for fold in finished.metrics["folds"])


def test_a_module_that_cannot_be_imported_is_refused_in_words(module: str) -> None:
    allow("no_such_module:Body")
    with pytest.raises(InputError, match=r"ModuleNotFoundError.*PYTHONPATH"):
        own_network("no_such_module:Body")
    with pytest.raises(MissingCodeError):
        own_network(f"{module}:Mine")
