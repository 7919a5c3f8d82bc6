"""The webhook receiver over HTTP: what is accepted, what is stored, and the message
of each refusal."""

import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import socket
import threading
from contextlib import contextmanager
from typing import Never

import pytest
import uvicorn

from harness.domain.errors import ConfigError, PortError
from harness.forge.deliveries import (
    MOST_BYTES,
    DeliveryFilter,
    Dropped,
    RefusedDelivery,
    delivery_in,
    is_signed,
)
from harness.forge.receiver import PATH, Receiver, application, listening
from harness.http_server import MOST_CONNECTIONS, PatientProtocol, listener_at, public_config
from harness.ports.inbox import Delivery
from harness.store.inbox import SqlInbox
from tests.fakes.clock import FakeClock
from tests.fakes.inbox import FakeInbox
from tests.forge.waiting import SECONDS

NEW, OLD, GONE = "new-secret-of-the-tide", "old-secret-of-the-tide", "a-secret-before-both-of-them"
OURS = 4711
ACCEPTED = DeliveryFilter(OURS, app=12)
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()


def payload(number=7, *, repository=OURS, **more):
    """A forge's payload about an issue, in bytes."""
    return json.dumps(
        {"action": "edited", "repository": {"id": repository}, "issue": {"number": number}, **more}
    ).encode()


def signed(body, secret=NEW):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(body, *, secret=NEW, delivery="d-1", event="issues", **more):
    return {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": delivery,
        "x-hub-signature-256": signed(body, secret),
        **more,
    }


@pytest.fixture
def inbox(tmp_path):
    store = SqlInbox(tmp_path, FakeClock())
    yield store
    store.close()


class Place:
    """A receiver that listens, and a way to send it things."""

    def __init__(self, receiver, port) -> None:
        self.receiver, self.port = receiver, port

    def send(self, body, method="POST", path=PATH, **options):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.request(
                method, path, body, options.get("headers") or headers(body, **options)
            )
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def status(self, body, **options):
        return self.send(body, **options)[0]


@contextmanager
def open_place(inbox, **more):
    receiver = Receiver(inbox, ACCEPTED, lambda: (NEW, OLD), **more)
    with listening(application(receiver), host="127.0.0.1", port=0) as port:
        yield Place(receiver, port)


@pytest.fixture
def place(inbox):
    with open_place(inbox) as found:
        yield found


def kept(inbox):
    return [(delivery.event, delivery.number) for _, delivery in inbox.waiting()]


def test_a_signed_delivery_is_kept_and_answered_at_once(place, inbox) -> None:
    assert place.status(payload(7)) == 202
    assert kept(inbox) == [("issues", 7)]


@pytest.mark.parametrize(("secret", "status"), [(NEW, 202), (OLD, 202), (GONE, 401), ("", 401)])
def test_two_secrets_hold_while_one_is_exchanged_and_an_older_one_does_not(
    place, inbox, secret, status
) -> None:
    assert place.status(payload(), secret=secret) == status
    assert len(kept(inbox)) == (status == 202)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        signed(payload())[:-1],
        signed(payload()) + "0",
        signed(payload()).upper(),
        "sha1=" + "0" * 40,
        signed(b"other"),
        "SHA256=" + signed(payload())[7:],
        signed(payload()).replace("sha256=", ""),
    ],
    ids=[
        "none",
        "empty",
        "short",
        "long",
        "upper",
        "sha1",
        "of other bytes",
        "another name",
        "bare",
    ],
)
def test_what_is_not_signed_over_its_very_bytes_is_turned_away(place, inbox, signature) -> None:
    status, _, said = place.send(
        payload(), headers={**headers(payload()), "x-hub-signature-256": signature}
    )
    assert (status, kept(inbox)) == (401, [])
    assert NEW.encode() not in said


def test_no_secret_believes_nobody() -> None:
    assert not is_signed(b"x", signed(b"x", ""), ())
    assert not is_signed(b"x", signed(b"x", ""), ("",)), "an empty file is no secret"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", PATH, 405),
        ("PUT", PATH, 405),
        ("POST", "/", 404),
        ("POST", f"{PATH}/x", 404),
        ("GET", "/secrets", 404),
    ],
)
def test_there_is_one_path_and_one_method(place, inbox, method, path, status) -> None:
    assert place.status(payload(), method=method, path=path) == status
    assert kept(inbox) == []


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("application/x-www-form-urlencoded", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
def test_only_json_is_read(place, kind, status) -> None:
    assert place.status(payload(), headers={**headers(payload()), "content-type": kind}) == status


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b"\xff\xfe", b"[" * 100_000], ids=len)
def test_what_is_signed_and_no_object_is_refused(place, inbox, body) -> None:
    assert (place.status(body), kept(inbox)) == (400, [])


@pytest.mark.parametrize(
    "broken",
    [
        {"x-github-event": ""},
        {"x-github-event": "Issues!"},
        {"x-github-delivery": ""},
        {"x-github-delivery": "a b"},
        {"x-github-delivery": "x" * 65},
    ],
)
def test_a_delivery_names_its_event_and_itself(place, inbox, broken) -> None:
    assert place.status(payload(), headers={**headers(payload()), **broken}) == 400
    assert kept(inbox) == []


def first_line(port, *parts):
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as line:
        # It may have said no and left before the last part was sent.
        with contextlib.suppress(ConnectionError):
            for part in parts:
                line.sendall(part)
        return line.makefile("rb").readline()


def test_a_body_is_limited_by_its_header_and_by_its_length(place, inbox) -> None:
    assert b" 413 " in first_line(
        place.port, HEAD, f"Content-Length: {MOST_BYTES + 1}\r\n\r\n".encode()
    )
    chunks = [f"{size:x}\r\n".encode() + b" " * size + b"\r\n" for size in (MOST_BYTES, 1)]
    assert b" 413 " in first_line(
        place.port, HEAD, b"Transfer-Encoding: chunked\r\n\r\n", *chunks
    ), "no length was given"
    assert kept(inbox) == []


def test_whoever_sends_half_a_body_holds_up_nobody(place, inbox) -> None:
    with socket.create_connection(("127.0.0.1", place.port)) as line:
        line.sendall(HEAD + b"Content-Length: 99\r\n\r\n{")
        assert place.status(payload()) == 202


def test_a_slow_sender_is_cut_off_before_its_headers_and_in_its_body(place) -> None:
    lines = [b"", HEAD, HEAD + b"Content-Length: 99\r\n\r\n{"]
    held = [socket.create_connection(("127.0.0.1", place.port), SECONDS) for _ in lines]
    for line, text in zip(held, lines, strict=True):
        line.sendall(text)
    silent, half, slow = (b"".join(iter(lambda one=one: one.recv(1000), b"")) for one in held)
    assert (silent, half) == (b"", b"")
    assert slow.startswith(b"HTTP/1.1 408")


def test_silent_connections_take_so_many_descriptors_and_no_more(inbox) -> None:
    """The factory's files, git and sandboxes need descriptors of the same process."""

    class NeverTired(PatientProtocol):
        head_seconds = 10.0 * SECONDS

    receiver, beyond = Receiver(inbox, ACCEPTED, lambda: (NEW,)), 20
    config = public_config(application(receiver))
    config.http = NeverTired
    server = uvicorn.Server(config)
    with listener_at("127.0.0.1", 0) as listener, contextlib.ExitStack() as stack:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        at = listener.getsockname()
        silent = [
            stack.enter_context(socket.create_connection(at, SECONDS))
            for _ in range(MOST_CONNECTIONS + beyond)
        ]
        assert [one.recv(1) for one in silent[-beyond:]] == [b""] * beyond
        silent[0].sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert silent[0].recv(12) == b"HTTP/1.1 503"
        for one in silent:
            one.close()
        place = Place(receiver, at[1])
        while (status := place.status(payload(7))) == 503:
            pass
    assert (status, kept(inbox)) == (202, [("issues", 7)])


def test_a_connection_serves_one_request(place) -> None:
    with socket.create_connection(("127.0.0.1", place.port), SECONDS) as line:
        line.sendall(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(1000)
        # Of a second one, half of which is sent, nothing would limit the time.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(b"POST /webhook HTT")
            while line.recv(1000):
                pass


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"repository": 1}, Dropped.ANOTHER_REPOSITORY),
        ({"repository": None}, Dropped.ANOTHER_REPOSITORY),
        ({"repository": str(OURS)}, Dropped.ANOTHER_REPOSITORY),
    ],
)
def test_another_repositorys_delivery_is_counted_and_dropped(place, inbox, more, why) -> None:
    assert place.status(payload(**more)) == 202
    assert kept(inbox) == []
    assert place.receiver.counts == {f"dropped: {why.value}": 1}


@pytest.mark.parametrize(
    ("target", "number", "known"),
    [
        ("repository", OURS, True),
        ("repository", 1, False),
        ("integration", 12, True),
        ("integration", 13, False),
        ("app", 13, False),
    ],
)
def test_a_delivery_of_a_webhook_that_is_not_ours_is_dropped(
    place, inbox, target, number, known
) -> None:
    more = {
        "x-github-hook-installation-target-type": target,
        "x-github-hook-installation-target-id": str(number),
    }
    assert place.status(payload(), headers={**headers(payload()), **more}) == 202
    assert len(kept(inbox)) == known


@pytest.mark.parametrize(
    ("event", "body", "number"),
    [
        ("issues", payload(7), 7),
        ("issue_comment", payload(8), 8),
        (
            "pull_request",
            json.dumps({"repository": {"id": OURS}, "pull_request": {"number": 9}}).encode(),
            9,
        ),
        ("push", json.dumps({"repository": {"id": OURS}, "ref": "refs/heads/main"}).encode(), None),
        (
            "check_run",
            json.dumps({"repository": {"id": OURS}, "check_run": {"id": 5}}).encode(),
            None,
        ),
        ("issues", payload(True), None),
        ("issues", payload(-1), None),
        ("issues", payload("7"), None),
        ("issues", payload(2**60), None),
        ("ping", json.dumps({"zen": "Anything", "hook_id": 3}).encode(), None),
    ],
)
def test_all_that_is_kept_of_a_delivery_is_which_issue_to_look_at(event, body, number) -> None:
    found = delivery_in(body, headers(body, event=event), secrets=(NEW,), accepted=ACCEPTED)
    assert found == Delivery("d-1", event, number, hashlib.sha256(body).hexdigest())


def test_an_event_after_which_nothing_follows_is_dropped() -> None:
    assert (
        delivery_in(payload(), headers(payload(), event="star"), secrets=(NEW,), accepted=ACCEPTED)
        is Dropped.NO_MATTER
    )


def test_nothing_of_a_delivery_is_read_before_its_signature_holds() -> None:
    body = b"[" * 100_000
    assert (
        delivery_in(body, headers(body, secret=GONE, event="?"), secrets=(NEW,), accepted=ACCEPTED)
        is RefusedDelivery.UNSIGNED
    )


def test_a_double_is_folded_by_its_id_and_by_its_bytes(place, inbox) -> None:
    assert place.status(payload(7), delivery="a") == 202
    assert place.status(payload(7), delivery="a") == 202
    assert place.status(payload(7), delivery="replayed-under-another-name") == 202, (
        "the id is not signed, the bytes are"
    )
    assert place.status(payload(8), delivery="a") == 202, (
        "two webhooks tell of one event under one id"
    )
    assert kept(inbox) == [("issues", 7)]
    assert place.receiver.counts == {"kept": 1, "double": 3}


def test_what_was_acted_on_is_still_known_as_a_double(place, inbox) -> None:
    place.status(payload(7))
    inbox.settle(tuple(at for at, _ in inbox.waiting()))
    assert place.status(payload(7)) == 202
    assert kept(inbox) == []


def test_a_delivery_that_was_answered_is_there_after_a_crash(place, inbox, tmp_path) -> None:
    place.status(payload(7))
    again = SqlInbox(tmp_path, FakeClock())
    assert kept(again) == [("issues", 7)]
    again.close()


@pytest.mark.parametrize("why", ["no room", "the store fails"])
def test_what_cannot_be_kept_is_answered_so(tmp_path, inbox, why) -> None:
    class Full(SqlInbox):
        def put(self, delivery) -> Never:
            raise PortError("database or disk is full", retryable=True)

    store = inbox if why == "no room" else Full(tmp_path, FakeClock())
    with open_place(store, has_room=lambda: why != "no room") as place:
        status, answered, _ = place.send(payload())
    assert (status, int(answered["retry-after"]) > 0, kept(inbox)) == (503, True, [])


def test_the_bell_rings_for_what_is_new_and_for_nothing_else(inbox) -> None:
    rung = []
    with open_place(inbox, on_news=lambda: rung.append(1)) as place:
        for body, secret in (
            (payload(7), NEW),
            (payload(7), NEW),
            (payload(8), GONE),
            (payload(1, repository=2), NEW),
        ):
            place.status(body, secret=secret)
    assert rung == [1]


def test_an_address_that_is_taken_is_said_with_the_way_out(inbox) -> None:
    with (
        open_place(inbox) as place,
        pytest.raises(ConfigError, match=f"{place.port} is not to be had"),
        listening(application(place.receiver), host="127.0.0.1", port=place.port),
    ):
        pass


def test_many_at_once_are_all_kept_once(place, inbox) -> None:
    bodies = [payload(number) for number in range(1, 41)]
    work = list(enumerate(bodies)) * 2
    senders = [
        threading.Thread(
            target=lambda part=part: [place.status(body, delivery=f"d-{at}") for at, body in part]
        )
        for part in (work[0::4], work[1::4], work[2::4], work[3::4])
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(number for _, number in kept(inbox)) == list(range(1, 41))


def test_every_order_of_six_deliveries_leaves_the_same_to_look_at() -> None:
    """A double, a replay under another name, one of another repository and one badly
    signed among them, in all 720 orders."""
    six = [
        (payload(7), NEW, "a"),
        (payload(7), NEW, "a"),
        (payload(7), NEW, "z"),
        (payload(8), OLD, "b"),
        (payload(9, repository=1), NEW, "c"),
        (payload(10), GONE, "d"),
    ]
    found = [
        delivery_in(
            body, headers(body, secret=secret, delivery=name), secrets=(NEW, OLD), accepted=ACCEPTED
        )
        for body, secret, name in six
    ]
    for order in itertools.permutations(found):
        inbox = FakeInbox()
        for one in order:
            if isinstance(one, Delivery):
                inbox.put(one)
        assert {delivery.number for _, delivery in inbox.waiting()} == {7, 8}
        assert len(inbox.waiting()) == 2
