"""People who use the app in its environments: over HTTP, as anybody could."""

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode, urlsplit

from harness.domain.plain import JsonDict

SECONDS = 10.0


def status_of(url: str) -> int:
    """The status that a visit is answered with. Raises OSError where nobody answers in time."""
    return _visited(url)[0]


def health_of(url: str) -> JsonDict:
    """What the place answers about itself; empty where it does not."""
    try:
        status, body = _visited(f"{url}/healthz")
        found = json.loads(body) if status == 200 else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def book(url: str, walk: int, *, people: int) -> int:
    """Book a walk, and return the status of the answer: 303 where it is booked."""
    form = {"name": "Club", "email": "club@example.org", "group_size": people}
    return _visited(f"{url}/walks/{walk}/bookings", urlencode(form))[0]


@contextmanager
def waiting_visitors(url: str, path: str, *, count: int) -> Iterator[None]:
    """So many visitors who have a page open that was not answered yet, while the block lasts."""
    port = urlsplit(url).port or 80
    with ExitStack() as stack:
        for _ in range(count):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port), SECONDS))
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
        yield


def _visited(url: str, form: str | None = None) -> tuple[int, bytes]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=SECONDS)
    try:
        connection.request(
            "GET" if form is None else "POST",
            f"{place.path or '/'}{f'?{place.query}' if place.query else ''}",
            form,
            {"Content-Type": "application/x-www-form-urlencoded", "Connection": "close"},
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"no answer of HTTP: {error!r:.120}") from error
    finally:
        connection.close()
