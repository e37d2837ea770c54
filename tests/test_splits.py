"""Rows are divided in time order, as the recipe says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlecast.errors import InputError
from candlecast.recipe import SplitSettings
from candlecast.splits import split_rows


def test_the_article_trains_on_nine_tenths_and_skips_one_row() -> None:
    split = split_rows(310_502, SplitSettings(train=0.9, validation="test", embargo=1))
    assert split.train == range(279_451)
    assert split.test == split.validation == range(279_452, 310_502)
    assert split.validates_on_test


def test_three_parts_have_the_embargo_between_them() -> None:
    split = split_rows(1000, SplitSettings(train=0.7, validation=0.2, embargo=10))
    assert (split.train, split.validation, split.test) == (
        range(700),
        range(710, 900),
        range(910, 1000),
    )
    assert not split.validates_on_test


@given(
    rows=st.integers(50, 5000),
    train=st.floats(0.1, 0.8),
    validation=st.floats(0.05, 0.15),
    embargo=st.integers(0, 1),
)
def test_parts_never_overlap_and_never_go_back_in_time(
    rows: int, train: float, validation: float, embargo: int
) -> None:
    split = split_rows(rows, SplitSettings(train=train, validation=validation, embargo=embargo))
    assert split.train.start == 0
    assert split.validation.start == split.train.stop + embargo
    assert split.test.start == split.validation.stop + embargo
    assert split.test.stop == rows


def test_a_part_without_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="the validation part has no row"):
        split_rows(4, SplitSettings(train=0.5, validation=0.1))
    with pytest.raises(InputError, match="the train part has no row"):
        split_rows(1, SplitSettings(train=0.5, validation=0.1))
