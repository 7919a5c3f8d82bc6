"""Decode the document of a ledger entry as the event of its kind.

Domain has the types and imports the standard library alone, so the decoder is here, at the edge
where entries are read. pydantic is imported with the first entry, not with this module: help and
usage errors of the command line read no ledger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from harness.domain.errors import LedgerError
from harness.domain.events import (
    EFFECTS,
    KINDS,
    EffectDone,
    LedgerEvent,
    OtherEffectDone,
    Unknown,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

E = TypeVar("E", bound=LedgerEvent)
_SHOWN_FAULTS = 3


def canonical(data: Mapping[str, Any]) -> str:
    """JSON in one form: the text of a row. It is ASCII, because a stranger's text may hold what
    UTF-8 cannot. Raises LedgerError for what JSON cannot hold."""
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as fault:
        raise LedgerError(f"not written, because its data is not JSON: {fault}") from fault


def stored(event: LedgerEvent) -> tuple[LedgerEvent, dict[str, Any]]:
    """The event and its document as they will be read again. Raises LedgerError for what JSON
    cannot hold, or for what could not be decoded."""
    try:
        document = event.document()
    except TypeError as fault:
        raise LedgerError(f"not written, because its data is not JSON: {fault}") from fault
    data: dict[str, Any] = json.loads(canonical(document))
    return decoded(event.kind, data), data


def decoded(kind: str, data: Mapping[str, Any]) -> LedgerEvent:
    """The event that the document holds; Unknown where no such kind is known. Raises LedgerError,
    naming key and fault, for a document that does not fit its kind."""
    if kind == EffectDone.kind:
        return _effect(data)
    known = KINDS.get(kind)
    return Unknown(kind, data) if known is None else _fitted(known, kind, data)


def _effect(data: Mapping[str, Any]) -> EffectDone:
    effect, result = data.get("effect"), data.get("result")
    if not isinstance(effect, str) or not isinstance(result, Mapping):
        raise LedgerError(f"not of the kind `done`: effect={effect!r}, result={result!r}")
    known = EFFECTS.get(effect)
    if known is None:
        return OtherEffectDone(effect, result)
    return _fitted(known, f"done {effect}", result)


def _fitted(known: type[E], named: str, data: Mapping[str, Any]) -> E:
    from pydantic import ValidationError

    # mypy takes no type variable for something that can be a key of a cache
    adapter, keys = _adapter(known)  # type: ignore[arg-type]
    named_as_fields = {keys.get(key, key): part for key, part in data.items()}
    try:
        event: E = adapter.validate_python(named_as_fields)
    except ValidationError as fault:
        raise LedgerError(f"not of the kind `{named}`: {_faults(fault)}") from fault
    return event


@cache
def _adapter(known: type[LedgerEvent]) -> tuple[TypeAdapter[Any], Mapping[str, str]]:
    """The decoder of a type, and its fields by those keys that have another name."""
    from pydantic import TypeAdapter

    keys = {
        str(field.metadata["key"]): field.name
        for field in fields(known)  # type: ignore[arg-type]  # each kind is a dataclass
        if "key" in field.metadata
    }
    return TypeAdapter(known), keys


def _faults(fault: ValidationError) -> str:
    found = fault.errors(include_url=False, include_context=False)
    told = (f"`{'.'.join(map(str, one['loc']))}`: {one['msg']}" for one in found[:_SHOWN_FAULTS])
    return "; ".join(told)
