"""TA-Lib's indicators by name, such as ``talib:RSI(timeperiod=14)``: the extra `talib`.

An indicator reads the columns that TA-Lib gives it (close, or high, low and close, ...). Where it
has no value yet, at the beginning of a segment, it is 0. Outputs at the price's level stay there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from candlecast.errors import InputError

_FORM = re.compile(
    r"talib:(?P<function>[A-Z0-9_]+)(\((?P<parameters>[^()]*)\))?(\.(?P<output>[a-z0-9_]+))?"
)
_PARAMETER = re.compile(r"(?P<key>[a-z0-9_]+)=(?P<value>-?\d+(\.\d+)?)")


class Indicator(NamedTuple):
    """What the name of an indicator says.

    Attributes:
        function: TA-Lib's name, such as ``RSI``.
        parameters: By TA-Lib's names; those not given are TA-Lib's.
        output: Which of several outputs; None where there is one.
    """

    function: str
    parameters: dict[str, int | float]
    output: str | None


def parse_indicator(name: str) -> Indicator:
    """Read the name of an indicator; whether TA-Lib knows it is not asked.

    Raises:
        InputError: If it is not written as it should be.
    """
    form = _FORM.fullmatch(name)
    if form is None:
        raise _misspelt(name)
    given = [part.strip() for part in (form["parameters"] or "").split(",") if part.strip()]
    pairs = [_PARAMETER.fullmatch(part) for part in given]
    parameters = {pair["key"]: _number(pair["value"]) for pair in pairs if pair is not None}
    if len(parameters) < len(given):
        raise _misspelt(name)
    return Indicator(form["function"], parameters, form["output"])


def indicator(name: str) -> pl.Expr:
    """The expression of an indicator.

    Raises:
        InputError: If TA-Lib is not installed, or does not know the indicator, a parameter or the
            output.
    """
    asked = parse_indicator(name)
    function = _function(name, asked)
    output = _output(name, asked, function.output_names)
    read = _columns(function.input_names)
    _try(name, function, read)

    def compute(columns: Sequence[pl.Series]) -> pl.Series:
        table = {
            column: values.cast(pl.Float64).to_numpy()
            for column, values in zip(read, columns, strict=True)
        }
        found = _function(name, asked)(table)
        values = found[output] if isinstance(found, list) else found
        numbers = np.asarray(values, dtype=np.float64)
        return pl.Series(np.where(np.isnan(numbers), 0.0, numbers))  # what is infinite stays so

    return pl.map_groups(
        [pl.col(column) for column in read],
        compute,
        return_dtype=pl.Float64,
        returns_scalar=False,
    )


def _function(name: str, asked: Indicator) -> Any:
    """TA-Lib's function with its parameters set, a new one each time: it keeps what it computed."""
    try:
        from talib import abstract
    except ModuleNotFoundError as missing:
        raise InputError(
            f"feature '{name}' needs TA-Lib. Install it with: pip install 'candlecast[talib]'"
        ) from missing
    try:
        function = abstract.Function(asked.function)
    except Exception as error:  # TA-Lib raises plain exceptions
        raise InputError(
            f"feature '{name}': TA-Lib has no indicator {asked.function}. Its names are those of "
            "talib.get_functions()."
        ) from error
    unknown = [key for key in asked.parameters if key not in function.parameters]
    if unknown:
        raise InputError(
            f"feature '{name}': {asked.function} has no parameter {unknown[0]}. It has "
            f"{', '.join(function.parameters) or 'none'}."
        )
    try:
        function.set_parameters(asked.parameters)
    except Exception as error:  # likewise
        raise InputError(f"feature '{name}': {' '.join(str(error).split())}.") from error
    return function


def _try(name: str, function: Any, read: Sequence[str]) -> None:
    """Raise an `InputError` for a parameter that TA-Lib takes and cannot compute with."""
    try:
        function({column: np.arange(1.0, 100.0) for column in read})
    except Exception as error:  # likewise
        raise InputError(f"feature '{name}': {' '.join(str(error).split())}.") from error


def _columns(inputs: dict[str, Any]) -> list[str]:
    """The candles' columns that an indicator reads, each once."""
    nested = ([each] if isinstance(each, str) else list(each) for each in inputs.values())
    return list(dict.fromkeys(column for columns in nested for column in columns))


def _output(name: str, asked: Indicator, outputs: Sequence[str]) -> int:
    """Which output is asked for, counted from 0."""
    if asked.output in outputs:
        return outputs.index(asked.output)
    if asked.output is None and len(outputs) == 1:
        return 0
    ways = ", ".join(f"{name.split('.')[0]}.{output}" for output in outputs)
    said = "which of its outputs is not said" if asked.output is None else "it has no such output"
    raise InputError(f"feature '{name}': {said}. Write one of {ways}.")


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _misspelt(name: str) -> InputError:
    return InputError(
        f"feature '{name}' is not written like talib:RSI(timeperiod=14) or "
        "talib:MACD(fastperiod=12).macdhist. Write it so."
    )
