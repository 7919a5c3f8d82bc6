"""The calls of a journey on the wire: how they are known, and what client the app sees.

A plain call looks like the judge's own library. A masked one looks like a program that people call
an API with, drawn for each run: its headers, their order and spelling, as observed on the wire. An
app that goes by any of them treats the two visitors differently, and for that it fails.

So is the handshake of a web socket: in a page Chromium's, elsewhere that of such a program."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from validators.browser.network.http1 import Head, Headers

OWN = ("user-agent", "accept", "accept-encoding", "connection", "accept-language")
"""What a client sets by itself where its caller does not."""
# By these a browser is known, on the requests of its pages and of their scripts alike.
_BROWSERS_OWN = (
    "user-agent", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "accept-language",
)  # fmt: skip


# Headers in their order. An empty value is filled in for each request, or left out where there is
# none; None is the place of those that a request brings: the caller's and its body's.
Order = tuple[tuple[str, str] | None, ...]
_UPGRADE, _VERSION = ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")
_CONNECTION, _KEY = ("Connection", "Upgrade"), ("Sec-WebSocket-Key", "")
_PACKED = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
_LANGUAGE = ("Accept-Language", "")
_BEFORE: Order = (
    ("Host", ""),
    _CONNECTION,
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache"),
    ("User-Agent", ""),
)
_ENCODING = ("Accept-Encoding", "gzip, deflate, br, zstd")
_AFTER: Order = (("Cookie", ""), _KEY, _PACKED, None)
CHROMIUM: Order = (*_BEFORE, _UPGRADE, ("Origin", ""), _VERSION, _ENCODING, _LANGUAGE, *_AFTER)
"""The handshake of a web socket of a page in a person's Chrome."""
AUTOMATED: Order = (*_BEFORE, _LANGUAGE, _UPGRADE, ("Origin", ""), _VERSION, _ENCODING, *_AFTER)
"""The same where a program drives the browser: it sends its language early."""


@dataclass(frozen=True, slots=True)
class Client:
    """`headers` are the client's own, in their order. `socket`: the handshake of a library by which
    such a program opens web sockets."""

    name: str
    headers: Order
    socket: Order

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
    Client(
        "curl",
        (_HOST, ("User-Agent", "curl/8.5.0"), ("Accept", "*/*"), _REST),
        # tungstenite, as websocat has it: there is no web socket in this curl.
        (_HOST, _CONNECTION, _UPGRADE, _VERSION, _KEY, _REST),
    ),
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
        (
            _HOST,
            ("Origin", ""),
            _UPGRADE,
            _CONNECTION,
            _KEY,
            _VERSION,
            _PACKED,
            _REST,
            ("User-Agent", "Python/3.12 websockets/15.0.1"),
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
        (_REST, _VERSION, _KEY, _CONNECTION, _UPGRADE, _PACKED, ("Origin", ""), _HOST),
    ),
    Client(
        "go",
        (_HOST, ("User-Agent", "Go-http-client/1.1"), _REST, ("Accept-Encoding", "gzip")),
        (
            _HOST,
            ("User-Agent", "Go-http-client/1.1"),
            _CONNECTION,
            _REST,
            _KEY,
            _VERSION,
            _UPGRADE,
        ),
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
        (
            _REST,
            _UPGRADE,
            _CONNECTION,
            _KEY,
            _VERSION,
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
            _HOST,
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


def handshake_in_order(first: bytes) -> bytes:
    """What the tunnel of a page's web socket begins with, in the same order."""
    head, end, rest = first.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    language = [line for line in lines if line.lower().startswith(b"accept-language:")]
    others = [line for line in lines if line not in language]
    at = [line.lower().startswith(b"accept-encoding:") for line in others]
    after = at.index(True) + 1 if True in at else len(others)
    return b"\r\n".join((*others[:after], *language, *others[after:])) + end + rest


class Callers:
    """The calls of one run: how the wire knows them, and what the app is to see of them.

    A call bears a header of a random name, which no page knows and the app never sees. In it stand
    the path of the page that is open (or `-`), how many events of a stream or messages of a socket
    are waited for, for how many seconds the messages are, and the names of the headers that the
    journey sets. The answer to a call that opens a web socket bears the same header, with its true
    status: 101 ends no exchange of HTTP, and the code of a closed socket is no status of it.
    `client`: what a call looks like where no page is open; None: like the judge's own library."""

    def __init__(self, host: str, client: Client | None = None) -> None:
        self._origin, self._client = f"http://{host}", client
        self._mark = f"x-{secrets.token_hex(12)}"
        self._browser: Headers = ()

    def mark(
        self, given: Iterable[str], *, page: str = "", events: int = 0, seconds: float = 0
    ) -> tuple[str, str]:
        """The header for a call with these headers, from a page or from none."""
        return self._mark, " ".join((quote(page) or "-", str(events), f"{seconds:.3f}", *given))

    def events(self, request: Head) -> int:
        """How many events of a stream are the answer to a call; 0: it ends by itself."""
        _, number, *_ = (*request.header(self._mark).split(), "", "")
        return int(number) if number.isdecimal() else 0

    def seconds(self, request: Head) -> float:
        """For how long the messages of a call's web socket are waited for."""
        return float(request.header(self._mark).split()[2])

    def carried(self, answer: Head) -> Head:
        """An answer of a web socket as an answer of HTTP."""
        headers = (*answer.without(self._mark).headers, (self._mark, answer.second))
        return Head(answer.first, "200", "OK", headers)

    def status(self, status: int, headers: Headers) -> tuple[int, Headers]:
        """The status of an answer and its headers as the journey is to see them."""
        carried = [value for name, value in headers if name.lower() == self._mark]
        if not carried:
            return status, headers
        return int(carried[0]), tuple(one for one in headers if one[0].lower() != self._mark)

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
        page, _, _, *given = head.header(self._mark).split()
        head, named = head.without(self._mark), frozenset(map(str.lower, given))
        if page != "-" and self._browser:
            return self._of_page(head, unquote(page), named), True
        if self._client:
            return self._client.dressed(head, given=named), False
        # The library asks for Brotli as well, which the wire does not unpack.
        packed = "accept-encoding" in named
        head = head if packed else head.having("Accept-Encoding", "gzip,deflate")
        return head.having("Connection", "close"), False

    def handshake(self, head: Head) -> tuple[Head, bool]:
        """The handshake of a web socket that a call opens, and whether it comes from a browser."""
        page, _, _, *given = head.header(self._mark).split()
        named = frozenset(map(str.lower, given)) - {"content-type"}
        own = tuple(one for one in head.headers if one[0].lower() in named | {"cookie"})
        # Many apps refuse a socket without it, and then they would treat the two visitors as two.
        own += () if "origin" in named else (("Origin", self._origin),)
        as_browser = page != "-" and bool(self._browser)
        own_order = CHROMIUM if self._client else AUTOMATED
        order = own_order if as_browser or not self._client else self._client.socket
        browser = self._browser if as_browser else (("user-agent", head.header("user-agent")),)
        known = {name.lower(): value for name, value in browser} | {
            "host": head.header("host"),
            "sec-websocket-key": base64.b64encode(secrets.token_bytes(16)).decode(),
        }
        headers = tuple(_filled(order, own, known))
        return Head("GET", head.second, "HTTP/1.1", headers), as_browser

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


def _filled(order: Order, own: Headers, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The headers of a handshake: what the caller sets stays, in the place that it has there."""
    mine = {name.lower(): value for name, value in own}
    placed = {one[0].lower() for one in order if one}
    for one in order:
        if one is None:
            yield from (pair for pair in own if pair[0].lower() not in placed)
        elif value := mine.get(one[0].lower()) or one[1] or known.get(one[0].lower()):
            yield one[0], value


def client(seed: int) -> Client:
    """The client that a seed draws."""
    return CLIENTS[seed % len(CLIENTS)]
