"""The article's network has the article's size and arithmetic."""

from __future__ import annotations

import torch
from torch import nn

from candlecast.models.windowed.lstm import LSTM


def test_the_articles_network_has_203_393_parameters() -> None:
    network = LSTM(inputs=9, outputs=1)
    assert sum(weight.numel() for weight in network.parameters()) == 203_393
    assert str(network.lstm) == "LSTM(9, 128, num_layers=2, batch_first=True, dropout=0.2)"
    assert str(network.regressor) == "Linear(in_features=128, out_features=1, bias=True)"


def test_the_last_layers_last_hidden_state_goes_into_the_linear_layer() -> None:
    network = LSTM(inputs=3, outputs=2, hidden=4).eval()
    windows = torch.randn(5, 7, 3)
    states, _ = network.lstm(windows)
    assert torch.allclose(network(windows), network.regressor(states[:, -1]))


def test_one_layer_has_no_dropout_between_layers() -> None:
    assert LSTM(inputs=3, outputs=1, hidden=4, layers=1, dropout=0.5).lstm.dropout == 0.0
    assert isinstance(LSTM(inputs=3, outputs=1), nn.Module)
