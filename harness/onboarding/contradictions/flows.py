"""Read workflow files of any engine: GitHub's jobs and steps, or nodes as in ours.

Only three things are read: the parts of a file, what each part sets, and the prose in its prompts.
A file that is not YAML, or is nested too deeply, has no parts.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.onboarding.contradictions.prose import ProsePassage, Sentence

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node

WORKFLOW_FILE = re.compile(r"(?:.*/)?workflows/[^/]+\.ya?ml", re.IGNORECASE)
_FLAG = re.compile(r"--[a-z][\w-]+|(?:^|[\n;|&])\s*timeout (?=[\d-])", re.IGNORECASE)
_PARTS = ("nodes", "jobs", "steps")
_MOST = 20_000
"""The limit on YAML nodes in one file; aliases can expand a small file without end."""


@dataclass(frozen=True, slots=True)
class FlowPart:
    """A workflow, job, step or node. `sets` are the keys and flags that apply to it, including
    those of the parts around it."""

    kind: str
    name: str
    file: str
    line: int
    sets: frozenset[str]


@dataclass(frozen=True, slots=True)
class Flow:
    """One workflow file. `names` are its stem, its own name and those of its jobs, in
    lower case."""

    file: str
    names: frozenset[str]
    is_scheduled: bool
    parts: tuple[FlowPart, ...]
    prompts: ProsePassage


def flows_in(files: Mapping[str, str]) -> tuple[Flow, ...]:
    """The workflow files among these, sorted by name."""
    found = (_flow(name, files[name]) for name in sorted(files) if WORKFLOW_FILE.fullmatch(name))
    return tuple(flow for flow in found if flow is not None)


def _flow(file: str, text: str) -> Flow | None:
    import yaml

    from harness.strict_yaml import BoundedLoader

    try:
        top = yaml.compose(text, Loader=BoundedLoader)
        nodes = list(_unfolded(top)) if isinstance(top, yaml.MappingNode) else []
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    # A file cut at the limit would give wrong answers, so it gives none.
    if not isinstance(top, yaml.MappingNode) or len(nodes) >= _MOST:
        return None
    parts = (
        FlowPart("workflow", _stem(file), file, 1, _sets(top)),
        *_parts(top, file, _sets(top, without=_PARTS)),
    )
    named = _entry(top, "name")
    own = str(named.value) if named else ""
    names = {
        _stem(file),
        own,
        own.replace(" ", "-"),
        *(part.name for part in parts if part.kind == "job"),
    } - {""}
    return Flow(
        file,
        frozenset(name.casefold() for name in names),
        bool({"schedule", "cron"} & _sets(top)),
        parts,
        ProsePassage(file, tuple(_prompts(nodes, file))),
    )


def _stem(file: str) -> str:
    return file.rpartition("/")[2].rpartition(".")[0]


def _unfolded(node: "Node | None", depth: int = 0) -> "Iterator[Node]":
    """The node and everything below it, at most _MOST nodes. Raises RecursionError below
    a depth of 50."""
    from itertools import islice

    if node is None:
        return
    if depth > 50:
        raise RecursionError
    yield node
    children = (
        [child for pair in node.value for child in (pair if isinstance(pair, tuple) else (pair,))]
        if isinstance(node.value, list)
        else []
    )
    yield from islice((one for child in children for one in _unfolded(child, depth + 1)), _MOST)


def _parts(node: "MappingNode", file: str, around: frozenset[str]) -> Iterator[FlowPart]:
    """The jobs, steps and nodes below a mapping, each with its own settings and those around it."""
    for container in _PARTS:
        for name, part in _members(_entry(node, container)):
            own = _sets(part) | around
            yield FlowPart(container.removesuffix("s"), name, file, part.start_mark.line + 1, own)
            yield from _parts(part, file, around | _sets(part, without=_PARTS))


def _members(node: "Node | None") -> "Iterator[tuple[str, MappingNode]]":
    """The mappings in a list or a mapping, each with its name."""
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value, 1):
            if isinstance(item, yaml.MappingNode):
                named = _entry(item, "id") or _entry(item, "name")
                yield str(named.value) if named else str(number), item
    elif isinstance(node, yaml.MappingNode):
        yield from (
            (str(key.value), value)
            for key, value in node.value
            if isinstance(value, yaml.MappingNode)
        )


def _entry(node: "MappingNode", name: str) -> "Node | None":
    return next((value for key, value in node.value if key.value == name), None)


def _sets(node: "MappingNode", *, without: tuple[str, ...] = ()) -> frozenset[str]:
    """The keys in a mapping, at any depth, and the flags of its commands:
    `timeout_minutes`, `max_turns`."""
    import yaml

    found = set[str]()
    for key, value in node.value:
        if key.value in without:
            continue
        found.add(str(key.value))
        for one in _unfolded(value):
            if isinstance(one, yaml.MappingNode):
                found |= {str(inner.value) for inner, _ in one.value}
            elif isinstance(one, yaml.ScalarNode):
                found |= {flag.strip("\n;|& -") for flag in _FLAG.findall(one.value)}
    return frozenset(name.casefold().replace("-", "_") for name in found)


def _prompts(nodes: "list[Node]", file: str) -> Iterator[Sentence]:
    """The text of a file line by line: its prompts, as a reader of the file sees them."""
    import yaml

    for node in nodes:
        if isinstance(node, yaml.ScalarNode) and len(node.value.split()) > 3:
            # The text of a block scalar (`|`, `>`) starts on the line after its mark.
            first = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
            yield from (
                Sentence(file, first + number, line.strip(), "")
                for number, line in enumerate(node.value.split("\n"))
                if line.strip() and len(line) <= 600
            )
