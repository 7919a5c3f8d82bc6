"""Reads each kind of node from the keys that are its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.domain.workflow import (
    INPUT,
    AgentNode,
    Allowance,
    ApproveNode,
    CallNode,
    EachNode,
    FieldOf,
    GateNode,
    Given,
    Node,
    RunNode,
    UseNode,
    ValidateNode,
    WaitNode,
)
from harness.workflow import language
from harness.workflow.document import DocumentValue, nearest
from harness.workflow.outputs import declared_field
from harness.workflow.templates import used_values
from harness.workflow.values import among, dollars, only, seconds, texts, whole


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
        **context.common,
        action=among(keys["use"], action, context.known.actions, "action"),
        given=_with(keys, context),
    )


def _run(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    value = keys["run"]
    env = {name: _given(entry, context) for name, entry in _env(keys.get("env"))}
    files = texts(keys.get("files"), language.PATH, expected="a path like `docs/index.md`")
    command: Any = value.plain()
    # A text is a command's name: splitting it would be a shell, and shells read values.
    if isinstance(command, str) and language.ID.fullmatch(command):
        return RunNode(
            **context.common,
            command=among(value, command, context.known.commands, "command"),
            env=env,
            files=files,
        )
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        return RunNode(**context.common, command=tuple(command), env=env, files=files)
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


def _with(keys: Mapping[str, DocumentValue], context: NodeContext) -> Mapping[str, Given]:
    entries = keys["with"].mapping() if "with" in keys else {}
    for name, entry in entries.items():
        if not language.NAME.fullmatch(name):
            raise entry.error("is no name for a value: lower case, digits and `_`")
    return {name: _given(entry, context) for name, entry in entries.items()}


def _given(value: DocumentValue, context: NodeContext) -> Given:
    if isinstance(text := value.plain(), str):
        return text
    keys = value.mapping()
    only(keys, ("from",))
    if "from" not in keys:
        raise value.error("expected text, or `{from: node.field}`")
    return _reference(keys["from"], context)[0]


def _reference(value: DocumentValue, context: NodeContext) -> tuple[FieldOf, JsonObject]:
    """A field of a needed node, or of the workflow's own input, with its schema."""
    node, *path = value.text(language.REFERENCE, expected="`node.field`").split(".")
    if node == INPUT and INPUT not in context.outputs:
        raise value.error("the workflow declares no `input`")
    # Only a needed node is sure to have ended, with its output checked.
    if node != INPUT and node not in context.common["needs"]:
        raise value.error(f"reads `{node}`, which is not in this node's `needs`")
    declared = declared_field(value, context.outputs[node], node=node, path=path)
    return FieldOf(node, tuple(path)), declared


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
    for key, what in (("shows", "what the person is shown"), ("expires", "when it is a no")):
        if key not in keys:
            raise keys["approve"].error(f"has no `{key}`: {what}")
    node_id = language.ID
    revises = (
        keys["revises"].text(node_id, expected="the id of a node") if "revises" in keys else ""
    )
    return ApproveNode(
        **context.common,
        permission=among(
            keys["approve"], keys["approve"].text(), language.PERMISSIONS, "permission"
        ),
        shows=_given(keys["shows"], context),
        expires_seconds=seconds(keys["expires"]),
        revises=among(keys["revises"], revises, context.outputs, "node") if revises else "",
    )


def _wait(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    value = keys["wait"]
    if isinstance(value.plain(), str):
        return WaitNode(**context.common, seconds=seconds(value))
    until = value.mapping()
    only(until, ("until",))
    if "until" not in until:
        raise value.error('expected a duration like `10m`, or `{until: "0 9 * * 1"}`')
    line = until["until"].text(language.CRON, expected="a cron line of five fields")
    return WaitNode(**context.common, until=line)


def _call(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    called = keys["call"].text(language.ID, expected="the name of a workflow")
    return CallNode(**context.common, workflow=called, given=_with(keys, context))


def _each(keys: Mapping[str, DocumentValue], context: NodeContext) -> Node:
    for key, what in (("do", "which workflow runs for each item"), ("limit", "how many at most")):
        if key not in keys:
            raise keys["each"].error(f"has no `{key}`: {what}")
    items, declared = _reference(keys["each"], context)
    if declared.get("type") != "array":
        raise keys["each"].error(f"`{items}` is declared as no list; expected `type: array`")
    return EachNode(
        **context.common,
        items=items,
        workflow=keys["do"].text(language.ID, expected="the name of a workflow"),
        limit=whole(keys["limit"], 1, language.MOST_ITEMS),
    )


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
    "wait": _wait,
    "call": _call,
    "each": _each,
}
