"""Under which names files keep what a candle has."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from candlecast.checks import first_repeated
from candlecast.errors import CandleError, InputError

_NAMES = {
    "unix": "unix unixtimestamp unixtime",
    "date": "date datetime",
    "time": "time timestamp ts t opentime klineopentime opentimestamp",
    "symbol": "symbol pair",
    "open": "open o openprice",
    "high": "high h highprice",
    "low": "low l lowprice",
    "close": "close c closeprice",
    "volume": "volume vol v basevolume volumebase",
    "quote_volume": "quotevolume quoteassetvolume quoteav qav quotevol volumequote",
    "trades": "trades tradecount numberoftrades numtrades count ntrades numberoftrade",
    "taker_buy_volume": "takerbuyvolume takerbuybaseassetvolume takerbuybasevolume tbbaseav "
    "takerbasevol takerbuybase",
    "taker_buy_quote_volume": "takerbuyquotevolume takerbuyquoteassetvolume tbquoteav "
    "takerquotevol takerbuyquote",
    "close_time": "closetime klineclosetime closetimestamp",
    "closed": "isclosed closed isfinal confirm",
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_PRICES = ("open", "high", "low", "close")


def plain(name: str) -> str:
    """A name in small letters, without signs: ``Unix Timestamp`` is ``unixtimestamp``."""
    return re.sub(r"[^a-z0-9\x80-\U0010ffff]", "", name.lower())


def roles_of(columns: Sequence[str]) -> dict[str, int]:
    """The place of each role's column, by the names that are known.

    Raises:
        CandleError: If two columns have the same role.
    """
    places: dict[str, int] = {}
    for place, name in enumerate(columns):
        role = _ROLES.get(plain(name))
        if role is None:
            continue
        if role in places:
            if columns[places[role]] == name:
                raise CandleError(f"column '{name}' stands twice", "Keep one of them.")
            raise CandleError(
                f"columns '{columns[places[role]]}' and '{name}' both tell {role}",
                f'Say which, with columns={{"{role}": "{name}"}}.',
            )
        places[role] = place
    return places


def has_prices(columns: Sequence[str]) -> bool:
    """Whether there is a column for each of open, high, low and close."""
    found = {_ROLES.get(plain(name)) for name in columns}
    return found.issuperset(_PRICES)


def is_header(cells: Sequence[str], named: Collection[str] = ()) -> bool:
    """Whether a line's cells are names of a candle file rather than values or a banner.

    Args:
        cells: The line's.
        named: The names that the user gives columns; most of them stand in the header.
    """
    if 2 * sum(name in cells for name in named) > len(named):
        return True
    known = [role for cell in cells if (role := _ROLES.get(plain(cell)))]
    return len(known) >= 3 and len(set(known) & set(_PRICES)) >= 2


def mapped_roles(columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """The places that the user's own names give, and the known names for what they leave open.

    Raises:
        InputError: If the mapping asks for a role or a column that is not there, or twice for one.
    """
    for role, name in mapping.items():
        if role not in _NAMES:
            raise InputError(f"columns: '{role}' is no column of candles. Use {', '.join(_NAMES)}.")
        if name not in columns:
            raise CandleError(
                f"columns: there is no column '{name}' for {role}",
                f"The file has {', '.join(columns) or 'no header'}.",
            )
        if list(columns).count(name) > 1:
            raise CandleError(f"column '{name}' stands twice", "Keep one of them.")
    if (twice := first_repeated(list(mapping.values()))) is not None:
        raise InputError(f"columns: '{twice}' is given twice. Give each column one meaning.")
    taken = set(mapping.values())
    times = {"time", "unix", "date"}
    closed_to = set(mapping) | (times if times & set(mapping) else set())
    rest = [
        "" if name in taken or _ROLES.get(plain(name)) in closed_to else name for name in columns
    ]
    return roles_of(rest) | {role: list(columns).index(name) for role, name in mapping.items()}
