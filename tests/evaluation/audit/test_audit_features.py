"""Every planted feature that looks ahead is found, by name and rows, and no honest one accused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from audit_helpers import leak_of, only

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.evaluation.audit import audit_features
from candlecast.evaluation.audit.features import Feature
from candlecast.features import FEATURES

CLOSE = pl.col("close")


@pytest.mark.parametrize("across_gaps", [False, True])
def test_every_feature_of_candlecast_is_clean(gappy_candles: Candles, across_gaps: bool) -> None:
    findings = audit_features(gappy_candles, FEATURES, across_gaps=across_gaps)
    assert [finding.subject for finding in findings] == [f"feature {name}" for name in FEATURES]
    assert [finding.leak for finding in findings] == [None] * len(FEATURES)


PLANTED: dict[str, tuple[Feature, int, str]] = {
    "centred_mean": (CLOSE.rolling_mean(5, center=True), 2, "looks 2 rows ahead"),
    "next_range": ((pl.col("high") / pl.col("low")).shift(-1), 1, "looks 1 row ahead"),
    "tomorrow": (pl.col("volume").shift(-7).rolling_mean(3), 7, "looks 7 rows ahead"),
    "whole_mean": (CLOSE / CLOSE.mean(), 899, "to the very last row (899 rows)"),
    "whole_minmax": ((CLOSE - CLOSE.min()) / (CLOSE.max() - CLOSE.min()), 899, "very last row"),
    "rows_to_go": (pl.len() - pl.int_range(pl.len()), 899, "very last row"),
    "later_sum": (pl.col("volume").cum_sum(reverse=True), 899, "very last row"),
    "next_close": (CLOSE.shift(-1), 1, "is the target itself: the close 1 candle ahead"),
    "next_return": (
        CLOSE.log().diff().shift(-1),
        1,
        "is the target itself: the log return 1 candle ahead",
    ),
    "far_close": (CLOSE.shift(-30), 30, "is the target itself: the close 30 candles ahead"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_feature_that_looks_ahead_is_named_with_its_rows(candles: Candles, name: str) -> None:
    feature, rows, words = PLANTED[name]
    planted = {"honest": CLOSE.rolling_mean(5), name: feature, "also_honest": CLOSE.diff(3)}
    leak = only(audit_features(candles, planted))
    assert (leak.subject, leak.rows) == (f"feature {name}", rows)
    assert words in leak_of(leak)
    assert leak_of(leak).startswith(name)


def test_a_look_ahead_stays_within_a_segment_that_starts_anew(gappy_candles: Candles) -> None:
    features = {"whole_mean": CLOSE / CLOSE.mean()}
    assert only(audit_features(gappy_candles, features)).rows == 299
    across = only(audit_features(gappy_candles, features, across_gaps=True))
    assert across.rows == len(gappy_candles) - 1


def filled_backward(candles: Candles) -> Floats:
    """A third party's feature: a volume, and where a gap follows the one from behind the gap."""
    every_minute = candles.frame.select("time", "volume").upsample("time", every="1m")
    next_minute = every_minute.with_columns(pl.col("volume").shift(-1))
    filled = next_minute.with_columns(pl.col("volume").backward_fill())
    at_gap = candles.frame["time"].diff().shift(-1) > candles.interval
    joined = candles.frame.select("time").join(filled, on="time", how="left")["volume"]
    own = candles.frame["volume"].to_numpy()
    return np.where(at_gap.fill_null(value=False).to_numpy(), joined.to_numpy(), own)


def test_a_backward_fill_across_a_gap_is_caught_at_the_gap(
    candles: Candles, gappy_candles: Candles
) -> None:
    leak = only(audit_features(gappy_candles, {"filled": filled_backward, "close": CLOSE}))
    assert (leak.subject, leak.rows) == ("feature filled", 1)
    assert audit_features(candles, {"filled": filled_backward})[0].leak is None, "without a gap"


def test_a_column_of_targets_made_beforehand_is_known_for_what_it_is(candles: Candles) -> None:
    beforehand = candles.frame["close"].to_numpy()
    given = {"mine": lambda table: np.append(beforehand[3:], [0.0] * 3)[: len(table)]}
    elsewhere = only(audit_features(candles, given))
    assert "computed elsewhere, maybe from the future" in leak_of(elsewhere), "not asked for"
    leak = only(audit_features(candles, given, horizons=(1, 3)))
    assert (leak.rows, leak.subject) == (3, "feature mine")
    assert "the close 3 candles ahead" in leak_of(leak)


def test_a_price_that_stands_still_is_not_taken_for_the_target(candles: Candles) -> None:
    price = pl.lit(5.0)
    flat = candles.frame.with_columns(
        price.alias(name) for name in ("open", "high", "low", "close")
    )
    still = Candles(flat, candles.symbol, candles.interval)
    findings = audit_features(still, {"close": CLOSE, "log_return": FEATURES["log_return"]})
    assert [finding.leak for finding in findings] == [None, None]


def test_functions_of_third_parties_are_audited_as_expressions_are(candles: Candles) -> None:
    def honest(table: Candles) -> Floats:
        return table.to_pandas()["close"].ewm(span=10).mean().to_numpy()

    def leaking(table: Candles) -> Floats:
        closes = table.frame["close"].to_numpy()
        return closes - np.convolve(closes, np.ones(7) / 7, mode="same")

    def crashing(table: Candles) -> Floats:
        if len(table) < len(candles):
            raise IndexError("too short")
        return table.frame["close"].to_numpy()

    def random(table: Candles) -> Floats:
        return np.random.default_rng().normal(size=len(table))

    findings = audit_features(
        candles, {"ewm": honest, "same": leaking, "crash": crashing, "dice": random}
    )
    assert [(finding.leak is None, finding.rows) for finding in findings] == [
        (True, 0),
        (False, 3),
        (False, 1),
        (False, 0),
    ]
    assert "without that it fails (IndexError: too short)" in leak_of(findings[2])
    assert "comes out different each time" in leak_of(findings[3])


@pytest.mark.parametrize("needed", [30, 800])
def test_a_feature_that_needs_so_many_rows_is_not_accused(candles: Candles, needed: int) -> None:
    def average(table: Candles) -> Floats:
        if len(table) < needed:
            raise ValueError(f"needs {needed} candles")
        return table.frame["close"].rolling_mean(30).to_numpy()

    (finding,) = audit_features(candles, {"average": average})
    assert (finding.leak, finding.note) == (None, None)


def test_a_look_ahead_is_measured_in_a_feature_that_needs_many_rows(candles: Candles) -> None:
    def centred(table: Candles) -> Floats:
        if len(table) < 30:
            raise ValueError("needs 30 candles")
        return table.frame["close"].rolling_mean(7, center=True).to_numpy()

    assert only(audit_features(candles, {"centred": centred})).rows == 3


def test_a_feature_that_fails_wherever_the_future_is_another_is_caught(candles: Candles) -> None:
    closes = candles.frame["close"]

    def demanding(table: Candles) -> Floats:
        if len(table) < len(candles) or table.frame["close"][-1] != closes[-1]:
            raise KeyError("the last close")
        return table.frame["close"].to_numpy()

    leak = only(audit_features(candles, {"demanding": demanding}))
    assert "without that it fails (KeyError: 'the last close')" in leak_of(leak)


def test_a_feature_that_can_be_computed_only_once_could_not_be_audited(candles: Candles) -> None:
    asked: list[int] = []

    def once(table: Candles) -> Floats:
        asked.append(len(table))
        if len(asked) > 1:
            raise RuntimeError("the feed is closed")
        return table.frame["close"].to_numpy()

    (finding,) = audit_features(candles, {"once": once})
    assert finding.leak is None
    assert finding.note == (
        "The feature once could not be audited: RuntimeError: the feed is closed"
    )


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (pl.col("clse"), "feature mine cannot be computed .*clse"),
        (lambda table: table.frame["close"].to_numpy()[3:], "shape .897,. for 900 candles"),
    ],
)
def test_a_feature_that_cannot_be_computed_is_named(
    candles: Candles, feature: Feature, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        audit_features(candles, {"mine": feature})
