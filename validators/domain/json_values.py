"""JSON values as Python has them: reading a bounded text, JSON Pointer (RFC 6901), types, order.

Everything here is pure, and total on what `read_json` returns."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

DEEPEST = 100
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
LONGEST_NUMBER = 30


class Missing:
    """What stands at a pointer that leads nowhere."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = Missing()


class JsonType(StrEnum):
    """The type of a JSON value. `ABSENT`: there is no such value."""

    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    NULL = "null"
    ARRAY = "array"
    OBJECT = "object"
    ABSENT = "absent"


def read_json(content: bytes) -> Any:
    """The value in a JSON text in UTF-8. Raises ValueError, also for one that is nested more than
    DEEPEST deep, or has NaN or a number of more than LONGEST_NUMBER characters."""
    try:
        value = json.loads(
            content.decode("utf-8-sig"),
            parse_constant=_refuse,
            parse_int=lambda text: int(_short(text)),
            parse_float=lambda text: float(_short(text)),
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if _depth(value) > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} deep")
    return value


def constant(text: str) -> Any:
    """The number, truth value or null that a text without quotes denotes; MISSING if it is none."""
    if text in ("true", "false"):
        return text == "true"
    if text == "null":
        return None
    if _NUMBER.fullmatch(text) and len(text) <= LONGEST_NUMBER:
        return json.loads(text)
    return MISSING


def is_pointer(text: str) -> bool:
    """Whether a text is a JSON Pointer: empty (the whole value), or each part after a slash."""
    return _POINTER.fullmatch(text) is not None


def at(value: Any, pointer: str) -> Any:
    """What stands at the pointer; MISSING if nothing does. `-1` is the last entry of an array."""
    for part in _parts(pointer):
        key = _key(value, part)
        if key is None:
            return MISSING
        value = value[key]
    return value


def without(value: Any, pointer: str) -> Any:
    """A copy of the value without what stands at the pointer; the value itself where nothing
    does. The whole value cannot be taken away: it becomes null."""
    if at(value, pointer) is MISSING:
        return value
    if not pointer:
        return None
    copied = copy.deepcopy(value)
    *path, last = _parts(pointer)
    holder = copied
    for part in path:
        holder = holder[_key(holder, part)]
    del holder[_key(holder, last)]
    return copied


def replaced(value: Any, pointer: str, other: Any) -> Any:
    """A copy of the value with `other` at the pointer; the value itself where nothing stands
    there."""
    if at(value, pointer) is MISSING:
        return value
    if not pointer:
        return other
    copied = copy.deepcopy(value)
    *path, last = _parts(pointer)
    holder = copied
    for part in path:
        holder = holder[_key(holder, part)]
    holder[_key(holder, last)] = other
    return copied


def is_of_type(value: Any, kind: JsonType) -> bool:
    """Whether the value has this type. 4.0 is an integer, as in JSON Schema."""
    match kind:
        case JsonType.ABSENT:
            return value is MISSING
        case JsonType.STRING:
            return isinstance(value, str)
        case JsonType.BOOLEAN:
            return isinstance(value, bool)
        case JsonType.NULL:
            return value is None
        case JsonType.ARRAY:
            return isinstance(value, list)
        case JsonType.OBJECT:
            return isinstance(value, dict)
        case JsonType.NUMBER:
            return _is_number(value)
        case JsonType.INTEGER:
            return _is_number(value) and float(value).is_integer()


def same(value: Any, other: Any) -> bool:
    """Whether two scalars are equal, where true is not 1."""
    return isinstance(value, bool) == isinstance(other, bool) and value == other


def text_of(value: Any) -> str:
    """A value as a person reads it: a text without quotes, anything else as JSON."""
    if value is MISSING:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def leaves(value: Any) -> Iterator[Any]:
    """Every text and number in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield value


def _parts(pointer: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _key(value: Any, part: str) -> Any:
    """The key or index by which a part of a pointer leads on; None if it leads nowhere."""
    if isinstance(value, dict):
        return part if part in value else None
    if isinstance(value, list) and part == "-1" and value:
        return len(value) - 1
    if isinstance(value, list) and re.fullmatch("0|[1-9][0-9]{0,8}", part):
        return int(part) if int(part) < len(value) else None
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _depth(value: Any) -> int:
    deepest, left = 0, [(value, 1)]
    while left:
        one, depth = left.pop()
        deepest = max(deepest, depth)
        inside = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        left.extend((item, depth + 1) for item in inside)
    return deepest


def _short(text: str) -> str:
    # The time to read a number grows with the square of its length.
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters")
    return text


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")
