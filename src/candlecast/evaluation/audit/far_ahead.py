"""Whether a feature looks further ahead than the stretch of candles that is tried reaches.

On a short stretch, what lies thousands of rows ahead is not there, so a feature that reads it has
the same value in every future. Here the second half of all candles is left out: whatever reads it,
from any row of the first half, comes out different.
"""

from __future__ import annotations

from collections.abc import Mapping

from candlecast.candles import Candles
from candlecast.distributions import Floats
from candlecast.evaluation.audit.features import Feature, feature_column
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.futures import delete_after
from candlecast.evaluation.audit.look_ahead import first_difference, last_read
from candlecast.evaluation.audit.wording import NOT_AUDITED, counted, said

_CHECK = "leaving out the second half of all candles"


def audit_far_ahead(
    candles: Candles, features: Mapping[str, Feature], *, across_gaps: bool = False
) -> list[Finding]:
    """Compute features on the first half of the candles alone, and compare to the bit.

    Args:
        candles: All that there are.
        features: By name; each is computed twice.
        across_gaps: As in `audit_features`.

    Returns:
        One finding a feature, in order.
    """
    return [
        _audited(name, feature, candles, across_gaps=across_gaps)
        for name, feature in features.items()
    ]


def _audited(name: str, feature: Feature, candles: Candles, *, across_gaps: bool) -> Finding:
    subject = f"feature {name} on all candles"

    def column(last: int) -> Floats:
        return feature_column(feature, delete_after(candles, last), across_gaps)

    half = len(candles) // 2 - 1
    try:
        whole, alone = column(len(candles) - 1), column(half)
    except Exception as error:  # of others' code, which may raise whatever it likes
        note = f"The {subject} could not be audited: {said(error)}"
        return Finding(subject, NOT_AUDITED, note=note)
    row = first_difference(alone, whole[: half + 1])
    if row is None:
        return Finding(subject, _CHECK)

    def depends(last: int) -> bool:
        return first_difference(column(last)[row : row + 1], whole[row : row + 1]) is not None

    ahead = last_read(depends, half, len(candles) - 1) - row
    leak = (
        f"{name} looks {counted(ahead, 'row')} ahead: at {candles.frame['time'][row]} it is "
        "another without the second half of the candles. Compute it from rows up to its own."
    )
    return Finding(subject, _CHECK, leak, ahead)
