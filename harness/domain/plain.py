"""Values as JSON, and back by their types: for what is written down to be played again."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints


def plain(value: Any) -> Any:
    """A value of the domain as JSON: dataclasses as objects, sequences and sets as lists,
    enumerations by value."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
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


def valued(kind: Any, told: Any) -> Any:
    """What `plain` made of a value of type `kind`, as that value again. Raises TypeError, KeyError
    or ValueError where it is none."""
    kind = getattr(kind, "__supertype__", kind)
    origin, of = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return (
            None
            if told is None
            else valued(next(one for one in of if one is not types.NoneType), told)
        )
    if origin is tuple:
        return tuple(valued(of[0], part) for part in told)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(told)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: valued(hints[name], part) for name, part in told.items()})
    return told
