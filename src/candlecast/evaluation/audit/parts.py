"""Whether the parts stand in time order, and windows keep to their part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.wording import counted, listed
from candlecast.splits import Split

Rows = Sequence[int] | NDArray[np.int64]
Parts = Split | Mapping[str, Rows]
"""The rows of each part by name, in the order in which time should run."""

_TOLD_LEAKS = 3  # of folds that leak each in a way of its own


def audit_split(parts: Parts, rows: int) -> list[Finding]:
    """Whether the parts stand in time order, apart from each other and inside the table.

    Args:
        parts: The rows of each part by name, in the order in which time should run; row numbers
            need not be contiguous, so a shuffled split can be given as it is.
        rows: How many rows there are.
    """
    named = _as_arrays(parts)
    choosing = choices_on_test_rows(parts)
    problems = [
        problem
        for (early, first), (late, second) in combinations(named.items(), 2)
        if not (choosing and (early, late) == ("validation", "test"))
        if (problem := _out_of_order(early, first, late, second)) is not None
    ]
    outside = {name: int(((part < 0) | (part >= rows)).sum()) for name, part in named.items()}
    problems += [
        (f"Outside the {rows:,} rows there are: {counted(number, f'{name} row')}.", number)
        for name, number in outside.items()
        if number
    ]
    leak = " ".join(sentence for sentence, _ in problems) or None
    return [
        Finding(
            "split",
            "time order, no row in two parts",
            leak,
            max((number for _, number in problems), default=0),
        ),
        Finding("split", "choices made on other rows than the test rows", choosing),
    ]


def audit_splits(splits: Sequence[Split], rows: int) -> list[Finding]:
    """Whether every split, such as each fold's of a walk-forward, is what `audit_split` asks for.

    Args:
        splits: The splits, in order.
        rows: How many rows there are.

    Returns:
        One finding a check, however many splits there are.
    """
    each = [audit_split(split, rows) for split in splits]
    if len(each) == 1:
        return each[0]
    return [_of_all_folds(found) for found in zip(*each, strict=True)]


def audit_windows(
    origins: Mapping[str, Rows],
    parts: Parts,
    *,
    ahead: int,
    lookback: int = 1,
    subject: str = "windows",
) -> Finding:
    """Whether windows keep to their part: no target, and no input, in another one.

    Args:
        origins: For each part, the rows at which its windows' inputs end.
        parts: The rows of each part.
        ahead: Rows from an origin to its last target.
        lookback: Rows of input, the origin's included; 1 lets inputs reach into the part before,
            where that is meant.
        subject: What it is called in the finding.
    """
    named = _as_arrays(parts)
    reach = np.arange(1 - lookback, ahead + 1)
    told, most = [], 0
    for name, part in _as_arrays(origins).items():
        read = part[:, None] + reach
        for other, rows in named.items():
            if other == name or np.array_equal(rows, named[name]):
                continue
            foreign = np.isin(read, rows)
            number, widest = int(foreign.any(axis=1).sum()), int(foreign.sum(axis=1).max(initial=0))
            if number:
                told.append(
                    f"Reaching into the {other} part: {counted(number, f'{name} window')}, by up "
                    f"to {counted(widest, 'row')}."
                )
                most = max(most, widest)
    leak = " ".join([*told, "Leave them out, or that many rows between the parts (split.embargo)."])
    check = "inputs and targets inside the window's own part"
    return Finding(subject, check, leak, most) if told else Finding(subject, check)


def choices_on_test_rows(parts: Parts) -> str | None:
    """The leak, if the validation part is the test part."""
    named = _as_arrays(parts)
    if not {"validation", "test"} <= named.keys():
        return None
    if not np.array_equal(np.sort(named["validation"]), np.sort(named["test"])):
        return None
    return (
        "Choices are made on the test rows: the validation part is the test part, so the score "
        "flatters the model. Give the recipe's split a validation share of its own."
    )


def _of_all_folds(findings: Sequence[Finding]) -> Finding:
    """What one check found in each fold, as one finding; folds that leak alike are told once."""
    folds: dict[str, list[str]] = {}
    for number, finding in enumerate(findings, start=1):
        if finding.leak is not None:
            folds.setdefault(finding.leak, []).append(str(number))
    told = [f"In fold {listed(numbers)}: {leak}" for leak, numbers in folds.items()]
    if len(told) > _TOLD_LEAKS:
        untold = sum(len(numbers) for numbers in list(folds.values())[_TOLD_LEAKS:])
        told[_TOLD_LEAKS:] = [f"There are leaks in {counted(untold, 'fold')} more."]
    check = f"{findings[0].check}, in each of {counted(len(findings), 'split')}"
    leak = " ".join(told) or None
    return Finding(findings[0].subject, check, leak, max(finding.rows for finding in findings))


def _as_arrays(parts: Parts) -> dict[str, NDArray[np.int64]]:
    named = parts.parts if isinstance(parts, Split) else parts
    return {name: _as_array(rows) for name, rows in named.items()}


def _as_array(rows: Rows) -> NDArray[np.int64]:
    if isinstance(rows, range):  # a hundred times as fast
        return np.arange(rows.start, rows.stop, rows.step, dtype=np.int64)
    return np.asarray(rows, dtype=np.int64)


def _out_of_order(
    early: str, first: NDArray[np.int64], late: str, second: NDArray[np.int64]
) -> tuple[str, int] | None:
    """What is wrong with two parts, and by how many rows."""
    limits = np.iinfo(np.int64)
    if first.max(initial=limits.min) < second.min(initial=limits.max):
        return None
    shared = len(np.intersect1d(first, second))
    if shared:
        return f"In both the {early} and the {late} part: {counted(shared, 'row')}.", shared
    number = int((first > second.min(initial=limits.max)).sum())
    if not number:
        return None
    return (
        f"After the first {late} row: {counted(number, f'{early} row')}, so the past is judged by "
        "what was learned from the future. Split in time order, without shuffling.",
        number,
    )
