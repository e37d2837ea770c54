"""A sequence forecaster learns what is planted, from the train rows alone, and carries it on."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from torch import Tensor

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.errors import InputError
from candlecast.models.forecaster import State
from candlecast.models.sequence.forecaster import SequenceForecaster, SequenceSettings
from candlecast.models.sequence.heads.student_t import StudentTHead
from candlecast.models.sequence.inputs import sequence_targets, volatility_of
from candlecast.models.sequence.network import SequenceNetwork
from candlecast.recipe import Recipe, SplitSettings, TrainingSettings
from candlecast.simulate import SimulatedMarket, simulate
from candlecast.splits import Split, split_rows
from candlecast.windows import WindowBatches

HORIZONS, LOOKBACK = (1, 5), 10
SETTINGS = SequenceSettings(
    network="lstm",
    options={"hidden": 8},
    members=2,
    dropout=0.0,
    linear=1.0,
    features=("scaled_return", "scaled_range", "close_location", "log_volatility"),
    horizons=HORIZONS,
    lookback=LOOKBACK,
    seed=3,
)
TRAINING = TrainingSettings(
    sequence=60,
    learning_rate=1e-2,
    schedule="one_cycle",
    clip=1.0,
    batch_size=16,
    steps=40,
    mirror=True,
    max_epochs=4,
    patience=4,
)
ONE_EPOCH = TRAINING.model_copy(update={"steps": 5, "max_epochs": 1})


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    """A fifth of the variance of the next return can be foretold here."""
    return simulate(rows=6_000, r2=0.2, seed=3)


@pytest.fixture(scope="module")
def learned(market: SimulatedMarket) -> SequenceForecaster:
    return SequenceForecaster(SETTINGS, TRAINING).fit(market.candles, split_of(market.candles))


def split_of(candles: Candles) -> Split:
    return split_rows(len(candles), SplitSettings(train=0.7, validation=0.1))


def skills(model: SequenceForecaster, market: SimulatedMarket) -> tuple[Floats, float]:
    """The skill in squared error on the test rows, and that of the best forecast there is."""
    candles = market.candles
    forecast = model.forecast(candles, model.origins(candles, split_of(candles).test, known=True))
    returns = forecast.actual_return
    naive = np.mean(returns**2, axis=0)
    skill = 1 - np.mean((returns - forecast.mean_return) ** 2, axis=0) / naive
    origins = np.searchsorted(candles.frame["time"].to_physical(), forecast.origin)
    best = 1 - np.mean((returns[:, 0] - market.expected_return[origins]) ** 2) / naive[0]
    return skill, float(best)


def test_it_learns_what_is_planted(market: SimulatedMarket, learned: SequenceForecaster) -> None:
    skill, best = skills(learned, market)
    assert 0.15 < best < 0.3
    assert skill[0] > 0.8 * best
    assert 0 < skill[1] < skill[0]


def test_without_a_linear_forecast_the_network_learns_it(market: SimulatedMarket) -> None:
    settings = SETTINGS.model_copy(update={"linear": None})
    alone = SequenceForecaster(settings, TRAINING).fit(market.candles, split_of(market.candles))
    skill, best = skills(alone, market)
    assert skill[0] > 0.8 * best


def test_the_network_learns_what_the_linear_forecast_leaves_over(
    market: SimulatedMarket, learned: SequenceForecaster
) -> None:
    skill, _ = skills(learned, market)
    linear = SequenceForecaster.from_state(learned.state())
    linear.shares_ = np.array([1.0, 0.0])
    assert 0.02 < skills(linear, market)[0][0] < skill[0] - 0.02


def test_its_distributions_cover_what_they_promise(
    market: SimulatedMarket, learned: SequenceForecaster
) -> None:
    candles = market.candles
    origins = learned.origins(candles, split_of(candles).test, known=True)
    forecast = learned.forecast(candles, origins)
    assert forecast.distribution is not None
    inside = np.abs(forecast.distribution.cdf(forecast.actual_return) - 0.5) <= 0.4
    np.testing.assert_allclose(inside.mean(axis=0), 0.8, atol=0.05)
    assert forecast.variance is not None
    steps = np.diff(np.log(candles.frame["close"].to_numpy())) ** 2
    realised = np.array([[steps[row : row + h].sum() for h in HORIZONS] for row in origins])
    np.testing.assert_allclose(forecast.variance.mean(axis=0), realised.mean(axis=0), rtol=0.15)
    assert np.corrcoef(forecast.variance[:, 1], realised[:, 1])[0, 1] > 0.2


@pytest.mark.parametrize("at_once", [16_384, 7])
def test_carrying_the_memory_on_says_what_reading_each_segment_at_once_does(
    learned: SequenceForecaster,
    gappy_candles: Candles,
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = learned.inputs(gappy_candles)
    segments = gappy_candles.segment_ids
    network = learned.network_.eval()
    with torch.inference_mode():
        said = torch.cat(
            [network(inputs[segments == each][None])[0] for each in np.unique(segments)]
        )
    assert isinstance(learned.head, StudentTHead)
    spread = learned.head.spread(said)
    linear, first = inputs[:, -1], spread.location[:, 0]
    of_linear, of_network = learned.shares_
    near = of_linear * linear + of_network * (first - linear)
    location = near[:, None] + (spread.location - first[:, None]) / 3
    volatility = volatility_of(gappy_candles)[:, None]
    close = gappy_candles.frame["close"].to_numpy()[:, None]
    mean = close * np.exp(volatility * location.double().numpy())
    variance = volatility**2 * spread.variance.double().numpy()

    monkeypatch.setattr("candlecast.models.sequence.forecaster._ROWS_AT_ONCE", at_once)
    everywhere = learned.origins(gappy_candles, range(len(gappy_candles)), known=False)
    for origins in (everywhere, everywhere[::13], np.array([620]), np.array([309, 888])):
        forecast = learned.forecast(gappy_candles, origins)
        np.testing.assert_allclose(forecast.mean, mean[origins], rtol=1e-7)
        assert forecast.variance is not None
        np.testing.assert_allclose(forecast.variance, variance[origins], rtol=1e-4)


def test_its_forecast_is_its_members_mean(
    learned: SequenceForecaster, market: SimulatedMarket
) -> None:
    rows = learned.inputs(market.candles)[None, :300]
    members = learned.network_.members
    assert isinstance(learned.network_, SequenceNetwork)
    with torch.inference_mode():
        each = torch.stack([member.eval()(rows)[0] for member in members])
        assert not torch.allclose(each[0], each[1], atol=1e-3), "they are not all alike"
        by_hand = each.mean(0)
        by_hand[..., 0] += rows[..., -1]
        torch.testing.assert_close(learned.network_.eval()(rows), by_hand)
        apart = learned.network_.train()(rows)
    assert apart.shape == (2, 1, 300, learned.head.outputs)
    torch.testing.assert_close(apart.mean(0), by_hand, rtol=1e-4, atol=1e-5)


def test_it_is_made_of_as_many_networks_as_it_has_members() -> None:
    sizes = [
        SequenceForecaster(SETTINGS.model_copy(update={"members": count})).parameters
        for count in (1, 2, 5)
    ]
    assert sizes[1:] == [2 * sizes[0], 5 * sizes[0]]


def test_what_holds_on_the_validation_rows_is_believed(learned: SequenceForecaster) -> None:
    assert learned.shares_.shape == (2,)
    assert (learned.shares_ > 0.5).all()
    assert (learned.shares_ <= 1).all()


def test_what_is_wrong_on_the_validation_rows_is_not_believed(market: SimulatedMarket) -> None:
    """Where every other return changes its sign, what came back goes on."""
    split = split_of(market.candles)
    returns = np.diff(np.log(market.candles.frame["close"].to_numpy()), prepend=0.0)
    returns[split.train.stop :: 2] *= -1
    close = np.exp(returns.cumsum())
    opened = np.concatenate([close[:1], close[:-1]])
    turned = market.candles.frame.with_columns(
        open=opened,
        close=close,
        high=np.maximum(opened, close) * 1.0001,
        low=np.minimum(opened, close) / 1.0001,
    )
    candles = Candles.from_frame(turned, "X", market.candles.interval)
    model = SequenceForecaster(SETTINGS, TRAINING).fit(candles, split)
    assert (model.shares_ >= 0).all()
    assert (model.shares_ < 0.1).all()


def changed(candles: Candles, rows: range) -> Candles:
    """The same candles with other prices and volumes in some rows."""
    here = pl.int_range(pl.len()).is_between(rows.start, rows.stop - 1)
    # Odd and even rows differ, so that returns are others and not prices alone.
    factor = 1.01 + 0.02 * (pl.int_range(pl.len()) % 2)
    prices = ("open", "high", "low", "close", "volume")
    frame = candles.frame.with_columns(
        pl.when(here).then(pl.col(name) * factor).otherwise(pl.col(name)) for name in prices
    )
    return Candles(frame, candles.symbol, candles.interval)


def weights_of(model: SequenceForecaster) -> dict[str, Any]:
    """All that it learned but how far its parts are believed."""
    state = model.state()
    return {"scaler": state.document["scaler"], **state.arrays}


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    assert first.keys() == second.keys()
    return all(np.array_equal(first[name], second[name]) for name in first)


def test_no_candle_after_the_train_part_reaches_the_scaler_or_a_weight(
    candles: Candles,
) -> None:
    split = split_of(candles)
    # With one epoch there is nothing for the validation rows to choose.
    honest = SequenceForecaster(SETTINGS, ONE_EPOCH).fit(candles, split)
    after, before = range(split.train.stop, len(candles)), range(split.train.stop - 1)
    other = SequenceForecaster(SETTINGS, ONE_EPOCH).fit(changed(candles, after), split)
    assert same(weights_of(other), weights_of(honest))
    assert other.outcome_.history[0]["train_loss"] == honest.outcome_.history[0]["train_loss"]
    assert other.outcome_.val_loss != honest.outcome_.val_loss, "the change is seen there"
    newest = range(before.stop, split.train.stop)
    sensitive = SequenceForecaster(SETTINGS, ONE_EPOCH).fit(changed(candles, newest), split)
    assert not same(weights_of(sensitive), weights_of(honest)), "the last train row is learned from"


def test_no_candle_before_the_train_part_or_after_the_validation_part_reaches_anything(
    candles: Candles,
) -> None:
    split = Split(range(200, 600), range(600, 700), range(700, 900))
    honest = SequenceForecaster(SETTINGS, ONE_EPOCH).fit(candles, split)
    for rows in (range(200), range(700, 900)):
        other = SequenceForecaster(SETTINGS, ONE_EPOCH).fit(changed(candles, rows), split)
        assert same(weights_of(other), weights_of(honest))
        assert other.outcome_ == honest.outcome_
        assert other.shares_.tolist() == honest.shares_.tolist()
    oldest = SequenceForecaster(SETTINGS, ONE_EPOCH).fit(changed(candles, range(201)), split)
    assert not same(weights_of(oldest), weights_of(honest)), "the first train row is learned from"


def test_it_warms_up_on_the_rows_before_a_part(gappy_candles: Candles) -> None:
    model = SequenceForecaster(SETTINGS)
    for rows, known, expected in [
        (range(400, 450), False, range(400, 450)),
        (range(400, 450), True, range(400, 445)),
        (range(20), False, range(9, 20)),
        (range(4, 20), False, range(9, 20)),
        (range(290, 330), False, [*range(290, 300), *range(309, 330)]),
        (range(290, 330), True, [*range(290, 295), *range(309, 325)]),
        (range(304, 330), False, range(309, 330)),
        (range(300, 309), False, []),
    ]:
        assert model.origins(gappy_candles, rows, known=known).tolist() == list(expected)


def test_a_warm_start_begins_from_the_weights_it_is_given(
    learned: SequenceForecaster, market: SimulatedMarket
) -> None:
    before = {name: value.clone() for name, value in learned.network_.state_dict().items()}
    still = ONE_EPOCH.model_copy(update={"learning_rate": 1e-9})
    split = split_of(market.candles)
    warm = SequenceForecaster(SETTINGS, still, start=learned.network_)
    cold = SequenceForecaster(SETTINGS, still)
    fresh = {name: value.clone() for name, value in cold.network_.state_dict().items()}
    for model, begun in ((warm, before), (cold, fresh)):
        for name, value in model.fit(market.candles, split).network_.state_dict().items():
            torch.testing.assert_close(value, begun[name], rtol=0, atol=1e-6)
    assert not torch.allclose(fresh["members.0.readout.weight"], before["members.0.readout.weight"])
    assert warm.outcome_.val_loss < cold.outcome_.val_loss
    moved = SequenceForecaster(SETTINGS, ONE_EPOCH, start=learned.network_)
    moved.fit(market.candles, split)
    for name, value in learned.network_.state_dict().items():
        assert torch.equal(value, before[name]), "the network it starts from is left alone"


class NothingIsTrainedError(Exception):
    """The sequences are laid out, and that is enough."""


def laid_out(
    candles: Candles, split: Split, monkeypatch: pytest.MonkeyPatch, **training: object
) -> tuple[WindowBatches, WindowBatches, SequenceForecaster]:
    """The training and the validation sequences."""
    taken: list[WindowBatches] = []

    def take(_: object, __: object, *batches: Any) -> None:
        taken.extend(batches[:2])
        raise NothingIsTrainedError

    monkeypatch.setattr("candlecast.models.trained_network.train", take)
    settings = TrainingSettings.model_validate(TRAINING.model_dump() | training)
    model = SequenceForecaster(SETTINGS, settings)
    with pytest.raises(NothingIsTrainedError):
        model.fit(candles, split)
    return taken[0], taken[1], model


def rows_of(batches: WindowBatches, first: int = 0) -> list[list[int]]:
    """The candles' rows of each sequence that there is; a fit counts from its first train row."""
    rows: list[list[int]] = (first + batches.origins[:, None] + batches.offsets).tolist()
    return rows


def test_sequences_start_in_their_part_and_know_no_target_beyond_their_segment(
    gappy_candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = Split(range(5, 650), range(650, 800), range(800, 889))
    training, validation, _ = laid_out(gappy_candles, split, monkeypatch, mirror=False)
    segment = gappy_candles.segment_ids
    for batches, part in ((training, split.train), (validation, split.validation)):
        _, targets = batches.gather(batches.origins)
        for rows, known in zip(rows_of(batches, first=5), targets.isfinite(), strict=True):
            assert len(rows) == 60
            for row, seen in zip(rows, known, strict=True):
                at_home = row < part.stop and segment[row] == segment[rows[0]]
                later = [row + h for h in HORIZONS]
                expected = [at_home and r < part.stop and segment[r] == segment[row] for r in later]
                assert seen.tolist() == expected * 2, (rows[0], row)
    starts = [rows[0] for rows in rows_of(training, first=5)]
    # Wherever the segment has ten candles left, the lookback: none is too short to learn from.
    assert starts == [*range(5, 291), *range(300, 591), *range(600, 641)]
    assert [rows[0] for rows in rows_of(validation, first=5)] == [650, 710, 770], "each row once"


def test_every_validation_row_of_every_segment_is_looked_at_once(
    gappy_candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = Split(range(250), range(250, 700), range(700, 889))
    _, validation, _ = laid_out(gappy_candles, split, monkeypatch, mirror=False)
    segment = gappy_candles.segment_ids
    looked_at = [
        row
        for rows in rows_of(validation)
        for row in rows
        if row < 700 and segment[row] == segment[rows[0]]
    ]
    assert sorted(looked_at) == list(range(250, 700))


def test_the_targets_of_a_part_end_with_it(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = split_of(candles)
    training, validation, model = laid_out(candles, split, monkeypatch, mirror=False)
    whole = sequence_targets(candles, HORIZONS)
    inputs = model.inputs(candles)
    for batches, part in ((training, split.train), (validation, split.validation)):
        for column, horizon in enumerate(HORIZONS * 2):
            known = part.stop - horizon
            assert torch.equal(batches.targets[:known, column], whole[:known, column])
            assert bool(batches.targets[known:, column].isnan().all())
        assert torch.equal(batches.inputs[: part.stop], inputs[: part.stop])
        assert bool((batches.inputs[part.stop :] == 0).all())


@pytest.mark.parametrize(
    ("steps", "mirror", "draws"), [(None, False, 11), (None, True, 11), (7, True, 7 * 16)]
)
def test_an_epoch_has_the_steps_asked_for_or_goes_once_through_the_rows(
    candles: Candles,
    monkeypatch: pytest.MonkeyPatch,
    steps: int | None,
    mirror: bool,
    draws: int,
) -> None:
    split = split_of(candles)  # 630 train rows, that is 10 and a half sequences
    training, _, _ = laid_out(candles, split, monkeypatch, steps=steps, mirror=mirror)
    assert (training.draws, len(training)) == (draws, -(-draws // 16))
    assert sum(len(targets) for _, targets in training) == draws


def test_in_the_mirror_the_same_sequences_are_learned_upside_down(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = split_of(candles)
    training, validation, model = laid_out(candles, split, monkeypatch)
    upright, upside_down = training.origins.chunk(2)
    assert torch.equal(upside_down - len(training.inputs) // 2, upright)
    inside = upright < split.train.stop
    upright, upside_down = upright[inside], upside_down[inside]
    inputs, targets = training.gather(upright)
    mirrored, of_mirrored = training.gather(upside_down)
    assert torch.equal(mirrored, sequences(model.inputs(candles.mirrored()), upright))
    assert torch.equal(inputs, sequences(model.inputs(candles), upright))
    turned = sequence_targets(candles.mirrored(), HORIZONS)[: split.train.stop]
    seen = targets.isfinite()
    assert torch.equal(of_mirrored.isfinite(), seen)
    torch.testing.assert_close(
        of_mirrored[seen], sequences(turned, upright)[seen], rtol=1e-3, atol=1e-4
    )
    assert len(validation.origins) < 5, "no mirror there"


def sequences(matrix: Tensor, origins: Tensor) -> Tensor:
    return matrix[origins[:, None] + torch.arange(-59, 1)]


def test_where_no_segment_is_as_long_as_a_sequence_it_learns_from_shorter_ones(
    candles: Candles, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = Split(range(50), range(50, 80), range(80, 100))
    training, validation, _ = laid_out(candles, split, monkeypatch, mirror=False)
    assert rows_of(training)[0] == list(range(50))
    assert rows_of(validation) == [list(range(50, 80))]


def test_a_train_part_without_a_sequence_is_refused_in_words(candles: Candles) -> None:
    split = Split(range(8), range(8, 80), range(80, 100))
    with pytest.raises(InputError, match="the train part has 8 rows and no forecast fits"):
        SequenceForecaster(SETTINGS, TRAINING).fit(candles, split)


def test_a_validation_part_without_a_known_target_is_refused_in_words(candles: Candles) -> None:
    settings = SETTINGS.model_copy(update={"horizons": (25,)})
    split = Split(range(600), range(600, 620), range(620, 900))
    with pytest.raises(InputError, match="the validation part has 20 rows and no forecast fits"):
        SequenceForecaster(settings, ONE_EPOCH).fit(candles, split)


@pytest.mark.parametrize("head", ["normal_mixture", "quantiles"])
def test_the_shares_move_any_distribution_and_leave_its_shape(
    market: SimulatedMarket, head: str
) -> None:
    settings = SETTINGS.model_copy(update={"head": head})
    model = SequenceForecaster(settings, ONE_EPOCH).fit(market.candles, split_of(market.candles))
    origins = np.arange(500, 520)
    model.shares_ = np.array([1.0, 0.0])
    spread = model.forecast(market.candles, origins).distribution
    model.shares_ = np.zeros(2)
    still = model.forecast(market.candles, origins).distribution
    assert spread is not None
    assert still is not None
    linear = model.inputs(market.candles)[origins, -1].double().numpy()
    by_hand = linear * volatility_of(market.candles)[origins]
    np.testing.assert_allclose(spread.location[:, 0], by_hand, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(still.location[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(still.width, spread.width, rtol=1e-9)


def test_a_model_saved_before_there_were_heads_is_read(learned: SequenceForecaster) -> None:
    state = learned.state()
    settings = {key: value for key, value in state.document["settings"].items() if key != "head"}
    again = SequenceForecaster.from_state(
        State({**state.document, "settings": settings}, state.arrays)
    )
    assert again.settings == learned.settings


def test_the_linear_forecast_is_in_units_of_the_first_horizon(market: SimulatedMarket) -> None:
    """A share of 1 of it, and nothing added, is the regression's own forecast."""
    settings = SETTINGS.model_copy(update={"horizons": (9,)})
    model = SequenceForecaster(settings, ONE_EPOCH).fit(market.candles, split_of(market.candles))
    with torch.no_grad():
        for weight in model.network_.parameters():
            weight.zero_()
    model.shares_ = np.ones(2)
    origins = np.arange(500, 520)
    forecast = model.forecast(market.candles, origins)
    assert forecast.distribution is not None
    linear = model.inputs(market.candles)[origins, -1].double().numpy()
    by_hand = 3.0 * linear * volatility_of(market.candles)[origins]
    np.testing.assert_allclose(forecast.distribution.location[:, 0], by_hand, rtol=1e-5)


def test_what_it_cannot_be_made_or_fitted_with_is_said(
    candles: Candles, learned: SequenceForecaster
) -> None:
    with pytest.raises(InputError, match="without training settings"):
        SequenceForecaster(SETTINGS).fit(candles, split_of(candles))
    with pytest.raises(InputError, match="the recipe econometric has no network"):
        SequenceSettings.from_recipe(Recipe.load("econometric"))
    state = learned.state()
    scaler = {**state.document["scaler"], "columns": ["a", "b", "c", "d"]}
    damaged = State({**state.document, "scaler": scaler}, state.arrays)
    with pytest.raises(ValueError, match=r"the scaler is of other columns: .'a', 'b', 'c', 'd'"):
        SequenceForecaster.from_state(damaged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shares": [1.0]}, "two numbers from 0 to 1"),
        ({"shares": [[1.0, 1.0]]}, "two numbers from 0 to 1"),
        ({"shares": [2.0, 0.5]}, "two numbers from 0 to 1"),
        ({"horizons": []}, "at least 1 item"),
        ({"mask": torch.ones(4)}, "the mask of 4 inputs"),
        ({"mask": torch.ones(3, dtype=torch.bool)}, "the mask of 4 inputs"),
        ({"weights": torch.ones(1, 1)}, "the linear forecast has the shape"),
    ],
)
def test_a_saved_model_that_was_changed_by_hand_is_refused(
    learned: SequenceForecaster, change: dict[str, Any], message: str
) -> None:
    state = learned.state()
    document, arrays = dict(state.document), dict(state.arrays)
    for name, value in change.items():
        if name == "horizons":
            document["settings"] = {**document["settings"], name: value}
        elif name == "shares":
            document[name] = value
        else:
            arrays[f"directional.{name}"] = value.numpy()
    with pytest.raises(ValueError, match=message):
        SequenceForecaster.from_state(State(document, arrays))
