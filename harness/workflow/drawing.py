"""Draws a workflow for the terminal, for Mermaid (which forges show) and for Graphviz."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

from harness.domain.workflow import (
    AgentNode,
    ApproveNode,
    CallNode,
    EachNode,
    GateNode,
    Node,
    RunNode,
    UseNode,
    ValidateNode,
    WaitNode,
    When,
    WhenEnded,
    Workflow,
)
from harness.workflow.language import SECONDS


def drawn(workflow: Workflow, form: str) -> str:
    """The picture in one of `FORMS`, its last line ended. Raises KeyError for another form."""
    return "\n".join(FORMS[form](workflow)) + "\n"


def work_of(node: Node) -> str:
    """What a node is, in the words of its document: its kind, and what it names."""
    match node:
        case UseNode():
            return f"use {node.action}"
        case RunNode():
            return (
                f"run {node.command if isinstance(node.command, str) else ' '.join(node.command)}"
            )
        case AgentNode():
            return f"agent {node.role}"
        case GateNode():
            return f"gate {', '.join(node.checks)}"
        case ValidateNode():
            return f"validate {node.journeys}"
        case ApproveNode():
            return f"approve {node.permission}"
        case WaitNode():
            return f"wait {_duration(node.seconds) if node.seconds else f'until {node.until}'}"
        case CallNode():
            return f"call {node.workflow}"
        case EachNode():
            return f"each {node.items} do {node.workflow}"
        case _:
            assert_never(node)


def _text(workflow: Workflow) -> Iterator[str]:
    """One node a line; a rail joins each to the one before it, and whoever needs anything else
    names so."""
    widest = max(len(node.id) for node in workflow.nodes)
    works = max(len(work_of(node)) for node in workflow.nodes)
    yield workflow.name
    before = ""
    for node in workflow.nodes:
        yield "  │" if node.needs == (before,) else ""
        yield f"  ● {node.id:<{widest}}  {work_of(node):<{works}}  {_notes(node, before)}".rstrip()
        before = node.id


def _notes(node: Node, before: str) -> str:
    needs = f"after {', '.join(node.needs)}" if node.needs and node.needs != (before,) else ""
    when = f"when {_condition(node.when)}" if node.when else ""
    retry = f"up to {node.retry.attempts} times" if node.retry.attempts > 1 else ""
    limit = f"at most {_duration(int(node.timeout_seconds))}" if node.timeout_seconds else ""
    return " · ".join(note for note in (needs, when, retry, limit) if note)


def _duration(seconds: int) -> str:
    """As a document would have it, in the largest unit that gives a whole number."""
    unit = next(unit for unit in reversed(SECONDS) if seconds % SECONDS[unit] == 0)
    return f"{seconds // SECONDS[unit]}{unit}"


def _condition(when: When | None) -> str:
    if when is None:
        return ""
    if isinstance(when, WhenEnded):
        return f"{when.node}.{'succeeded' if when.succeeded else 'failed'}"
    return f"{when.field} {when.comparison} {json.dumps(when.value)}"


def _mermaid(workflow: Workflow) -> Iterator[str]:
    yield from ("---", f"title: {workflow.name}", "---", "flowchart TD")
    for node in workflow.nodes:
        yield f'  {_name(node.id)}["{node.id}<br>{_unread(work_of(node))}"]'
    for node, needed in _arrows(workflow):
        label = f'|"{_unread(_condition(node.when))}"|' if _governs(node, needed) else ""
        yield f"  {_name(needed)} -->{label} {_name(node.id)}"


def _dot(workflow: Workflow) -> Iterator[str]:
    yield f'digraph "{workflow.name}" {{'
    yield "  node [shape=rect];"
    for node in workflow.nodes:
        yield f'  "{node.id}" [label="{node.id}\\n{_escaped(work_of(node))}"];'
    for node, needed in _arrows(workflow):
        label = f' [label="{_escaped(_condition(node.when))}"]' if _governs(node, needed) else ""
        yield f'  "{needed}" -> "{node.id}"{label};'
    yield "}"


def _arrows(workflow: Workflow) -> Iterator[tuple[Node, str]]:
    return ((node, needed) for node in workflow.nodes for needed in node.needs)


def _governs(node: Node, needed: str) -> bool:
    return node.when is not None and node.when.node == needed


def _name(node_id: str) -> str:
    """A name that is no keyword of Mermaid's, as `end` would be."""
    return f"n_{node_id.replace('-', '_')}"


def _unread(text: str) -> str:
    """Words of a document as Mermaid shows them: a quote would end the label, a tag would be
    one."""
    return "".join(
        f"#{ord(char)};" if char in '"<>#&\\`' else char if char.isprintable() else " "
        for char in text
    )


def _escaped(text: str) -> str:
    """Words of a document between Graphviz's quotes."""
    return "".join(
        f"\\{char}" if char in '"\\' else char if char.isprintable() else " " for char in text
    )


FORMS: Mapping[str, Callable[[Workflow], Iterator[str]]] = {
    "text": _text,
    "mermaid": _mermaid,
    "dot": _dot,
}
