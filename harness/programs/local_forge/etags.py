"""A cache of ETags, so that a 304 costs no query and no body.

An ETag is the digest of a response's bytes. The cache stores it with the database generation at
which it was built. While the generation is the same, the response is too.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

MOST = 20_000
KEPT = ("etag", "link")


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a response depends on: the address, and the caller (the digest of the
    Authorization header)."""

    where: str
    by: str

    @classmethod
    def by_request(cls, request: Request) -> "RequestKey":
        """The key of a request."""
        by = hashlib.sha256(request.headers.get("authorization", "").encode()).hexdigest()
        return cls(f"{request.url.path}?{request.url.query}", by)


class EtagCache:
    """The `etag` and `link` headers of recent responses; the oldest are dropped first."""

    def __init__(self) -> None:
        self._known: OrderedDict[RequestKey, tuple[int, Mapping[str, str]]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, asked: RequestKey, headers: Mapping[str, str], *, generation: int) -> None:
        """Store the headers of a response. `generation` must be read before the view runs."""
        with self._lock:
            self._known[asked] = (
                generation,
                {name: headers[name] for name in KEPT if name in headers},
            )
            self._known.move_to_end(asked)
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def unchanged(
        self, asked: RequestKey, tag: str | None, *, generation: int
    ) -> Mapping[str, str] | None:
        """The stored headers where the response still has that tag; None where it has
        another, or is not in the cache."""
        with self._lock:
            # -1 is no generation, so an unknown request never matches.
            then, headers = self._known.get(asked, (-1, {}))
        return headers if then == generation and matches(tag, headers["etag"]) else None


def tag_of(content: bytes) -> str:
    """The weak ETag of a response body."""
    return f'W/"{hashlib.sha256(content).hexdigest()}"'


def matches(asked: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the tag, weakly (RFC 9110, 13.1.2)."""
    return asked is not None and tag.removeprefix("W/") in {
        one.strip().removeprefix("W/") for one in asked.split(",")
    }
