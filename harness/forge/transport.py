"""The line to a forge: every request of PyGithub passes here, in turn, and an answer that is known
is not sent again.

PyGithub asks conditionally for one object that it holds, never for a list, and forgets all of it
with the process; so readings carry the ETag of what was heard before, and 304 becomes the answer
that was heard."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from github.Auth import Auth
from github.Requester import Requester
from requests.utils import parse_header_links

from harness.forge.http_cache import HttpCache
from harness.forge.limits import limit_of
from harness.forge.rate_limiter import RateLimiter, Time

if TYPE_CHECKING:
    from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass

PER_PAGE = 100
USER_AGENT = "lights-out-factory"
Said = tuple[int, dict[str, Any], str]


class Bearer(Auth):
    """Whatever the token is at this moment; `forget` is told that the forge knows it no more."""

    def __init__(self, token: Callable[[], str], forget: Callable[[], None] | None = None) -> None:
        self._token, self.forget = token, forget

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        return self._token()


class Wire(Requester):
    """PyGithub's requester, which retries nothing and waits for nobody but its turn. One per
    thread: it keeps the request under way in its connection. `account` is whose answers are
    kept."""

    def __init__(
        self,
        auth: Auth | None,
        api: str,
        *,
        account: str,
        rate_limiter: RateLimiter,
        kept: HttpCache,
        timeout_seconds: int = 20,
        time: Time | None = None,
    ) -> None:
        super().__init__(
            auth=auth,
            base_url=api,
            timeout=timeout_seconds,
            user_agent=USER_AGENT,
            per_page=PER_PAGE,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,
        )
        self._account, self._rate_limiter, self._kept = account, rate_limiter, kept
        self._time = time or Time()

    def requestJson(  # noqa: N802 - PyGithub's name
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,
        cnx: "HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass | None" = None,
        follow_302_redirect: bool = False,
    ) -> Said:
        """Status, headers (lower case) and text. Raises Limited where the forge answers nobody for
        a while."""

        def send(more: dict[str, Any]) -> Said:
            return self._answered(
                verb,
                super(Wire, self).requestJson(
                    verb,
                    url,
                    parameters,
                    {**(headers or {}), **more},
                    input,
                    cnx,
                    follow_302_redirect,
                ),
            )

        asks_itself = any(
            name.lower() in ("if-none-match", "if-modified-since") for name in headers or {}
        )
        if verb != "GET" or asks_itself:
            return self._sent(verb, lambda: send({}))
        address = _address(self.add_parameters_to_url(url, parameters or {}))
        known = self._kept.find(self._account, address)
        status, told, text = self._sent(
            verb, lambda: send({"If-None-Match": known.etag} if known else {})
        )
        if status == 304 and known is not None:
            self._kept.used(self._account, address)
            return 200, {**told, **known.headers}, known.body
        if status == 200:
            self._kept.keep(self._account, address, headers=told, body=text)
        return status, told, text

    def pages(self, url: str, **parameters: str) -> Iterator[tuple[dict[str, Any], Any]]:
        """The pages of a list as the forge wrote them, each with its headers. PyGithub's own lists
        keep neither, and some of them ask at addresses that only GitHub still has."""
        asked: dict[str, str] = {**parameters, "per_page": str(PER_PAGE)}
        while url:
            headers, page = self.requestJsonAndCheck("GET", url, parameters=asked)
            yield headers, page
            links = parse_header_links(str(headers.get("link", "")))
            url, asked = next((link["url"] for link in links if link.get("rel") == "next"), ""), {}

    def _sent(self, verb: str, send: Callable[[], Said]) -> Said:
        """Send it in turn. A token that is known no more is exchanged once: nothing was carried out
        for it."""
        self._rate_limiter.enter(writes=verb != "GET")
        said = send()
        forget = self.auth.forget if isinstance(self.auth, Bearer) else None
        if said[0] == 401 and forget is not None:
            forget()
            self._rate_limiter.enter(writes=verb != "GET")
            said = send()
        return said

    def _answered(self, verb: str, said: Said) -> Said:
        status, headers, text = said
        limit = limit_of(
            status, headers, text if status != 200 or verb == "POST" else "", now=self._time.wall()
        )
        if limit is not None:
            raise self._rate_limiter.close(limit)
        self._rate_limiter.answered()
        return said


def _address(url: str) -> str:
    """Path and query: the next page of a list is named whole."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
