"""What the README shows works as it stands."""

from __future__ import annotations

import re
import runpy
import shlex
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import candlecast
from candlecast.cli import main
from small import SMALL, SMALL_ARTICLE

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True)
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
    if line.startswith("candlecast")
]
QUICK = {"default": SMALL, "article": SMALL_ARTICLE}


@pytest.fixture
def quick_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recipe that is loaded trains in a second."""
    load = candlecast.Recipe.load

    def load_small(
        recipe: str | Path = "default", overrides: Sequence[str] = ()
    ) -> candlecast.Recipe:
        return load(recipe, [*QUICK.get(str(recipe), []), *overrides])

    monkeypatch.setattr(candlecast.Recipe, "load", load_small)


@pytest.mark.usefixtures("quick_recipes")
def test_every_command_of_the_readme_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_candles: Callable[[Path, int], Path],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_candles(tmp_path / "Binance_BTCUSDT_minute.csv.gz", 20_000)
    # A year and a half of hours stands in for the minutes: a walk-forward needs the span.
    hours = candlecast.simulate(rows=13_000, interval=timedelta(hours=1))
    hours.candles.to_polars().write_parquet(tmp_path / "BTCUSDT_1m_2021-2022.parquet")
    assert len(COMMANDS) == 11
    for words in COMMANDS:
        result = CliRunner().invoke(main, words[1:])
        assert result.exit_code == 0, (words, result.output)
    assert (tmp_path / "forecasts.parquet").is_file()
    for name in ("article", "folds"):
        assert (tmp_path / "runs" / name / "report.html").is_file()


@pytest.mark.usefixtures("quick_recipes")
def test_the_python_of_the_readme_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    write_candles: Callable[[Path, int], Path],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_candles(tmp_path / "Binance_BTCUSDT_minute.csv.gz", 20_000)
    (code,) = [block for kind, block in BLOCKS if kind == "python"]
    assert len([line for line in code.splitlines() if line]) == 5
    (tmp_path / "readme.py").write_text(code, encoding="utf-8")
    runpy.run_path("readme.py")
    assert "worse than persistence" in capsys.readouterr().out


def test_every_file_that_the_readme_links_to_is_there() -> None:
    root = Path(__file__).parents[1]
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) >= 5
    for link in links:
        assert (root / link).exists(), link


def test_no_page_is_left_unfinished() -> None:
    root = Path(__file__).parents[1]
    for page in (root / "README.md", *(root / "docs").glob("*.md")):
        assert "@@" not in page.read_text(encoding="utf-8"), page.name
