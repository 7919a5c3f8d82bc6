"""A real intake: a process that listens on the loopback, with keys of its own."""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.programs.error_intake.spool import Spool
from harness.programs.error_intake.start import RunningIntake, start
from tests.scenarios.waiting import LONG

KEY, OTHER_KEY = "0123456789abcdef" * 2, "fedcba9876543210" * 2
SENTRY, GLITCHTIP, BUGSINK = "secret-of-sentry-01", "secret-of-glitchtip", "secret-of-bugsink-1"
LINES = (
    f"dsn 1 {KEY}\ndsn 2 {OTHER_KEY}\nsentry {SENTRY}\nglitchtip {GLITCHTIP}\nbugsink {BUGSINK}\n"
)
SECONDS = LONG
AUTH = f"Sentry sentry_version=7, sentry_key={KEY}, sentry_client=test/1"


@dataclass
class Place:
    """An intake that listens, and a way to send it things."""

    running: RunningIntake
    folder: Path
    keys: Path

    @property
    def spool(self) -> Spool:
        return Spool(self.folder)

    @property
    def dsn(self) -> str:
        return f"http://{KEY}@127.0.0.1:{self.running.port}/1"

    def send(self, body=b"", *, path="/api/1/envelope/", headers=None, method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=SECONDS)
        try:
            connection.request(
                method, path, body, {"X-Sentry-Auth": AUTH} if headers is None else headers
            )
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def status(self, body=b"", **how):
        return self.send(body, **how)[0]


def envelope(*events, kind="event"):
    """An envelope as SDKs write it."""
    lines = [b"{}"]
    for event in events:
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        lines += [json.dumps({"type": kind, "length": len(payload)}).encode(), payload]
    return b"\n".join(lines)


def event(number=1, *, type="ValueError", **more):
    """An event of an SDK, each number with its own id."""
    return {
        "event_id": f"{number:032x}",
        "level": "error",
        "platform": "python",
        "exception": {
            "values": [
                {
                    "type": type,
                    "value": f"no such walk: {number}",
                    "stacktrace": {
                        "frames": [{"module": "shop.cart", "function": "total", "lineno": 3}]
                    },
                }
            ]
        },
        **more,
    }


def started(tmp_path, lines=LINES):
    keys = tmp_path / "keys"
    keys.touch(mode=0o600)
    keys.write_text(lines)
    folder = tmp_path / "errors"
    return Place(start(folder, host="127.0.0.1", port=0, keys=keys), folder, keys)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One intake for tests that look only at answers."""
    place = started(tmp_path_factory.mktemp("shared"))
    yield place
    place.running.stop()


@pytest.fixture
def place(tmp_path):
    found = started(tmp_path)
    yield found
    found.running.stop()
