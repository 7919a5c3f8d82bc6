"""What the manifest readers of all ecosystems share: their result, and careful access to a
document.

Properties: whatever stands where a table, a list or a text is expected is Unparsed, never an
exception of Python's own, and never an empty table."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from harness.domain.facts import Origin
from harness.domain.plain import JsonObject


class Unparsed(ValueError):
    """A manifest holds something that we cannot read with certainty."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency as one manifest has it, at one of its places (a table, a group, a path in a
    lock).

    `spec` is the version or range, `bytes_` its hashes and addresses. A `setting` is how others
    are found, built or held back: to take it away is a change like any other (`--require-hashes`
    was a line once, and then it was not)."""

    place: str
    ecosystem: str
    name: str
    spec: str
    origin: Origin = Origin.REGISTRY
    bytes_: str = ""
    setting: bool = False


Found: TypeAlias = Iterator[Dependency]
Reader: TypeAlias = Callable[[str], Found]


def table(document: JsonObject, *names: str) -> JsonObject:
    """The table under these names, one within the other; empty where there is none."""
    found: Any = document
    for name in names:
        found = as_table(found.get(name, {}))
    return as_table(found)


def as_table(found: Any) -> JsonObject:
    """The same, if it is a table."""
    if not isinstance(found, Mapping):
        raise Unparsed("a table is expected")
    return found


def tables(document: JsonObject, name: str) -> tuple[JsonObject, ...]:
    """The list of tables under a name; empty where there is none."""
    found = document.get(name, [])
    if not isinstance(found, list):
        raise Unparsed(f"`{name}` is not a list of tables")
    return tuple(as_table(item) for item in found)


def text(document: JsonObject, name: str) -> str:
    """The text under a name; empty where there is none."""
    found = document.get(name, "")
    if not isinstance(found, str):
        raise Unparsed(f"`{name}` is not a text")
    return found


def shown(value: Any) -> str:
    """A value in one spelling: what differs in format alone is the same."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def options(place: str, ecosystem: str, found: JsonObject, *, named: str = "") -> Found:
    """Every key of a table as a setting."""
    for key, value in found.items():
        yield Dependency(
            place, ecosystem, f"{named}{key}", shown(value), Origin.OPTION, setting=True
        )
