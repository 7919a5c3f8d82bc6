"""Reads and writes files of recorded changes.

Properties: what a record does not say stays UNKNOWN; a number is recorded once; a file that is not
of the form is refused with the key that is not, whatever is in it, and one larger than LARGEST is
not read."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from harness.domain.errors import ConfigError
from harness.domain.facts import UNKNOWN, ChangeFacts, FileChange, Maybe
from harness.domain.plain import JsonDict
from harness.governance.past.factsjson import (
    FactsMisfit,
    Json,
    facts_as_json,
    facts_from_json,
    fields_of,
    items_of,
    placed,
    raw,
    text,
    whole,
)
from harness.governance.triage import IssueKind

LARGEST = 32 * 1024 * 1024
"""Bytes of a history file, and characters of its text: some 20,000 full records."""

_SAID = ("merged_at", "asked_at", "title", "url")
_RECORD = ("pr", *_SAID, "kind", "files", "facts")
_FILE = ("path", "added", "deleted")
_KINDS = {"feat": IssueKind.FEATURE.value, "fix": IssueKind.BUG.value}
"""Words with which titles begin (Conventional Commits 1.0.0), as the kinds that rules know; the
others are the same."""


_TITLE = re.compile(r"([a-z]+)(?:\([^)]*\))?!?: ")


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """One change of the past. `merged_at` is ISO 8601, empty where it is not known to have landed;
    `asked_at` is when the rules were asked about it, where it was."""

    number: int
    facts: ChangeFacts
    merged_at: str = ""
    title: str = ""
    url: str = ""
    asked_at: str = ""

    @property
    def at(self) -> str:
        """When it was, as far as that is known."""
        return self.merged_at or self.asked_at


def kind_in_title(title: str) -> Maybe[str]:
    """The kind that a title begins with ("fix: …", "feat(api)!: …"); UNKNOWN where none is."""
    found = _TITLE.match(title)
    return _KINDS.get(found[1], found[1]) if found else UNKNOWN


def read_history(content: str, *, file: str) -> tuple[RecordedChange, ...]:
    """The changes that a JSON document records, in its order.

    The document is `{"note": …, "pull_requests": […]}`. A record has `pr`, its number, and may have
    `merged_at`, `asked_at`, `title` and `url`. What it knows stands in `facts`, as
    `history_as_json` writes them; or, in short, in `files` (`path`, and the lines `added` and
    `deleted`, null for a binary file) and `kind`, the word its title begins with.

    Raises ConfigError naming the file, and the line or the key.
    """
    if len(content) > LARGEST:
        raise ConfigError(
            f"has {len(content)} characters; a history has at most {LARGEST}", file=file
        )
    document = _parsed(content, file)
    try:
        records = placed(
            "pull_requests",
            items_of,
            fields_of(document, ("note", "pull_requests"), required=("pull_requests",))[
                "pull_requests"
            ],
        )
        changes = tuple(
            placed(f"pull_requests[{place}]", _change, record)
            for place, record in enumerate(records)
        )
        _unique(changes)
    except FactsMisfit as fault:
        raise ConfigError(fault.message, file=file, key=fault.key or None) from None
    return changes


def history_as_json(changes: Iterable[RecordedChange], *, note: str = "") -> dict[str, Json]:
    """The document that `read_history` reads: every fact, in full."""
    return {
        "note": note,
        "pull_requests": [
            {
                "pr": change.number,
                **{name: getattr(change, name) for name in _SAID},
                "facts": facts_as_json(change.facts),
            }
            for change in changes
        ],
    }


def _parsed(content: str, file: str) -> Any:
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ConfigError(f"is not JSON: {error.msg}", file=file, line=error.lineno) from None
    except FactsMisfit as fault:
        raise ConfigError(fault.message, file=file, key=fault.key) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"is not JSON that is read here: {error}", file=file) from None


def _once(pairs: list[tuple[str, Any]]) -> JsonDict:
    found = dict(pairs)
    # Python's JSON keeps the last of two equal keys in silence.
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FactsMisfit("stated twice in one object", key=ascii(twice)[1:-1])
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def _change(given: Json) -> RecordedChange:
    record = fields_of(given, _RECORD, required=("pr",))
    said = {
        name: placed(name, text, record[name]) for name in _SAID if record.get(name) is not None
    }
    return RecordedChange(number=placed("pr", whole, record["pr"]), facts=_facts(record), **said)


def _facts(record: dict[str, Json]) -> ChangeFacts:
    if "facts" in record:
        if short := [name for name in ("files", "kind") if name in record]:
            raise FactsMisfit(
                "stands in `facts` where a record has them; keep one of the two", key=short[0]
            )
        return placed("facts", facts_from_json, record["facts"])
    word = placed("kind", text, record["kind"]) if "kind" in record else UNKNOWN
    return ChangeFacts(
        files=placed("files", _files, record["files"]) if "files" in record else UNKNOWN,
        kind=UNKNOWN if word is UNKNOWN else _KINDS.get(word, word),
    )


def _files(given: Json) -> tuple[FileChange, ...]:
    found: dict[bytes, FileChange] = {}
    for place, one in enumerate(items_of(given)):
        change = placed(f"[{place}]", _file, one)
        if change.path in found:
            raise FactsMisfit("a path is listed once, with all its lines", key=f"[{place}].path")
        found[change.path] = change
    return tuple(found.values())


def _file(given: Json) -> FileChange:
    """A path and its lines, and nothing else: neither what happened to it nor its mode nor its size
    is known."""
    stated = fields_of(given, _FILE, required=_FILE)
    path = placed("path", raw, stated["path"])
    added, deleted = (
        None if stated[name] is None else placed(name, whole, stated[name])
        for name in ("added", "deleted")
    )
    if (added is None) != (deleted is None):
        raise FactsMisfit(
            "expected lines added and deleted, or null for both: a binary file has none"
        )
    return FileChange(
        path=path,
        kind=UNKNOWN,
        old_mode=UNKNOWN,
        new_mode=UNKNOWN,
        old_oid=None,
        new_oid=None,
        added=added,
        deleted=deleted,
        binary=added is None,
        size=UNKNOWN,
    )


def _unique(changes: Iterable[RecordedChange]) -> None:
    seen: dict[int, int] = {}
    for place, change in enumerate(changes):
        if change.number in seen:
            raise FactsMisfit(
                f"pull request {change.number} is already recorded at"
                f" pull_requests[{seen[change.number]}]",
                key=f"pull_requests[{place}].pr",
            )
        seen[change.number] = place
