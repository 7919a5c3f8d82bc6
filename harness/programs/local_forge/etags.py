"""Which answers are known to be unchanged, so that a 304 costs no query and no body.

A tag is the digest of an answer's bytes. It is remembered with the database's generation at which
it was built: while that is the same, so is the answer, and whoever asks with the tag is told so at
once."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

MOST = 20_000
KEPT = ("etag", "link")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as far as its answer depends on it: where, and by whom (the header's digest; no
    token is kept)."""

    where: str
    by: str

    @classmethod
    def by_request(cls, request: Request) -> "Asked":
        """What a request asks."""
        by = hashlib.sha256(request.headers.get("authorization", "").encode()).hexdigest()
        return cls(f"{request.url.path}?{request.url.query}", by)


class Tags:
    """The headers (tag and links) of what was answered lately; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._known: OrderedDict[Asked, tuple[int, Mapping[str, str]]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, asked: Asked, headers: Mapping[str, str], *, generation: int) -> None:
        """An answer had these headers at that generation, read before anything else was."""
        with self._lock:
            self._known[asked] = (
                generation,
                {name: headers[name] for name in KEPT if name in headers},
            )
            self._known.move_to_end(asked)
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def unchanged(
        self, asked: Asked, tag: str | None, *, generation: int
    ) -> Mapping[str, str] | None:
        """The headers of an answer that still has that tag; None where it has another, or nobody
        asked since the last change."""
        with self._lock:
            then, headers = self._known.get(asked, (-1, {}))
        return headers if then == generation and matches(tag, headers["etag"]) else None


def tag_of(content: bytes) -> str:
    """The weak tag of an answer."""
    return f'W/"{hashlib.sha256(content).hexdigest()}"'


def matches(asked: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the tag, weakly (RFC 9110, 13.1.2)."""
    return asked is not None and tag.removeprefix("W/") in {
        one.strip().removeprefix("W/") for one in asked.split(",")
    }
