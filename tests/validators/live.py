"""A small real app whose people book over a web socket, and its evil siblings."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

PAGE = b"<title>Live</title><script>window.socket = new WebSocket('ws://' + location.host + '/board')</script>"


class Live:
    """`/live` answers a booking with a greeting and what was booked; `/board` sends every booking;
    `/echo` what it was sent. Evil ones override one method each. `seen`: the handshakes."""

    def __init__(self) -> None:
        self.bookings: list[dict[str, Any]] = []
        self.seen: list[tuple[str, list[tuple[str, str]]]] = []

    def handshake(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.partition("?")[0]
        if path == "/":
            kind = [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))]
            cookie = ("Set-Cookie", "user=ada; Path=/")
            return Response(200, "OK", Headers([*kind, cookie, ("Connection", "close")]), PAGE)
        if "Upgrade" in request.headers:
            self.seen.append((request.path, list(request.headers.raw_items())))
        if path == "/closed":
            return connection.respond(403, '{"error": "members only"}')
        return None

    def __call__(self, connection: ServerConnection) -> None:
        assert connection.request
        try:
            self.talk(connection, connection.request.path.partition("?")[0])
        except ConnectionClosed:
            return

    def talk(self, connection: ServerConnection, path: str) -> None:
        match path:
            case "/live":
                connection.send("hello")
                asked = json.loads(connection.recv())
                self.send(connection, self.booked(asked, connection))
            case "/board":
                self.send(connection, {"bookings": self.bookings})
            case "/me":
                assert connection.request
                cookie = SimpleCookie(connection.request.headers.get("Cookie", ""))
                self.send(connection, {name: one.value for name, one in cookie.items()})
            case "/echo":
                connection.send(connection.recv())
            case "/bytes":
                connection.send(b"\xff\x00")
                connection.send(b'{"in": "bytes"}')
            case "/fragments":
                connection.send(iter(["one ", "mess", "age"]))
            case "/leave":
                self.send(connection, {"token": "abc123"})
                connection.close(4401, "who are you?")
            case "/lost":
                connection.socket.shutdown(2)
            case "/silent":
                connection.recv()
            case "/flood":
                while True:
                    connection.send("again")
            case "/bomb":
                connection.send("0" * 40_000_000)
            case "/long":
                # Few bytes on the wire, many as messages.
                for _ in range(9):
                    connection.send("0" * 1_000_000)
        # Until the other side leaves: it is the client that has enough.
        connection.recv(timeout=30)

    def booked(self, asked: dict[str, Any], connection: ServerConnection) -> dict[str, Any]:
        booking = {"name": asked["book"], "size": asked["size"]}
        self.bookings.append(booking)
        return {"booked": booking}

    def send(self, connection: ServerConnection, value: Any) -> None:
        connection.send(json.dumps(value))


class Forgets(Live):
    """Says that it booked, and keeps nothing."""

    def booked(self, asked: dict[str, Any], connection: ServerConnection) -> dict[str, Any]:
        found = super().booked(asked, connection)
        self.bookings.clear()
        return found


class Blind(Live):
    """Books the example of the documentation, whatever it is sent."""

    def booked(self, asked: dict[str, Any], connection: ServerConnection) -> dict[str, Any]:
        return super().booked({"book": "Ada", "size": 4}, connection)


class Knows(Live):
    """Books only for handshakes that bear a mark."""

    def __init__(self, mark: Callable[[list[tuple[str, str]]], bool]) -> None:
        super().__init__()
        self.mark = mark

    def booked(self, asked: dict[str, Any], connection: ServerConnection) -> dict[str, Any]:
        found = super().booked(asked, connection)
        assert connection.request
        if not self.mark(list(connection.request.headers.raw_items())):
            self.bookings.pop()
        return found


@contextmanager
def alive(app: Live) -> Iterator[int]:
    """The port at which it listens, for as long as the context lasts."""
    with serve(app, "127.0.0.1", 0, process_request=app.handshake, close_timeout=1) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
