"""Reads YAML into a small tree with line numbers. Every scalar is text. Anchors, tags and repeated
keys are refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from validators.domain.errors import JourneyInvalid, Problem

LARGEST_BYTES = 64 * 1024
DEEPEST = 50
# What begins so stands in a draft for something that its writer must know.
FILL_IN = "<fill in: "
# Any other tag asks for an object, and a journey has texts only.
PLAIN_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")


@dataclass(frozen=True, slots=True)
class Scalar:
    """`plain`: written without quotes. In JSON, `4` is a number and `"4"` a text."""

    line: int
    text: str
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    line: int
    entries: tuple[tuple[str, Node], ...]


Node = Scalar | Items | Mapping


class Fields:
    """The keys of a mapping, each taken once. `done` refuses the keys that nobody took."""

    def __init__(self, mapping: Mapping, what: str) -> None:
        self.line = mapping.line
        self.what = what
        self._left = dict(mapping.entries)
        self._known: list[str] = []

    def maybe(self, key: str) -> Node | None:
        self._known.append(key)
        return self._left.pop(key, None)

    def need(self, key: str) -> Node:
        found = self.maybe(key)
        if found is None:
            raise refusal(self.line, f"{self.what} needs {key!r}")
        return found

    def one(self, keys: Iterable[str]) -> tuple[str, Node] | None:
        """The one of `keys` that is present, if any. Two of them are an error."""
        present = [(key, node) for key in keys if (node := self.maybe(key)) is not None]
        if len(present) > 1:
            raise refusal(
                self.line, f"{self.what} may have '{present[0][0]}' or '{present[1][0]}', not both"
            )
        return present[0] if present else None

    def done(self) -> None:
        for key, node in self._left.items():
            raise refusal(node.line, f"{self.what} has no {key!r}{nearest(key, self._known)}")


def refusal(line: int, message: str) -> JourneyInvalid:
    """One problem, ready to raise."""
    return JourneyInvalid((Problem(line, message),))


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "fill"?`, else the known words, ready to append to a message."""
    # `str` gives the words of an enumeration, not its members.
    words = sorted(set(map(str, known)))
    if close := get_close_matches(word, words, n=1, cutoff=0.6):
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(words)}" if words else ""


class _Bounded(yaml.SafeLoader):
    """PyYAML's loader with a limit of depth. Without it, its time for brackets that never close
    grows with the square of their number."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node. Raises JourneyInvalid."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise refusal(
                0, "anchors and aliases (& and *) are not part of the language: write the value out"
            )
        self._depth += 1
        if self._depth > DEEPEST:
            raise refusal(0, f"nested more than {DEEPEST} deep: no journey is")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def tree(text: str) -> Node:
    """The tree of one YAML document. Raises JourneyInvalid."""
    # Before it is parsed: the time of the parser grows with the text.
    if len(text.encode()) > LARGEST_BYTES:
        raise refusal(0, f"longer than {LARGEST_BYTES // 1024} KiB: split it into several journeys")
    try:
        node = yaml.compose(text, Loader=_Bounded)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise refusal(line, f"not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise refusal(0, f"not YAML: {error}") from None
    if node is None:
        raise refusal(
            0, "empty: a journey needs at least `journey`, `promise`, `steps`, `expect` and `twin`"
        )
    return _node(node)


def mapping(node: Node, what: str) -> Fields:
    if not isinstance(node, Mapping):
        raise refusal(node.line, f"{what} is a mapping, like {{key: value}}")
    return Fields(node, what)


def items(node: Node, what: str) -> tuple[Node, ...]:
    if not isinstance(node, Items) or not node.items:
        raise refusal(node.line, f"{what} is a list with at least one entry")
    return node.items


def entry(node: Node) -> tuple[str, Node, int]:
    """The one key of an entry, its value and its line."""
    match node:
        case Mapping(line=line, entries=((kind, value),)):
            return kind, value, line
        case _:
            raise refusal(node.line, "write one thing per entry, like `- visible: {button: Book}`")


def text(node: Node, what: str) -> str:
    if not isinstance(node, Scalar):
        raise refusal(
            node.line, f"{what} is a text (put quotes around a value that contains {{{{ }}}})"
        )
    if node.text.startswith(FILL_IN):
        raise refusal(
            node.line, f"still to be filled in: {node.text.removeprefix(FILL_IN).rstrip('>')}"
        )
    return node.text


def _node(node: yaml.Node) -> Node:
    line = node.start_mark.line + 1
    if node.tag.removeprefix("tag:yaml.org,2002:") not in PLAIN_TAGS:
        raise refusal(line, f"tags like {node.tag} are not part of the language")
    match node:
        case yaml.ScalarNode():
            return Scalar(line, str(node.value), plain=node.style is None)
        case yaml.SequenceNode():
            return Items(line, tuple(_node(item) for item in node.value))
        case yaml.MappingNode():
            return Mapping(line, _entries(node))
        case _:
            raise refusal(line, "not a part of YAML that this language uses")


def _entries(node: yaml.MappingNode) -> tuple[tuple[str, Node], ...]:
    entries: dict[str, Node] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise refusal(
                line, "a key is a plain word; put quotes around a value that contains {{ }}"
            )
        if key.value in entries:
            raise refusal(line, f"{key.value!r} is written twice")
        entries[key.value] = _node(value)
    return tuple(entries.items())
