"""Reads the six kinds of node, each from the keys that are its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.domain.workflow import (
    AgentNode,
    Allowance,
    ApproveNode,
    FieldOf,
    GateNode,
    Node,
    RunNode,
    UseNode,
    ValidateNode,
)
from harness.workflow import language
from harness.workflow.document import DocumentValue, nearest
from harness.workflow.outputs import declared_field
from harness.workflow.templates import used_values
from harness.workflow.values import among, dollars, only, texts, whole


@dataclass(frozen=True, slots=True)
class Role:
    """What whoever plays a role is given: its tools, and the values that its prompt may use, the
    needed ones first."""

    tools: tuple[str, ...] = ()
    # a prompt that leaves one of these out is refused
    shows: tuple[str, ...] = ()
    # these it may use
    offers: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.shows, *self.offers)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a workflow may name. None means: not checked."""

    prompts: Mapping[str, str]
    actions: Collection[str] | None = None
    checks: Collection[str] | None = None
    commands: Collection[str] | None = None
    roles: Mapping[str, Role] | None = None


@dataclass(frozen=True, slots=True)
class NodeContext:
    """What a node's own keys are read beside: the keys common to all kinds, and every node's
    declared output."""

    common: JsonObject
    outputs: Mapping[str, JsonObject | None]
    known: Declared


def _use(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    action = keys["use"].text(language.ACTION, expected="an action like `triage.intake`")
    return UseNode(
        **context.common, action=among(keys["use"], action, context.known.actions, "action")
    )


def _run(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    value = keys["run"]
    env = {name: _variable(entry, context) for name, entry in _env(keys.get("env"))}
    command: Any = value.plain()
    # A text is a command's name: splitting it would be a shell, and shells read values.
    if isinstance(command, str) and language.ID.fullmatch(command):
        return RunNode(
            **context.common,
            command=among(value, command, context.known.commands, "command"),
            env=env,
        )
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        return RunNode(**context.common, command=tuple(command), env=env)
    raise value.error(
        "expected the name of a command, or a list of arguments (no shell reads it), like `[make,"
        " test]`"
    )


def _env(value: DocumentValue | None) -> tuple[tuple[str, DocumentValue], ...]:
    entries = value.mapping() if value is not None else {}
    for name, entry in entries.items():
        if not language.VARIABLE.fullmatch(name):
            raise entry.error("is no name for an environment variable")
    return tuple(entries.items())


def _variable(value: DocumentValue, context: NodeContext) -> str | FieldOf:
    if isinstance(text := value.plain(), str):
        return text
    keys = value.mapping()
    only(keys, ("from",))
    if "from" not in keys:
        raise value.error("expected text, or `{from: node.field}`")
    node, *path = keys["from"].text(language.REFERENCE, expected="`node.field`").split(".")
    # Only a needed node is sure to have ended, with its output checked.
    if node not in context.common["needs"]:
        raise keys["from"].error(f"reads `{node}`, which is not in this node's `needs`")
    declared_field(keys["from"], context.outputs[node], node=node, path=path)
    return FieldOf(node, tuple(path))


def _agent(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    name = keys["agent"].text(language.ID, expected="a role like `implementer`")
    given = keys.get("role", keys["agent"])
    role = among(
        given,
        given.text(language.ID, expected="a role like `implementer`"),
        context.known.roles,
        "role",
    )
    prompt = _prompt(keys, context, role=role, default=f"{name}.md.j2")
    tools = texts(keys.get("tools"), language.TOOL, expected="the name of a tool", least=0)
    for tool in tools:
        among(
            keys["tools"],
            tool,
            context.known.roles[role].tools if context.known.roles else None,
            f"tool of `{role}`:",
        )
    return AgentNode(
        **context.common, role=role, prompt=prompt, tools=tools, budget=_budget(keys.get("budget"))
    )


def _prompt(
    keys: Mapping[str, DocumentValue], context: NodeContext, *, role: str, default: str
) -> str:
    """The template's name: it can be read, uses only values that the role is given, and leaves none
    out that it needs."""
    where, prompts = keys.get("prompt", keys["agent"]), context.known.prompts
    name = (
        where.text(language.TEMPLATE, expected="a template's file name, `*.j2`")
        if "prompt" in keys
        else default
    )
    if name not in prompts:
        raise where.error(f"there is no template `{name}`; {nearest(name, prompts)}")
    used = used_values(name, prompts)
    if context.known.roles is None:
        return name
    given = context.known.roles[role]
    for value, place in used.items():
        if value not in given.values:
            raise ConfigError(
                f"`{role}` is given no such value; {nearest(value, given.values)}",
                file=place.file,
                line=place.line,
                key=value,
            )
    # A prompt that never shows the issue lets a model invent one.
    if missing := next((value for value in given.shows if value not in used), None):
        raise where.error(
            f"`{name}` never shows `{{{{ {missing} }}}}`, and without it `{role}` does not know"
            " what to do"
        )
    return name


def _gate(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    value = keys["gate"]
    expected = "the name of a check"
    single = isinstance(value.plain(), str)
    checks = (
        (value.text(language.ID, expected=expected),)
        if single
        else texts(value, language.ID, expected=expected)
    )
    for check in checks:
        among(value, check, context.known.checks, "check")
    return GateNode(**context.common, checks=checks)


def _validate(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    journeys = among(
        keys["validate"], keys["validate"].text(), language.JOURNEYS, "kind of journey"
    )
    return ValidateNode(**context.common, journeys=journeys, budget=_budget(keys.get("budget")))


def _approve(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    permission = among(keys["approve"], keys["approve"].text(), language.PERMISSIONS, "permission")
    return ApproveNode(**context.common, permission=permission)


def _budget(value: DocumentValue | None) -> Allowance:
    if value is None:
        return Allowance()
    keys = value.mapping()
    only(keys, ("calls", "usd"))
    if not keys:
        raise value.error("expected `calls`, `usd` or both")
    return Allowance(
        whole(keys["calls"], 1, 1000) if "calls" in keys else None,
        dollars(keys["usd"]) if "usd" in keys else None,
    )


READERS: Mapping[str, Callable[[Mapping[str, DocumentValue], NodeContext], Node]] = {
    "use": _use,
    "run": _run,
    "agent": _agent,
    "gate": _gate,
    "validate": _validate,
    "approve": _approve,
}
