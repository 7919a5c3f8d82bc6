"""The store as a maintainer reads it: every event in order, and one journey with its results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from validators.domain.errors import JourneyInvalid
from validators.domain.proof import proof
from validators.domain.stops import UsageError
from validators.language.reader import read
from validators.launcher.context import Context
from validators.performance.evidence_json import read_evidence
from validators.store.entries import Entry, Event
from validators.store.proofs import kept_proof

# Hexadecimal digits of a digest that must be given: fewer could name a journey by accident.
FEWEST = 6


def listed(context: Context) -> Iterator[dict[str, Any]]:
    """Every entry, oldest first, as JSON values. `stands` is true for the sealing of a journey that
    is in force."""
    in_force = frozenset(entry.digest for entry in context.journey_store.in_force())
    for entry in context.journey_store.entries():
        yield {
            **asdict(entry),
            "stands": entry.event is Event.SEALED and entry.digest in in_force,
            "promise": _promise(context, entry),
        }


def shown(context: Context, digest: str) -> dict[str, Any]:
    """The one journey whose digest begins with `digest`. Raises UsageError when there is none, or
    more than one."""
    sealed = _sealed(context, digest.removeprefix("sha256:"))
    history = [
        asdict(entry) for entry in context.journey_store.entries() if entry.digest == sealed.digest
    ]
    return {
        "entry": asdict(sealed),
        "stands": sealed.digest in {entry.digest for entry in context.journey_store.in_force()},
        "on_base": _on_base(context, sealed),
        "controlled": context.journey_store.was_controlled(sealed.digest),
        "history": history,
        "text": context.journey_store.journey(sealed).text,
    }


def _promise(context: Context, entry: Entry) -> str:
    """The promise that a sealed journey cites; empty when it was never sealed or cannot be read."""
    if entry.event in (Event.DROPPED, Event.DECLINED):
        return ""
    try:
        return read(context.journey_store.journey(entry).text).promise
    except JourneyInvalid:
        return ""


def _sealed(context: Context, prefix: str) -> Entry:
    entries = [entry for entry in context.journey_store.entries() if entry.event is Event.SEALED]
    found = [entry for entry in entries if entry.digest.removeprefix("sha256:").startswith(prefix)]
    if len(prefix) < FEWEST or len({entry.digest for entry in found}) != 1:
        raise UsageError(
            f"{len(found)} journeys have a digest that begins with {prefix!r}; list them, and"
            " name one"
        )
    return found[0]


def _on_base(context: Context, entry: Entry) -> str:
    """What it showed on the request's base; empty when it was not performed there."""
    document = kept_proof(
        context.journey_store.proof_folder(tree=context.request.base.tree, digest=entry.digest)
    )
    runs = read_evidence(document) if document else ()
    return proof(runs[0].run.journey, entry.purpose, runs).reason if runs else ""
