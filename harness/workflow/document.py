"""A YAML document whose every value knows the line it stands on.

Plain scalars are read by YAML 1.2's core rules, so that `on`, `no` and `12:30` are words and not a
boolean or a base-60 number. Anchors and aliases are refused: nobody needs them here, and nested
ones grow without bound. Depth and items are counted while PyYAML reads, not afterwards: of ten
thousand brackets it took a minute to say that they never close."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from harness.domain.errors import ConfigError

LARGEST = 256 * 1024
"""Bytes of one document."""
_DEEPEST = 40
_MOST_ITEMS = 20_000
_WORDS: Mapping[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


class TooMuch(yaml.MarkedYAMLError):
    """A document that asks for more of the reader than any real one."""


class BoundedLoader(yaml.SafeLoader):
    """PyYAML's own reader, which stops at the first node beyond a depth or a number of nodes."""

    _depth = _items = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node. Raises TooMuch where it stands."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self._depth, self._items = self._depth + 1, self._items + 1
        if self._depth > _DEEPEST:
            raise TooMuch(problem="is nested too deeply", problem_mark=event.start_mark)
        if self._items > _MOST_ITEMS:
            raise TooMuch(
                problem=f"holds more than {_MOST_ITEMS:,} values", problem_mark=event.start_mark
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _PlainLoader(BoundedLoader):
    """The same, without anchors and aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise TooMuch(
                problem="anchors and aliases are not read here; write it out",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a document: the file, the key it stands under, and PyYAML's node for it."""

    file: str
    key: str
    node: yaml.Node

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def error(self, message: str) -> ConfigError:
        return ConfigError(message, file=self.file, line=self.line, key=self.key or None)

    def mapping(self) -> dict[str, Value]:
        """Its keys, in order. Raises ConfigError when it is no mapping, or has a key twice."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"expected a mapping, found {self.shown}")
        found: dict[str, Value] = {}
        for key, node in self.node.value:
            name = str(key.value)
            if name in found:
                raise ConfigError(
                    "is given twice", file=self.file, line=key.start_mark.line + 1, key=name
                )
            found[name] = Value(self.file, name, node)
        return found

    def sequence(self) -> tuple[Value, ...]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"expected a list, found {self.shown}")
        return tuple(Value(self.file, self.key, node) for node in self.node.value)

    def plain(self) -> Any:
        """The value as JSON."""
        match self.node:
            case yaml.MappingNode():
                return {name: value.plain() for name, value in self.mapping().items()}
            case yaml.SequenceNode():
                return [value.plain() for value in self.sequence()]
            case yaml.ScalarNode():
                return _scalar(self.node.value, quoted=self.node.style is not None)
            case _:
                raise self.error("is of no kind that is read here")

    def text(self, pattern: re.Pattern[str] | None = None, *, expected: str = "text") -> str:
        """Its text, which must match the whole of `pattern`. Raises ConfigError, which names what
        was `expected`."""
        value = self.plain()
        if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
            raise self.error(f"expected {expected}, found {self.shown}")
        return value

    @property
    def shown(self) -> str:
        match self.node:
            case yaml.MappingNode():
                return "a mapping"
            case yaml.SequenceNode():
                return "a list"
            case _:
                return f"`{self.node.value}`"


def document(text: str, *, file: str) -> Value:
    """The document in `text`. Raises ConfigError with the line when it is not one YAML document."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise ConfigError(f"has more than {LARGEST} bytes, and no more are read", file=file)
    try:
        node = yaml.compose(text, _PlainLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        said = str(error.problem or error.context)
        raise ConfigError(
            said if isinstance(error, TooMuch) else f"not YAML: {said}", file=file, line=line
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}", file=file) from error
    if node is None:
        raise ConfigError("the document is empty", file=file, line=1)
    return Value(file, "", node)


def nearest(word: str, known: Collection[str]) -> str:
    """The end of a message about an unknown word: the one that was probably meant, or all that are
    known."""
    close = difflib.get_close_matches(word, sorted(known), n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known: {', '.join(sorted(known))}" if known else "none is known"


def _scalar(text: str, *, quoted: bool) -> Any:
    if quoted:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
