"""The shared checks find the first offender, or none."""

from __future__ import annotations

import polars as pl
import pytest

from candlecast.checks import check_columns, first_repeated, first_true
from candlecast.errors import CandleError


def test_the_first_value_that_stood_there_before_is_found() -> None:
    assert first_repeated(["a", "b", "c", "b", "a"]) == "b"
    assert first_repeated(["a", "b"]) is None
    assert first_repeated([]) is None


def test_the_first_true_row_is_found_and_null_is_not_true() -> None:
    assert first_true(pl.Series([None, False, True, True])) == 2
    assert first_true(pl.Series([None, False])) is None
    assert first_true(pl.Series([], dtype=pl.Boolean)) is None


def test_a_missing_or_repeated_column_is_named() -> None:
    check_columns(["a"], ["a", "b"])
    with pytest.raises(CandleError, match=r"missing columns b, c. The columns are a, d"):
        check_columns(["a", "b", "c"], ["a", "d"])
    with pytest.raises(CandleError, match="column 'd' stands twice"):
        check_columns(["a"], ["a", "d", "d"])
