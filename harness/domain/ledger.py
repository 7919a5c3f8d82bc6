"""The ledger's chain, pure: each entry carries the hash of the one before it.

Properties: changing any byte of an entry breaks its own hash; removing or reordering entries breaks
the chain; cutting the tail off breaks the signed head. Hash = SHA-256 over canonical JSON (sorted
keys, no spaces, UTF-8)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `key` makes appending idempotent: the same key is never written
    twice."""

    seq: int  # from 1, without gaps
    at: str  # ISO 8601, UTC
    kind: str  # transition · intent · done · run · verdict · command · usage · note
    key: str
    issue: int | None
    run: str | None
    data: Mapping[str, Any]  # JSON
    prev: str  # hash of the entry before, GENESIS for the first
    hash: str


@dataclass(frozen=True, slots=True)
class NewEntry:
    """What is to be written: an entry without its place in the chain."""

    kind: str
    key: str
    issue: int | None = None
    run: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


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
    says: str


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
    data: Mapping[str, Any],
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
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chained(
    head: Head | None,
    *,
    at: str,
    kind: str,
    key: str,
    issue: int | None,
    run: str | None,
    data: Mapping[str, Any],
) -> Entry:
    """The entry that follows `head`."""
    before = head or BEGINNING
    seq, prev = before.seq + 1, before.hash
    digest = entry_hash(
        seq=seq, at=at, kind=kind, key=key, issue=issue, run=run, data=data, prev=prev
    )
    return Entry(seq, at, kind, key, issue, run, data, prev, digest)


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
        if head and entry.seq == head.seq:
            if entry.hash != head.hash:
                return Fault(entry.seq, f"entry {entry.seq} is not the one that was signed")
            at_head = True
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
