"""Parts out of order and windows that reach into another part are found, with their rows."""

from __future__ import annotations

import numpy as np
import pytest
from audit_helpers import leak_of, only, split_of

from candlecast.candles import Candles
from candlecast.evaluation.audit import audit_split, audit_windows
from candlecast.evaluation.audit.parts import audit_splits
from candlecast.recipe import Recipe, SplitSettings
from candlecast.splits import Split, split_rows


def test_a_split_in_time_order_is_clean(candles: Candles) -> None:
    assert [finding.leak for finding in audit_split(split_of(candles), len(candles))] == [None] * 2


def test_a_shuffled_split_is_caught_with_the_rows_that_learn_from_the_future() -> None:
    shuffled = np.random.default_rng(5).permutation(100)
    parts = {"train": shuffled[:80], "test": shuffled[80:]}
    after = int((shuffled[:80] > shuffled[80:].min()).sum())
    leak = only(audit_split(parts, 100))
    assert (leak.subject, leak.rows) == ("split", after)
    assert f"After the first test row: {after} train rows" in leak_of(leak)


@pytest.mark.parametrize(
    ("parts", "rows", "words"),
    [
        (
            {"train": range(60), "test": range(55, 90)},
            5,
            "In both the train and the test part: 5 rows",
        ),
        (
            {"train": range(60), "test": range(60, 103)},
            3,
            "Outside the 100 rows there are: 3 test rows",
        ),
        (
            {"train": range(40, 60), "test": range(40)},
            20,
            "After the first test row: 20 train rows",
        ),
    ],
)
def test_parts_that_overlap_or_leave_the_table_are_caught(
    parts: dict[str, range], rows: int, words: str
) -> None:
    leak = only(audit_split(parts, 100))
    assert leak.rows == rows
    assert words in leak_of(leak)


def test_choices_on_the_test_rows_are_the_one_leak_of_the_articles_split() -> None:
    split = split_rows(1000, Recipe.load("article").split)
    leak = only(audit_split(split, 1000))
    assert leak_of(leak).startswith("Choices are made on the test rows")


CLEAN = Split(range(50), range(50, 70), range(70, 100))
ON_TEST = Split(range(50), range(70, 100), range(70, 100))


def test_clean_splits_are_one_finding_a_check_that_says_how_many() -> None:
    found = audit_splits([CLEAN] * 12, 100)
    assert [finding.leak for finding in found] == [None] * 2
    assert found[0].check == "time order, no row in two parts, in each of 12 splits"
    assert audit_splits([ON_TEST], 100) == audit_split(ON_TEST, 100), "one split is only itself"


def test_a_leak_of_some_folds_names_them_once() -> None:
    splits = [CLEAN, ON_TEST, CLEAN, *[ON_TEST] * 4]
    leak = leak_of(only(audit_splits(splits, 100)))
    assert leak.startswith("In fold 2, 4, 5 and 2 more: Choices are made on the test rows")
    assert leak.count("Choices") == 1


def test_of_many_folds_that_leak_each_in_its_own_way_a_few_are_told() -> None:
    splits = [
        CLEAN,
        *(Split(range(50 + more), *[CLEAN.validation, CLEAN.test]) for more in range(6)),
    ]
    leak = only(audit_splits(splits, 100))
    assert leak.rows == 5
    assert leak_of(leak) == (
        "In fold 3: In both the train and the validation part: 1 row. "
        "In fold 4: In both the train and the validation part: 2 rows. "
        "In fold 5: In both the train and the validation part: 3 rows. "
        "There are leaks in 2 folds more."
    )


def test_windows_that_reach_into_another_part_are_caught(candles: Candles) -> None:
    split = split_rows(len(candles), SplitSettings(train=0.5, validation=0.25))
    inside = {"train": np.arange(30, 448), "test": np.arange(675 + 29, 898)}
    assert audit_windows(inside, split, ahead=2, lookback=30).leak is None
    reaching = audit_windows({"train": np.arange(30, 450)}, split, ahead=2)
    assert reaching.rows == 2
    assert "Reaching into the validation part: 2 train windows, by up to 2 rows" in leak_of(
        reaching
    )
    early = audit_windows({"test": np.arange(675, 898)}, split, ahead=2, lookback=30)
    assert early.rows == 29
    assert "Reaching into the validation part: 29 test windows" in leak_of(early)
