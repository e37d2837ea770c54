"""How far each of several models is believed, and what they say together.

The weights are those of dynamic model averaging (Raftery, Kárný and Ettler 2010, "Online prediction
under model uncertainty via dynamic model averaging"): each is the exponential of the log scores so
far, of which the older count less and less. Nothing is retrained, and an outcome counts from the
moment that its target candle is closed.

What is averaged is the quantiles, which keeps bands as narrow as those of the models (Lichtendahl,
Grushka-Cockayne and Winkler 2013, "Is it better to average probabilities or quantiles?"). Of
Student's t with equal degrees of freedom that is exact. Where they differ, their inverses are
averaged, and the scale is chosen so that the band of 80 % is exactly the average of theirs; the
others are near it, the less so the further out and the more the degrees differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.signal import lfilter

from candlecast.distributions import Floats, StudentT

_BAND_END = 0.9  # of the band of 80 %
_WORST = -50.0  # a log score that outweighs all others; less would only be remembered for longer


def weights(
    scores: Sequence[Floats], rows: NDArray[np.int64], horizons: Sequence[int], memory: int
) -> Floats:
    """How far each model is believed at each row.

    A horizon's scores are divided by its length: the spans of neighbouring rows overlap, and tell
    the same thing again.

    Args:
        scores: Of each model the log scores of what it said at the rows, in any one unit, NaN where
            no outcome is known; each of shape [rows, horizons].
        rows: Row numbers, rising; shape [rows].
        horizons: Candles ahead.
        memory: Candles after which a score counts 1/e of what it did.

    Returns:
        Shape [models, rows, horizons]; they add up to 1. Known at a row are the outcomes of the
        rows at least a horizon before it, and no others.
    """
    told = np.stack([_told(each, rows, horizons, memory) for each in scores])
    odds = np.exp(told - told.max(axis=0))
    return np.asarray(odds / odds.sum(axis=0))


def pooled(models: Sequence[StudentT], shares: Floats) -> StudentT:
    """What models say together.

    Args:
        models: Student's t of each; shape [rows, horizons].
        shares: How far each is believed; shape [models, rows, horizons].
    """

    def mean(parts: Iterable[Floats]) -> Floats:
        total: Floats = np.zeros(shares.shape[1:])
        for share, part in zip(shares, parts, strict=True):
            total = total + share * part
        return total

    degrees = 1 / mean(1 / model.degrees for model in models)
    reach = mean(model.scale * special.stdtrit(model.degrees, _BAND_END) for model in models)
    scale = reach / special.stdtrit(degrees, _BAND_END)
    return StudentT(mean(model.location for model in models), scale, degrees)


def _told(scores: Floats, rows: NDArray[np.int64], horizons: Sequence[int], memory: int) -> Floats:
    """The log scores that are known at each row, added up with those long ago fading."""
    kept = np.exp(-1 / memory)
    every = np.zeros((int(rows[-1]) + 1 if len(rows) else 0, len(horizons)))
    every[rows] = np.nan_to_num(scores.clip(min=_WORST))
    told = np.empty_like(scores)
    for place, horizon in enumerate(horizons):
        summed = lfilter([1 / horizon], [1, -kept], every[:, place])
        known = np.concatenate([np.zeros(horizon), summed])[: len(summed)]
        told[:, place] = known[rows]
    return told
