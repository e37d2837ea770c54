"""Other futures are valid candles, leave the past alone and change all that comes after."""

from __future__ import annotations

import pytest

from candlecast.candles import Candles
from candlecast.evaluation.audit.futures import other_futures


@pytest.mark.parametrize("origin", [-1, 0, 299, 898, 899])
def test_another_future_is_valid_and_leaves_the_past_alone(candles: Candles, origin: int) -> None:
    past = candles.frame[: origin + 1]
    for way, future in other_futures(candles, origin).items():
        assert future.frame[: origin + 1].equals(past)
        assert len(future) == (origin + 1 if way == "deleted" else len(candles))
        if len(future):
            Candles.from_frame(future.frame, candles.symbol, candles.interval)
        if way != "deleted":
            assert future.frame["time"].equals(candles.frame["time"])
        takers, all_of_them = future.frame["taker_buy_volume"], future.frame["volume"]
        assert (takers <= all_of_them).all()


def test_a_changed_future_changes_every_number_of_every_row(candles: Candles) -> None:
    future = other_futures(candles, 99)["changed"].frame[100:]
    for name in set(candles.frame.columns) - {"time"}:
        assert (future[name] != candles.frame[name][100:]).mean() == pytest.approx(1, abs=0.01)
