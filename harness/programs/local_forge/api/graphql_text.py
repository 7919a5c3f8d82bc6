"""A parser for GraphQL documents with one operation: fields, arguments, variables and inline
fragments.

It refuses the rest of the language by name, so that a client learns what this forge lacks.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.domain.plain import JsonObject

MOST_LETTERS, DEEPEST = 20_000, 20
_TOKEN = re.compile(
    r"""
    [\s,]+ | \#[^\n]*                                        # what means nothing
    | (?P<name>[A-Za-z_]\w*) | (?P<text>"(?:[^"\\\n]|\\.)*") | (?P<number>-?\d+)
    | (?P<mark>\.\.\.|[{}()\[\]:$!=])
""",
    re.VERBOSE,
)


class Unreadable(Exception):
    """The document is not GraphQL, or uses an unsupported part of it; the message names it."""


@dataclass(frozen=True, slots=True)
class GraphqlField:
    """One requested field. `on`: the type of an inline fragment around it."""

    key: str
    name: str
    arguments: JsonObject
    fields: tuple["GraphqlField", ...]
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """`query` or `mutation`, and the requested fields."""

    kind: str
    fields: tuple[GraphqlField, ...]


def operation_in(text: str, variables: JsonObject) -> Operation:
    """The one operation of a document, with its variables filled in. Raises Unreadable."""
    if len(text) > MOST_LETTERS:
        raise Unreadable(f"the document is longer than {MOST_LETTERS} characters")
    return _Reader(list(_tokens(text)), variables).operation()


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unreadable(f"Parse error on {text[at : at + 10]!r}")
        at = found.end()
        if found.lastgroup:
            yield found[0]


class _Reader:
    """A recursive-descent parser over the tokens. Past the last token it reads empty ones."""

    def __init__(self, tokens: list[str], variables: JsonObject) -> None:
        self._tokens, self._at, self._variables = tokens, 0, dict(variables)

    def operation(self) -> Operation:
        kind = "query" if self._is("{") else self._take()
        if kind not in ("query", "mutation"):
            raise Unreadable(f"{kind!r}: only one query or mutation is spoken here")
        if not self._is("{") and not self._is("("):
            self._take()
        if self._is("("):
            self._declarations()
        fields = tuple(self._fields(1, None))
        if self._at < len(self._tokens):
            raise Unreadable(f"{self._tokens[self._at]!r}: only one operation is spoken here")
        return Operation(kind, fields)

    def _declarations(self) -> None:
        """Parse `($name: Type! = default, …)`. Types are ignored; a default is used where no
        value was sent."""
        self._expect("(")
        while not self._is(")"):
            self._expect("$")
            name = self._take()
            self._expect(":")
            while (
                self._is("[")
                or self._is("]")
                or self._is("!")
                or re.fullmatch(r"\w+", self._peek())
            ):
                self._take()
            if self._is("="):
                self._take()
                self._variables.setdefault(name, self._value(0))
        self._expect(")")

    def _fields(self, depth: int, on: str | None) -> Iterator[GraphqlField]:
        # A limit on depth, since the parser recurses and the text is a stranger's.
        if depth > DEEPEST:
            raise Unreadable(f"fields are nested deeper than {DEEPEST}")
        self._expect("{")
        while not self._is("}"):
            if self._is("..."):
                self._take()
                self._expect("on")
                yield from self._fields(depth + 1, self._take())
            else:
                yield self._field(depth, on)
        self._expect("}")

    def _field(self, depth: int, on: str | None) -> GraphqlField:
        key = name = self._take()
        if self._is(":"):
            self._take()
            name = self._take()
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise Unreadable(f"Expected NAME, actual: {name!r}")
        arguments = dict(self._arguments()) if self._is("(") else {}
        return GraphqlField(
            key, name, arguments, tuple(self._fields(depth + 1, None)) if self._is("{") else (), on
        )

    def _arguments(self) -> Iterator[tuple[str, Any]]:
        self._expect("(")
        while not self._is(")"):
            name = self._take()
            self._expect(":")
            yield name, self._value(0)
        self._expect(")")

    def _value(self, depth: int) -> Any:
        mark = self._take()
        if depth > DEEPEST:
            raise Unreadable(f"values are nested deeper than {DEEPEST}")
        if mark == "$":
            return self._variables.get(self._take())
        if mark == "{":
            found = {}
            while not self._is("}"):
                name = self._take()
                self._expect(":")
                found[name] = self._value(depth + 1)
            self._expect("}")
            return found
        if mark == "[":
            listed = []
            while not self._is("]"):
                listed.append(self._value(depth + 1))
            self._expect("]")
            return listed
        try:
            return json.loads(mark)
        except ValueError:
            raise Unreadable(f"{mark!r} is no value that is spoken here") from None

    def _is(self, mark: str) -> bool:
        return self._peek() == mark

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        if self._at >= len(self._tokens):
            raise Unreadable("the document ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, mark: str) -> None:
        if (found := self._take()) != mark:
            raise Unreadable(f"Expected {mark!r}, actual: {found!r}")
