"""A strict reader of JSON documents: every key is expected, every type checked, and each message
names the path."""

from __future__ import annotations

import json
from datetime import date
from enum import StrEnum
from typing import TypeVar

from validators.domain.errors import DocumentInvalid

E = TypeVar("E", bound=StrEnum)


class Shape:
    """A JSON value at a path. An object remembers which keys were read, so that `done` can refuse
    all others. Every method raises DocumentInvalid for a value of another shape."""

    def __init__(self, value: object, path: str) -> None:
        self.value = value
        self.path = path
        self._asked: set[str] = set()

    def at(self, key: str) -> Shape:
        """The value of a required key."""
        entries = self._object()
        self._asked.add(key)
        if key not in entries:
            raise DocumentInvalid(f"{self.path}: no key {key!r}")
        return Shape(entries[key], f"{self.path}.{key}")

    def has(self, key: str) -> bool:
        """Whether the object has this key."""
        return key in self._object()

    def list(self, key: str, *, exactly: int | None = None) -> tuple[Shape, ...]:
        """The items of a required list, of this length if one is given."""
        inner = self.at(key)
        if not isinstance(inner.value, list) or exactly not in (None, len(inner.value)):
            raise DocumentInvalid(
                f"{inner.path}: expected a list{f' of {exactly}' if exactly else ''}"
            )
        return tuple(
            Shape(item, f"{inner.path}[{index}]") for index, item in enumerate(inner.value)
        )

    def done(self) -> None:
        """Refuse every key that was not read."""
        if extra := sorted(set(self._object()) - self._asked):
            raise DocumentInvalid(f"{self.path}: unknown key {extra[0]!r}")

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self._not("text")
        return self.value

    def whole(self) -> int:
        # A bool is an int in Python.
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self._not("a whole number")
        return self.value

    def number(self) -> float:
        if not isinstance(self.value, (int, float)) or isinstance(self.value, bool):
            raise self._not("a number")
        try:
            return float(self.value)
        except OverflowError:
            raise self._not("a number that is not so large") from None

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            raise self._not("true or false")
        return self.value

    def day(self) -> date:
        try:
            return date.fromisoformat(self.text())
        except ValueError:
            raise self._not("a date as YYYY-MM-DD") from None

    def one_of(self, kind: type[E]) -> E:
        try:
            return kind(self.text())
        except ValueError:
            raise self._not(f"one of {', '.join(kind)}") from None

    def is_null(self) -> bool:
        return self.value is None

    def _object(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self._not("an object")
        return self.value

    def _not(self, wanted: str) -> DocumentInvalid:
        return DocumentInvalid(f"{self.path}: expected {wanted}, found {type(self.value).__name__}")


def shape(text: str, name: str) -> Shape:
    """The root of a JSON document. Raises DocumentInvalid when it is not JSON."""
    try:
        return Shape(json.loads(text), name)
    except (ValueError, RecursionError) as error:
        raise DocumentInvalid(f"{name}: not JSON: {error}") from None
