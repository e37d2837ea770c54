"""The quantiles head's loss is the mean pinball loss of what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from candlecast.distributions.quantile_function import LEVELS
from candlecast.models.sequence.heads.quantiles import QuantilesHead

HORIZONS = (1, 5, 60)


def test_the_loss_is_scikit_learn_s_pinball_loss_and_a_tenth_of_qlike() -> None:
    head, generator = QuantilesHead(HORIZONS), torch.Generator().manual_seed(0)
    outputs = torch.randn(30, head.outputs, generator=generator)
    returns = torch.randn(30, 3, generator=generator) * torch.tensor([1.0, 2.0, 8.0])
    realised = torch.rand(30, 3, generator=generator) * torch.tensor([1.0, 5.0, 60.0])
    said = head.says(outputs)
    values = said.spread.quantiles(LEVELS)
    qlike = (np.log(said.variance) + realised.double().numpy() / said.variance).mean(0)
    by_hand = 0.0
    for place, horizon in enumerate(HORIZONS):
        pinball = np.mean(
            [
                mean_pinball_loss(returns[:, place], values[:, place, column], alpha=level)
                for column, level in enumerate(LEVELS)
            ]
        )
        by_hand += (pinball / np.sqrt(horizon) + 0.1 * qlike[place]) / horizon
    by_hand /= sum(1 / horizon for horizon in HORIZONS)
    loss = head(outputs, torch.cat([returns, realised], dim=1))
    assert float(loss) == pytest.approx(by_hand, rel=1e-4)


def test_before_it_has_learned_its_quantiles_are_those_of_a_normal_distribution() -> None:
    head = QuantilesHead(HORIZONS)
    values = head.says(torch.zeros(1, head.outputs)).spread.quantiles(LEVELS)[0]
    normal = stats.norm.ppf(LEVELS) * np.sqrt(HORIZONS)[:, None]
    np.testing.assert_allclose(values, normal, rtol=1e-5, atol=1e-5)


def test_each_distance_between_quantiles_grows_with_the_horizon() -> None:
    head = QuantilesHead(HORIZONS)
    outputs = 3 * torch.randn(50, head.outputs, generator=torch.Generator().manual_seed(2))
    gaps = np.diff(head.quantiles(outputs).values.numpy(), axis=-1)
    assert (gaps > 0).all()
    assert (np.diff(gaps, axis=1) > -1e-4 * gaps[:, 1:]).all()
