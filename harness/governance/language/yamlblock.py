"""YAML, read strictly and with line numbers.

Properties: a key is known or is an error with the nearest known one; no key twice; no anchors,
aliases or tags (a hundred lines of aliases unfold into a terabyte); `off`, `no` and `on` are words,
as in YAML 1.2; every error names file, line and key."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NoReturn, TypeVar, cast

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from harness.domain.errors import GovernanceError
from harness.governance.language.markdown import Block

_DEEPEST = 12
_BREAK = re.compile("[\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STR, _INT, _FLOAT, _BOOL = (
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool")
)
_KINDS = {_STR: "a text", _INT: "a whole number", _FLOAT: "a number", _BOOL: "true or false"}


class _Refused(yaml.MarkedYAMLError):
    """YAML that we do not read, where an event begins it."""

    def __init__(self, problem: str, event: Any) -> None:
        super().__init__(problem=problem, problem_mark=event.start_mark)


class _Careful(Composer):
    """Builds nodes of what a parser finds: neither anchors nor tags, nor depth, nor half a
    character."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node, if it is one we read."""
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused("anchors and aliases are not read", event)
        if getattr(event, "tag", None):
            raise _Refused("tags are not read", event)
        if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
            raise _Refused("half of a surrogate pair is no character", event)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _Refused(f"more than {_DEEPEST} levels of nesting", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Strict(_Careful, yaml.SafeLoader):
    """PyYAML's own parser, with plain scalars as in YAML 1.2. Its reading is the one that
    counts."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to configure a loader


_Strict.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
_Strict.add_implicit_resolver(_INT, re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))
_Strict.add_implicit_resolver(
    _FLOAT, re.compile(r"^-?[0-9]{1,18}\.[0-9]{1,9}$"), list("-0123456789")
)

_READ_ALIKE = re.compile(r"(?:[\n -9;->@-~]|:(?=[ \n]|\Z))*+\Z")
"""Text that both parsers read alike, where the quick one reads it at all: they differ on tabs, on
`?`, on a colon without a space, and on what is not ASCII. A rule must not depend on which of the
two a machine has."""


def _quick_loader() -> type[Any] | None:
    """The same over libyaml's parser, ten times as fast; None where PyYAML was built without it."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return None

    class Quick(_Careful, CParser, Resolver):
        yaml_implicit_resolvers = _Strict.yaml_implicit_resolvers

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            """One node, unless it is nothing at all: of an empty value the two parsers tell
            different lines."""
            event: Any = self.peek_event()
            if isinstance(event, yaml.ScalarEvent) and not event.value:
                raise _Refused("nothing stands here", event)
            return super().compose_node(parent, index)

    return Quick


_QUICK = _quick_loader()


def node_of(text: str) -> yaml.Node | None:
    """The one YAML document in a text. Raises yaml.YAMLError, always in the words of PyYAML's own
    parser."""
    if _QUICK is not None and _READ_ALIKE.match(text):
        try:
            return cast("yaml.Node | None", _QUICK(text).get_single_node())
        except yaml.YAMLError:
            pass
    # Asked again in the strict parser, so that a fault always has its words and its line.
    return yaml.compose(text, _Strict)


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
        return self._scalar(_INT) is not None

    @property
    def is_text(self) -> bool:
        """Whether this is a text."""
        return self._scalar(_STR) is not None

    def text(self) -> str:
        """A text that is not blank."""
        found = self._scalar(_STR)
        if found is None or not found.strip():
            self.expected("a text in quotes" if self._scalar(_INT) else "a text")
        return found

    def whole(self) -> int:
        """A whole number, not negative."""
        found = self._scalar(_INT)
        if found is None or int(found) < 0:
            self.expected("a whole number, 0 or more")
        return int(found)

    def money(self) -> Decimal:
        """A decimal number, not negative."""
        found = self._scalar(_FLOAT) or self._scalar(_INT)
        if found is None or Decimal(found) < 0:
            self.expected("an amount, 0 or more")
        return Decimal(found)

    def flag(self) -> bool:
        """`true` or `false`."""
        found = self._scalar(_BOOL)
        if found is None:
            self.expected("true or false")
        return found == "true"

    def choice(self, kind: type[_E]) -> _E:
        """One of an enumeration's words."""
        return kind(self.word([member.value for member in kind]))

    def word(self, known: Iterable[str]) -> str:
        """One of these words."""
        words = tuple(known)
        found = self._scalar(_STR)
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
        node = node_of(block.text)
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
