"""The connection to a forge: every request of PyGithub passes through the rate limiter and the
cache.

PyGithub sends conditional requests for a single object that it holds, never for a list, and forgets
everything with the process. So each reading request here carries the ETag of the cached answer, and
a 304 becomes that answer.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from github.Auth import Auth
from github.Requester import Requester
from requests.utils import parse_header_links

from harness.domain.plain import JsonDict
from harness.forge.http_cache import HttpCache
from harness.forge.limits import limit_of
from harness.forge.rate_limiter import RateLimiter, Time

if TYPE_CHECKING:
    from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass

PER_PAGE = 100
USER_AGENT = "lights-out-factory"
RawAnswer = tuple[int, JsonDict, str]


class Bearer(Auth):
    """Authentication with the current token. `forget` is called when the forge rejects it."""

    def __init__(self, token: Callable[[], str], forget: Callable[[], None] | None = None) -> None:
        self._token, self.forget = token, forget

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        return self._token()


class Wire(Requester):
    """PyGithub's requester without retries and without its own waiting. One for each thread,
    because it keeps the current request in its connection. `account` owns the cached answers."""

    def __init__(
        self,
        auth: Auth | None,
        api: str,
        *,
        account: str,
        rate_limiter: RateLimiter,
        cache: HttpCache,
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
        self._account, self._rate_limiter, self._cache = account, rate_limiter, cache
        self._time = time or Time()

    def requestJson(  # noqa: N802 - PyGithub's name
        self,
        verb: str,
        url: str,
        parameters: JsonDict | None = None,
        headers: JsonDict | None = None,
        input: Any | None = None,
        cnx: "HTTPRequestsConnectionClass | HTTPSRequestsConnectionClass | None" = None,
        follow_302_redirect: bool = False,
    ) -> RawAnswer:
        """Status, headers (lower case) and text. Raises Limited if the forge refuses requests for a
        while."""

        request = super().requestJson

        def send(more: JsonDict) -> RawAnswer:
            every = {**(headers or {}), **more}
            answer = request(verb, url, parameters, every, input, cnx, follow_302_redirect)
            return self._checked(verb, answer)

        # PyGithub's own conditional requests must get their 304.
        is_conditional = any(
            name.lower() in ("if-none-match", "if-modified-since") for name in headers or {}
        )
        if verb != "GET" or is_conditional:
            return self._sent(verb, lambda: send({}))
        address = _address(self.add_parameters_to_url(url, parameters or {}))
        cached = self._cache.find(self._account, address)
        status, got, text = self._sent(
            verb, lambda: send({"If-None-Match": cached.etag} if cached else {})
        )
        if status == 304 and cached is not None:
            self._cache.used(self._account, address)
            return 200, {**got, **cached.headers}, cached.body
        if status == 200:
            self._cache.keep(self._account, address, headers=got, body=text)
        return status, got, text

    def pages(self, url: str, **parameters: str) -> Iterator[tuple[JsonDict, Any]]:
        """The pages of a list as the forge sent them, each with its headers. PyGithub's own lists
        drop both, and some of them use addresses that only GitHub still has."""
        query: dict[str, str] = {**parameters, "per_page": str(PER_PAGE)}
        while url:
            headers, page = self.requestJsonAndCheck("GET", url, parameters=query)
            yield headers, page
            links = parse_header_links(str(headers.get("link", "")))
            # The link to the next page has the query in it.
            url, query = next((link["url"] for link in links if link.get("rel") == "next"), ""), {}

    def _sent(self, verb: str, send: Callable[[], RawAnswer]) -> RawAnswer:
        """Send a request when its turn comes. A token that the forge rejects is renewed once: the
        rejected request had no effect."""
        self._rate_limiter.enter(writes=verb != "GET")
        answer = send()
        forget = self.auth.forget if isinstance(self.auth, Bearer) else None
        if answer[0] == 401 and forget is not None:
            forget()
            self._rate_limiter.enter(writes=verb != "GET")
            answer = send()
        return answer

    def _checked(self, verb: str, answer: RawAnswer) -> RawAnswer:
        """The same answer. Raises Limited if it is a rate limit."""
        status, headers, text = answer
        # Only GraphQL, which is a POST, reports a limit with status 200. The text of a large
        # answer to a GET is not searched.
        searched = text if status != 200 or verb == "POST" else ""
        limit = limit_of(status, headers, searched, now=self._time.wall())
        if limit is not None:
            raise self._rate_limiter.close(limit)
        self._rate_limiter.answered()
        return answer


def _address(url: str) -> str:
    """Path and query. The link to the next page of a list is a whole address."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
