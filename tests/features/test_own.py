"""A user's file of features is executed when asked for, checked, and found again by its hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from candlecast.candles import Candles
from candlecast.errors import InputError
from candlecast.features import compute_features, usable
from candlecast.features.own import load_own_features, own_features

FILE = '''
from __future__ import annotations

import polars as pl
from polars import col, Expr

WINDOW = 5

def slope() -> pl.Expr:
    """The log return over five candles."""
    return _log_close().diff(WINDOW).fill_null(0.0)

def doubled_range() -> Expr:
    return scaled(2.0)

def _log_close() -> pl.Expr:
    return pl.col("close").log()

def scaled(factor: float) -> pl.Expr:
    return factor * (pl.col("high") - pl.col("low"))

def unasked() -> float:
    raise ValueError("nobody asks")
'''


def written(folder: Path, text: str) -> Path:
    path = folder / "my_features.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_functions_that_give_expressions_are_features(tmp_path: Path, candles: Candles) -> None:
    path = written(tmp_path, FILE)
    sha256 = load_own_features(path)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    own = own_features(sha256)
    assert list(own) == ["slope", "doubled_range"]
    found = compute_features(candles, ["slope", "log_return", "slope@2"], own=own)
    close = np.log(candles.frame["close"].to_numpy())
    np.testing.assert_allclose(found[5:, 0], close[5:] - close[:-5], atol=1e-15)
    np.testing.assert_array_equal(found[2:, 2], found[:-2, 0])


def test_a_feature_of_one_s_own_starts_anew_after_a_gap(
    tmp_path: Path, gappy_candles: Candles
) -> None:
    own = own_features(load_own_features(written(tmp_path, FILE)))
    slope = compute_features(gappy_candles, ["slope"], own=own)[:, 0]
    assert not slope[300:305].any()


def test_a_feature_of_one_s_own_may_lack_a_column_that_candles_may_lack(
    tmp_path: Path, candles: Candles
) -> None:
    text = "import polars as pl\ndef mine() -> pl.Expr:\n    return pl.col({})\n"
    bare = Candles(candles.frame.drop("trades"), candles.symbol, candles.interval)
    own = own_features(load_own_features(written(tmp_path, text.format("'trades'"))))
    assert usable(bare, ["close", "mine"], own) == (["close"], {"mine": ["trades"]})
    own = own_features(load_own_features(written(tmp_path, text.format("'clse'"))))
    with pytest.raises(InputError, match="'mine' reads column clse, which candles do not have"):
        usable(bare, ["mine"], own)


def test_nothing_is_executed_but_what_was_asked_for(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    text = FILE + f"\nfrom pathlib import Path\nPath({str(ran)!r}).touch()\n"
    path = written(tmp_path, text)
    with pytest.raises(InputError, match="another features file than the one that was used"):
        load_own_features(path, "0" * 64)
    with pytest.raises(InputError, match=r"own file \(SHA-256 .*\). Give it: --features-file FILE"):
        own_features(hashlib.sha256(path.read_bytes()).hexdigest())
    assert not ran.exists()
    load_own_features(path)
    assert ran.exists()
    assert own_features(None) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def a(:\n", r"cannot be executed \(SyntaxError: .*Correct it"),
        ("import nosuchmodule\n", "cannot be executed .ModuleNotFoundError: .*nosuchmodule"),
        ("raise SystemExit(0)\n", "cannot be executed .SystemExit"),
        ("import polars as pl\n", "there is no feature in this file"),
        ("def a() -> int:\n    return 1\n", "there is no feature in this file"),
        (
            "import polars as pl\ndef a() -> pl.Expr:\n    return 1\n",
            "function a: it gives int. Return a pl.Expr",
        ),
        (
            "import polars as pl\ndef a() -> pl.Expr:\n    return pl.col(b)\n",
            "function a: it fails .NameError: name 'b' is not defined",
        ),
        (
            "import polars as pl\ndef close() -> pl.Expr:\n    return pl.col('close')\n",
            "function close: there is a feature of this name already",
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_function(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_own_features(written(tmp_path, text))
    assert "my_features.py" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.py: the features file cannot be read"):
        load_own_features(tmp_path / "none.py")
