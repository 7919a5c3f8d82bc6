"""The document of a ledger entry, and the event of its kind: encoded where the store writes an
entry, decoded where it reads one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from harness.domain.errors import LedgerError
from harness.domain.events import (
    EFFECTS,
    KINDS,
    EffectDone,
    LedgerEvent,
    OtherEffectDone,
    UnknownEvent,
)
from harness.domain.plain import JsonDict, JsonObject, Misfit, valued

E = TypeVar("E", bound=LedgerEvent)


def canonical(data: JsonObject) -> str:
    """JSON in one form: the text of a row. It is ASCII, because a stranger's text may hold what
    UTF-8 cannot. Raises LedgerError for what JSON cannot hold."""
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as fault:
        raise LedgerError(f"not written, because its data is not JSON: {fault}") from fault


def stored(event: LedgerEvent) -> tuple[LedgerEvent, JsonDict]:
    """The event and its document as they will be read again. Raises LedgerError for what JSON
    cannot hold, or for what could not be decoded."""
    try:
        document = event.document()
    except TypeError as fault:
        raise LedgerError(f"not written, because its data is not JSON: {fault}") from fault
    data: JsonDict = json.loads(canonical(document))
    return decoded(event.kind, data), data


def decoded(kind: str, data: JsonObject) -> LedgerEvent:
    """The event that the document holds; Unknown where no such kind is known. Raises LedgerError,
    naming key and fault, for a document that does not fit its kind."""
    if kind == EffectDone.kind:
        return _effect(data)
    known = KINDS.get(kind)
    return UnknownEvent(kind, data) if known is None else _fitted(known, kind, data)


def _effect(data: JsonObject) -> EffectDone:
    effect, result = data.get("effect"), data.get("result")
    if not isinstance(effect, str) or not isinstance(result, Mapping):
        raise LedgerError(f"not of the kind `done`: effect={effect!r}, result={result!r}")
    known = EFFECTS.get(effect)
    if known is None:
        return OtherEffectDone(effect, result)
    return _fitted(known, f"done {effect}", result)


def _fitted(known: type[E], named: str, data: JsonObject) -> E:
    try:
        event: E = valued(known, data)
    except Misfit as misfit:
        raise LedgerError(f"not of the kind `{named}`: {misfit}") from misfit
    return event
