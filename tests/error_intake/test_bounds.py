"""Nothing of a stranger is taken, nothing that is taken is without a bound, and nothing that was
answered is lost."""

import contextlib
import gzip
import http.client
import json
import os
import signal
import socket
import threading
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import PortError
from harness.forge.receiver import listening
from harness.programs.error_intake import spool as spools
from harness.programs.error_intake.application import Intake, application
from harness.programs.error_intake.bodies import MOST_RECEIVED, MOST_UNPACKED, unpacked
from harness.programs.error_intake.envelope import MOST_EVENT, MOST_ITEMS, events_in, json_object
from harness.programs.error_intake.keys import MOST_KEYS, Keys, Service
from harness.programs.error_intake.rates import BURST, PER_SECOND, Rates
from harness.programs.error_intake.refused import Refused
from harness.programs.error_intake.reports import (
    MOST_FRAMES,
    MOST_MESSAGE,
    MOST_NAME,
    report_of,
)
from harness.programs.error_intake.spool import MOST_OF_SOURCE, MOST_RELEASES, Added, Spool
from harness.programs.error_intake.webhooks import reports_in
from tests.error_intake.conftest import AUTH, KEY, OTHER_KEY, SECONDS, envelope, event, started

NOW = datetime(2030, 5, 4, 8, tzinfo=UTC)
KEYS_OF_EVENTS = (
    *("action", "data", "error", "event", "issue", "id", "issue_id", "datetime", "lastSeen"),
    *("metadata", "type", "value", "values", "exception", "stacktrace", "frames", "lineno", "tags"),
    *("level", "fingerprint", "release", "event_id", "logentry", "message", "attachments", "title"),
    *("title_link", "fields", "alert_reason", "function", "filename", "module", "in_app"),
)


def report(number=1, *, source="dsn 1", **more):
    return report_of(event(number, **more), source=source)


# Who may report


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Sentry-Auth": "Sentry sentry_key="},
        {"X-Sentry-Auth": f"Sentry sentry_key={OTHER_KEY}"},
        {"X-Sentry-Auth": f"Sentry sentry_key={KEY}0"},
        {"X-Sentry-Auth": f"Sentry sentry_key={KEY[:-1]}"},
        {"Authorization": f"Bearer {KEY}"},
    ],
)
def test_row_116_without_the_key_of_this_project_nothing_is_taken(shared, headers) -> None:
    assert shared.status(envelope(event()), headers=headers) == 403
    assert shared.spool.groups() == ()


@pytest.mark.parametrize("project", ["2", "3", "0", "9" * 5000, "x", "%31%00", "../1"])
def test_a_key_is_of_its_own_project_alone(shared, project) -> None:
    path = f"/api/{project}/envelope/"
    assert shared.status(envelope(event()), path=path) in (403, 404)
    assert shared.spool.groups() == ()


def test_a_stranger_is_answered_before_his_body_comes(shared) -> None:
    with socket.create_connection(("127.0.0.1", shared.running.port), SECONDS) as line:
        line.sendall(
            b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        )
        assert line.recv(1000).startswith(b"HTTP/1.1 403")
        # The connection ends: what he sends now is read by nobody.
        while line.recv(1000):
            pass


def test_the_key_may_stand_in_the_query_as_node_and_browsers_send_it(place) -> None:
    path = f"/api/1/envelope/?sentry_version=7&sentry_key={KEY}&sentry_client=x"
    assert place.status(envelope(event()), path=path, headers={}) == 200
    assert len(place.spool.groups()) == 1


def test_a_key_counts_from_its_line_until_the_line_is_gone(place) -> None:
    place.keys.write_text(f"dsn 1 {OTHER_KEY}\n")
    assert place.status(envelope(event())) == 403
    place.keys.write_text(f"dsn 1 {KEY}\n")
    assert place.status(envelope(event())) == 200
    place.keys.chmod(0o644)
    assert place.status(envelope(event(2))) == 503


# What is read


def test_a_body_is_bounded_by_its_own_length_and_in_fact(shared) -> None:
    headers = {"X-Sentry-Auth": AUTH, "Content-Length": str(MOST_RECEIVED + 1)}
    assert shared.status(headers=headers) == 413

    def endless():
        for _ in range(MOST_RECEIVED // 50_000 + 2):
            yield b"x" * 50_000

    # The intake may hang up while the rest is still sent.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        assert shared.status(endless()) == 413
    assert shared.spool.groups() == ()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)],
)
def test_a_packed_body_is_bounded_by_what_it_unpacks_to(shared, coding, pack) -> None:
    bomb = pack(b"\0" * (MOST_UNPACKED + 1))
    assert len(bomb) < 20_000
    headers = {"X-Sentry-Auth": AUTH, "Content-Encoding": coding}
    assert shared.status(bomb, headers=headers) == 413
    assert unpacked(pack(b"x" * MOST_UNPACKED), coding) == b"x" * MOST_UNPACKED
    for wrong in (b"", b"nothing of the kind", pack(b"x" * 9999)[:-5]):
        with pytest.raises(Refused):
            unpacked(wrong, coding)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", lambda text: gzip.compress(text, 1, mtime=0)),
        ("deflate", lambda text: zlib.compress(text, 1)),
        ("br", lambda text: brotli.compress(text, quality=1)),
    ],
)
def test_row_116_what_is_over_the_bound_is_never_unpacked(coding, pack) -> None:
    bomb = pack(b"\0" * (MOST_UNPACKED * 12))
    tracemalloc.start()
    with pytest.raises(Refused):
        unpacked(bomb, coding)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST_UNPACKED * 4


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(gzip.compress(b"{}")), gzip.compress(b"") * 2],
    ids=["in a pack", "two packs"],
)
def test_a_pack_in_a_pack_is_not_opened(packed) -> None:
    with pytest.raises(Refused):
        events_in(unpacked(packed, "gzip"))


@pytest.mark.parametrize("coding", ["zstd", "gzip, gzip", "compress", "x"])
def test_an_encoding_that_no_sdk_uses_is_refused(shared, coding) -> None:
    headers = {"X-Sentry-Auth": AUTH, "Content-Encoding": coding}
    assert shared.status(b"x", headers=headers) == 415


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a":' + b"1" * 100_000 + b"}",
        b"x" * 100_000,
    ],
    ids=range(8),
)
def test_headers_and_events_that_are_no_objects_are_refused(text) -> None:
    with pytest.raises(Refused):
        events_in(text)
    if text:
        with pytest.raises(Refused):
            events_in(envelope(text))


@pytest.mark.parametrize("length", ["-1", "99999", "true", '"3"', "1e3"])
def test_a_length_that_is_none_is_refused(length) -> None:
    with pytest.raises(Refused):
        events_in(b'{}\n{"type":"event","length":' + length.encode() + b"}\n{}")


def test_items_are_counted_and_only_events_are_opened() -> None:
    assert events_in(envelope(b"[" * 100_000, kind="attachment")) == ()
    assert len(events_in(envelope(*[{}] * MOST_ITEMS))) == MOST_ITEMS
    assert events_in(b'{}\n{"type":"event"}\n{"a":1}\n\n') == ({"a": 1},)
    with pytest.raises(Refused):
        events_in(envelope(*[{}] * (MOST_ITEMS + 1)))
    for events in ([{"a": "x" * MOST_EVENT}], [{"a": "x" * (MOST_EVENT // 2)}] * 2):
        with pytest.raises(Refused):
            events_in(envelope(*events))


def test_a_slow_sender_is_cut_off_before_its_headers_and_in_its_body(shared) -> None:
    lines = [
        b"",
        b"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\n",
        f"POST /api/1/envelope/ HTTP/1.1\r\nHost: x\r\nX-Sentry-Auth: {AUTH}\r\n"
        "Content-Length: 100\r\n\r\n{}".encode(),
    ]
    held = []
    for text in lines:
        held.append(socket.create_connection(("127.0.0.1", shared.running.port), SECONDS))
        held[-1].sendall(text)
    silent, half, slow = (b"".join(iter(lambda one=one: one.recv(1000), b"")) for one in held)
    assert (silent, half) == (b"", b"")
    assert slow.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/1/envelope/"])
def test_a_connection_serves_one_request(shared, path) -> None:
    with socket.create_connection(("127.0.0.1", shared.running.port), SECONDS) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert line.recv(1000)
        # Of a second one, half of which is sent, nothing would limit the time.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            line.sendall(b"GET /healthz HTT")
            while line.recv(1000):
                pass


def test_nothing_of_what_is_sent_is_in_a_log(place) -> None:
    for text in (b"\x16\x03 secret-words\r\n\r\n", b"GET /secret-words HTTP/9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", place.running.port), SECONDS) as line:
            line.sendall(text)
            while line.recv(1000):
                pass
    place.status(b"secret-words")
    place.status(envelope(event(1, release="secret-words")))
    (place.folder / spools.FILE).write_bytes(b"no database" * 999)
    assert place.status(envelope(event(2))) == 503
    assert (place.folder / "intake.log").read_bytes() == b""


# What is kept of an event


def test_each_text_is_one_short_line() -> None:
    frames = [{"filename": "a\n" * 999, "function": "\x1b[31m" * 999, "lineno": 10**9}] * 500
    found = report(
        type="T" * 9999,
        exception={
            "values": [
                {"type": "T" * 9999, "value": "v\n" * 99_999, "stacktrace": {"frames": frames}}
            ]
        },
        release="r" * 9999,
        environment="\u202e" + "e" * 9999,
        transaction=["no", "text"],
    )
    sample = found.sample
    assert len(sample.message) <= MOST_MESSAGE
    assert len(found.release) == len(sample.environment) == MOST_NAME
    assert len(sample.frames) == MOST_FRAMES
    assert sample.frames[0].line == 0
    assert sample.place == ""
    text = json.dumps([sample.message, sample.environment, sample.frames[0].function])
    assert text.isprintable()
    assert "\\u202e" not in text
    assert "\\u001b" not in text


@pytest.mark.parametrize("level", ["warning", "info", "debug", ["error"], None, 7])
def test_what_is_no_error_is_not_kept(level) -> None:
    assert report(level=level) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"exception": 3},
        {"exception": {"values": [3, None]}},
        {"exception": {"values": [{"stacktrace": {"frames": [1, {"lineno": True}]}}]}},
        {"exception": [{"type": ["x"], "value": {"a": 1}}]},
        {"fingerprint": [None, 1]},
        {"fingerprint": "x"},
        {"event_id": 7, "release": {"version": 3}, "logentry": {"message": []}},
    ],
)
def test_an_event_of_another_shape_is_still_one(wrong) -> None:
    found = report_of({**event(), **wrong}, source="dsn 1")
    assert len(found.group) == 64


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    LEAVES
    | st.sampled_from(["error", "created", "triggered", "NEW", NOW.isoformat(), "a/issues/1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS_OF_EVENTS) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)
EVENTS = st.dictionaries(st.sampled_from(KEYS_OF_EVENTS), ANYTHING, max_size=9)


@given(EVENTS)
def test_no_event_whatever_its_shape_is_a_fault_of_ours(found) -> None:
    body = json.dumps(found).encode()
    for read in (
        lambda: report_of(json_object(body), source="dsn 1"),
        *(
            lambda service=service, resource=resource: reports_in(
                service, body, {"sentry-hook-resource": resource}, now=NOW
            )
            for service in Service
            for resource in ("error", "issue", "event_alert")
        ),
    ):
        with contextlib.suppress(Refused):
            read()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_at_the_end_of_time_is_only_old(moment) -> None:
    event = {"action": "created", "data": {"error": {"datetime": moment, "issue_id": "1"}}}
    with pytest.raises(Refused):
        reports_in(
            Service.SENTRY,
            json.dumps(event).encode(),
            {"sentry-hook-resource": "error"},
            now=NOW,
        )


def test_errors_are_alike_by_their_calls_not_by_numbers_lines_or_release() -> None:
    one = report(1, release="a")
    other = report(2, release="b")
    assert (one.group, one.release) == (other.group, "a")
    assert other.release == "b"
    assert report(1, type="KeyError").group != one.group
    bare = [
        report_of({"exception": {"values": [{"type": "E", "value": value}]}}, source="s").group
        for value in ("walk 7 is gone", "walk 8 is gone", "walk 0x1f is gone", "no walk")
    ]
    assert len(set(bare[:3])) == 1
    assert bare[3] != bare[0]


def test_an_app_may_name_its_groups() -> None:
    plain, named = report(1), report(1, fingerprint=["checkout"])
    both = report(1, fingerprint=["{{ default }}", "checkout"])
    assert report(1, fingerprint=["{{ default }}"]).group == plain.group
    assert len({plain.group, named.group, both.group}) == 3
    assert report(2, type="KeyError", fingerprint=["checkout"]).group == named.group


# What is on the disk


def test_an_event_that_comes_twice_counts_once(tmp_path) -> None:
    spool = Spool(tmp_path)
    assert [spool.add(report(n), at=NOW) for n in (1, 2, 1)] == [
        Added.COUNTED,
        Added.COUNTED,
        Added.DOUBLE,
    ]
    assert spool.groups()[0].count == 2
    # Of another source the same id is another event.
    assert spool.add(report(1, source="dsn 2"), at=NOW) is Added.COUNTED


def test_a_flood_of_groups_fills_its_own_source_alone(tmp_path) -> None:
    spool = Spool(tmp_path)
    for number in range(MOST_OF_SOURCE):
        spool.add(report(number, type=f"E{number}"), at=NOW)
    assert spool.add(report(9_999, type="New"), at=NOW) is Added.FULL
    assert spool.add(report(9_998, type="E3"), at=NOW) is Added.COUNTED
    assert spool.add(report(1, type="New", source="dsn 2"), at=NOW) is Added.COUNTED
    # What was silent for a week makes room.
    assert spool.add(report(9_997, type="New2"), at=NOW + spools.IDLE * 2) is Added.COUNTED
    assert len(spool.groups()) == MOST_OF_SOURCE + 1


def test_a_flood_of_releases_pushes_out_the_oldest_of_its_own_group(tmp_path) -> None:
    spool = Spool(tmp_path)
    spool.add(report(0, type="Other"), at=NOW)
    for number in range(1, MOST_RELEASES + 5):
        at = NOW + timedelta(seconds=number)
        assert spool.add(report(number, release=f"r{number}"), at=at) is Added.COUNTED
    releases = [one.release for one in spool.groups()]
    assert releases == ["", *(f"r{number}" for number in range(5, MOST_RELEASES + 5))]


def fill(spool, count):
    for number in range(count):
        spool.add(report(number, type=f"E{number}", transaction="x" * 100), at=NOW)


def test_the_file_has_a_bound_and_what_it_has_stays(tmp_path) -> None:
    spool = Spool(tmp_path, most_pages=20)
    fill(spool, 5)
    with pytest.raises(PortError, match="full"):
        fill(spool, MOST_OF_SOURCE)
    assert (tmp_path / spools.FILE).stat().st_size <= 20 * spools.PAGE
    assert len(spool.groups()) >= 5
    assert "E0" in {spool.sample(one.group).type for one in spool.groups()}


def test_all_that_the_keys_may_report_stays_below_the_bound() -> None:
    sources = MOST_KEYS + len(Service)
    most = sources * MOST_OF_SOURCE * spools.MOST_SAMPLE + spools.MOST_SEEN * 200
    assert most < spools.MOST_PAGES * spools.PAGE


def test_a_sample_is_cut_to_its_size(tmp_path) -> None:
    frames = [{"filename": "ä" * 999, "function": "ö" * 999}] * 99
    wide = {"type": "E", "value": "ü" * 9999, "stacktrace": {"frames": frames}}
    spool = Spool(tmp_path)
    spool.add(report(1, exception={"values": [wide]}), at=NOW)
    (group,) = spool.groups()
    sample = spool.sample(group.group)
    assert len(repr(sample).encode()) < spools.MOST_SAMPLE * 1.2
    assert sample.frames


def test_a_spool_that_is_broken_is_an_error_of_a_port(tmp_path) -> None:
    (tmp_path / spools.FILE).write_bytes(b"no database" * 999)
    with pytest.raises(PortError):
        Spool(tmp_path).groups()
    with pytest.raises(PortError):
        Spool(tmp_path).add(report(1), at=NOW)


def test_the_rate_of_a_source_is_bounded_and_it_hears_so(shared) -> None:
    seconds = [0.0]
    rates = Rates(lambda: seconds[0])
    assert [rates.take("a") for _ in range(int(BURST) + 1)] == [True] * int(BURST) + [False]
    assert rates.take("b")
    seconds[0] += 2 / PER_SECOND
    assert [rates.take("a") for _ in range(3)] == [True, True, False]


def test_above_its_rate_an_sdk_is_asked_to_wait(place) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", place.running.port, timeout=SECONDS)
    deadline, status = time.monotonic() + SECONDS * 4, 200
    while status == 200 and time.monotonic() < deadline:
        connection.request("POST", "/api/1/envelope/", b"{}", {"X-Sentry-Auth": AUTH})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    assert status == 429
    assert answer.getheader("Retry-After") == "60"
    assert answer.getheader("X-Sentry-Rate-Limits") == "60:error:key"


def test_what_was_answered_survives_a_kill(tmp_path) -> None:
    place = started(tmp_path)
    for number in range(1, 6):
        assert place.status(envelope(event(number))) == 200
    os.killpg(place.running.process.pid, signal.SIGKILL)
    place.running.process.wait()
    place.running.stop()
    again = started(tmp_path)
    try:
        # The SDK did not see the last answer, and sends it again.
        assert again.status(envelope(event(5))) == 200
        assert again.status(envelope(event(6))) == 200
        assert [one.count for one in again.spool.groups()] == [6]
    finally:
        again.running.stop()


def test_killed_while_it_writes_it_keeps_all_that_was_answered(tmp_path) -> None:
    place, answered = started(tmp_path), 0
    killer = threading.Timer(0.3, os.killpg, (place.running.process.pid, signal.SIGKILL))
    killer.start()
    try:
        for number in range(1, 250):
            assert place.status(envelope(event(number))) == 200
            answered = number
    except (OSError, http.client.HTTPException):
        # The kill came; of this one nobody knows.
        pass
    killer.join()
    place.running.process.wait()
    place.running.stop()
    kept = sum(one.count for one in place.spool.groups())
    assert kept in (answered, answered + 1)
    assert place.spool.add(report(number + 1), at=NOW) is Added.COUNTED


@contextlib.contextmanager
def inside(spool, **more):
    """The intake in this process: its port."""
    keys = Keys(dsns=(("1", KEY),))
    intake = Intake(spool, lambda: keys, Rates(time.monotonic), lambda: NOW, **more)
    with listening(application(intake), host="127.0.0.1", port=0) as port:
        yield port


def status_and_headers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("POST", "/api/1/envelope/", envelope(event()), {"X-Sentry-Auth": AUTH})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders())


def test_where_the_disk_is_full_nothing_is_answered_with_yes(tmp_path) -> None:
    with inside(Spool(tmp_path), has_room=lambda: False) as port:
        status, headers = status_and_headers(port)
    assert (status, headers["retry-after"]) == (503, "60")
    assert Spool(tmp_path).groups() == ()


def test_where_the_spool_is_broken_the_sender_is_asked_to_come_again(tmp_path) -> None:
    (tmp_path / spools.FILE).write_bytes(b"no database" * 999)
    with inside(Spool(tmp_path)) as port:
        status, headers = status_and_headers(port)
    assert (status, headers["retry-after"]) == (503, "60")
