"""YAML of a machine's making as nested dicts and lists of plain texts.

Nothing in it is a number, a date or a truth, so that nothing is read otherwise than the package
manager reads it. No anchors, aliases, tags, merges, second documents or keys that stand there
twice: whoever needs one is read by nobody. Locks reach a megabyte, so this goes by the parser's
events, in C where the library has it: fifty times faster than a tree of nodes with their places,
which governance's own reader needs for its messages."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from harness.governance.facts.dependencies.manifest import Unparsed

_DEEPEST = 24
# which YAML 1.1 and 1.2 read differently
_OTHER_LINE_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")


def yaml_text(content: str) -> Any:
    """The one document, or Unparsed."""
    if _OTHER_LINE_ENDS.search(content):
        raise Unparsed("holds a line end that readers of YAML do not agree on")
    events = yaml.parse(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        return _built(events)
    except yaml.YAMLError as error:
        raise Unparsed("is not YAML") from error


def _built(events: Iterator[Any]) -> Any:
    """Built on a stack of our own, so that depth is a number and not a crash."""
    root: list[Any] = []
    open_: list[_Open] = [_Open(root)]
    for event in events:
        match event:
            case yaml.AliasEvent():
                raise Unparsed("aliases are not read")
            case (
                yaml.NodeEvent(anchor=str())
                | yaml.ScalarEvent(tag=str())
                | yaml.CollectionStartEvent(tag=str())
            ):
                raise Unparsed("anchors and tags are not read")
            case yaml.ScalarEvent(value=value):
                open_[-1].take(value)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(open_) > _DEEPEST:
                    raise Unparsed(f"more than {_DEEPEST} levels of nesting")
                fresh: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                open_[-1].take(fresh)
                open_.append(_Open(fresh))
            case yaml.CollectionEndEvent():
                open_.pop()
    if len(root) != 1:
        raise Unparsed("is not one document")
    return root[0]


class _Open:
    """A mapping or list that is being filled."""

    def __init__(self, into: Any) -> None:
        self._into = into
        self._key: str | None = None

    def take(self, value: Any) -> None:
        if isinstance(self._into, list):
            self._into.append(value)
        elif self._key is None:
            if not isinstance(value, str) or value == "<<" or value in self._into:
                raise Unparsed("a key is no text, is a merge, or stands there twice")
            self._key = value
        else:
            self._into[self._key] = value
            self._key = None
