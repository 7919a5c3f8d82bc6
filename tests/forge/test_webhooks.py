"""Webhooks: signed, in GitHub's shapes, tried once, and never in the way of the
request that caused them."""

import hashlib
import hmac
import json
import queue
import threading
import time
from dataclasses import dataclass, field

import pytest

from harness.forge.deliveries import DeliveryFilter
from harness.forge.receiver import PATH, Receiver, application, listening
from harness.store.clock import SystemClock
from harness.store.inbox import SqlInbox
from tests.fakes.http_server import Request, serving
from tests.forge.waiting import SECONDS, start

SECRET = "tide-and-moon"


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    """A forge of these tests' own, which ends with them: otherwise it would go on sending to the
    next programs on our listeners' ports."""
    running = start(tmp_path_factory.mktemp("forge"))
    yield running
    running.stop()


@dataclass
class Listener:
    """A server that keeps what it receives."""

    url: str = ""
    received: queue.Queue = field(default_factory=queue.Queue)
    answers: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.put((headers, request.content()))
        self.answers.wait(SECONDS)
        request.begin(500 if request.path == "/broken" else 204)


@pytest.fixture
def listener():
    listener = Listener()
    listener.answers.set()
    with serving(listener.answer) as server:
        listener.url = server.url
        yield listener
        listener.answers.set()


def hear(listener, place, event, action=None):
    """The first delivery of that kind about this place's repository."""
    while True:
        headers, content = listener.received.get(timeout=SECONDS)
        payload = json.loads(content)
        ours = payload["repository"]["full_name"] == place.name
        if ours and headers["x-github-event"] == event and action in (None, payload.get("action")):
            return headers, content, payload


def address(listener, path="/") -> str:
    return f"{listener.url}{path}"


def test_a_delivery_is_signed_over_its_very_bytes(place, listener) -> None:
    place.admin.create_hook(address(listener), SECRET, events=("issues",))
    number = place.file("Ümläut")
    headers, content, payload = hear(listener, place, "issues", "opened")
    wanted = "sha256=" + hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(headers["x-hub-signature-256"], wanted)
    other = "sha256=" + hmac.new(b"other", content, hashlib.sha256).hexdigest()
    assert not hmac.compare_digest(headers["x-hub-signature-256"], other)
    assert (payload["issue"]["number"], payload["issue"]["title"]) == (number, "Ümläut")
    assert payload["sender"]["id"] == place.person("ana").id


def test_each_delivery_has_an_id_of_its_own(place, listener) -> None:
    place.admin.create_hook(address(listener), SECRET, events=("issues",))
    place.file("One")
    place.file("Two")
    ids = {hear(listener, place, "issues", "opened")[0]["x-github-delivery"] for _ in range(2)}
    assert len(ids) == 2


def test_events_are_sent_by_name(place, listener) -> None:
    place.admin.create_hook(address(listener), SECRET)
    number = place.file("Life of an issue")
    place.api("POST", f"/issues/{number}/labels", by=place.owner, json={"labels": ["kind:bug"]})
    assert hear(listener, place, "issues", "labeled")[2]["label"]["name"] == "kind:bug"
    place.api("POST", f"/issues/{number}/comments", by=place.owner, json={"body": "hello"})
    assert hear(listener, place, "issue_comment", "created")[2]["comment"]["body"] == "hello"
    place.api("PATCH", f"/issues/{number}", by=place.owner, json={"title": "Renamed"})
    hear(listener, place, "issues", "edited")
    before = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": before})
    after = place.push({"app.py": "print(4)\n"}, branch="work")
    made = hear(listener, place, "push")[2]
    assert (made["ref"], made["created"], made["after"]) == ("refs/heads/work", True, before)
    moved = hear(listener, place, "push")[2]
    assert (moved["before"], moved["after"], moved["pusher"]["name"]) == (
        before,
        after,
        place.factory.login,
    )
    opened = place.api(
        "POST", "/pulls", by=place.factory, json={"title": "t", "head": "work", "base": "main"}
    ).json()
    hear(listener, place, "pull_request", "opened")
    place.push({"app.py": "print(5)\n"}, branch="work")
    hear(listener, place, "pull_request", "synchronize")
    asks = {"event": "REQUEST_CHANGES", "body": "Not yet."}
    place.api("POST", f"/pulls/{opened['number']}/reviews", by=place.owner, json=asks)
    reviewed = hear(listener, place, "pull_request_review", "submitted")[2]
    assert (reviewed["review"]["state"], reviewed["review"]["body"]) == (
        "changes_requested",
        "Not yet.",
    )
    assert reviewed["pull_request"]["number"] == opened["number"]
    place.api(
        "POST",
        "/check-runs",
        by=place.factory,
        json={"name": "gate", "head_sha": after, "conclusion": "success"},
    )
    assert (
        hear(listener, place, "check_run", "completed")[2]["check_run"]["conclusion"] == "success"
    )
    place.api("PUT", f"/pulls/{opened['number']}/merge", by=place.factory, json={})
    assert hear(listener, place, "pull_request", "closed")[2]["pull_request"]["merged"]


def test_only_the_requested_events_are_sent(place, listener) -> None:
    place.admin.create_hook(address(listener), SECRET, events=("issue_comment",))
    number = place.file("Not sent")
    place.api("POST", f"/issues/{number}/comments", by=place.owner, json={"body": "sent"})
    headers, content = listener.received.get(timeout=SECONDS)
    assert headers["x-github-event"] == "issue_comment"
    assert json.loads(content)["comment"]["body"] == "sent"


def test_nothing_is_sent_about_what_was_refused(place, listener) -> None:
    place.admin.create_hook(address(listener), SECRET)
    refused = place.api(
        "PATCH",
        f"/issues/{place.file('Kept')}",
        by=place.owner,
        json={"labels": ["ok"], "state": "sideways"},
    )
    assert refused.status_code == 422
    place.file("The next thing that is sent")
    hear(listener, place, "issues", "opened")
    assert hear(listener, place, "issues")[2]["issue"]["title"] == "The next thing that is sent"


def test_a_listener_that_fails_or_is_gone_is_tried_once_and_holds_nothing_up(
    place, listener
) -> None:
    place.admin.create_hook(address(listener, "/broken"), SECRET, events=("issues",))
    place.admin.create_hook("http://127.0.0.1:9/gone", SECRET, events=("issues",))
    listener.answers.clear()
    # Is filed while the listener is still silent.
    place.file("Nobody hears")
    listener.answers.set()
    assert hear(listener, place, "issues", "opened")[2]["issue"]["title"] == "Nobody hears"
    token = place.forge.admin_token.read_text().strip()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        tried = place.ask(
            "GET", "/admin/deliveries", headers={"Authorization": f"Bearer {token}"}
        ).json()
        if {500, None} <= {one["status"] for one in tried}:
            break
        time.sleep(0.05)
    assert {500, None} <= {one["status"] for one in tried}
    # Deliveries keep their order: a second try would be heard before it.
    place.file("The next thing that is sent")
    assert (
        json.loads(listener.received.get(timeout=SECONDS)[1])["issue"]["title"]
        == "The next thing that is sent"
    )


def test_an_apps_own_hook_hears_of_its_repositories_and_by_which_installation(
    place, listener
) -> None:
    """Deliveries keep their order, so the first one received was the first sent: nothing was sent
    about the other repository."""
    manifest = {
        "name": f"Ears {place.prefix}",
        "url": "http://localhost/x",
        "hook_attributes": {"url": address(listener)},
        "default_permissions": {"issues": "read"},
        "default_events": ["issues"],
    }
    app = place.admin.create_app(place.owner.login, manifest)
    other = place.admin.create_repository(place.owner.login, "other")
    number = place.admin.install_app(app["slug"], place.owner.login, repositories=["tidebook"])
    elsewhere = place.ask(
        "POST",
        f"/api/v3/repos/{other.full_name}/issues",
        by=place.owner,
        json={"title": "Elsewhere"},
    )
    assert elsewhere.status_code == 201
    place.file("Here")
    headers, content = listener.received.get(timeout=SECONDS)
    payload = json.loads(content)
    assert (payload["issue"]["title"], payload["installation"]) == ("Here", {"id": number})
    wanted = hmac.new(app["webhook_secret"].encode(), content, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={wanted}"


def test_the_factorys_own_door_takes_what_this_forge_sends(place, tmp_path) -> None:
    """The two ends, which know nothing of each other but GitHub's words for it."""
    heard = threading.Event()
    inbox = SqlInbox(tmp_path, SystemClock())
    receiver = Receiver(
        inbox, DeliveryFilter(place.repository.id), lambda: (SECRET,), on_news=heard.set
    )
    with listening(application(receiver), host="127.0.0.1", port=0) as port:
        place.admin.create_hook(
            f"http://127.0.0.1:{port}{PATH}", SECRET, events=("issues", "issue_comment")
        )
        number = place.file("Sent at once")
        place.api("POST", f"/issues/{number}/comments", by=place.owner, json={"body": "hello"})
        deadline = time.monotonic() + SECONDS
        while len(inbox.waiting()) < 2 and time.monotonic() < deadline:
            heard.wait(1)
            heard.clear()
        assert {(delivery.event, delivery.number) for _, delivery in inbox.waiting()} == {
            ("issues", number),
            ("issue_comment", number),
        }
    assert receiver.counts["refused"] == 0
    inbox.close()
