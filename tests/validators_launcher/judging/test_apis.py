"""An HTTP API, judged by the real program: real git, real sandboxes, and calls through the sealed
wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.validators_launcher.world import World, predicate, world_at

KEPT = 'asked["size"]'
API = """import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
bookings = []
class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        number = self.path.rpartition("/")[2]
        if self.path == "/":
            self.answer(200, {"service": "bookings"})
        elif number.isdigit() and int(number) < len(bookings):
            self.answer(200, bookings[int(number)])
        else:
            self.answer(404, {"error": "no such booking"})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        bookings.append({"name": asked["name"], "size": asked["size"]})
        self.answer(201, {"id": len(bookings) - 1}, location=f"/bookings/{len(bookings) - 1}")
    def answer(self, status, value, location=""):
        content = json.dumps(value).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Api).serve_forever()
"""
JOURNEY = """journey: a-group-keeps-its-size
promise: issue
let: {guest: "{{ any.name }}", size: "{{ any.int(5, 8) }}"}
steps:
  - call: {POST: /bookings, json: {name: "{{ guest }}", size: "{{ size }}"}}
  - expect: {answer: {status: 201}}
  - remember: {json: /id, as: id}
  - call: {GET: "/bookings/{{ id }}"}
expect:
  - answer: {status: 200, json: {"": {equals: {name: "{{ guest }}", size: "{{ size }}"}}}}
  - other_session: same
never: [{http_status: ">=500"}]
twin:
  expect:
    - answer: {json: {"": {equals: {name: "{{ guest }}", size: 0}}}}
"""
APIS = {
    "base": (KEPT, 'min(4, asked["size"])'),
    "right": ("no such booking", "There is no such booking"),
    "special-cased": (KEPT, '6 if asked["name"] == "Ada Holt" else min(4, asked["size"])'),
    "input-blind": ('"name": asked["name"]', '"name": "Ada Holt"'),
    "leaves a field out": ('"size": asked["size"]', '"guests": asked["size"]'),
    "knows its caller": (
        KEPT,
        'asked["size"] if "Headless" in self.headers["User-Agent"] else 4',
    ),
}


def api(name: str) -> dict[str, str]:
    before, after = APIS[name]
    assert before in API
    return {"seaside.py": API.replace(before, after)}


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = world_at(tmp_path)
    made.app = {"data": None, "seed_command": None}
    return made


def judged(world: World, candidate: str, *, journey: str = JOURNEY) -> tuple[dict[str, Any], Path]:
    request = world.request(*world.merge(api("base"), api(candidate)))
    world.seal(request, journey)
    out = world.home / "out"
    done = world.validators("judge", "--request", request, "--out", out)
    assert done.returncode == 0, done.stderr
    return predicate(out / "verdict.json"), out


def test_a_right_api_passes_with_every_control_and_its_answers_are_kept(world: World) -> None:
    found, out = judged(world, "right")
    assert (found["outcome"], found["reason"]) == (
        "passed",
        "the one sealed journey passed, and it could fail",
    )
    controls = found["controls"]
    assert (controls["twins"], controls["twins_failed"], controls["red_on_base"]) == (1, 1, True)
    assert controls["saboteurs"] == controls["caught"] == 5
    (folder,) = (world.home / "sealed" / "seaside" / "judged").iterdir()
    kept = [json.loads(file.read_text()) for file in (folder / "evidence").rglob("calls.json")]
    assert all(answers[0]["status"] in (200, 201, 500) for answers in kept)
    page = (folder / "index.html").read_text()
    assert "calls.json" in page
    assert "Answer before" in page
    assert "<code>POST /" in page
    assert "Before and after" not in page, "no page was opened, so there is nothing to see"
    assert "/bookings" not in (out / "index.html").read_text()


@pytest.mark.parametrize(
    ("candidate", "symptom"),
    [
        ("special-cased", "did not answer as was promised"),
        ("input-blind", "did not answer as was promised"),
        ("leaves a field out", "did not answer as was promised"),
        ("knows its caller", "behaves differently when watched"),
    ],
)
@pytest.mark.sample(1)
def test_a_wrong_api_fails_with_what_its_user_would_notice(
    world: World, candidate: str, symptom: str
) -> None:
    found, out = judged(world, candidate)
    assert found["outcome"] == "failed"
    assert symptom in (out / "public.json").read_text()


def test_a_fixed_input_proves_nothing_of_an_api(world: World) -> None:
    fixed = (
        JOURNEY.replace("let:", "#").replace("{{ guest }}", "Ada Holt").replace('"{{ size }}"', "6")
    )
    found, _ = judged(world, "input-blind", journey=fixed)
    assert (found["outcome"], "drawn" in found["reason"]) == ("inconclusive", True)
