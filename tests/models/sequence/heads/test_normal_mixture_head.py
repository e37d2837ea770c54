"""The mixture head's loss is the log score of what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from candlecast.models.sequence.heads.normal_mixture import NormalMixtureHead

HORIZONS = (1, 5, 60)


def test_the_loss_is_the_log_score_of_what_it_says_and_a_tenth_of_qlike() -> None:
    head, generator = NormalMixtureHead(HORIZONS), torch.Generator().manual_seed(0)
    outputs = torch.randn(30, head.outputs, generator=generator)
    returns = torch.randn(30, 3, generator=generator) * torch.tensor([1.0, 2.0, 8.0])
    realised = torch.rand(30, 3, generator=generator) * torch.tensor([1.0, 5.0, 60.0])
    said = head.says(outputs)
    qlike = np.log(said.variance) + realised.double().numpy() / said.variance
    losses = -said.spread.log_density(returns.double().numpy()) + 0.1 * qlike
    weights = 1 / np.array(HORIZONS)
    by_hand = (losses * weights).mean(0).sum() / weights.sum()
    loss = head(outputs, torch.cat([returns, realised], dim=1))
    assert float(loss) == pytest.approx(by_hand, rel=1e-4)


def test_location_and_width_are_what_the_network_says_of_them() -> None:
    head = NormalMixtureHead((1, 5))
    outputs = torch.randn(20, head.outputs, generator=torch.Generator().manual_seed(3))
    outputs[:, :4] = torch.tensor([0.1, -0.2, 0.3, 0.4])
    spread = head.says(outputs).spread
    np.testing.assert_allclose(spread.location[:, 0], 0.1, atol=1e-5)
    np.testing.assert_allclose(spread.location[:, 1], 0.1 - 0.2 * 2, atol=1e-5)
    variance = np.cumsum([np.exp(0.6), 4 * np.exp(0.8)])
    np.testing.assert_allclose(spread.width**2, np.tile(variance, (20, 1)), rtol=1e-4)


def test_no_component_is_so_narrow_that_the_likelihood_has_no_bound() -> None:
    head = NormalMixtureHead((1,))
    outputs = 1e4 * torch.randn(500, head.outputs, generator=torch.Generator().manual_seed(1))
    mixture = head.mixture(outputs)
    deviation = head.says(outputs).spread.width[..., None]
    assert (mixture.scales.numpy() > 0.01 * deviation).all()
