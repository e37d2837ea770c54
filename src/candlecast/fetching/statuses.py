"""What an HTTP status says: go on, ask again, wait, or stop."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from candlecast.errors import FetchError, InputError
from candlecast.fetching.http import Answer
from candlecast.fetching.retries import PassingError

_BARRED = (
    "Name another host with --base-url, such as https://data-api.binance.vision, which has the "
    "same candles."
)
_LATER = "The exchange has a fault: try again later."
_LONGEST_WAIT_S = 900.0
_STORM = 30  # answers of 429 in a row, each of which is obeyed
_UNTOLD_WAIT_S = 60.0  # limits are counted by the minute


def check_status(answer: Answer, elsewhere: str = _BARRED) -> None:
    """Nothing for 200; what else the status says as an error.

    Args:
        answer: What was answered.
        elsewhere: What to do where the server bars this address.

    Raises:
        PassingError: For 429, 408 and 5xx.
        InputError: If the exchange calls the request wrong, in its own words.
        FetchError: If the address is banned or barred, or the status is none of these.
    """
    status = answer.status
    if status == 200:
        return
    if status == 418:
        raise _banned(answer)
    if status == 429:
        raise _too_many(answer)
    if status == 408 or status >= 500:
        wait = retry_after_s(answer.headers)
        raise PassingError(
            f"{answer.url}: {_status_text(answer)}", _LATER, None if wait is None else _capped(wait)
        )
    if status in (403, 451):
        raise FetchError(
            f"{answer.host} does not serve this address or country ({_status_text(answer)}). "
            f"{elsewhere}"
        )
    said = _exchange_says(answer.content)
    if said is not None:
        raise InputError(f"{answer.host} refuses the request: {said}. Check what is asked for.")
    raise FetchError(f"{answer.url}: {_status_text(answer)}. Is the address right?")


def server_date(headers: httpx.Headers) -> datetime | None:
    """The server's clock as its ``Date`` header has it, to the second; None if it has none."""
    return _http_date(headers.get("Date", ""))


def retry_after_s(headers: httpx.Headers) -> float | None:
    """How many seconds ``Retry-After`` asks to wait, whether in seconds or as a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    until, now = _http_date(text), server_date(headers)
    if until is None or now is None:
        return None
    return max((until - now).total_seconds(), 0.0)


def _http_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _too_many(answer: Answer) -> Exception:
    wait = retry_after_s(answer.headers)
    wait = _UNTOLD_WAIT_S if wait is None else wait
    if wait > _LONGEST_WAIT_S:
        return FetchError(
            f"{answer.host} was asked too often from this address (429) and serves it again "
            f"{_until(answer, wait)}. Give the same command then; what was fetched is kept."
        )
    return PassingError(
        f"{answer.host} was asked too often from this address (429)",
        "Something else here asks it too: stop that, or try again later.",
        wait,
        tries=_STORM,
    )


def _banned(answer: Answer) -> FetchError:
    wait = retry_after_s(answer.headers)
    until = "later (it does not say when)" if wait is None else _until(answer, wait)
    return FetchError(
        f"{answer.host} has banned this address for asking too often (418) and serves it again "
        f"{until}. Asking before makes it longer. Give the same command then; what was fetched is "
        "kept."
    )


def _until(answer: Answer, wait_s: float) -> str:
    now = server_date(answer.headers)
    if now is None:
        return f"in {wait_s:,.0f} s"
    try:
        return f"after {now + timedelta(seconds=wait_s):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return f"in {wait_s:,.0f} s"


def _exchange_says(content: bytes) -> str | None:
    """The exchange's own words, such as ``Invalid symbol. (code -1121)``."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or "msg" not in said:
        return None
    return f"{str(said['msg'])[:200]} (code {str(said.get('code'))[:20]})"


def _status_text(answer: Answer) -> str:
    said = _exchange_says(answer.content)
    return f"status {answer.status}" + ("" if said is None else f", {said}")


def _capped(wait_s: float) -> float:
    return min(wait_s, _LONGEST_WAIT_S)
