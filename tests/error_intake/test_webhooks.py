"""Webhooks of Sentry, GlitchTip and Bugsink: their real forms, who may send them, and once."""

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.error_groups import ErrorSample
from harness.domain.errors import ConfigError
from harness.programs.error_intake.keys import MOST_KEYS, Keys, Service, keys_in
from harness.programs.error_intake.refused import Refused
from harness.programs.error_intake.reports import Report
from harness.programs.error_intake.spool import MOST_RELEASES, Spool
from harness.programs.error_intake.webhooks import MOST_AGE, is_signed, reports_in
from tests.error_intake.conftest import BUGSINK, GLITCHTIP, KEY, SENTRY

NOW = datetime.now(UTC)
COMMIT = "c" * 40
EVENT = {
    "event_id": "e4874d664c3540c1a32eab185f12c5ab",
    "issue_id": "1170820242",
    "level": "error",
    "platform": "javascript",
    "datetime": NOW.isoformat(),
    "culprit": "?(runner)",
    "release": COMMIT,
    "exception": {"values": [{"type": "ReferenceError", "value": "heck is not defined"}]},
    "tags": [["level", "error"], ["release", COMMIT]],
    "user": {"email": "kim@example.org"},
}
ISSUE = {
    "id": "1170820242",
    "title": "ReferenceError: heck is not defined",
    "culprit": "?(runner)",
    "lastSeen": NOW.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    "metadata": {"type": "ReferenceError", "value": "heck is not defined", "filename": "/runner"},
    "status": "unresolved",
}
DELIVERIES = {
    "event_alert": {"action": "triggered", "data": {"event": EVENT, "triggered_rule": "new"}},
    "error": {"action": "created", "data": {"error": EVENT}},
    "issue": {"action": "created", "data": {"issue": ISSUE}},
}
GLITCHTIP_ALERT = {
    "text": "GlitchTip Alert (2 issues)",
    "attachments": [
        {
            "title": "KeyError: 'walk'",
            "title_link": f"https://tips.test/acme/issues/{number}",
            "text": "GET /walks",
            "fields": [
                {"title": "Project", "value": "shop", "short": True},
                {"title": "Environment", "value": "production", "short": True},
                {"title": "Release", "value": COMMIT, "short": False},
            ],
            "mrkdown_in": ["text"],
        }
        for number in (7, 8)
    ],
}
BUGSINK_ALERT = {
    "id": "497f6eca-6276-4993-bfeb-53cbbbba6f08",
    "friendly_id": "SHOP-1",
    "calculated_type": "ValueError",
    "calculated_value": "no such walk",
    "transaction": "GET /walks",
    "title": "ValueError: no such walk",
    "alert_reason": "NEW",
}


def signed(body, secret=SENTRY):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def deliver(place, resource, delivery=None, *, signature=None, **more):
    body = json.dumps(delivery or DELIVERIES[resource]).encode()
    headers = {
        "Content-Type": "application/json",
        "Sentry-Hook-Resource": resource,
        "Sentry-Hook-Signature": signed(body) if signature is None else signature,
        **more,
    }
    return place.status(body, path="/webhooks/sentry", headers=headers)


@pytest.mark.parametrize("resource", DELIVERIES)
def test_sentry_reports_by_each_of_its_resources(place, resource) -> None:
    assert deliver(place, resource) == 200
    (group,) = place.spool.groups()
    assert group.release == ("" if resource == "issue" else COMMIT)
    sample = place.spool.sample(group.group)
    assert (sample.type, sample.message) == ("ReferenceError", "heck is not defined")
    assert "kim" not in repr(sample)


def test_what_comes_by_a_secret_is_told_from_what_comes_by_a_dsn(place) -> None:
    assert deliver(place, "error") == 200
    (group,) = place.spool.groups()
    assert (group.count, group.by_secret) == (1, 1)
    sample = place.spool.sample(group.group)
    by_page = Report("", group.group, COMMIT, replace(sample, source="dsn 1"))
    place.spool.add(by_page, at=datetime.now(UTC))
    (group,) = place.spool.groups()
    assert (group.count, group.by_secret) == (2, 1)


def test_a_dsn_makes_no_room_at_the_cost_of_what_came_by_a_secret(tmp_path) -> None:
    """Whoever has a DSN can name a group and a thousand releases of it."""
    spool, by_service = Spool(tmp_path), ErrorSample("E", "m", Service.SENTRY)
    spool.add(Report("", "g", COMMIT, by_service), at=NOW)
    for number in range(2 * MOST_RELEASES):
        by_page = Report("", "g", f"1.{number}", replace(by_service, source="dsn 1"))
        spool.add(by_page, at=NOW + timedelta(seconds=number + 1))
    kept = [one for one in spool.groups() if one.by_secret]
    assert [(one.release, one.by_secret) for one in kept] == [(COMMIT, 1)]


def test_of_a_spool_that_an_older_version_wrote_nothing_came_by_a_secret(tmp_path) -> None:
    spool = Spool(tmp_path)
    spool.add(Report("", "g", "1.0", ErrorSample("E", "m", Service.SENTRY)), at=NOW)
    with closing(sqlite3.connect(tmp_path / "spool.db")) as older:
        older.execute("ALTER TABLE groups DROP COLUMN by_secret")
    assert [(one.count, one.by_secret) for one in spool.groups()] == [(1, 0)]
    spool.add(Report("", "g", "1.0", ErrorSample("E", "m", Service.SENTRY)), at=NOW)
    assert [(one.count, one.by_secret) for one in spool.groups()] == [(2, 1)]


def test_what_sentry_calls_one_issue_is_one_group_and_a_replay_is_nothing(place) -> None:
    for resource in (*DELIVERIES, *DELIVERIES):
        # Neither of these two is signed, so that a replay may change them.
        assert deliver(place, resource, **{"Request-ID": resource}) == 200
    assert {one.group for one in place.spool.groups()} == {place.spool.groups()[0].group}
    assert sum(one.count for one in place.spool.groups()) == 3
    assert place.spool.counts() == {"counted": 3, "double": 3}


@pytest.mark.parametrize(
    "signature", ["", "0" * 64, signed(b"{}"), "sha256=" + "0" * 64, "\u00e9", "x" * 9999]
)
def test_without_the_right_signature_nothing_is_taken(shared, signature) -> None:
    assert deliver(shared, "error", signature=signature.encode("utf-8")) == 403
    assert shared.spool.groups() == ()


def test_a_signature_is_over_the_very_bytes_and_of_a_secret_that_is_known() -> None:
    keys = Keys(secrets=((Service.SENTRY, "one-secret-of-ours"), (Service.BUGSINK, SENTRY)))
    body = b'{"a": 1}'
    assert is_signed(body, signed(body, "one-secret-of-ours"), keys)
    assert not is_signed(body + b" ", signed(body, "one-secret-of-ours"), keys)
    assert not is_signed(body, signed(body, SENTRY), keys)
    assert not is_signed(body, signed(body, ""), Keys())


def test_a_packed_webhook_is_not_unpacked_for_a_stranger(shared) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert shared.status(b"x", path="/webhooks/sentry", headers=headers) == 415


@pytest.mark.parametrize("days", [-MOST_AGE.days - 1, MOST_AGE.days + 1])
def test_a_body_that_is_old_by_its_own_time_is_refused(days) -> None:
    for resource, delivery in DELIVERIES.items():
        body = json.dumps(delivery).encode()
        with pytest.raises(Refused):
            reports_in(
                Service.SENTRY,
                body,
                {"sentry-hook-resource": resource},
                now=NOW + timedelta(days=days),
            )


@pytest.mark.parametrize(
    ("resource", "delivery"),
    [
        ("issue", {"action": "resolved", "data": {"issue": ISSUE}}),
        ("installation", {"action": "created", "data": {}}),
        ("metric_alert", {"action": "critical", "data": {}}),
        ("", {"action": "created", "data": {}}),
        ("error", {"action": "created", "data": {"error": {**EVENT, "level": "warning"}}}),
    ],
)
def test_what_is_about_something_else_files_nothing(place, resource, delivery) -> None:
    assert deliver(place, resource, delivery) == 200
    assert place.spool.groups() == ()


@pytest.mark.parametrize(
    "delivery",
    [
        {"action": "created", "data": []},
        {"action": "created", "data": {"error": {**EVENT, "issue_id": None}}},
        {"action": "created", "data": {"error": {**EVENT, "datetime": None}}},
        {"action": "created", "data": {"error": {**EVENT, "datetime": "yesterday"}}},
    ],
)
def test_a_delivery_of_another_shape_is_refused(shared, delivery) -> None:
    assert deliver(shared, "error", delivery) == 400


def test_glitchtip_reports_each_issue_of_its_message(place) -> None:
    body = json.dumps(GLITCHTIP_ALERT).encode()
    for _ in range(2):
        assert place.status(body, path=f"/webhooks/glitchtip/{GLITCHTIP}", headers={}) == 200
    first, second = place.spool.groups()
    assert [(one.count, one.release) for one in (first, second)] == [(1, COMMIT)] * 2
    sample = place.spool.sample(first.group)
    assert (sample.type, sample.message, sample.place) == ("KeyError", "'walk'", "GET /walks")
    assert (sample.environment, sample.source) == ("production", "glitchtip")


def test_bugsink_reports_and_its_test_message_does_not(place) -> None:
    path = f"/webhooks/bugsink/{BUGSINK}"
    for reason in ("TEST", "NEW", "REGRESSED"):
        body = json.dumps({**BUGSINK_ALERT, "alert_reason": reason}).encode()
        assert place.status(body, path=path, headers={}) == 200
    (group,) = place.spool.groups()
    assert group.count == 2
    assert place.spool.sample(group.group).type == "ValueError"


@pytest.mark.parametrize(
    "path",
    [
        f"/webhooks/bugsink/{GLITCHTIP}",
        f"/webhooks/glitchtip/{BUGSINK}",
        "/webhooks/bugsink/x",
        f"/webhooks/sentry/{SENTRY}",
        f"/webhooks/other/{BUGSINK}",
        f"/webhooks/bugsink/{BUGSINK}/more",
        "/webhooks/bugsink/",
        f"/webhooks/bugsink/{KEY}",
    ],
)
def test_an_address_without_its_secret_takes_nothing(shared, path) -> None:
    assert shared.status(json.dumps(BUGSINK_ALERT).encode(), path=path, headers={}) in (403, 404)
    assert shared.spool.groups() == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"attachments": 3},
        {"attachments": [3, {}, {"title_link": 3}, {"title_link": "x/issues/1", "fields": [3]}]},
        {"text": "GlitchTip Uptime Alert", "attachments": [{"title_link": "https://x/uptime/1"}]},
    ],
)
def test_a_message_of_glitchtip_of_another_shape_is_no_fault(wrong) -> None:
    assert len(reports_in(Service.GLITCHTIP, json.dumps(wrong).encode(), {}, now=NOW)) <= 1


@pytest.mark.parametrize(
    "lines",
    [
        "dsn 1\n",
        "dsn 1 short\n",
        "dsn x " + "0" * 32,
        "sentry short\n",
        "other " + "x" * 20,
        "\n".join(f"dsn {number} {'0' * 32}" for number in range(1, MOST_KEYS + 2)),
        "sentry " + "\u00e9" * 20,
    ],
)
def test_keys_that_cannot_be_understood_are_an_error_which_shows_none(tmp_path, lines) -> None:
    file = tmp_path / "keys"
    file.touch(mode=0o600)
    file.write_text(lines, "utf-8")
    with pytest.raises(ConfigError) as error:
        keys_in(file)
    assert "0" * 32 not in str(error.value)
    assert "short" not in str(error.value)


def test_keys_that_others_may_read_are_refused(tmp_path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# ours\n\ndsn 1 {KEY}\n")
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        keys_in(file)
    file.chmod(0o600)
    assert keys_in(file).is_dsn("1", KEY)
    assert KEY not in repr(keys_in(file))
