"""Which rows train, which choose and which judge.

    rows   ├──────── train ────────┤embargo├── validation ──┤embargo├──── test ────┤
           0                                                                    rows

A window lies wholly inside one part (see `windows`), so no input or target of one part is ever
seen by another.
"""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.errors import InputError
from candlecast.recipe import SplitSettings


@dataclass(frozen=True)
class Split:
    """The rows of each part.

    Attributes:
        train: Rows that models and scalers are fitted on.
        validation: Rows that stop the training and choose the epoch.
        test: Rows that give the score.
    """

    train: range
    validation: range
    test: range

    @property
    def parts(self) -> dict[str, range]:
        """The parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def before_test(self) -> range:
        """The rows from the first train row to the last before the test part."""
        return (
            self.train if self.validates_on_test else range(self.train.start, self.validation.stop)
        )

    @property
    def validates_on_test(self) -> bool:
        """Whether the choice was made on the rows that give the score, which flatters the score."""
        return self.validation == self.test


def split_rows(rows: int, settings: SplitSettings) -> Split:
    """Divide the rows in time order.

    Args:
        rows: How many there are.
        settings: The share of each part and the embargo between parts.

    Raises:
        InputError: If a part is left without a row.
    """
    train = range(int(rows * settings.train))
    if settings.validation == "test":
        validation = test = range(train.stop + settings.embargo, rows)
    else:
        end = train.stop + int(rows * settings.validation)
        validation = range(train.stop + settings.embargo, end)
        test = range(end + settings.embargo, rows)
    split = Split(train, validation, test)
    for name, part in split.parts.items():
        if not part:
            raise InputError(
                f"the {name} part has no row: there are {rows} candles and an embargo of "
                f"{settings.embargo}. Give more candles, or change the recipe's split."
            )
    return split
