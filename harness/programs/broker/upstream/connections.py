"""The connections to one provider: a POST with the same headers each time, and its answer as it
comes.

It uses the connection pool below an HTTP client. The client's own part of each call (merging
addresses, headers, cookies and redirects, none of which exist here) took a third of the time that
HTTP took.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

FAULTS = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
)
"""The exceptions of the connection, whatever was asked."""
NOT_SENT = (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout)
"""Those of FAULTS that come before anything was sent."""
NO_ANSWER = httpcore2.ReadTimeout
_KEPT, _KEPT_SECONDS = 20, 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """An answer whose head has come.

    `headers` have lower-case names. Its holder reads it to the end, or closes it.
    """

    status: int
    headers: Mapping[str, str]
    _raw: httpcore2.Response

    @property
    def is_redirect(self) -> bool:
        return self.status in _REDIRECTS and "location" in self.headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises one of FAULTS."""
        async for piece in self._raw.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        await self._raw.aclose()


class Connections:
    """As many connections to `base_url` as there are calls, by the proxy that the environment
    names.

    `timeouts` are seconds, by `connect`, `read`, `write` and `pool`. Redirects are not followed.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], *, timeouts: Mapping[str, float]
    ) -> None:
        self._base, self._timeouts = httpx2.URL(base_url), dict(timeouts)
        self._headers = [
            (b"Host", self._base.netloc),
            *((name.encode(), text.encode()) for name, text in headers.items()),
        ]
        proxy = _proxy_for(self._base)
        verified = _verified_by(self._base, *(() if proxy is None else (proxy.url,)))
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=verified,
            proxy=None if proxy is None else _with(proxy, verified),
            max_connections=None,
            max_keepalive_connections=_KEPT,
            keepalive_expiry=_KEPT_SECONDS,
        )
        self._addresses: dict[str, httpcore2.URL] = {}

    async def post(self, path: str, content: bytes) -> ProviderReply:
        """The reply to `content` at `path` below the base. Raises one of FAULTS."""
        headers = [*self._headers, (b"Content-Length", b"%d" % len(content))]
        asked = httpcore2.Request(
            "POST",
            self._address(path),
            headers=headers,
            content=content,
            extensions={"timeout": self._timeouts},
        )
        raw = await self._pool.handle_async_request(asked)
        found: dict[str, str] = {}
        for name, text in (
            (name.decode("ascii").lower(), text.decode("latin-1")) for name, text in raw.headers
        ):
            # A header that comes twice is one list (RFC 9110, 5.3).
            found[name] = f"{found[name]}, {text}" if name in found else text
        return ProviderReply(raw.status, found, raw)

    async def close(self) -> None:
        await self._pool.aclose()

    def _address(self, path: str) -> httpcore2.URL:
        if path not in self._addresses:
            whole = self._base.copy_with(path=self._base.path.rstrip("/") + path)
            self._addresses[path] = _url(whole)
        return self._addresses[path]


def _url(address: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(
        scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
    )


def _verified_by(*addresses: httpx2.URL) -> ssl.SSLContext | None:
    """What certificates are checked by, where one of the addresses shows any: to read every
    authority's takes a thirtieth of a second."""
    encrypted = any(address.scheme == "https" for address in addresses)
    return httpx2.create_ssl_context() if encrypted else None


def _proxy_for(base: httpx2.URL) -> httpx2.Proxy | None:
    """The proxy for that scheme, unless `NO_PROXY` excepts the host."""
    address = getproxies().get(base.scheme)
    if not address or proxy_bypass(base.host):
        return None
    # `HTTP_PROXY=host:port`, without a scheme, is common.
    return httpx2.Proxy(address if "://" in address else f"http://{address}")


def _with(proxy: httpx2.Proxy, verified: ssl.SSLContext | None) -> httpcore2.Proxy:
    return httpcore2.Proxy(
        _url(proxy.url),
        auth=proxy.raw_auth,
        ssl_context=verified if proxy.url.scheme == "https" else None,
    )
