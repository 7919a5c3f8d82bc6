"""YAML, read strictly and with line numbers.

Properties: a key is known or is an error with the nearest known one; no key twice; every error
names file, line and key. `harness.strict_yaml` decides what is read as YAML at all."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NoReturn, TypeVar

import yaml

from harness.domain.errors import GovernanceError
from harness.governance.language.markdown import Block
from harness.strict_yaml import BOOL, FLOAT, INT, STR, compose

_DEEPEST = 12
_BREAK = re.compile("[\x85\u2028\u2029]")
_KINDS = {STR: "a text", INT: "a whole number", FLOAT: "a number", BOOL: "true or false"}


_E = TypeVar("_E", bound=StrEnum)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Value:
    """One YAML node, with the key it stands under and where."""

    node: yaml.Node
    key: str
    file: str
    offset: int

    @property
    def line(self) -> int:
        """Its line in the document."""
        return int(self.node.start_mark.line) + self.offset

    def fault(self, message: str) -> NoReturn:
        """Raise GovernanceError at this place."""
        raise GovernanceError(message, file=self.file, line=self.line, key=self.key or None)

    def expected(self, what: str) -> NoReturn:
        """Raise GovernanceError saying what was expected, and what is there."""
        self.fault(f"expected {what}, found {self._shown()}")

    def _shown(self) -> str:
        if isinstance(self.node, yaml.ScalarNode):
            kind = _KINDS.get(self.node.tag, "a value")
            return f"{kind} `{self.node.value[:60]}`" if self.node.value else "nothing"
        return "a list" if isinstance(self.node, yaml.SequenceNode) else "a mapping"

    def _scalar(self, tag: str) -> str | None:
        scalar = isinstance(self.node, yaml.ScalarNode) and self.node.tag == tag
        return str(self.node.value) if scalar else None

    @property
    def is_whole(self) -> bool:
        """Whether this is a whole number."""
        return self._scalar(INT) is not None

    @property
    def is_text(self) -> bool:
        """Whether this is a text."""
        return self._scalar(STR) is not None

    def text(self) -> str:
        """A text that is not blank."""
        found = self._scalar(STR)
        if found is None or not found.strip():
            self.expected("a text in quotes" if self._scalar(INT) else "a text")
        return found

    def whole(self) -> int:
        """A whole number, not negative."""
        found = self._scalar(INT)
        if found is None or int(found) < 0:
            self.expected("a whole number, 0 or more")
        return int(found)

    def money(self) -> Decimal:
        """A decimal number, not negative."""
        found = self._scalar(FLOAT) or self._scalar(INT)
        if found is None or Decimal(found) < 0:
            self.expected("an amount, 0 or more")
        return Decimal(found)

    def flag(self) -> bool:
        """`true` or `false`."""
        found = self._scalar(BOOL)
        if found is None:
            self.expected("true or false")
        return found == "true"

    def choice(self, kind: type[_E]) -> _E:
        """One of an enumeration's words."""
        return kind(self.word([member.value for member in kind]))

    def word(self, known: Iterable[str]) -> str:
        """One of these words."""
        words = tuple(known)
        found = self._scalar(STR)
        if found not in words:
            near = difflib.get_close_matches(found or "", words, n=1)
            self.expected(
                f"one of {', '.join(words)}" + (f" (did you mean `{near[0]}`?)" if near else "")
            )
        return str(found)

    def items(self) -> "tuple[Value, ...]":
        """The values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.expected("a list")
        return tuple(Value(item, self.key, self.file, self.offset) for item in self.node.value)

    def listed(self, read: Callable[["Value"], _T]) -> tuple[_T, ...]:
        """A list, each item read by `read`."""
        return tuple(read(item) for item in self.items())

    def texts(self) -> tuple[str, ...]:
        """A list of texts."""
        return self.listed(Value.text)

    def mapping(self) -> "dict[str, Value]":
        """The values of a mapping, by key; no key twice."""
        if not isinstance(self.node, yaml.MappingNode):
            self.expected("a mapping")
        found: dict[str, Value] = {}
        for key_node, value_node in self.node.value:
            key = Value(key_node, self.key, self.file, self.offset)
            name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else key.text()
            if name in found:
                Value(key_node, name, self.file, self.offset).fault("this key stands here twice")
            found[name] = Value(value_node, name, self.file, self.offset)
        return found

    def fields(
        self, known: Iterable[str], *, required: Iterable[str] = ()
    ) -> "Mapping[str, Value]":
        """A mapping that has only these keys, and all the required ones."""
        names, found = tuple(known), self.mapping()
        for name, value in found.items():
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(names)}"
                value.fault(f"no such key; {hint}")
        for name in required:
            if name not in found:
                Value(self.node, name, self.file, self.offset).fault("is missing")
        return found


def read_block(block: Block, file: str) -> Value:
    """The block as one value. Raises GovernanceError where it is not YAML, or not YAML that we
    read."""
    # YAML 1.1 ends lines at characters that editors do not show: a key could hide behind one.
    if hidden := _BREAK.search(block.text):
        raise GovernanceError(
            f"U+{ord(hidden[0]):04X} ends a line of YAML where nobody sees one; remove it",
            file=file,
            line=block.line + block.text[: hidden.start()].count("\n"),
        )
    try:
        node = compose(block.text, deepest=_DEEPEST)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + block.line
        raise GovernanceError(
            f"not YAML that can be read: {error.problem or error.context}", file=file, line=line
        ) from error
    except yaml.YAMLError as error:
        raise GovernanceError(
            f"not YAML: {' '.join(str(error).split())[:200]}", file=file, line=block.line
        ) from error
    # an empty document is no node, and would bind nothing
    if node is None:
        raise GovernanceError("the block is empty", file=file, line=block.line)
    return Value(node, "", file, block.line)
