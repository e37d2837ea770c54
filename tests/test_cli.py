"""The commands as a user types them: what they print, where, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest

import candlecast
from small import SMALL, SMALL_ARTICLE

QUICK = [
    arg
    for setting in (
        *SMALL,
        "data.simulated.rows=3000",
        "features=[scaled_return, scaled_range, close_location]",
        "horizons=[1]",
        "model.options={hidden: 4, layers: 2}",
        "training.steps=150",
        "training.max_epochs=3",
    )
    for arg in ("--set", setting)
]
PROGRAM = str(Path(sys.executable).parent / "candlecast")
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def command(*args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *args],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    done = command("run", *QUICK, "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    (folder / "stderr").write_text(done.stderr)
    return folder / "run"


def test_run_ends_with_a_scorecard_and_the_paths_of_what_it_wrote(finished: Path) -> None:
    stdout = (finished.parent / "stdout").read_text()
    stderr = (finished.parent / "stderr").read_text()
    assert "persistence" in stdout
    assert "lstm, 1 ahead" in stdout
    for name in ("report.html", "figures/forecast_1.png", "forecasts.parquet", "metrics.json"):
        assert f"run/{name}" in stdout
        assert (finished / name).is_file()
    assert "epoch 1 of at most 3" in stderr
    assert "Traceback" not in stderr
    assert "Warning" not in stderr


def test_json_puts_one_document_on_stdout(finished: Path) -> None:
    done = command("run", *QUICK, "--out", "run", "--resume", "--json", cwd=finished.parent)
    assert json.loads(done.stdout) == json.loads((finished / "metrics.json").read_text())


def test_predict_writes_forecasts_for_a_file(
    finished: Path, tmp_path: Path, write_candles: Callable[[Path, int], Path]
) -> None:
    candles = write_candles(tmp_path / "candles.csv", 200)
    done = command(
        "predict", finished, "--candles", candles, "--out", "new/f.parquet", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "191 forecasts in new/f.parquet" in done.stdout
    assert "trained on SIMULATED, these are BTCUSDT" in done.stderr
    frame = pl.read_parquet(tmp_path / "new" / "f.parquet")
    assert frame.height == 191
    assert frame["actual"].null_count() == 1
    again = command(
        "predict", finished, "--candles", candles, "--out", "f.parquet", "--json", cwd=tmp_path
    )
    assert json.loads(again.stdout)["forecasts"] == 191


def test_predict_writes_over_nothing_but_a_file_of_its_own(
    finished: Path, tmp_path: Path, write_candles: Callable[[Path, int], Path]
) -> None:
    candles = write_candles(tmp_path / "candles.csv", 200)
    before = candles.read_bytes()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.parquet").symlink_to(tmp_path / "target.parquet")
    for out, message in {
        "candles.csv": "these are the candles to read",
        "pipe": "this is not a file",
        ".": "this is not a file",
        str(finished / "metrics.json"): "one of the run's own files",
        str(finished / "model" / "new.parquet"): "one of the run's own files",
        "candles.csv/f.parquet": "a file stands in the way",
    }.items():
        done = command("predict", finished, "--candles", candles, "--out", out, cwd=tmp_path)
        assert done.returncode == 2, out
        assert message in done.stderr
    assert candles.read_bytes() == before
    none = command("predict", finished, "--candles", "none.csv", "--out", "a/b/f", cwd=tmp_path)
    assert none.returncode == 2
    assert not (tmp_path / "a").exists()
    done = command("predict", finished, "--candles", candles, "--out", "link.parquet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "link.parquet").is_symlink()
    assert (tmp_path / "target.parquet").is_file()


def test_recipes_lists_and_prints_them(tmp_path: Path) -> None:
    listed = command("recipes", cwd=tmp_path)
    names = ["article", "default", "econometric"]
    assert [line.split()[0] for line in listed.stdout.splitlines()] == names
    assert list(json.loads(command("recipes", "--json", cwd=tmp_path).stdout)) == names
    (tmp_path / "mine.yaml").write_text(command("recipes", "article", cwd=tmp_path).stdout)
    assert candlecast.Recipe.load(tmp_path / "mine.yaml") == candlecast.Recipe.load("article")
    assert command("recipes", "none", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--candles", "none.csv"], "none.csv: there is no such file"),
        (["--candles", "empty.csv"], "empty.csv: the file is empty"),
        (["--candles", "text.csv"], "text.csv: the layout is not known"),
        (["--candles", "cut.csv"], "cut.csv, line 61:"),
        (["--set", "training.max_epoch=1"], "did you mean 'max_epochs'"),
        (["--set", "data.simulated.rows=50"], "no forecast fits"),
        (["--out", "text.csv"], "a file stands in the way"),
        (["--out", "mine"], "mine: this folder is not empty and holds no run"),
        (["--out", "/proc/candlecast"], "/proc/candlecast: the folder cannot be made"),
        (["nonsense"], "there is no recipe 'nonsense'"),
    ],
)
def test_a_wrong_request_is_one_message_and_status_2(
    tmp_path: Path, args: list[str], message: str, write_candles: Callable[[Path, int], Path]
) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "text.csv").write_text("a,b\n1,2\n")
    content = write_candles(tmp_path / "cut.csv", 100).read_bytes().splitlines(keepends=True)
    (tmp_path / "cut.csv").write_bytes(b"".join(content[:60]) + content[60][:50])
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    done = command("run", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    left = [path for path in sorted(tmp_path.rglob("*")) if path.name != "runs"]
    assert left == before


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    done = command("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"candlecast {candlecast.__version__}\n")
    assert version("candlecast") == candlecast.__version__


def test_unknown_options_and_commands_have_status_2(tmp_path: Path) -> None:
    for args in (["run", "--nonsense"], ["walk"], ["predict", "x"]):
        assert command(*args, cwd=tmp_path).returncode == 2


def test_ctrl_c_leaves_a_run_that_resume_continues_to_the_same_weights(
    finished: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [PROGRAM, "run", *QUICK, "--out", "run"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.startswith("epoch 1"))
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "--resume" in rest
    assert "Traceback" not in rest
    assert not (tmp_path / "run" / "metrics.json").exists()

    resumed = command("run", *QUICK, "--out", "run", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    # After one epoch, or after a later one on a machine that was slow to press the keys.
    assert "taking up the training after" in resumed.stderr
    assert "epoch 1 of" not in resumed.stderr, "the first epoch is not trained again"
    for name in ("model/weights.safetensors", "forecasts.parquet"):
        assert (tmp_path / "run" / name).read_bytes() == (finished / name).read_bytes()


def test_the_article_recipe_runs_on_a_file_in_its_layout(
    tmp_path: Path, write_candles: Callable[[Path, int], Path]
) -> None:
    candles = candlecast.simulate(rows=20_000).candles
    assert candles.first.month != candles.last.month
    path = write_candles(tmp_path / "candles.csv", 20_000)
    small = ["model.options.hidden=4", "training.max_epochs=1", "training.min_epochs=1"]
    settings = [arg for setting in [*small, "windows.lookback=5"] for arg in ("--set", setting)]
    done = command("run", "article", "--candles", path, "--out", "run", *settings, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "worse than persistence (p < 1e-6)" in " ".join(done.stdout.split())
    assert "flatter" in done.stdout


FOLDS = [
    arg
    for setting in (
        "data.simulated.rows=2200",
        "horizons=[1]",
        "walkforward.first_train=25h",
        "walkforward.refit=400",
    )
    for arg in ("--set", setting)
]


def test_walkforward_ends_with_a_scorecard_and_can_print_its_plan(tmp_path: Path) -> None:
    plan = command("walkforward", *FOLDS, "--plan", cwd=tmp_path)
    assert plan.returncode == 0, plan.stderr
    assert "2 folds" in plan.stdout
    assert "Purge: the last 1 origins" in " ".join(plan.stdout.split())
    assert list(tmp_path.iterdir()) == [], "a plan writes nothing"
    folds = json.loads(command("walkforward", *FOLDS, "--plan", "--json", cwd=tmp_path).stdout)
    assert [fold["test_rows"] for fold in folds] == [400, 300]

    done = command("walkforward", *FOLDS, "--out", "walk", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fold 2 of 2" in done.stderr
    assert "about 0 s left" in done.stderr
    assert "the whole distribution" in done.stdout
    assert "walk/report.html" in done.stdout
    again = command("walkforward", *FOLDS, "--out", "walk", "--resume", "--json", cwd=tmp_path)
    assert len(json.loads(again.stdout)["folds"]) == 2


def test_audit_is_clean_for_the_default_and_finds_the_article_s_choice_on_test_rows(
    tmp_path: Path,
) -> None:
    small = [arg for setting in SMALL for arg in ("--set", setting)]
    clean = command("audit", "default", *small, "--set", "data.simulated.rows=6000", cwd=tmp_path)
    assert clean.returncode == 0, clean.stdout + clean.stderr
    for subject in ("feature scaled_return", "scaled inputs of lstm", "forecasts of garch_t"):
        assert subject in clean.stdout
    assert "No leak found." in clean.stdout
    settings = [*SMALL_ARTICLE, "baselines=[persistence]", "data.simulated.rows=30000"]
    quick = [arg for setting in settings for arg in ("--set", setting)]
    found = command("audit", "article", *quick, "--json", cwd=tmp_path)
    assert found.returncode == 1
    audit = json.loads(found.stdout)
    leaks = [finding for finding in audit["findings"] if finding["leak"] is not None]
    assert [leak["subject"] for leak in leaks] == ["split"]
    assert audit["clean"] is False
    assert "test rows" in leaks[0]["leak"]


BASELINES = [
    arg
    for setting in (
        "data.simulated.rows=3000",
        "model=null",
        "training=null",
        "baselines=[persistence]",
        "features=[log_return]",
        "market_features=[]",
    )
    for arg in ("--set", setting)
]


def test_another_market_is_read_beside_the_candles(
    tmp_path: Path, write_candles: Callable[[Path, int], Path]
) -> None:
    candles = write_candles(tmp_path / "candles.csv", 3000)
    other = candlecast.simulate(rows=3000, seed=8).candles.frame.drop("trades")
    other.write_parquet(tmp_path / "ETHUSDT_1m.parquet")
    beside = ["--with", "ethusdt=ETHUSDT_1m.parquet"]
    inputs = [
        *("--set", "features=[log_return, imbalance, relative_trades]"),
        *("--set", "market_features=[scaled_return, relative_trades]"),
    ]
    done = command(
        "run", "--candles", candles, "--out", "run", *BASELINES, *inputs, *beside, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (
        "no taker volumes in these candles: left out imbalance; no trade counts of ETHUSDT in "
        "these candles: left out ETHUSDT:relative_trades"
    ) in done.stderr
    data = json.loads((tmp_path / "run" / "metrics.json").read_text())["data"]
    assert data["markets"] == ["ETHUSDT"]
    assert data["dropped_features"] == {
        "imbalance": ["taker_buy_volume"],
        "ETHUSDT:relative_trades": ["ETHUSDT:trades"],
    }
    recipe = candlecast.Recipe.load(tmp_path / "run" / "recipe.yaml")
    assert recipe.features == ("log_return", "relative_trades", "ETHUSDT:scaled_return")
    predicted = command(
        "predict", "run", "--candles", candles, "--out", "f.parquet", *beside, cwd=tmp_path
    )
    assert predicted.returncode == 0, predicted.stderr


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        (["ETHUSDT"], "ETHUSDT: there is no such file, and the store in"),
        (["ETHUSDT="], "--with ETHUSDT=: write SYMBOL, or SYMBOL=FILE"),
        (["ETHUSDT=a", "ethusdt=b"], "--with ethusdt=b: ETHUSDT stands twice"),
        (["ETHUSDT=HOURS.parquet"], "the candles of ETHUSDT are 1h and those of SIMULATED 1m"),
    ],
)
def test_a_wrong_market_is_one_message_and_status_2(
    tmp_path: Path, beside: list[str], message: str
) -> None:
    hours = candlecast.simulate(rows=300, interval=timedelta(hours=1)).candles
    hours.frame.write_parquet(tmp_path / "HOURS.parquet")
    given = [arg for each in beside for arg in ("--with", each)]
    done = command("run", *BASELINES, *given, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_audit_catches_a_feature_of_one_s_own_that_looks_ahead(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import polars as pl\ndef tomorrow() -> pl.Expr:\n    return pl.col('close').shift(-1)\n"
    )
    own = ["--set", "features_file=mine.py", "--set", "features=[log_return, tomorrow]"]
    found = command("audit", *BASELINES, *own, cwd=tmp_path)
    assert found.returncode == 1
    assert "tomorrow is the target itself" in " ".join(found.stdout.split())


def test_predict_executes_no_features_file_that_the_model_was_not_trained_with(
    tmp_path: Path, write_candles: Callable[[Path, int], Path]
) -> None:
    candles = write_candles(tmp_path / "candles.csv", 200)
    assert command("run", *BASELINES, "--out", "run", cwd=tmp_path).returncode == 0
    (tmp_path / "mine.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    given = ["--out", "f.parquet", "--features-file", "mine.py"]
    done = command("predict", "run", "--candles", candles, *given, cwd=tmp_path)
    assert done.returncode == 2
    assert "the model reads no features of its user's own. Leave the file out." in done.stderr
    assert not (tmp_path / "ran").exists()
