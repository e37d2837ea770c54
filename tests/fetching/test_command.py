"""`candlecast data fetch` as a user types it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from candlecast.cli import main
from candlecast.simulate import simulate
from candlecast.store import Store
from servers import Rest, serving, status

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
START = datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture
def rest() -> Rest:
    """A day and a half of minutes and an open one."""
    candles = simulate(rows=2200, start=START, symbol="BTCUSDT").candles
    return Rest(candles, START + timedelta(minutes=2160, seconds=30))


def test_the_readmes_fetch_fills_the_store_that_a_run_reads(
    rest: Rest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANDLECAST_STORE", str(tmp_path))
    (line,) = re.findall(r"^\$ (candlecast data fetch .*)$", README, re.MULTILINE)
    words = shlex.split(line, comments=True)[1:]
    with serving(rest.reply) as api:
        done = CliRunner().invoke(main, [*words, "--base-url", api.url])
        assert done.exit_code == 0, done.output
        assert "from 2021-01-01 00:00 until 2021-01-02 12:00 UTC is complete" in done.stdout
        assert "2,160 candles added" in done.stdout
        goes_on = ["data", "fetch", "BTCUSDT", "--json", "--base-url", api.url]
        again = CliRunner().invoke(main, goes_on)
    assert json.loads(again.stdout) | {"added": 0} == json.loads(again.stdout)
    assert json.loads(again.stdout)["until"] == "2021-01-02T12:00:00+00:00"
    assert Store().read("BTCUSDT").frame.equals(rest.candles.frame[:2160])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["NOSUCH", "--since", "2021-01-01"], 2, "error: .*Invalid symbol"),
        (["BTCUSDT", "--since", "yesterday"], 2, "error: 'yesterday' is not a date"),
        (["BTCUSDT"], 2, "has no binance/BTCUSDT/1m to go on with"),
        (["BTCUSDT", "--since", "2021-01-01", "--interval", "7m"], 2, "no candles of 7m"),
        (["BANNED", "--since", "2021-01-01"], 1, "failed: .*banned this address"),
    ],
)
def test_a_request_that_cannot_be_done_ends_in_one_message(
    rest: Rest, tmp_path: Path, words: list[str], code: int, message: str
) -> None:
    with serving(rest.reply) as api:
        api.fail("BANNED", status(418, b"", Retry_After="60"))
        order = ["data", "fetch", *words, "--base-url", api.url, "--store", str(tmp_path)]
        done = CliRunner().invoke(main, order)
    assert done.exit_code == code, done.output
    assert re.search(message, done.stderr.replace("\n", " "))
    assert done.stdout == ""


def test_commands_that_fetch_nothing_load_no_code_for_it() -> None:
    program = (
        "import sys; from candlecast.cli import main\n"
        "main(['data', 'list'], standalone_mode=False)\n"
        "print([name for name in ('httpx', 'ccxt', 'torch', 'lightning') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
