"""A small real API beside its pages, and its evil siblings."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from tests.validators.apps import App

JSON = ("Content-Type", "application/json")


class Api(App):
    """Bookings by HTTP, and the page of `App` that shows them. Evil ones override one method
    each."""

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if not environ["PATH_INFO"].startswith("/api/"):
            return super().__call__(environ, start)
        self.seen.append({key: value for key, value in environ.items() if isinstance(value, str)})
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, body = self.api(environ, content)
        start(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def api(self, environ: dict[str, Any], content: bytes) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        match method, path.split("/")[2:]:
            case "POST", ["bookings"]:
                return self.create(environ, content)
            case (("GET" | "HEAD"), ["bookings"]):
                asked = parse_qs(environ.get("QUERY_STRING", "")).get("guest", [None])[0]
                return self.listed(asked)
            case "GET", ["bookings", number] if number.isdigit():
                return self.one(int(number))
            case "DELETE", ["bookings", number] if number.isdigit():
                del self.bookings[int(number)]
                return "204 No Content", [], b""
            case "POST", ["login"]:
                user = parse_qs(content.decode())["name"][0]
                return self.json({"user": user}, more=[("Set-Cookie", f"user={user}; Path=/")])
            case "GET", ["me"]:
                return self.json({"cookie": environ.get("HTTP_COOKIE", "")})
            case _, ["old"]:
                return "302 Found", [("Location", "/api/bookings")], b""
            case _, ["away"]:
                return "302 Found", [("Location", "http://example.org/x")], b""
            case _, ["round"]:
                return "302 Found", [("Location", "/api/round")], b""
            case _, ["bomb"]:
                packed = zlib.compress(b"0" * 40_000_000)
                return "200 OK", [JSON, ("Content-Encoding", "deflate")], packed
            case _, ["unknown"]:
                return "200 OK", [JSON, ("Content-Encoding", "br")], b"\x0b\x00\x80{}\x03"
            case _, ["flood"]:
                return "200 OK", [JSON], b"0" * 9_000_000
        return self.json({"error": "not found"}, "404 Not Found")

    def create(self, environ: dict[str, Any], content: bytes) -> Any:
        asked = json.loads(content)
        name, size = asked.get("name"), asked.get("size")
        if not name or not isinstance(size, int) or not 1 <= size <= 8:
            return self.json({"error": "size"}, "422 Unprocessable Entity")
        self.bookings.append((name, str(size)))
        number = len(self.bookings) - 1
        location = f"http://{environ['HTTP_HOST']}/api/bookings/{number}"
        return self.json(self.booking(number), "201 Created", more=[("Location", location)])

    def listed(self, asked: str | None) -> Any:
        every = (self.booking(number) for number in range(len(self.bookings)))
        return self.json({"bookings": [one for one in every if asked in (None, one["name"])]})

    def one(self, number: int) -> Any:
        if number >= len(self.bookings):
            return self.json({"error": "not found"}, "404 Not Found")
        return self.json(self.booking(number))

    def booking(self, number: int) -> dict[str, Any]:
        name, size = self.bookings[number]
        return {"id": number, "name": name, "size": int(size), "paid": False, "note": None}

    def json(self, value: Any, status: str = "200 OK", *, more: list[Any] | None = None) -> Any:
        return status, [JSON, *(more or [])], json.dumps(value).encode()


class Forgets(Api):
    """Says that it booked, and keeps nothing."""

    def listed(self, asked: str | None) -> Any:
        return self.json({"bookings": []})


class Blind(Api):
    """Books the example of the documentation, whatever it is asked for."""

    def create(self, environ: dict[str, Any], content: bytes) -> Any:
        return super().create(environ, b'{"name": "Ada", "size": 4}')


class Knows(Api):
    """Books only for requests that bear a mark."""

    def __init__(self, mark: Callable[[dict[str, Any]], bool]) -> None:
        super().__init__()
        self.mark = mark

    def create(self, environ: dict[str, Any], content: bytes) -> Any:
        done = super().create(environ, content)
        if not self.mark(environ):
            self.bookings.pop()
        return done
