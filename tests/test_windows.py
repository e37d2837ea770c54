"""Windows lie inside their rows and segments, and a batch holds just what it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from candlecast.candles import Candles
from candlecast.windows import WindowBatches, window_origins


def batches(
    rows: int = 40,
    lookback: int = 3,
    batch_size: int = 8,
    shuffle_seed: int | None = None,
    *,
    every_step: bool = False,
    draws: int | None = None,
) -> WindowBatches:
    """Windows over two columns that tell their row."""
    row = torch.arange(rows, dtype=torch.float32)
    return WindowBatches(
        inputs=torch.stack([row, row * 10], dim=1),
        targets=(row + 1)[:, None],
        origins=torch.arange(lookback - 1, rows - 1),
        lookback=lookback,
        batch_size=batch_size,
        shuffle_seed=shuffle_seed,
        every_step=every_step,
        draws=draws,
    )


def epoch_of(windows: WindowBatches) -> list[float]:
    """The targets of an epoch's origins, in the order that they come."""
    return torch.cat([targets for _, targets in windows]).ravel().tolist()


def test_the_articles_small_example_comes_out() -> None:
    # Five rows, sequences of three: the labels are 9 and 10.
    feature = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    label = torch.tensor([6.0, 7.0, 8.0, 9.0, 10.0])
    windows = WindowBatches(
        inputs=torch.stack([feature, label], dim=1),
        targets=label.roll(-1)[:, None],
        origins=torch.tensor([2, 3]),
        lookback=3,
        batch_size=2,
    )
    ((inputs, targets),) = list(windows)
    assert targets.tolist() == [[9.0], [10.0]]
    assert inputs.tolist() == [[[1, 6], [2, 7], [3, 8]], [[2, 7], [3, 8], [4, 9]]]


@given(
    start=st.integers(0, 400),
    length=st.integers(0, 480),
    lookback=st.integers(1, 80),
    ahead=st.integers(0, 30),
    across_gaps=st.booleans(),
)
def test_origins_are_those_whose_windows_fit_and_no_others(
    gappy_candles: Candles, start: int, length: int, lookback: int, ahead: int, across_gaps: bool
) -> None:
    rows = range(start, start + length)
    found = window_origins(gappy_candles, rows, lookback, ahead, across_gaps=across_gaps)
    segment = gappy_candles.segment_ids
    fitting = [
        origin
        for origin in rows
        if origin - lookback + 1 >= rows.start
        and origin + ahead < rows.stop
        and (across_gaps or segment[origin - lookback + 1] == segment[origin + ahead])
    ]
    assert found.tolist() == fitting


def test_batches_come_in_time_order_with_the_rest_at_the_end() -> None:
    windows = batches()
    parts = list(windows)
    assert len(parts) == len(windows) == 5
    assert [len(targets) for _, targets in parts] == [8, 8, 8, 8, 5]
    targets = torch.cat([targets for _, targets in parts])
    assert targets.ravel().tolist() == list(range(3, 40))
    assert (torch.cat([inputs for inputs, _ in parts])[:, -1, 0] + 1 == targets.ravel()).all()
    assert next(inputs.shape for inputs, _ in parts) == (8, 3, 2)


def test_shuffling_visits_every_window_once_in_another_order_each_epoch() -> None:
    windows = batches(shuffle_seed=1)
    epochs = [torch.cat([targets for _, targets in windows]).ravel() for _ in range(3)]
    assert all(sorted(epoch.tolist()) == list(range(3, 40)) for epoch in epochs)
    assert len({tuple(epoch.tolist()) for epoch in epochs}) == 3
    again = batches(shuffle_seed=1)
    assert torch.equal(torch.cat([targets for _, targets in again]).ravel(), epochs[0])


@pytest.mark.parametrize("draws", [None, 36, 100])
def test_a_restored_place_goes_on_where_it_was_saved(draws: int | None) -> None:
    for taken in (1, 3, 5):
        windows = batches(shuffle_seed=3, draws=draws)
        iterator = iter(windows)
        for _ in range(taken):
            next(iterator)
        place = windows.state_dict()
        rest = [targets for _, targets in iterator]
        assert len(rest) == len(windows) - taken
        following = [targets for _, targets in windows]
        resumed = batches(shuffle_seed=3, draws=draws)
        resumed.load_state_dict(place)
        if rest:
            assert all(map(torch.equal, rest, [targets for _, targets in resumed]))
        assert all(map(torch.equal, following, [targets for _, targets in resumed]))


@pytest.mark.parametrize("draws", [5, 36, 100])
def test_so_many_windows_are_drawn_afresh_each_epoch_and_the_same_from_the_same_seed(
    draws: int,
) -> None:
    windows, again, other = (batches(shuffle_seed=seed, draws=draws) for seed in (1, 1, 9))
    assert len(windows) == -(-draws // 8)
    epochs = [epoch_of(windows) for _ in range(3)]
    assert [len(epoch) for epoch in epochs] == [draws] * 3
    assert all(set(epoch) <= set(range(3, 40)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert [epoch_of(again) for _ in range(3)] == epochs
    assert epoch_of(other) != epochs[0]


def test_every_window_is_as_likely_to_be_drawn_however_often_it_was() -> None:
    counts = np.unique(epoch_of(batches(shuffle_seed=1, draws=37_000)), return_counts=True)[1]
    assert len(counts) == 37
    # Each is drawn 1,000 times, give or take a standard deviation of 32.
    assert 1_000 - 5 * 32 < counts.min() <= counts.max() < 1_000 + 5 * 32
    assert counts.std() > 10, "they are not each taken equally often"


def test_every_step_gives_each_row_s_targets() -> None:
    for windows in (batches(every_step=True), batches(every_step=True, shuffle_seed=1, draws=20)):
        seen = []
        for inputs, targets in windows:
            assert targets.shape == (len(inputs), 3, 1)
            assert torch.equal(targets[..., 0], inputs[..., 0] + 1)
            assert torch.equal(inputs[:, :, 0].diff(dim=1), torch.ones(len(inputs), 2))
            seen += targets[:, -1, 0].tolist()
        assert len(seen) == (windows.draws or 37)
    last = epoch_of(batches())
    ends = torch.cat([targets[:, -1] for _, targets in batches(every_step=True)])
    assert ends.ravel().tolist() == last == list(range(3, 40))


def test_an_abandoned_epoch_does_not_shorten_the_next() -> None:
    windows = batches()
    next(iter(windows))
    assert len(list(windows)) == 5


def test_windows_are_never_built() -> None:
    rows, features = 20_000, 9
    inputs = torch.zeros(rows, features)
    origins = torch.from_numpy(np.arange(119, rows - 1))
    windows = WindowBatches(inputs, torch.zeros(rows, 1), origins, 120, 64)
    assert windows.inputs.data_ptr() == inputs.data_ptr()
    held = {
        id(value): value.numel() * value.element_size()
        for value in vars(windows).values()
        if isinstance(value, torch.Tensor)
    }
    extra = sum(held.values()) - inputs.numel() * inputs.element_size()
    assert extra < inputs.numel() * inputs.element_size()
