"""The calls of a journey on the wire: how they are known, and what client the app sees.

A plain call looks like the judge's own library. A masked one looks like a program that people call
an API with, drawn for each run: its headers, their order and spelling, as observed on the wire. An
app that goes by any of them treats the two visitors differently, and for that it fails."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from validators.browser.network.http1 import Head, Headers

OWN = ("user-agent", "accept", "accept-encoding", "connection", "accept-language")
"""What a client sets by itself where its caller does not."""
# By these a browser is known, on the requests of its pages and of their scripts alike.
_BROWSERS_OWN = (
    "user-agent", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "accept-language",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Client:
    """`headers` are the client's own, in their order; None among them is the place of those that a
    request brings: the caller's and its body's."""

    name: str
    headers: tuple[tuple[str, str] | None, ...]

    def dressed(self, head: Head, *, given: frozenset[str]) -> Head:
        """The request as this client would send it. `given`: the names of the headers that the
        journey itself sets, in lower case; they stay."""
        kept = tuple(
            (name, value)
            for name, value in head.headers
            if name.lower() not in OWN or name.lower() in given
        )
        host = [(name, value) for name, value in kept if name.lower() == "host"]
        rest = [(name, value) for name, value in kept if name.lower() != "host"]
        headers: list[tuple[str, str]] = []
        for one in self.headers:
            if one is None:
                headers += rest
            elif one[0] == "Host":
                headers += host
            elif one[0].lower() not in given:
                headers.append(one)
        return Head(head.first, head.second, head.third, tuple(headers))


_HOST, _REST = ("Host", ""), None
CLIENTS = (
    Client("curl", (_HOST, ("User-Agent", "curl/8.5.0"), ("Accept", "*/*"), _REST)),
    Client(
        "requests",
        (
            _HOST,
            ("User-Agent", "python-requests/2.32.3"),
            ("Accept-Encoding", "gzip, deflate"),
            ("Accept", "*/*"),
            ("Connection", "keep-alive"),
            _REST,
        ),
    ),
    Client(
        "axios",
        (
            ("Accept", "application/json, text/plain, */*"),
            _REST,
            ("User-Agent", "axios/1.7.9"),
            ("Accept-Encoding", "gzip, deflate"),
            _HOST,
            ("Connection", "keep-alive"),
        ),
    ),
    Client(
        "go",
        (_HOST, ("User-Agent", "Go-http-client/1.1"), _REST, ("Accept-Encoding", "gzip")),
    ),
    Client(
        "okhttp",
        (
            _REST,
            _HOST,
            ("Connection", "Keep-Alive"),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", "okhttp/4.12.0"),
        ),
    ),
)


def in_order(request: Head) -> Head:
    """A request with its headers in the order of a person's Chrome. Automation sends its language
    first."""
    places = {"host": 0, "connection": 1, "accept-language": 3, "cookie": 4}
    ordered = sorted(request.headers, key=lambda header: places.get(header[0].lower(), 2))
    return Head(request.first, request.second, request.third, tuple(ordered))


class Callers:
    """The calls of one run: how the wire knows them, and what the app is to see of them.

    A call bears a header of a random name, which no page knows and the app never sees. In it stand
    the path of the page that is open (or `-`), how many events of a stream are waited for, and the
    names of the headers that the journey sets.
    `client`: what a call looks like where no page is open; None: like the judge's own library."""

    def __init__(self, host: str, client: Client | None = None) -> None:
        self._origin, self._client = f"http://{host}", client
        self._mark = f"x-{secrets.token_hex(12)}"
        self._browser: Headers = ()

    def mark(self, given: Iterable[str], *, page: str = "", events: int = 0) -> tuple[str, str]:
        """The header for a call with these headers, from a page or from none."""
        return self._mark, " ".join((quote(page) or "-", str(events), *given))

    def events(self, request: Head) -> int:
        """How many events of a stream are the answer to a call; 0: it ends by itself."""
        _, number, *_ = (*request.header(self._mark).split(), "", "")
        return int(number) if number.isdecimal() else 0

    def known(self, request: Head) -> Head:
        """The request, called if it bears the mark."""
        return replace(request, called=bool(request.header(self._mark)))

    def note_browser(self, request: Head) -> None:
        """Remember by which headers the visitor's browser is known."""
        own = tuple(one for one in request.headers if one[0].lower() in _BROWSERS_OWN)
        self._browser = own or self._browser

    def dressed(self, head: Head) -> tuple[Head, bool]:
        """A call as the app is to get it, and whether it comes from a browser: where a page is
        open, a call looks like one of that page's own scripts."""
        page, _, *given = head.header(self._mark).split()
        head, named = head.without(self._mark), frozenset(map(str.lower, given))
        if page != "-" and self._browser:
            return self._of_page(head, unquote(page), named), True
        if self._client:
            return self._client.dressed(head, given=named), False
        # The library asks for Brotli as well, which the wire does not unpack.
        packed = "accept-encoding" in named
        head = head if packed else head.having("Accept-Encoding", "gzip,deflate")
        return head.having("Connection", "close"), False

    def _of_page(self, head: Head, page: str, given: frozenset[str]) -> Head:
        own = [
            *self._browser,
            *([] if head.first in ("GET", "HEAD") else [("Origin", self._origin)]),
            ("Sec-Fetch-Site", "same-origin"),
            ("Sec-Fetch-Mode", "cors"),
            ("Sec-Fetch-Dest", "empty"),
            ("Referer", self._origin + page),
            ("Accept-Encoding", "gzip, deflate"),
            ("Connection", "close"),
        ]
        for name, value in own:
            head = head if name.lower() in given else head.having(name, value)
        return head


def client(seed: int) -> Client:
    """The client that a seed draws."""
    return CLIENTS[seed % len(CLIENTS)]
