"""Calls the app's API where a journey opens no page: a client of its own in place of a browser's.

On the wire it is as the request context of a browser is, byte for byte but for the browser's
version and the order of cookies: a test holds the two side by side. So an app sees the same
visitors."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from validators.browser.calling import MOST_REDIRECTS, Fetched, Unfetched
from validators.browser.network.exchange import LARGEST_ANSWER, whole
from validators.browser.network.http1 import Head, Headers, Incoming, WireBroken
from validators.browser.network.wire import Wire
from validators.domain.journeys.calls import Request

if TYPE_CHECKING:
    from email.message import Message
    from http.cookiejar import CookieJar

# A plain visitor bears the mark of a browser without a window, as it does on a page.
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " HeadlessChrome/140.0.0.0 Safari/537.36"
)
DEFAULTS = (("user-agent", AGENT), ("accept", "*/*"), ("accept-encoding", "gzip,deflate"))
REDIRECTS = (301, 302, 303, 307, 308)
# Headers that are about a body, which a redirect may drop.
_OF_A_BODY = (
    "content-encoding", "content-language", "content-length", "content-location", "content-type",
)  # fmt: skip
# What stands as it is in a path and in a query, by the URL standard; `%` is there already.
_PATH_SAFE, _QUERY_SAFE = "/%!$&'()*+,;=:@[]|~", "/%!$&()*+,;=:@[]|~?`{}^\\"


@dataclass(slots=True)
class ApiClient:
    """One person's client: their cookies, and no way out but the wire of the run."""

    wire: Wire
    _jar: CookieJar | None = field(default=None)

    async def fetch(
        self, origin: str, request: Request, mark: tuple[str, str], patience: float
    ) -> Fetched:
        """Implements `Fetch`: send the request, and follow redirects where the journey wants it."""
        url, method, content = f"{origin}{_normal(request.path)}", request.method, request.content
        headers = _merged(DEFAULTS, (*request.headers, mark))
        async with asyncio.timeout(patience):
            for hop in range(MOST_REDIRECTS + 1):
                if not _within(url, origin):
                    # The wire refuses it, and notes which host it was.
                    answer, body = await self._exchanged(_tunnel(url), b"")
                    return Fetched(answer.status, answer.headers, body, url)
                answer, body = await self._asked(url, str(method), headers, content, hop=hop)
                place = answer.header("location")
                if not request.follow or answer.status not in REDIRECTS or not place:
                    return Fetched(answer.status, answer.headers, body, url)
                # Headers are read as Latin-1, and what apps put there is UTF-8.
                place = place.encode("latin-1").decode("utf-8", "replace")
                url = _redirected(url, place, origin=origin)
                if _becomes_get(answer.status, str(method)):
                    method, content = type(method).GET, b""
                    headers = tuple(one for one in headers if one[0].lower() not in _OF_A_BODY)
        raise Unfetched("more redirects than are followed")

    async def _asked(
        self, url: str, method: str, headers: Headers, content: bytes, *, hop: int
    ) -> tuple[Head, bytes]:
        host = (("Host" if hop == 0 else "host", urlsplit(url).netloc),)
        length = (("content-length", str(len(content))),) if content else ()
        cookie = (("cookie", sent),) if (sent := self._cookies(url)) else ()
        none = (("Content-Length", "0"),) if not content and method in ("POST", "PUT") else ()
        own = (*cookie, *host) if hop == 0 else (*host, *cookie)
        head = Head(method, url, "HTTP/1.1", (*headers, *length, *own, *none))
        answer, body = await self._exchanged(head, content)
        self._keep_cookies(url, answer)
        return answer, body

    async def _exchanged(self, head: Head, content: bytes) -> tuple[Head, bytes]:
        address = urlsplit(self.wire.address)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(head.encoded() + content)
            await writer.drain()
            incoming = Incoming(reader, head)
            answer = await incoming.head()
            if answer is None:
                raise WireBroken("the connection was closed without an answer")
            # The wire has bounded it already, and a little more is its own framing.
            return answer, await whole(incoming, most=2 * LARGEST_ANSWER)
        except (OSError, WireBroken) as error:
            raise Unfetched(str(error) or "the connection was closed") from None
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _cookies(self, url: str) -> str:
        if self._jar is None:
            return ""
        asked = _Asked(url)
        self._jar.add_cookie_header(asked)  # type: ignore[arg-type]
        return asked.headers.get("Cookie", "")

    def _keep_cookies(self, url: str, answer: Head) -> None:
        given = [value for name, value in answer.headers if name.lower() == "set-cookie"]
        if not given:
            return
        if self._jar is None:
            # Slow to import, and most APIs set none.
            from http.cookiejar import CookieJar, DefaultCookiePolicy

            # A browser takes a host that is this machine for a safe one.
            self._jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        self._jar.extract_cookies(_Answered(given), _Asked(url))  # type: ignore[arg-type]


class _Asked:
    """A request as a cookie jar asks about it."""

    unverifiable = False

    def __init__(self, url: str) -> None:
        self._url, self.headers = url, dict[str, str]()
        self.type, self.host = urlsplit(url).scheme, urlsplit(url).netloc
        self.origin_req_host = urlsplit(url).hostname or ""

    def get_full_url(self) -> str:
        return self._url

    def has_header(self, name: str) -> bool:
        return name in self.headers

    def get_header(self, name: str, default: Any = None) -> Any:
        return self.headers.get(name, default)

    def add_unredirected_header(self, name: str, value: str) -> None:
        self.headers[name] = value


class _Answered:
    """An answer as a cookie jar reads it."""

    def __init__(self, given: list[str]) -> None:
        from email.message import Message

        self._message = Message()
        for one in given:
            self._message["Set-Cookie"] = one

    def info(self) -> Message:
        return self._message


def _merged(defaults: Headers, given: Headers) -> Headers:
    """The defaults, with what is given in their places or after them."""
    head = Head("", "", "", defaults)
    for name, value in given:
        head = head.having(name, value)
    return head.headers


def _becomes_get(status: int, method: str) -> bool:
    """Whether a client goes on with GET and without the body (RFC 9110, 15.4)."""
    if status in (301, 302):
        return method == "POST"
    return status == 303 and method not in ("GET", "HEAD")


def _tunnel(url: str) -> Head:
    """How a client asks a proxy for another host."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Unfetched(f"{url[:200]!r} is no address") from None
    place = f"{parts.hostname or 'nowhere'}:{port}"
    return Head("CONNECT", place, "HTTP/1.1", (("Host", place),))


def _redirected(url: str, place: str, *, origin: str) -> str:
    """Where a `Location` leads from this URL; to the app itself, however the host is written.
    Raises Unfetched for what is no address."""
    try:
        led = urlsplit(urljoin(url, place))
        here = led.scheme == "http" and led.hostname == urlsplit(origin).hostname
        if not here or (led.port or 80) != 80:
            return led.geturl()
    except ValueError:
        raise Unfetched(f"{place[:200]!r} is no address") from None
    return origin + _normal(f"{led.path}?{led.query}" if led.query else led.path)


def _within(url: str, origin: str) -> bool:
    return url == origin or url.startswith(f"{origin}/")


def _normal(address: str) -> str:
    """Path and query as the URL standard has them: without a fragment and without dots, and with
    what cannot stand there as percent signs."""
    path, mark, query = address.partition("#")[0].partition("?")
    parts = [
        dots if (dots := one.lower().replace("%2e", ".")) in (".", "..") else one
        for one in path.split("/")
    ]
    path = urlsplit(urljoin("http://app/", quote("/".join(parts), safe=_PATH_SAFE))).path or "/"
    return f"{path}{mark}{quote(query, safe=_QUERY_SAFE)}"
