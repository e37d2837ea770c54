"""One request: bounded in time and in size, and answered by the host that was asked."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

import candlecast
from candlecast.errors import FetchError, InputError, MissingCodeError
from candlecast.fetching.clock import Clock
from candlecast.fetching.retries import PassingError

_CHECK_NETWORK = "Check the network and the proxy variables (HTTPS_PROXY, NO_PROXY)."
_SILENCE_S = 20.0  # a server that says nothing for so long has gone
_REDIRECTS = 3


@dataclass(frozen=True)
class Answer:
    """What a server answered, whatever its status."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    content: bytes

    @property
    def host(self) -> str:
        """Who answered, as messages name it."""
        return self.url.netloc.decode()


class Http:
    """A client for one fetch, which several threads may share; close it in the end.

    Proxies come from the usual variables (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``,
    ``NO_PROXY``).

    Args:
        clock: What measures the deadline.
        deadline_s: The longest that one answer may take, however steadily it drips.

    Raises:
        InputError: If a proxy variable cannot be used.
    """

    def __init__(self, clock: Clock, deadline_s: float = 300.0) -> None:
        self._clock = clock
        self._deadline_s = deadline_s
        try:
            self._client = httpx.Client(
                timeout=_SILENCE_S,
                headers={"User-Agent": f"candlecast/{candlecast.__version__}"},
            )
        except ImportError as missing:
            raise MissingCodeError(
                "the proxy variables name a SOCKS proxy, which needs more code. Install it with: "
                "pip install 'httpx[socks]'"
            ) from missing
        except (httpx.InvalidURL, ValueError) as error:
            raise InputError(
                f"a proxy variable cannot be used ({error}). Write it like http://host:3128."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, url: str, query: dict[str, str | int] | None = None, *, at_most: int) -> Answer:
        """Ask once.

        Args:
            url: Where.
            query: What is asked.
            at_most: The most bytes that a true answer can have.

        Raises:
            PassingError: If no whole answer came in time.
            FetchError: If the answer is larger, or leads to another host.
        """
        target = httpx.URL(url, params=query) if query else httpx.URL(url)
        for _ in range(_REDIRECTS + 1):
            answer, onward = self._ask(target, at_most)
            if onward is None:
                return answer
            target = _same_host(target, onward)
        raise FetchError(f"{url} leads round in circles. Check the address.")

    def _ask(self, url: httpx.URL, at_most: int) -> tuple[Answer, httpx.URL | None]:
        """The answer, and where it sends us if it does."""
        ends = self._clock.now() + self._deadline_s
        try:
            with self._client.stream("GET", url) as response:
                content = self._read(response, at_most, ends)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise PassingError(
                f"{url}: the transfer failed ({error or type(error).__name__})", _CHECK_NETWORK
            ) from error
        onward = response.next_request
        answer = Answer(url, response.status_code, response.headers, content)
        return answer, None if onward is None else onward.url

    def _read(self, response: httpx.Response, at_most: int, ends: float) -> bytes:
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) > at_most:
            raise _too_large(response.url, at_most, f"it announces {int(announced):,} bytes")
        content = bytearray()
        for chunk in response.iter_bytes():
            self._clock.check()
            content += chunk
            if len(content) > at_most:
                raise _too_large(response.url, at_most, "it goes on after them")
            if self._clock.now() > ends:
                raise PassingError(
                    f"{response.url}: the answer is not there after {self._deadline_s:g} s, "
                    f"{len(content):,} bytes of it came",
                    _CHECK_NETWORK,
                )
        return bytes(content)


def checked_base(url: str, option: str) -> str:
    """A base address without its last slash.

    Raises:
        InputError: If it is not an http or https address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InputError(f"{option} {url}: this is not an address ({error}).") from error
    host = parsed.host
    if parsed.scheme not in ("http", "https") or not host or "%" in host or parsed.query:
        raise InputError(f"{option} {url}: write an address such as https://api.binance.com.")
    return url.rstrip("/")


def _same_host(asked: httpx.URL, onward: httpx.URL) -> httpx.URL:
    if (asked.scheme, asked.netloc) != (onward.scheme, onward.netloc):
        raise FetchError(
            f"{asked} sends us on to {onward}, another host, which is not followed. If that is "
            "where the exchange moved, name it with --base-url or --archive-url."
        )
    return onward


def _too_large(url: httpx.URL, at_most: int, why: str) -> FetchError:
    return FetchError(
        f"{url}: the answer is larger than the {at_most:,} bytes that it can have: {why}. Is the "
        "address right?"
    )
