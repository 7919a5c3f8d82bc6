"""Reports of what Sentry, GlitchTip and Bugsink send when they see an error. Pure functions.

Sentry signs the body (Sentry-Hook-Signature, HMAC-SHA256 under the integration's client secret).
GlitchTip 5 and Bugsink 2 sign nothing; the address that they call holds a secret.

Replays: a delivery is known by the hash of its bytes, since Sentry signs neither its Request-ID nor
its Sentry-Hook-Timestamp. What a signed body itself calls older than MOST_AGE is refused, and until
then its hash is remembered."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from harness.domain.error_groups import ErrorSample
from harness.domain.plain import JsonObject
from harness.programs.error_intake.envelope import json_object
from harness.programs.error_intake.keys import Keys, Service
from harness.programs.error_intake.refused import Refused
from harness.programs.error_intake.reports import (
    MOST_MESSAGE,
    MOST_NAME,
    MOST_TYPE,
    Report,
    group_of,
    line,
    release_in,
    report_of,
)

MOST_AGE = timedelta(days=2)
MOST_ISSUES = 10
"""Issues of one message of GlitchTip."""
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NEW = {"event_alert": {"triggered"}, "error": {"created"}, "issue": {"created", "unresolved"}}
_SEPARATE = re.compile(r"(\w[\w.]*): (.*)", re.DOTALL)


def is_signed(body: bytes, signature: str, keys: Keys) -> bool:
    """Whether one of Sentry's secrets made this signature of these bytes."""
    if not _SIGNATURE.fullmatch(signature):
        return False
    # Each secret is tried, so that the time does not tell which one was close.
    made = [hmac.new(one, body, hashlib.sha256).hexdigest() for one in keys.of(Service.SENTRY)]
    return sum(hmac.compare_digest(one, signature) for one in made) > 0


def reports_in(
    service: Service, body: bytes, headers: Mapping[str, str], *, now: datetime
) -> tuple[Report, ...]:
    """The reports of a delivery whose sender is known. None where it is about something else.
    Raises Refused."""
    found, name = json_object(body), hashlib.sha256(body).hexdigest()[:32]
    readers: Mapping[Service, Callable[[], Iterator[Report]]] = {
        Service.SENTRY: lambda: _sentry(found, headers.get("sentry-hook-resource", ""), now),
        Service.GLITCHTIP: lambda: _glitchtip(found),
        Service.BUGSINK: lambda: _bugsink(found),
    }
    return tuple(
        # One message may tell of several issues, so the place is part of the name.
        replace(report, id=f"{name}{place}")
        for place, report in enumerate(readers[service]())
    )


def _sentry(found: JsonObject, resource: str, now: datetime) -> Iterator[Report]:
    if line(found.get("action"), MOST_NAME) not in _NEW.get(resource, ()):
        return
    data = _object(found, "data")
    if resource == "issue":
        issue = _object(data, "issue")
        _check_age(issue.get("lastSeen"), now)
        about = _object(issue, "metadata")
        yield Report(
            "",
            _group_at(Service.SENTRY, issue.get("id")),
            "",
            ErrorSample(
                type=line(about.get("type"), MOST_TYPE) or "Error",
                message=line(about.get("value") or issue.get("title"), MOST_MESSAGE),
                source=Service.SENTRY,
                place=line(issue.get("culprit"), MOST_NAME),
                platform=line(issue.get("platform"), MOST_NAME),
            ),
        )
        return
    event = _object(data, "error" if resource == "error" else "event")
    _check_age(event.get("datetime"), now)
    if (report := report_of(event, source=Service.SENTRY)) is not None:
        yield replace(
            report,
            group=_group_at(Service.SENTRY, event.get("issue_id")),
            release=report.release or _tagged_release(event.get("tags")),
        )


def _tagged_release(tags: object) -> str:
    pairs = tags if isinstance(tags, list) else []
    found = (
        one[1] for one in pairs if isinstance(one, list) and one[:1] == ["release"] and one[1:]
    )
    return release_in(next(found, ""))


def _glitchtip(found: JsonObject) -> Iterator[Report]:
    attachments = found.get("attachments")
    for one in attachments[:MOST_ISSUES] if isinstance(attachments, list) else ():
        # Its messages about uptime have no issue, and its test has no link.
        if not isinstance(one, dict) or "/issues/" not in str(one.get("title_link"))[:500]:
            continue
        given = one.get("fields")
        fields = {
            line(field.get("title"), MOST_NAME): field.get("value")
            for field in (given if isinstance(given, list) else ())
            if isinstance(field, dict)
        }
        kind, message = _separated(one.get("title"))
        sample = ErrorSample(
            type=kind,
            message=message,
            source=Service.GLITCHTIP,
            place=line(one.get("text"), MOST_NAME),
            environment=line(fields.get("Environment"), MOST_NAME),
        )
        group = _group_at(Service.GLITCHTIP, one["title_link"])
        yield Report("", group, release_in(fields.get("Release")), sample)


def _bugsink(found: JsonObject) -> Iterator[Report]:
    if found.get("alert_reason") not in ("NEW", "REGRESSED", "UNMUTED"):
        return
    kind, message = _separated(found.get("title"))
    sample = ErrorSample(
        type=line(found.get("calculated_type"), MOST_TYPE) or kind,
        message=line(found.get("calculated_value"), MOST_MESSAGE) or message,
        source=Service.BUGSINK,
        place=line(found.get("transaction"), MOST_NAME),
    )
    yield Report("", _group_at(Service.BUGSINK, found.get("id")), "", sample)


def _separated(title: object) -> tuple[str, str]:
    """Type and message of a title such as `ValueError: no such walk`."""
    text = line(title, MOST_MESSAGE)
    found = _SEPARATE.fullmatch(text)
    return (found[1][:MOST_TYPE], found[2]) if found else ("Error", text)


def _group_at(service: Service, name: object) -> str:
    """The group that the service itself made. Raises Refused where it names none."""
    if not isinstance(name, str | int) or name == "":
        raise Refused(400, "expected the id of an issue")
    return group_of(service.value, str(name)[:500])


def _check_age(moment: object, now: datetime) -> None:
    """Raises Refused for a body that is old by its own signed time, or tells none."""
    try:
        at = datetime.fromisoformat(moment if isinstance(moment, str) else "")
    except ValueError:
        raise Refused(400, "expected the time of the error") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if abs(now - at) > MOST_AGE:
        raise Refused(400, f"expected an error of the last {MOST_AGE.days} days")


def _object(found: JsonObject, key: str) -> JsonObject:
    part = found.get(key)
    if not isinstance(part, dict):
        raise Refused(400, f"expected an object under `{key}`")
    return part
