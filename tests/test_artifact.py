"""A saved model is whole, executes nothing, and says what is wrong with a damaged one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from candlecast.artifact import load_model, save_model
from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.models.baselines.forecaster import Baseline, BaselineSettings
from candlecast.recipe import SplitSettings
from candlecast.splits import split_rows


@pytest.fixture
def saved(candles: Candles, tmp_path: Path) -> Path:
    split = split_rows(len(candles), SplitSettings(train=0.8, validation=0.1))
    model = Baseline(BaselineSettings(rule="persistence", horizons=(1,))).fit(candles, split)
    save_model(tmp_path / "model", model, candles)
    return tmp_path / "model"


def test_a_model_is_two_files_and_nothing_beside_them(saved: Path) -> None:
    assert sorted(file.name for file in saved.iterdir()) == ["model.json", "weights.safetensors"]
    assert [each.name for each in saved.parent.iterdir()] == ["model"]
    document = json.loads((saved / "model.json").read_text())
    assert document["schema_version"] == 1
    assert document["kind"] == "baseline"


def test_saving_again_replaces_the_model(saved: Path, candles: Candles) -> None:
    _, model = load_model(saved)
    assert isinstance(model, Baseline)
    before = (saved / "weights.safetensors").read_bytes()
    save_model(saved, model, candles)
    assert (saved / "weights.safetensors").read_bytes() == before


def test_a_save_that_fails_leaves_the_old_model(
    saved: Path, candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, model = load_model(saved)
    assert isinstance(model, Baseline)
    before = (saved / "model.json").read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("candlecast.artifact.save_file", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save_model(saved, model, candles)
    assert (saved / "model.json").read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_missing_or_damaged_file_is_named(saved: Path, name: str) -> None:
    content = (saved / name).read_bytes()
    for damaged in (content[:20], b"", b"\xff" * 40):
        (saved / name).write_bytes(damaged)
        with pytest.raises(InputError, match="damaged or of another version"):
            load_model(saved)
    (saved / name).unlink()
    with pytest.raises(InputError, match="no whole saved model"):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 2},
        {"kind": "pickle"},
        {"model": {}},
        {"kind": "network"},
        {"extra": 1},
    ],
)
def test_another_version_or_content_is_refused(saved: Path, change: dict[str, object]) -> None:
    document = json.loads((saved / "model.json").read_text())
    (saved / "model.json").write_text(json.dumps(document | change))
    with pytest.raises(InputError, match="damaged or of another version"):
        load_model(saved)
