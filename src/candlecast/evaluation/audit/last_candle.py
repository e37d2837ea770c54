"""Whether the last candle looks as if it had still been open when the file was made."""

from __future__ import annotations

from candlecast.candles import Candles
from candlecast.evaluation.audit.findings import Finding
from candlecast.evaluation.audit.wording import counted

_RECENT = 60  # candles that the last one is compared with
_CUT_SHORT = 0.25  # of the least of those; of BTC/USDT's minutes in 2021, 1 in 300,000 is


def audit_last_candle(candles: Candles) -> Finding:
    """Whether the last candle looks as if it had still been open when the file was made.

    No file can prove that it was closed. One that holds far less than the hour before it is called
    cut short; of any other only a note can be made.

    Args:
        candles: The candles.
    """
    subject, check = "last candle", f"its volume against that of the {_RECENT} before it"
    opened = f"{candles.last:%Y-%m-%dT%H:%M:%SZ}"
    advice = f"To leave it out: --set data.end={opened}"
    volume = candles.frame["volume"]
    recent = volume[-1 - _RECENT : -1].to_numpy()
    if recent.size and volume[-1] < _CUT_SHORT * recent.min():
        leak = (
            f"The candle of {opened} holds {volume[-1]:.4g}, less than a quarter of the least of "
            f"the {counted(len(recent), 'candle')} before it: it was still open when the file was "
            f"made, so its close is not one. {advice}"
        )
        return Finding(subject, check, leak)
    note = (
        f"Nothing shows that the last candle, of {opened}, was cut short, and no file can prove "
        "that it was closed when the file was made. If it was not, the last target that is scored "
        f"is wrong. {advice}"
    )
    return Finding(subject, check, note=note)
