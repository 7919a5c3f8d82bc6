"""The ledger's hash chain, pure: each entry carries the hash of the one before it.

Properties: changing any byte of an entry breaks its own hash; removing or reordering entries breaks
the chain; cutting the tail off breaks the signed head. Hash = SHA-256 over canonical JSON (sorted
keys, no spaces, UTF-8)."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Generic, TypeAlias, TypeGuard, TypeVar

from harness.domain.errors import LedgerError
from harness.domain.events import LedgerEvent
from harness.domain.plain import JsonDict, JsonObject

GENESIS = "0" * 64

E = TypeVar("E", bound=LedgerEvent)
E_co = TypeVar("E_co", bound=LedgerEvent, covariant=True)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E_co]):
    """One thing that happened, at its place in the chain. `key` makes appending idempotent: the
    same key is never written twice."""

    # from 1, without gaps
    seq: int
    # ISO 8601, UTC
    at: str
    kind: str
    key: str
    issue: int | None
    run: str | None
    # The JSON that the hash is over. Whoever wants to know what happened reads `event`.
    data: JsonObject
    # hash of the entry before, GENESIS for the first
    prev: str
    hash: str
    # `data`, decoded where the store reads the entry
    event: E_co = field(compare=False)

    @property
    def moment(self) -> datetime:
        """When it was written, as a time."""
        return datetime.fromisoformat(self.at)


Entry: TypeAlias = Recorded[LedgerEvent]


def is_of(entry: Entry, kind: type[E]) -> TypeGuard[Recorded[E]]:
    """Whether the entry tells of an event of this type."""
    return isinstance(entry.event, kind)


def as_of(entry: Entry, kind: type[E]) -> Recorded[E]:
    """The entry, of an event of this type. Raises LedgerError where it tells of something else."""
    if not is_of(entry, kind):
        raise LedgerError(f"entry {entry.seq}, `{entry.key}`, tells of no {kind.__name__}")
    return entry


def of_kind(entries: Iterable[Entry], kind: type[E]) -> tuple[Recorded[E], ...]:
    """Those entries that tell of events of this type, in their order."""
    return tuple(entry for entry in entries if is_of(entry, kind))


def entry_document(entry: Entry) -> JsonDict:
    """The entry as one JSON object: all of it but the decoded event, which `data` gives again."""
    return {part.name: getattr(entry, part.name) for part in fields(entry) if part.name != "event"}


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be written: an event, its key, and the issue and run that it belongs to."""

    event: LedgerEvent
    key: str
    issue: int | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """What is signed: how many entries there are and the hash of the last."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the ledger is not what was signed. `seq` names the first entry that cannot be
    trusted."""

    seq: int
    message: str


BEGINNING = Head(0, GENESIS)
"""Where a chain begins: no entry, and what the first one names as the one before it."""


def entry_hash(
    *,
    seq: int,
    at: str,
    kind: str,
    key: str,
    issue: int | None,
    run: str | None,
    data: JsonObject,
    prev: str,
) -> str:
    """SHA-256 (hex) over everything in the entry but the hash itself."""
    body = {
        "at": at,
        "data": data,
        "issue": issue,
        "key": key,
        "kind": kind,
        "prev": prev,
        "run": run,
        "seq": seq,
    }
    # Canonical JSON: the hash must come out the same on every machine and version.
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chained(head: Head | None, new: NewEntry, *, at: str, data: JsonObject) -> Entry:
    """The entry that follows `head`. `data` is the new event's document, as the store keeps it."""
    before = head or BEGINNING
    seq, prev = before.seq + 1, before.hash
    kind, key, issue, run = new.event.kind, new.key, new.issue, new.run
    digest = entry_hash(
        seq=seq, at=at, kind=kind, key=key, issue=issue, run=run, data=data, prev=prev
    )
    return Recorded(seq, at, kind, key, issue, run, data, prev, digest, new.event)


def first_fault(
    entries: Iterable[Entry], head: Head | None, *, since: Head = BEGINNING
) -> Fault | None:
    """The first entry that cannot be trusted, or None when the chain ends exactly at, or right
    after, `head`. The entries are those after `since`, which was found sound before.

    A crash between writing and signing the head leaves the chain ahead of the head by what was
    written together; that is accepted because the next entry still chains from the signed one. A
    chain shorter than the head is a cut tail."""
    last = since
    at_head = head is None or head == since
    for entry in entries:
        if fault := _entry_fault(entry, last):
            return fault
        last = Head(entry.seq, entry.hash)
        # Compared at the signed place: a chain that is whole in itself may still be another one.
        if head and entry.seq == head.seq:
            if entry.hash != head.hash:
                return Fault(entry.seq, f"entry {entry.seq} is not the one that was signed")
            at_head = True
    # The chain ended before the signed entry: its tail was cut off.
    if head and not at_head:
        return Fault(
            last.seq + 1,
            f"the signed head names {head.seq} entries, only {last.seq} are here: "
            f"entry {last.seq + 1} is missing",
        )
    return None


def _entry_fault(entry: Entry, last: Head) -> Fault | None:
    if entry.seq != last.seq + 1:
        return Fault(
            last.seq + 1, f"entry {last.seq + 1} is missing; {entry.seq} follows {last.seq}"
        )
    # An entry may be sound by itself and stand in another chain.
    if entry.prev != last.hash:
        return Fault(entry.seq, f"entry {entry.seq} does not chain from the one before it")
    expected = entry_hash(
        seq=entry.seq,
        at=entry.at,
        kind=entry.kind,
        key=entry.key,
        issue=entry.issue,
        run=entry.run,
        data=entry.data,
        prev=entry.prev,
    )
    return (
        None
        if expected == entry.hash
        else Fault(entry.seq, f"entry {entry.seq} was changed after it was written")
    )
