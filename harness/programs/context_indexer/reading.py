"""Reads a file's definitions and imports from its bytes."""

from collections.abc import Iterable, Iterator
from typing import Any

from .grammars import grammar, language_of

# Characters of a signature.
SIGNATURE = 160
# Per file, the first ones.
MOST_DEFINITIONS = 400
MOST_IMPORTS = 200
_KINDS = ("class", "function", "type", "value")

Definition = list[Any]
"""[kind, name, first line, last line, signature]; lines count from 1."""


def outline(path: str, content: bytes) -> dict[str, Any]:
    """{definitions, imports} of one file, both in its order; both empty when it has no grammar."""
    language = language_of(path)
    if language is None:
        return {"definitions": [], "imports": []}
    from tree_sitter import QueryCursor

    read = grammar(language)
    matches = QueryCursor(read.query).matches(read.parser.parse(content).root_node)
    found = [match for _, match in matches]
    return {
        "definitions": list(_outer(_defined(found)))[:MOST_DEFINITIONS],
        "imports": list(dict.fromkeys(_imported(found)))[:MOST_IMPORTS],
    }


def _defined(matches: Iterable[dict[str, Any]]) -> Iterator[Definition]:
    for match in matches:
        for kind in _KINDS:
            if kind in match:
                whole, name = match[kind][0], match["name"][0]
                place = name.parent if kind == "value" else whole
                yield [
                    kind,
                    _text(name)[:SIGNATURE],
                    place.start_point[0] + 1,
                    place.end_point[0] + 1,
                    _signature(place),
                ]


def _outer(found: Iterable[Definition]) -> Iterator[Definition]:
    """Without definitions inside a function: nobody else can name them."""
    until = 0
    for one in sorted(found, key=lambda one: (one[2], -one[3], one[1])):
        if one[2] > until:
            yield one
            until = one[3] if one[0] == "function" else until


def _signature(node: Any) -> str:
    body = node.child_by_field_name("body")
    text = node.text if body is None else node.text[: body.start_byte - node.start_byte]
    first = " ".join(text[: 4 * SIGNATURE].decode("utf-8", "replace").split())
    return first[:SIGNATURE]


def _imported(matches: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Each import as it is written, with `@from` and `@what` as one dotted name."""
    for match in matches:
        if "import" in match:
            yield from (_text(node).strip("\"'`") for node in match["import"])
        if "from" in match:
            origin = _text(match["from"][0])
            names = [_text(node) for node in match.get("what", ())]
            yield from (f"{origin}{'' if origin.endswith('.') else '.'}{name}" for name in names)
            if not names:
                yield origin


def _text(node: Any) -> str:
    return str(node.text.decode("utf-8", "replace"))[:400]
