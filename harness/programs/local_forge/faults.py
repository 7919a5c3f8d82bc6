"""Faults that a test injects into a forge that runs with `--faults`.

This module defines the faults and stores those that wait for a request. `faults_middleware.py`
applies them.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from harness.domain.plain import JsonObject
from harness.programs.local_forge.refused import invalid

PRIMARY = "API rate limit exceeded for user ID 1."
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
)
ANSWERS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "error-after": (500, "Server Error"),
        "error-before": (502, "Server Error"),
        "unavailable": (503, "Service Unavailable"),
        "unauthorized": (401, "Bad credentials"),
        "forbidden": (403, "Resource not accessible by integration"),
        "missing": (404, "Not Found"),
        "rate-limited": (403, PRIMARY),
        "secondary-limit": (403, SECONDARY),
        "too-many": (429, SECONDARY),
    }
)
"""The faults that are a response of their own: status and message, in GitHub's words."""
KINDS = (
    *ANSWERS,
    "slow",
    "garbled",
    "cut",
    "cut-before",
    "stale",
    "unchanged",
    "clock",
    "graphql-errors",
)
_NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of trouble for the next `count` requests that match `method` (or `*`) and `path` (a
    full match).

    The request is carried out, and its response is lost: `error-after` (500), `cut` (the connection
    ends in the middle of the body).

    The request is not carried out: `error-before` (502), `unavailable` (503), `unauthorized` (401),
    `forbidden` (403), `missing` (404), `rate-limited` and `secondary-limit` (403), `too-many`
    (429), `cut-before`, `garbled` (200, not JSON), `graphql-errors` (200, errors instead of data).

    The response is changed: `slow` (after `seconds`), `clock` (`Date` is off by `seconds`), `stale`
    (a GET gets the last response of the same address), `unchanged` (a GET with an ETag gets 304,
    whatever has changed). `headers` and `retry_after` are added to a response of the fault's own.
    """

    kind: str
    method: str = "*"
    path: str = ".*"
    count: int = 1
    seconds: float = 0.0
    retry_after: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def hits(self, method: str, path: str) -> bool:
        """Whether the fault applies to such a request."""
        return (
            self.count > 0
            and self.method in ("*", method)
            and re.fullmatch(self.path, path) is not None
        )


def fault_from(body: JsonObject) -> Fault:
    """A fault from the administrator's JSON. Raises Refused (422) for an unknown one."""
    try:
        fault = Fault(**body)
        re.compile(fault.path)
        for name, value in fault.headers.items():
            if not _NAME.fullmatch(name) or not str(value).isprintable():
                raise ValueError(f"{name!r} with {value!r} is no header")
    except (TypeError, ValueError, AttributeError, re.error) as error:
        raise invalid("Fault", "kind", f"not a fault: {error}") from None
    if fault.kind not in KINDS:
        raise invalid("Fault", "kind", f"kind must be one of {', '.join(KINDS)}")
    return fault


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> tuple[Fault, ...]:
        """The faults that still apply, with the number of requests left for each."""
        with self._lock:
            return tuple(fault for fault in self._waiting if fault.count > 0)

    def take(self, method: str, path: str) -> Fault | None:
        """The first fault that applies to such a request, its count reduced by one."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.hits(method, path):
                    self._waiting[place] = replace(fault, count=fault.count - 1)
                    return fault
        return None
