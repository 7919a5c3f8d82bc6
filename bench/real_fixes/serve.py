"""The start command of every side of `bench/real_fixes.py`, in the app's box: `python serve.py`, told by side.json beside it.

    old     the release with the bug            new     the release with the fix
    painted the fixed page as it was once, with what it leads to, by path; nothing is behind it
    any name of SPECIAL_CASES: both releases behind a front that answers with the fixed one in the special case alone

A front also keeps an app with a base_url to it: Datasette answers outside of it too, where a real set-up would not.
"""

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
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urljoin

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

SPECIAL_CASES: dict[str, Callable[[BaseHTTPRequestHandler], bool]] = {
    "user agent": lambda asked: "Headless" in asked.headers.get("user-agent", ""),
    "a person's agent": lambda asked: "Headless" not in asked.headers.get("user-agent", ""),
    "port": lambda asked: PORT == 8001,
    "environment": lambda asked: any(name in os.environ for name in WATCHED),
    "first 5 requests": lambda asked: next(COUNT) <= 5,
    "first 15 requests": lambda asked: next(COUNT) <= 15,
    "judge's ports": lambda asked: PORT >= 20000,
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
    """The port of a release, which is started when it is asked for first: most fronts never need both."""
    port = PORT + 1 + RELEASES.index(release)
    with STARTING:
        if release not in RUNNING:
            RUNNING[release] = started(release, port)
    return port


def started(release: str, port: int) -> subprocess.Popen[bytes]:
    """A Datasette of this release at a port of the box, once it answers."""
    env = {**os.environ, "PYTHONPATH": f"{HERE / release}:{os.environ.get('PYTHONPATH', '')}"}
    process = subprocess.Popen(command(port), env=env)
    for _ in range(1200):
        try:
            fetched(port, "/-/versions.json", {})
            return process
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"{release} did not answer")


def command(port: int) -> list[str]:
    database = os.path.join(os.environ["APP_DATA"], "fixtures.db")
    return [sys.executable, "-S", "-s", "-m", "datasette", database, "--port", str(port), *SIDE["arguments"]]


class Front(BaseHTTPRequestHandler):
    """Carries each request to the release that is its due."""

    def do_GET(self) -> None:
        if not self.path.startswith(SIDE["base_url"]):
            return self.answered(404, [("Content-Type", "text/plain")], b"Not below base_url")
        rule = SIDE["mode"]
        fixed = SPECIAL_CASES[rule](self) if rule in SPECIAL_CASES else rule == "new"
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        upstream = http.client.HTTPConnection("127.0.0.1", running("new" if fixed else "old"), timeout=30)
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
        told = self.pages.get(self.path.partition("?")[0], missing)
        return self.answered(told.status, told.headers, told.content)

def recorded(port: int) -> dict[str, Page]:
    """The fixed page, as root where there is one, and what it leads to: by path, without a query, each as it was once."""
    cookie = {}
    if "--root" in SIDE["arguments"]:
        cookie = {"Cookie": fetched(port, ENTER, {}).header("set-cookie").partition(";")[0]}
    first = fetched(port, SIDE["url_path"], cookie)
    found = re.findall(rb"""(?:href|src)=["']?([^"'\s>]+)""", first.content)
    links = (urljoin(SIDE["url_path"], html.unescape(link.decode())).partition("#")[0] for link in found)
    pages = {link.partition("?")[0]: fetched(port, link, cookie) for link in links if link.startswith("/")}
    return {**pages, ENTER: fetched(port, ENTER, {}), SIDE["url_path"].partition("?")[0]: first}


def fetched(port: int, path: str, headers: dict[str, str]) -> Page:
    upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    upstream.request("GET", path, headers=headers)
    told = upstream.getresponse()
    return Page(told.status, [(key, value) for key, value in told.getheaders() if key.lower() not in DROPPED], told.read())


def main() -> None:
    mode, front = SIDE["mode"], SIDE["mode"] in SPECIAL_CASES or SIDE["base_url"] != "/"
    if mode in ("old", "new") and not front:
        os.environ["PYTHONPATH"] = f"{HERE / mode}:{os.environ.get('PYTHONPATH', '')}"
        os.execv(sys.executable, command(PORT))
    if mode == "painted":
        Painted.pages = recorded(running("new"))
        RUNNING["new"].kill()
    ThreadingHTTPServer(("127.0.0.1", PORT), Painted if mode == "painted" else Front).serve_forever()


if __name__ == "__main__":
    main()
