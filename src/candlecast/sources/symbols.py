"""The market's name, out of what a file is called."""

from __future__ import annotations

import re
from pathlib import PurePath

QUOTES = (
    "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "DAI", "USD", "EUR", "GBP", "JPY", "TRY", "AUD",
    "BRL", "KRW", "BTC", "ETH", "BNB",
)  # fmt: skip
"""What coins are priced in, longest and most common first."""

_SITES = (
    "BINANCE", "BITSTAMP", "GEMINI", "COINBASE", "KRAKEN", "BITFINEX", "POLONIEX", "OKX", "OKEX",
    "KUCOIN", "BYBIT", "FTX", "HUOBI", "CEXIO", "EXMO", "BITTREX", "GATEIO", "CRYPTODATADOWNLOAD",
)  # fmt: skip


def symbol_of(name: str) -> str | None:
    """The symbol that a file's name starts with; None if it starts with none.

    ``BTCUSDT-1m-2024-12.csv``, ``btc-usdt_1m_2021.parquet``, ``BTC_USDT-1m.json`` and
    ``Binance_BTCUSDT_minute.csv`` are all of BTCUSDT.
    """
    base = PurePath(name.replace("\\", "/")).name
    parts = [part.upper() for part in re.split(r"[_\-. ]", base.partition(".")[0])]
    if len(parts) > 1 and parts[0] in _SITES:
        parts = parts[1:]
    if len(parts) > 1 and parts[0] not in QUOTES[:7] and parts[1] in QUOTES:
        parts[0] += parts[1]
    known = re.fullmatch(r"[A-Z0-9]{1,30}", parts[0]) and re.search(r"[A-Z]", parts[0])
    return parts[0] if known else None


def base_and_quote(symbol: str) -> tuple[str, str] | None:
    """The coin and what it is priced in, of ``BTC/USDT`` or ``BTCUSDT``; None if not to be told."""
    if symbol.count("/") == 1:
        base, quote = symbol.upper().split("/")
        return (base, quote) if base and quote else None
    for quote in QUOTES:
        if symbol.upper().endswith(quote) and len(symbol) > len(quote):
            return symbol.upper().removesuffix(quote), quote
    return None
