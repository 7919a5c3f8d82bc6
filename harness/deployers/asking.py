"""Asks a place over HTTP, as any visitor could: one answer, bounded in time and size."""

import http.client
import json
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.domain.deployment import Environment, Health
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    import socket
    import threading

ANSWER_SECONDS = 5.0
LARGEST_ANSWER = 64 * 1024
LONGEST_MESSAGE = 200


def asked_once(url: str) -> bytes:
    """The body of a `2xx` answer. Raises OSError or ValueError for anything else; a redirect is
    not followed."""
    status, body = _answer(url)
    if not 200 <= status < 300:
        raise ValueError(f"it answered {status}")
    return body


@dataclass(frozen=True, slots=True)
class PlaceHealth:
    """The port `HealthReader`, over HTTP."""

    seconds: float = ANSWER_SECONDS

    def health(self, environment: Environment) -> Health:
        """See the port."""
        try:
            status, body = _answer(environment.url + environment.health, seconds=self.seconds)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Health(False, _line(str(error) or type(error).__name__))
        found = _object(body)
        is_ok = 200 <= status < 300 and found.get("ok") is not False
        return Health(
            is_ok,
            "" if is_ok else _line(f"{status} {body[:LONGEST_MESSAGE].decode('utf-8', 'replace')}"),
            _line(str(found.get("environment") or "")),
            _line(str(found.get("commit") or found.get("release") or "")),
        )


def _answer(url: str, *, seconds: float = ANSWER_SECONDS) -> tuple[int, bytes]:
    """Status and body within `seconds`. Raises OSError, ValueError or HTTPException."""
    import threading

    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=seconds)
    # A place that sends a byte now and then would never meet the time limit of a single read.
    is_over, lines = threading.Event(), list["socket.socket"]()

    def end() -> None:
        is_over.set()
        _hang_up((*lines, connection.sock))

    cut = threading.Timer(seconds, end)
    cut.start()
    try:
        with closing(connection):
            connection.connect()
            # The connection itself forgets it once the answer has begun.
            lines.append(connection.sock)
            # `end` first sets this and then reads the lines; here it is the other way round.
            _raise_if(is_over)
            path = f"{place.path or '/'}{f'?{place.query}' if place.query else ''}"
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read(LARGEST_ANSWER)
            _raise_if(is_over)
            return answer.status, body
    except (AttributeError, OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or is_over.is_set():
            raise OSError(f"no whole answer within {seconds:g} s") from error
        if isinstance(error, OSError) and not isinstance(error, http.client.HTTPException):
            raise
        raise OSError(f"no answer of HTTP: {error!r:.120}") from error
    finally:
        cut.cancel()


def _raise_if(is_over: "threading.Event") -> None:
    if is_over.is_set():
        raise TimeoutError


def _hang_up(lines: "Iterable[socket.socket | None]") -> None:
    import socket

    for line in lines:
        with suppress(OSError):
            if line is not None:
                line.shutdown(socket.SHUT_RDWR)


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(text: str) -> str:
    """A stranger's text on one line, cut."""
    return in_one_line(text)[:LONGEST_MESSAGE]
