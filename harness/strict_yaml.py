"""YAML nodes, composed strictly and within bounds, for every file that people write for us.

Properties: no anchors, aliases or tags (a hundred lines of aliases unfold into a terabyte); depth
and the number of values are counted while the parser reads, because PyYAML took a minute to say of
ten thousand brackets that they never close; `off`, `no`, `on` and `12:30` are words, as in
YAML 1.2."""

import re
from typing import Any, cast

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from harness.domain.plain import JsonDict

MOST_VALUES = 20_000
STR, INT, FLOAT, BOOL = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool"))
_SURROGATE = re.compile("[\ud800-\udfff]")


class RefusedYaml(yaml.MarkedYAMLError):
    """YAML that we do not read, where an event begins it."""

    def __init__(self, problem: str, event: Any) -> None:
        super().__init__(problem=problem, problem_mark=event.start_mark)


class BoundedComposer(Composer):
    """Builds nodes of what a parser finds, and stops at the first one beyond a bound."""

    deepest = 40
    _depth = _values = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node. Raises Refused where it is too deep, or one too many."""
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        self._depth, self._values = self._depth + 1, self._values + 1
        if self._depth > self.deepest:
            raise RefusedYaml(f"more than {self.deepest} levels of nesting", event)
        if self._values > MOST_VALUES:
            raise RefusedYaml(f"more than {MOST_VALUES:,} values", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class BoundedLoader(BoundedComposer, yaml.SafeLoader):
    """PyYAML's own reader with the bounds, for files that follow somebody else's rules: anchors and
    tags are read."""


class _StrictComposer(BoundedComposer):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node, if it is one we read."""
        event: Any = self.peek_event()  # type: ignore[attr-defined]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise RefusedYaml("anchors and aliases are not read", event)
        if getattr(event, "tag", None):
            raise RefusedYaml("tags are not read", event)
        if isinstance(event, yaml.ScalarEvent) and _SURROGATE.search(event.value):
            raise RefusedYaml("half of a surrogate pair is no character", event)
        return super().compose_node(parent, index)


class StrictLoader(_StrictComposer, yaml.SafeLoader):
    """PyYAML's own parser, with plain scalars as in YAML 1.2. Its reading is the one that
    counts."""

    yaml_implicit_resolvers: JsonDict = {}  # noqa: RUF012 - PyYAML's own way to configure a loader

    def __init__(self, text: str, deepest: int = BoundedComposer.deepest) -> None:
        super().__init__(text)
        self.deepest = deepest


StrictLoader.add_implicit_resolver(BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
StrictLoader.add_implicit_resolver(
    INT, re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789")
)
StrictLoader.add_implicit_resolver(
    FLOAT, re.compile(r"^-?[0-9]{1,18}\.[0-9]{1,9}$"), list("-0123456789")
)

_READ_ALIKE = re.compile(r"(?:[\n -9;->@-~]|:(?=[ \n]|\Z))*+\Z")
"""Text that both parsers read alike, where the quick one reads it at all: they differ on tabs, on
`?`, on a colon without a space, and on what is not ASCII. What a file means must not depend on
which of the two a machine has."""


def _quick_loader() -> type[Any] | None:
    """The same over libyaml's parser, ten times as fast; None where PyYAML was built without it."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return None

    class Quick(_StrictComposer, CParser, Resolver):
        yaml_implicit_resolvers = StrictLoader.yaml_implicit_resolvers

        def __init__(self, text: str, deepest: int) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)
            self.deepest = deepest

        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            """One node, unless it is empty: of an empty value the two parsers give different
            lines."""
            event: Any = self.peek_event()
            if isinstance(event, yaml.ScalarEvent) and not event.value:
                raise RefusedYaml("nothing stands here", event)
            return super().compose_node(parent, index)

    return Quick


_QUICK = _quick_loader()


def compose(text: str, *, deepest: int = BoundedComposer.deepest) -> yaml.Node | None:
    """The one YAML document in a text; None where it is empty. Raises yaml.YAMLError, always in the
    words of PyYAML's own parser, and Refused for what we do not read."""
    if _QUICK is not None and _READ_ALIKE.match(text):
        try:
            return cast("yaml.Node | None", _QUICK(text, deepest).get_single_node())
        except yaml.YAMLError:
            pass
    # Asked again in the strict parser, so that a fault always has its words and its line.
    loader = StrictLoader(text, deepest)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()
