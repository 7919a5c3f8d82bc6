"""Makes a report of an event: what may be kept of it, cut to size, and its group.

Properties:
- values of variables, requests, users, breadcrumbs and everything else that may hold a person's
  data are not read at all;
- each text is one line without control characters, and has a bound;
- the group does not depend on the release, nor on line numbers, nor on the numbers in a message."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from harness.domain.error_groups import ErrorSample, Frame
from harness.domain.plain import JsonObject

MOST_TYPE, MOST_MESSAGE, MOST_NAME, MOST_FRAMES = 120, 1_000, 160, 20
GROUPED_FRAMES = 10
_LEVELS = frozenset({"error", "fatal"})
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_CHANGING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}(?:-[0-9a-f]{4,})*\b|\d+", re.IGNORECASE)
_DEFAULT = re.compile(r"\{\{\s*default\s*\}\}")


@dataclass(frozen=True, slots=True)
class Report:
    """One event. `id` is its own, by which a second arrival is noticed; empty where it has none."""

    id: str
    group: str
    release: str
    sample: ErrorSample


def report_of(event: JsonObject, *, source: str) -> Report | None:
    """What is kept of an event of an SDK. None for one that is no error, such as a warning."""
    if line(event.get("level", "error"), MOST_NAME) not in _LEVELS:
        return None
    kind, message, frames = _exception(event)
    sample = ErrorSample(
        type=kind,
        message=message,
        source=source,
        place=line(event.get("transaction") or event.get("culprit"), MOST_NAME),
        frames=tuple(frame for frame, _, _ in frames[-MOST_FRAMES:]),
        environment=line(event.get("environment"), MOST_NAME),
        platform=line(event.get("platform"), MOST_NAME),
    )
    given = event.get("event_id")
    name = given.replace("-", "").lower() if isinstance(given, str) else ""
    return Report(
        id=name if _ID.fullmatch(name) else "",
        group=_fingerprint(event, _default_parts(kind, message, frames)),
        release=release_in(event.get("release")),
        sample=sample,
    )


def release_in(given: object) -> str:
    """The name of a release, which some services give as an object with a `version`."""
    return line(given.get("version") if isinstance(given, dict) else given, MOST_NAME)


def group_of(*parts: object) -> str:
    """The name of a group with these parts: 64 hexadecimal digits."""
    text = json.dumps(parts, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def line(given: object, most: int) -> str:
    """The beginning of a text, on one line and without what cannot be printed; empty for anything
    but text."""
    if not isinstance(given, str):
        return ""
    # Cut first: what is behind it is not worth a look at each letter.
    kept = "".join(char if char.isprintable() else " " for char in given[: most * 2])
    return " ".join(kept.split())[:most]


_Found = tuple[Frame, bool, str]
"""A call, whether it is the app's own, and the module or file that names it in any release."""


def _exception(event: JsonObject) -> tuple[str, str, list[_Found]]:
    """Type and message of the exception that was thrown last, and its calls."""
    values = _listed(_values(event.get("exception")))
    if values:
        thrown = values[-1]
        kind = line(thrown.get("type"), MOST_TYPE) or "Error"
        return kind, line(thrown.get("value"), MOST_MESSAGE), _frames(thrown.get("stacktrace"))
    return "Message", line(_message(event), MOST_MESSAGE), []


def _message(event: JsonObject) -> object:
    entry = event.get("logentry")
    if isinstance(entry, dict):
        return entry.get("formatted") or entry.get("message")
    return event.get("message") or event.get("title")


def _values(given: Any) -> Any:
    return given.get("values") if isinstance(given, dict) else given


def _listed(given: object) -> list[dict[str, Any]]:
    return [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []


def _frames(stacktrace: object) -> list[_Found]:
    found = _listed(stacktrace.get("frames")) if isinstance(stacktrace, dict) else []
    # The innermost call comes last.
    return [_frame(one) for one in found[-MOST_FRAMES * 5 :]]


def _frame(found: dict[str, Any]) -> _Found:
    number, file = found.get("lineno"), line(found.get("filename"), MOST_NAME)
    is_number = type(number) is int and 0 < number < 10_000_000
    frame = Frame(
        file, line(found.get("function"), MOST_NAME), number if is_number and number else 0
    )
    place = line(found.get("module"), MOST_NAME) or file.rpartition("/")[2]
    return frame, found.get("in_app") is not False, place


def _default_parts(kind: str, message: str, frames: list[_Found]) -> list[Any]:
    own = [one for one in frames if one[1]] or frames
    if own:
        calls = [[place, frame.function] for frame, _, place in own[-GROUPED_FRAMES:]]
        return ["calls", kind, calls]
    return ["message", kind, _CHANGING.sub("#", message)]


def _fingerprint(event: JsonObject, default: list[Any]) -> str:
    """The group: by the parts that the app itself names, or else by type and calls."""
    given = event.get("fingerprint")
    parts = [line(one, MOST_NAME) for one in given[:20]] if isinstance(given, list) else []
    named = [default if _DEFAULT.fullmatch(part) else part for part in parts]
    is_named = any(part and part is not default for part in named)
    return group_of(named) if is_named else group_of(default)
