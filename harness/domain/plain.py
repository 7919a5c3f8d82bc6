"""Values of the domain as JSON, and back by their types.

A dataclass is an object. The metadata of a field may give its `key` in the object, if that is not
the field's name, and say that it is `optional`: then the key is left out while the field has its
default value.

This is no pydantic, on purpose: domain imports the standard library alone, and each command that
reads the ledger would wait longer for pydantic's import than for all of its own work."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from typing import Any, Final, NewType, Union, cast, get_args, get_origin, get_type_hints

JsonObject = Mapping[str, Any]
"""A JSON object as somebody else wrote it: nothing is known of its keys before they are checked."""
JsonDict = dict[str, Any]
"""A JSON object that is being built."""
Decode = Callable[[Any], Any]


OPTIONAL: Final = {"optional": True}
"""Metadata of a field whose key is left out of the document while it has its default value."""


def stored_as(key: str) -> dict[str, str]:
    """Metadata of a field whose key in the document has another name."""
    return {"key": key}


class Misfit(ValueError):
    """A document that is no value of its type. `place` is the path of keys to the fault."""

    def __init__(self, fault: str, place: tuple[str, ...] = ()) -> None:
        self.fault, self.place = fault, place
        super().__init__(f"`{'.'.join(place)}`: {fault}" if place else fault)


def plain(value: Any) -> Any:
    """A value of the domain as JSON: dataclasses as objects, sequences and sets as lists,
    enumerations by value, decimal numbers as texts. Raises TypeError for what JSON cannot hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            _key(field): plain(part)
            for field in fields(value)
            if (part := getattr(value, field.name)) != field.default
            or "optional" not in field.metadata
        }
    match value:
        case Enum():
            return value.value
        case Mapping():
            return {str(key): plain(part) for key, part in value.items()}
        case Decimal():
            return str(value)
        case set() | frozenset():
            return sorted(plain(part) for part in value)
        case list() | tuple():
            return [plain(part) for part in value]
        case None | str() | int() | float():
            return value
    raise TypeError(f"{type(value).__name__} cannot be written down")


def valued(kind: Any, document: Any) -> Any:
    """What `plain` made of a value of this type, as that value again. Keys that the type does not
    have are ignored, and missing ones have their defaults. Raises Misfit, which names the place."""
    return _decoder(kind)(document)


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


@cache
def _decoder(kind: Any) -> Decode:
    """The decoder of a type. Each is made once, because a ledger has many entries of few types."""
    if isinstance(kind, NewType):
        return _decoder(kind.__supertype__)
    origin, of = get_origin(kind), get_args(kind)
    # only `X | None` occurs among the types of the domain
    if origin in (Union, types.UnionType):
        return _optional(of)
    if origin is tuple:
        return _sequence(of) if of[1:] == (...,) else _row(of)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(of[1])
    if kind is Any or kind is object:
        return lambda document: document
    if kind is types.NoneType:
        return _nothing
    if is_dataclass(kind):
        return _object(cast(type, kind))
    if issubclass(kind, Enum):
        return _enumeration(kind)
    return _decimal if kind is Decimal else _scalar(kind)


def _optional(of: tuple[Any, ...]) -> Decode:
    (some,) = (one for one in of if one is not types.NoneType)
    decode = _decoder(some)
    return lambda document: None if document is None else decode(document)


def _sequence(of: tuple[Any, ...]) -> Decode:
    decode = _decoder(of[0])

    def decoded(document: Any) -> tuple[Any, ...]:
        if not isinstance(document, list | tuple):
            raise _unexpected("a list", document)
        return tuple(_at(str(place), decode, part) for place, part in enumerate(document))

    return decoded


def _row(of: tuple[Any, ...]) -> Decode:
    decoders = tuple(map(_decoder, of))

    def decoded(document: Any) -> tuple[Any, ...]:
        if not isinstance(document, list | tuple) or len(document) != len(decoders):
            raise _unexpected(f"a list of {len(decoders)}", document)
        parts = enumerate(zip(decoders, document, strict=True))
        return tuple(_at(str(place), decode, part) for place, (decode, part) in parts)

    return decoded


def _mapping(of: Any) -> Decode:
    decode = _decoder(of)

    def decoded(document: Any) -> Mapping[str, Any]:
        if not isinstance(document, Mapping):
            raise _unexpected("an object", document)
        return {key: _at(key, decode, part) for key, part in document.items()}

    return decoded


def _object(kind: type) -> Decode:
    hints = get_type_hints(kind)
    parts = [
        (
            field.name,
            _key(field),
            _decoder(hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
        )
        for field in fields(kind)
    ]

    def decoded(document: Any) -> Any:
        if not isinstance(document, Mapping):
            raise _unexpected("an object", document)
        values = {}
        for name, key, decode, is_needed in parts:
            if key in document:
                values[name] = _at(key, decode, document[key])
            elif is_needed:
                raise Misfit("missing", (key,))
        return kind(**values)

    return decoded


def _enumeration(kind: type[Enum]) -> Decode:
    def decoded(document: Any) -> Enum:
        try:
            return kind(document)
        except ValueError:
            words = ", ".join(str(one.value) for one in kind)
            raise _unexpected(f"one of {words}", document) from None

    return decoded


def _decimal(document: Any) -> Decimal:
    try:
        if isinstance(document, str | int | float) and not isinstance(document, bool):
            return Decimal(str(document))
    except InvalidOperation:
        pass
    raise _unexpected("a decimal number", document)


def _nothing(document: Any) -> None:
    if document is not None:
        raise _unexpected("null", document)


_NAMES = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


def _scalar(kind: type) -> Decode:
    name, fitting = _NAMES[kind], (int, float) if kind is float else kind

    def decoded(document: Any) -> Any:
        # in Python a boolean is a whole number too; in JSON it is not
        if not isinstance(document, fitting) or (isinstance(document, bool) and kind is not bool):
            raise _unexpected(name, document)
        return document

    return decoded


def _at(key: str, decode: Decode, part: Any) -> Any:
    try:
        return decode(part)
    except Misfit as misfit:
        raise Misfit(misfit.fault, (key, *misfit.place)) from None


def _unexpected(expected: str, found: Any) -> Misfit:
    return Misfit(f"expected {expected}, found {repr(found)[:80]}")
