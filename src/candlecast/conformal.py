"""Bands that hold when the market changes: adaptive conformal intervals, learned as outcomes come.

A model's own central interval is made wider or narrower around its median by a factor that follows
the misses. For each horizon and each of `LEVELS` it adds up what came outside beyond what should:

    debt  <-  debt + missed - (1 - level)            once for each outcome that becomes known
    factor =  exp(gain * debt * (1 + (debt / 100)²))

This is adaptive conformal inference (Gibbs and Candès 2021, "Adaptive conformal inference under
distribution shift") on the log of the width, as in Angelopoulos, Candès and Tibshirani (2023,
"Conformal PID control for time series prediction"), whose error integration with a saturation
function the second line is: gentle while the debt is small, steep where it grows. Nothing is
retrained, and nothing is presumed of the market: between any two moments the misses beyond what
they should be are the change of the debt, which is never more than `MOST_DEBT` from 0. So over n
outcomes the share of misses is within 2 `MOST_DEBT` / n of what it should be, as long as no factor
is at its end.

An outcome counts from the moment that its target candle is closed, and never before. One that does
not come (a gap, a forecast that is not finite) counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candlecast.distributions import Distribution, Floats
from candlecast.errors import CandlecastError
from candlecast.forecast import Forecast

Ints = NDArray[np.int64]

LEVELS = (50, 80, 95)
"""Outcomes that the bands promise to hold, in percent."""

GAIN = 0.004
"""Chosen on BTCUSDT's minutes of July 2021 to December 2022; `docs/judge.md` has the table."""

STEEP = 100
"""Outcomes of debt at which the factor's slope has grown fourfold."""

MOST_DEBT = 250
"""Outcomes. More would only make the way back longer, for at `GAIN` the factor is 1,400 by then."""

_UPPER = (0.75, 0.9, 0.975)
_PERCENT = 100
_FARTHEST = 50.0
"""Log return at which a band ends at the latest: so that its price is a number."""


@dataclass(frozen=True, eq=False)
class ConformalState:
    """All that is known after some forecasts: what was learned, and what is still to come.

    Attributes:
        horizons: Candles ahead.
        debt: Misses beyond what they should be, in hundredths; shape [horizons, levels].
        place: Which of the horizons each pending forecast is of; shape [pending].
        origin: Its origin, µs since the epoch; shape [pending].
        time: Open time of its target candle, µs since the epoch; shape [pending].
        centre: The middle of its bands, a price; shape [pending].
        reach: The log of how far each band reaches up from there in log return; [pending, levels].
        below: The same downwards.
        actual: The close that came; NaN where nobody has told it yet; shape [pending].
    """

    horizons: tuple[int, ...]
    debt: Ints
    place: Ints
    origin: Ints
    time: Ints
    centre: Floats
    reach: Floats
    below: Floats
    actual: Floats

    @classmethod
    def start(cls, horizons: Sequence[int]) -> ConformalState:
        """Nothing forecast and nothing learned: the bands are the model's own."""
        none, nothing = np.empty(0, np.int64), np.empty(0)
        debt = np.zeros((len(horizons), len(LEVELS)), np.int64)
        reach = np.empty((0, len(LEVELS)))
        return cls(tuple(horizons), debt, none, none, none, nothing, reach, reach, nothing)

    def told(self, origin: Ints, actual: Floats) -> ConformalState:
        """The same with outcomes that were not known when their forecast was made.

        Tell each before the first forecast whose origin is no earlier than the target: from then on
        it counts, and one that is told later counts for nothing. Where targets may lie across a
        gap, one that is later than the clock said when it was forecast is always too late.

        Args:
            origin: Origins of forecasts, rising, µs since the epoch; shape [origins].
            actual: The closes that came, NaN where there is none; shape [origins, horizons].
        """
        if not len(origin):
            return self
        row = np.minimum(np.searchsorted(origin, self.origin), len(origin) - 1)
        told = np.where(origin[row] == self.origin, actual[row, self.place], np.nan)
        return replace(self, actual=np.where(np.isnan(self.actual), told, self.actual))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Its parts by name, to be saved."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"horizons": np.asarray(self.horizons, np.int64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ConformalState:
        """The state again, from what `arrays` gave."""
        # Those that were saved when all bands reached down as far as up have no `below`.
        whole = {"below": arrays["reach"], **arrays}
        parts: dict[str, Any] = {field.name: whole[field.name] for field in fields(cls)}
        return cls(**(parts | {"horizons": tuple(arrays["horizons"].tolist())}))


def calibrate(
    forecast: Forecast, gain: float = GAIN, state: ConformalState | None = None
) -> tuple[Forecast, ConformalState]:
    """Give a forecast its calibrated bands, each made from the outcomes known at its origin.

    One call for many origins comes to the same, to the bit, as a call for each.

    Args:
        forecast: In time order; one without a distribution gets no bands.
        gain: How fast the factors follow; 0 leaves the model's own bands.
        state: Where the last call left off; None starts anew.

    Returns:
        The forecast with its `bands`, and the state to go on from.

    Raises:
        CandlecastError: If the origins do not rise or begin before the state's newest, or the
            state is one of other horizons.
    """
    state = ConformalState.start(forecast.horizons) if state is None else state
    _check(forecast, state)
    if forecast.distribution is None or not len(forecast):
        return forecast, state
    centre = forecast.last_close[:, None] * np.exp(forecast.distribution.median)
    own = _own_reaches(forecast.distribution)
    factors = _factors(gain)
    debts, reaches, pending = [], [], []
    new = slice(-len(forecast), None)
    for place in range(len(forecast.horizons)):
        rows = _Rows.of(state, forecast, place, centre[:, place], own[:, :, place])
        shown, debt, done = _follow(rows, len(rows) - len(forecast), state.debt[place], factors)
        debts.append(debt)
        reaches.append(shown[:, new])
        left = (rows.origin, rows.time, rows.centre, *shown, rows.actual)
        pending.append([np.full(len(rows) - done, place), *(each[done:] for each in left)])
    parts = [np.concatenate(each) for each in zip(*pending, strict=True)]
    bands = _bands(centre, np.stack(reaches, axis=2))
    return replace(forecast, bands=bands), ConformalState(state.horizons, np.array(debts), *parts)


@dataclass(frozen=True, eq=False)
class _Rows:
    """One horizon's forecasts in time order, those still pending first; arrays are [rows].

    Attributes:
        origin, time, centre, actual: As in `ConformalState`.
        reaches: Up and down, as there, of a pending forecast; of a new one those of the model's own
            bands; shape [2, rows, levels].
    """

    origin: Ints
    time: Ints
    centre: Floats
    reaches: Floats
    actual: Floats

    @classmethod
    def of(
        cls, state: ConformalState, forecast: Forecast, place: int, centre: Floats, own: Floats
    ) -> _Rows:
        """What is pending at one horizon, then what is new."""
        waiting = state.place == place
        return cls(
            np.concatenate([state.origin[waiting], forecast.origin]),
            np.concatenate([state.time[waiting], forecast.time[:, place]]),
            np.concatenate([state.centre[waiting], centre]),
            np.concatenate([np.stack([state.reach[waiting], state.below[waiting]]), own], axis=1),
            np.concatenate([state.actual[waiting], forecast.actual[:, place]]),
        )

    def __len__(self) -> int:
        return len(self.origin)

    @property
    def known(self) -> list[int]:
        """How many outcomes are known at each origin: their target candle is closed by then."""
        # A target beyond a gap may come after that of a later origin whose target never comes.
        closed = np.maximum.accumulate(self.time)
        known: list[int] = np.searchsorted(closed, self.origin, side="right").tolist()
        return known

    @property
    def need(self) -> list[float]:
        """The log of how far the outcome lay from the centre; NaN where none came."""
        with np.errstate(divide="ignore", invalid="ignore"):
            need: list[float] = np.log(np.abs(np.log(self.actual / self.centre))).tolist()
        return need

    @property
    def fell(self) -> list[bool]:
        """Whether the outcome lay below the centre."""
        fell: list[bool] = (self.actual < self.centre).tolist()
        return fell


def _follow(
    rows: _Rows, pending: int, debt: Ints, factors: Sequence[float]
) -> tuple[Floats, list[int], int]:
    """Go through one horizon's forecasts in time order.

    A loop over plain numbers: with one candle ahead each row hangs on the outcome of the last.

    Args:
        rows: The forecasts.
        pending: How many of them have their bands already.
        debt: Before the first, in hundredths; shape [levels].
        factors: The log of the factor at each debt.

    Returns:
        The reaches of all, up and down, the debt after the last, and how many outcomes it holds.
    """
    need, fell, known = rows.need, rows.fell, rows.known
    most = MOST_DEBT * _PERCENT
    # Where all bands reach down as far as up, one side is followed for both.
    alike = np.array_equal(rows.reaches[0], rows.reaches[1], equal_nan=True)
    shown = rows.reaches[: 1 if alike else 2].transpose(0, 2, 1).tolist()
    up, down = shown[0], shown[-1]
    first, second, third = debt.tolist()
    done = 0
    for row in range(pending, len(rows)):
        for came in range(done, known[row]):
            away = need[came]
            inner, middle, outer = down if fell[came] else up
            if away == away and inner[came] == inner[came]:  # neither is NaN
                first += 50 if away > inner[came] else -50
                second += 80 if away > middle[came] else -20
                third += 95 if away > outer[came] else -5
                if not -most <= first <= most:
                    first = max(min(first, most), -most)
                if not -most <= second <= most:
                    second = max(min(second, most), -most)
                if not -most <= third <= most:
                    third = max(min(third, most), -most)
        done = known[row]
        # A wider band reaches no less far than the narrower ones within it.
        for inner, middle, outer in shown:
            inner[row] += factors[first + most]
            middle[row] = max(middle[row] + factors[second + most], inner[row])
            outer[row] = max(outer[row] + factors[third + most], middle[row])
    reaches = np.array([up, down]).transpose(0, 2, 1)
    return reaches, [first, second, third], done


@lru_cache(maxsize=8)
def _factors(gain: float) -> tuple[float, ...]:
    """The log of the factor at every debt there is, from the smallest up."""
    debt = np.arange(-MOST_DEBT * _PERCENT, MOST_DEBT * _PERCENT + 1) / _PERCENT
    return tuple((gain * debt * (1 + (debt / STEEP) ** 2)).tolist())


def _own_reaches(spread: Distribution) -> Floats:
    """The log of how far the model's own bands reach up and down; NaN where it has none.

    Shape [2, origins, horizons, levels].
    """
    below, above = spread.reaches(_UPPER)
    with np.errstate(divide="ignore", invalid="ignore"):
        reaches = np.log(np.stack([above, below]))
    whole = np.isfinite(reaches).all(axis=(0, -1)) & np.isfinite(spread.median)
    return np.where(whole[..., None], reaches, np.nan)


def _bands(centre: Floats, reaches: Floats) -> Floats:
    """The ends of the bands in price, from the lowest up; shape [origins, horizons, 6]."""
    with np.errstate(over="ignore"):
        up, down = np.minimum(np.exp(reaches), _FARTHEST)
    moves = np.concatenate([-down[..., ::-1], up], axis=-1)
    return np.asarray(centre[..., None] * np.exp(moves))


def _check(forecast: Forecast, state: ConformalState) -> None:
    if forecast.horizons != state.horizons:
        raise CandlecastError(
            f"the forecast has the horizons {forecast.horizons} and what is carried on "
            f"{state.horizons}. Go on with the same horizons."
        )
    newest = state.origin[-1:] if not len(state.origin) else state.origin.max(keepdims=True)
    if (np.diff(np.concatenate([newest, forecast.origin])) <= 0).any():
        raise CandlecastError(
            f"the origins of {forecast.model} do not rise. Sort them, each once, and go on after "
            "the newest."
        )
