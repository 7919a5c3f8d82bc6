"""The store's history: one signed page for each change, and each page names the hash of the page
before it.

Properties:
- Nothing is ever removed. Which journeys are in force is a fold over the entries, so a superseded
  or retired journey stays readable.
- A page holds every entry of its change. A kill leaves the whole change or none of it: journeys
  that were written together are sealed together, and what they supersede goes at that moment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose
from validators.store.files import place_file

PAYLOAD_TYPE = "application/vnd.lights-out-factory.journey-entry+json"
NOTHING = "sha256:" + hashlib.sha256(b"").hexdigest()


class EnvelopeSigner(Protocol):
    """Signs bytes of one type into an envelope, and opens only envelopes that it signed itself."""

    def signed(self, payload: bytes, *, payload_type: str) -> bytes: ...
    def opened(self, envelope: bytes, *, payload_type: str) -> bytes: ...


class Event(StrEnum):
    SEALED = "sealed"
    SUPERSEDED = "superseded"
    RETIRED = "retired"
    # Written, and never in force: it did not hold.
    DROPPED = "dropped"
    # The author found nothing that a journey could be written for.
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in a journey's life.

    `digest` names the sealed file. `source` is the hash of the text that it was written from, and
    `title` the title of that issue. `issue` 0 means the mission alone."""

    event: Event
    issue: int
    journey: str
    digest: str
    purpose: Purpose
    source: str
    actor: str
    reason: str
    at: str
    title: str = ""


def entries_in(folder: Path, notary: EnvelopeSigner) -> tuple[Entry, ...]:
    """Every entry, oldest first. Raises UsageError when a page was changed, removed or signed by
    another key."""
    entries, previous = list[Entry](), NOTHING
    for number, path in enumerate(_pages(folder), start=1):
        if path.name != _name(number):
            raise UsageError(f"{folder}: page {number} is missing; restore the store from a backup")
        data = path.read_bytes()
        page = json.loads(notary.opened(data, payload_type=PAYLOAD_TYPE))
        if page["previous"] != previous:
            raise UsageError(
                f"{path}: does not follow the page before it; restore the store from a backup"
            )
        entries += [_entry(found) for found in page["entries"]]
        previous = _digest(data)
    return tuple(entries)


def append(folder: Path, entries: Sequence[Entry], *, notary: EnvelopeSigner) -> None:
    """Add the entries at the end: all of them or none."""
    while True:
        # Raises: nothing is added to a history that was tampered with.
        entries_in(folder, notary)
        pages = _pages(folder)
        previous = _digest(pages[-1].read_bytes()) if pages else NOTHING
        payload = json.dumps(
            {"previous": previous, "entries": [asdict(entry) for entry in entries]}, sort_keys=True
        )
        envelope = notary.signed(payload.encode(), payload_type=PAYLOAD_TYPE)
        try:
            place_file(folder / _name(len(pages) + 1), envelope)
        except FileExistsError:
            # Another launcher added a page in the meantime: ours follows it.
            continue
        return


def in_force(entries: Iterable[Entry], *, issue: int | None = None) -> tuple[Entry, ...]:
    """The sealed entries that nothing has superseded or retired, of one issue or of all, oldest
    first."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if issue not in (None, entry.issue):
            continue
        if entry.event is Event.SEALED:
            found[entry.digest] = entry
        elif entry.event in (Event.SUPERSEDED, Event.RETIRED):
            found.pop(entry.digest, None)
    return tuple(found.values())


def _entry(found: Mapping[str, object]) -> Entry:
    facts = dict(found)
    return Entry(Event(facts.pop("event")), purpose=Purpose(facts.pop("purpose")), **facts)  # type: ignore[arg-type]


def _pages(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.json"))


def _name(number: int) -> str:
    return f"{number:06d}.json"


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
