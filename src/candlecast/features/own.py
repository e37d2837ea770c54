"""The user's own features: functions in a Python file, each giving a Polars expression.

::

    import polars as pl

    def slope() -> pl.Expr:
        return pl.col("close").log().diff(5).fill_null(0.0)

A public function of the file without parameters whose return annotation is `pl.Expr` is a feature
of its name, over the columns of `feature_table`; any other function is left alone.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, module_from_spec
from pathlib import Path
from types import CodeType
from typing import Any, get_type_hints

import polars as pl

from candlecast.errors import InputError
from candlecast.features.registry import FEATURES, NO_OWN, OwnFeatures

_MODULE = "candlecast_own_features"
_loaded: dict[str, OwnFeatures] = {}


def load_own_features(path: str | Path, expected: str | None = None) -> str:
    """Execute a user's file and keep its features for `own_features`.

    Args:
        path: The file.
        expected: The SHA-256 that it must have to be executed; None takes any.

    Returns:
        The file's SHA-256, which the features are found again by.

    Raises:
        InputError: If the file is absent or another than expected, cannot be executed, or holds no
            feature; if a function fails, gives no expression, or has the name of a feature that
            exists.
    """
    try:
        code = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: the features file cannot be read ({error.strerror}). Check features_file."
        ) from error
    sha256 = hashlib.sha256(code).hexdigest()
    if expected not in (None, sha256):
        raise InputError(
            f"{path}: this is another features file than the one that was used (its SHA-256 is "
            f"{sha256[:12]}… and not {str(expected)[:12]}…). Give that one."
        )
    if sha256 not in _loaded:
        _loaded[sha256] = _execute(path, code)
    return sha256


def own_features(sha256: str | None) -> OwnFeatures:
    """The features of a user's file that was loaded; none where None is asked for.

    Raises:
        InputError: If no file of that content was loaded.
    """
    if sha256 is None:
        return NO_OWN
    if sha256 not in _loaded:
        raise InputError(
            f"the model reads features of its user's own file (SHA-256 {sha256[:12]}…). Give it: "
            "--features-file FILE."
        )
    return _loaded[sha256]


class _Bytes(InspectLoader):
    """Imports a module from what was read of its file."""

    def __init__(self, path: str | Path, code: bytes) -> None:
        self._path, self._code = str(path), code

    def get_source(self, fullname: str) -> str:
        del fullname
        return decode_source(self._code)

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_source(fullname), self._path)


def _execute(path: str | Path, code: bytes) -> OwnFeatures:
    """The features of the very bytes that were hashed: the file may be another by now."""
    loader = _Bytes(path, code)
    module = module_from_spec(ModuleSpec(_MODULE, loader, origin=str(path)))
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:  # of others' code, which may raise whatever it likes
        raise InputError(
            f"{path}: the features file cannot be executed ({_said(error)}). Correct it."
        ) from error
    functions = _functions(vars(module).items())
    features = {name: _call(path, name, function) for name, function in functions}
    if not features:
        raise InputError(
            f"{path}: there is no feature in this file. Write one as `def slope() -> pl.Expr:`."
        )
    return features


def _functions(content: Iterable[tuple[str, Any]]) -> list[tuple[str, Callable[[], Any]]]:
    """The functions of the file itself that are features."""
    return [
        (name, value)
        for name, value in content
        if not name.startswith("_") and inspect.isfunction(value)
        if value.__module__ == _MODULE and not inspect.signature(value).parameters
        if _returned(value) is pl.Expr
    ]


def _returned(function: Callable[[], Any]) -> object:
    try:
        return get_type_hints(function).get("return")
    except (NameError, TypeError):  # an annotation that stands for nothing
        return None


def _call(path: str | Path, name: str, function: Callable[[], Any]) -> pl.Expr:
    if name in FEATURES:
        raise InputError(
            f"{path}, function {name}: there is a feature of this name already. Give it another."
        )
    try:
        feature = function()
    except Exception as error:  # likewise
        raise InputError(f"{path}, function {name}: it fails ({_said(error)}).") from error
    if not isinstance(feature, pl.Expr):
        raise InputError(
            f"{path}, function {name}: it gives {type(feature).__name__}. Return a pl.Expr."
        )
    return feature


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
