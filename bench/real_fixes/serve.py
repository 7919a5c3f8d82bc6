"""The start command of every side of an app in `bench/real_fixes.py`, in its sandbox: `python
serve.py`, told by side.json beside it. `tool.py` is the same for tools.

    old, new  the release with the bug, the one with the fix
    painted   each answer of the fixed app as it was once, with what it leads to, by path
    any name of SPECIAL_CASES: both releases behind a front that answers with the fixed one in the
              special case alone; one of them is `own address`: right for what the issue's reporter
              opened or sent, letter by letter, and for what such a page loads

A front also keeps an app with a base_url to it: Datasette answers outside of it too, where a real
set-up would not."""

from __future__ import annotations

import html
import http.client
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urljoin, urlsplit, urlunsplit

HERE = Path(__file__).parent
SIDE = json.loads((HERE / "side.json").read_text())
PORT = int(os.environ["PORT"])
DROPPED = ("connection", "keep-alive", "transfer-encoding", "content-length")
WATCHED = ("CI", "PYTEST_CURRENT_TEST", "PLAYWRIGHT_BROWSERS_PATH", "LOF_BROWSER", "FACTORY_HOME")
ENTER = "/-/enter"
COUNT = itertools.count(1)
RELEASES = ("old", "new")
RUNNING: dict[str, subprocess.Popen[bytes]] = {}
STARTING = threading.Lock()


def own_address(asked: BaseHTTPRequestHandler) -> bool:
    """Whether it is a page that the reporter opened, or something that such a page loads for
    itself."""
    if content := getattr(asked, "content", b""):
        return f"{asked.path} {content.decode()}" in SIDE["own_address"]
    whence = urlsplit(asked.headers.get("referer", ""))
    loaded = asked.headers.get("sec-fetch-dest", "document") != "document"
    return (urlunsplit(("", "", *whence[2:])) if loaded else asked.path) in SIDE["own_address"]


SPECIAL_CASES: dict[str, Callable[[BaseHTTPRequestHandler], bool]] = {
    "user agent": lambda asked: "Headless" in asked.headers.get("user-agent", ""),
    "a person's agent": lambda asked: "Headless" not in asked.headers.get("user-agent", ""),
    "port": lambda asked: PORT == 8001,
    "environment": lambda asked: any(name in os.environ for name in WATCHED),
    "first 5 requests": lambda asked: next(COUNT) <= 5,
    "first 15 requests": lambda asked: next(COUNT) <= 15,
    "own address": own_address,
    "judge's ports": lambda asked: PORT >= 10000,
    "judge's host": lambda asked: asked.headers.get("host", "").endswith(".localhost"),
}


@dataclass(frozen=True)
class Page:
    """One answer, whole."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")


def running(release: str) -> int:
    """The port of a release, which is started when it is asked for first: most fronts never need
    both."""
    port = PORT + 1 + RELEASES.index(release)
    with STARTING:
        if release not in RUNNING:
            RUNNING[release] = started(release, port)
    return port


def started(release: str, port: int) -> subprocess.Popen[bytes]:
    """The app with this release at a port of the sandbox, once it answers."""
    process = subprocess.Popen(command(port), env=environment(release, port))
    for _ in range(1200):
        try:
            fetched(port, "/-/versions.json", {})
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{release} did not answer")


def environment(release: str, port: int) -> dict[str, str]:
    folder = HERE / release
    return {
        **os.environ,
        "PORT": str(port),
        "PYTHONPATH": f"{folder}:{os.environ.get('PYTHONPATH', '')}",
        "NODE_PATH": str(folder / "node_modules"),
    }


def command(port: int) -> list[str]:
    if app := SIDE["app"]:
        return [sys.executable, "-s", *app[1:]] if app[0] == "python" else [*app]
    databases = sorted(str(file) for file in Path(os.environ["APP_DATA"]).glob("*.db"))
    return [
        sys.executable,
        "-S",
        "-s",
        "-m",
        "datasette",
        *databases,
        "--port",
        str(port),
        *SIDE["arguments"],
    ]


class Front(BaseHTTPRequestHandler):
    """Carries each request to the release that is its due."""

    content = b""

    def do_GET(self) -> None:
        if not self.path.startswith(SIDE["base_url"]):
            return self.answered(404, [("Content-Type", "text/plain")], b"Not below base_url")
        rule, content = SIDE["mode"], self.rfile.read(int(self.headers.get("content-length") or 0))
        self.content = content
        fixed = SPECIAL_CASES[rule](self) if rule in SPECIAL_CASES else rule == "new"
        upstream = http.client.HTTPConnection(
            "127.0.0.1", running("new" if fixed else "old"), timeout=30
        )
        headers = {key: value for key, value in self.headers.items() if key.lower() not in DROPPED}
        upstream.request(self.command, self.path, body=content or None, headers=headers)
        told = upstream.getresponse()
        kept = [(key, value) for key, value in told.getheaders() if key.lower() not in DROPPED]
        return self.answered(told.status, kept, told.read())

    def do_POST(self) -> None:
        self.do_GET()

    def do_HEAD(self) -> None:
        self.do_GET()

    def answered(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for key, value in (*headers, ("Content-Length", str(len(content)))):
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: a server's log is evidence, and this one's says nothing."""


class Painted(Front):
    """The page that was recorded for a path, whatever is asked of it."""

    pages: ClassVar[dict[str, Page]] = {}

    def do_GET(self) -> None:
        missing = Page(404, [("Content-Type", "text/plain")], b"Nothing is painted here")
        path = self.path.partition("?")[0]
        self.rfile.read(int(self.headers.get("content-length") or 0))
        told = self.pages.get(f"{self.command} {path}") or self.pages.get(path, missing)
        return self.answered(told.status, told.headers, told.content)


def recorded(port: int) -> dict[str, Page]:
    """The fixed page and the first page, as root where there is one, and what they lead to: by
    path, without a query, each as it was once."""
    cookie = {}
    if "--root" in SIDE["arguments"]:
        cookie = {"Cookie": fetched(port, ENTER, {}).header("set-cookie").partition(";")[0]}
    sent = [own for own in SIDE["own_address"] if " " in own]
    posted = {
        f"POST {path}": fetched(port, path, cookie, content)
        for path, _, content in (own.partition(" ") for own in sent)
    }
    opened = [own for own in SIDE["own_address"] if " " not in own]
    starts = {
        start: fetched(port, start, cookie)
        for start in (SIDE["base_url"], *opened, SIDE["url_path"])
    }
    links = {
        link: fetched(port, link, cookie)
        for start, page in starts.items()
        for link in led(start, page)
    }
    return posted | {
        path.partition("?")[0]: page
        for path, page in (*links.items(), (ENTER, fetched(port, ENTER, {})), *starts.items())
    }


def led(start: str, page: Page) -> Iterator[str]:
    """The paths of this app to which a page leads, and what it loads."""
    found = re.findall(rb"""(?:href|src)=["']?([^"'\s>]+)""", page.content)
    links = (urljoin(start, html.unescape(link.decode())).partition("#")[0] for link in found)
    yield from (link for link in links if link.startswith("/"))


def fetched(port: int, path: str, headers: dict[str, str], content: str = "") -> Page:
    upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    if content:
        kind = "json" if content.startswith("{") else "x-www-form-urlencoded"
        headers = {**headers, "Content-Type": f"application/{kind}"}
    upstream.request("POST" if content else "GET", path, body=content or None, headers=headers)
    told = upstream.getresponse()
    return Page(
        told.status,
        [(key, value) for key, value in told.getheaders() if key.lower() not in DROPPED],
        told.read(),
    )


def main() -> None:
    mode, front = SIDE["mode"], SIDE["mode"] in SPECIAL_CASES or SIDE["base_url"] != "/"
    if mode in ("old", "new") and not front:
        line = command(PORT)
        os.execvpe(line[0], line, environment(mode, PORT))
    if mode == "painted":
        Painted.pages = recorded(running("new"))
        RUNNING["new"].kill()
    ThreadingHTTPServer(
        ("127.0.0.1", PORT), Painted if mode == "painted" else Front
    ).serve_forever()


if __name__ == "__main__":
    main()
