"""Reads a YAML document in which every value knows its line.

Plain scalars are read by YAML 1.2's core rules; `harness.strict_yaml` decides what is read at
all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import yaml

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.strict_yaml import RefusedYaml, compose

LARGEST = 256 * 1024
"""Bytes of one document."""
_WORDS: JsonObject = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class DocumentValue:
    """One value of a document: the file, the key it stands under, and PyYAML's node for it."""

    file: str
    key: str
    node: yaml.Node

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def error(self, message: str) -> ConfigError:
        return ConfigError(message, file=self.file, line=self.line, key=self.key or None)

    def mapping(self) -> dict[str, DocumentValue]:
        """Its keys, in order. Raises ConfigError when it is no mapping, or has a key twice."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"expected a mapping, found {self.shown}")
        found: dict[str, DocumentValue] = {}
        for key, node in self.node.value:
            name = str(key.value)
            if name in found:
                raise ConfigError(
                    "is given twice", file=self.file, line=key.start_mark.line + 1, key=name
                )
            found[name] = DocumentValue(self.file, name, node)
        return found

    def sequence(self) -> tuple[DocumentValue, ...]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"expected a list, found {self.shown}")
        return tuple(DocumentValue(self.file, self.key, node) for node in self.node.value)

    def plain(self) -> Any:
        """The value as JSON."""
        match self.node:
            case yaml.MappingNode():
                return {name: value.plain() for name, value in self.mapping().items()}
            case yaml.SequenceNode():
                return [value.plain() for value in self.sequence()]
            case yaml.ScalarNode():
                return _scalar(self.node.value, quoted=bool(self.node.style))
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


def document(text: str, *, file: str) -> DocumentValue:
    """The document in `text`. Raises ConfigError with the line when it is not one YAML document."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise ConfigError(f"has more than {LARGEST} bytes, and no more are read", file=file)
    try:
        node = compose(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        said = str(error.problem or error.context)
        raise ConfigError(
            said if isinstance(error, RefusedYaml) else f"not YAML: {said}", file=file, line=line
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}", file=file) from error
    if node is None:
        raise ConfigError("the document is empty", file=file, line=1)
    return DocumentValue(file, "", node)


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
