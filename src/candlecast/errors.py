"""The errors that candlecast raises on purpose: what is wrong, where, and what to do."""

from __future__ import annotations


class CandlecastError(Exception):
    """Base of every error that candlecast raises on purpose."""


class InputError(CandlecastError, ValueError):
    """The request was wrong: a file, a recipe, a folder or an argument (exit status 2)."""


class MissingCodeError(InputError):
    """Code that the request needs is not installed, or may not be executed (exit status 2)."""


class MissingWeightsError(InputError):
    """A folder of weights that a model reads is not there, or is not the same (exit status 2)."""


class FetchError(CandlecastError):
    """Candles could not be fetched: the network, the exchange or its archive failed (exit 1)."""


class CandleError(InputError):
    """One candle, or the table as a whole, is not valid.

    Args:
        problem: What is wrong, in the user's words.
        advice: What to do about it.
        row: The 0-based row of the frame as it was given, or None where no single row is to blame.
    """

    def __init__(self, problem: str, advice: str, row: int | None = None) -> None:
        self.problem = problem
        self.advice = advice
        self.row = row
        super().__init__(self.describe("" if row is None else f"row {row}: "))

    def describe(self, where: str) -> str:
        """The message with its place in front, such as ``prices.csv, line 12: ``."""
        return f"{where}{self.problem}. {self.advice}"


class RunInterruptedError(BaseException):
    """Ctrl-C was pressed; what was saved is kept, and ``resume`` goes on from there."""
