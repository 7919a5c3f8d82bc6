"""What a workflow of the project's own may do: any name but the four, no effect without a grant.

Properties:
- only the four built-in workflows have the parts that judge and land;
- an effect that no rule grants is refused when the document is read;
- a run is bounded before it starts: how many nodes, how deep calls go, how many items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.domain.errors import ConfigError
from harness.domain.governance import RULES
from harness.domain.workflow import (
    AgentNode,
    ApproveNode,
    CallNode,
    EachNode,
    FieldOf,
    GateNode,
    Node,
    RunNode,
    UseNode,
    ValidateNode,
    WaitNode,
    Workflow,
)
from harness.domain.workflow_run import followers
from harness.factory.settings.workflow_promises import TESTS, names
from harness.workflow import Declared, Reading, nearest

MOST_WORKFLOWS = 50
MOST_NODES = 50
MOST_CALLS_DEEP = 4
"""How many workflows may call each other in one line, the first one included."""
LONGEST_NAME = 40
LONGEST_WAIT = 30 * 86_400
"""How many seconds a wait or a question may last. A run must not outlive its people."""
Grants = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What an effect is given. What is `literal` comes from the document alone."""

    needs: tuple[str, ...]
    literal: bool = False


EFFECTS: Mapping[str, Effect] = {
    "issue.file": Effect(("title", "text")),
    "issue.comment": Effect(("issue", "text")),
    "change.propose": Effect(("head", "title", "text")),
    # A notice passes through services of strangers, so it has no text from outside.
    "notice.send": Effect(("text",), literal=True),
}
"""The effects that a node may have, by the name that a rule grants."""


@dataclass(frozen=True, slots=True)
class _Fault:
    message: str
    node: str = ""
    key: str = ""


def own_names() -> Declared:
    """What such a workflow may name, as far as the reader checks it."""
    return Declared({}, commands=(TESTS,))


def faults_of_own(readings: Mapping[str, Reading], grants: Grants) -> Iterator[ConfigError]:
    """Everything that the project's own workflows must not ask for, at its line."""
    workflows = {name: one.workflow for name, one in readings.items() if one.workflow}
    for name, workflow in workflows.items():
        found = (*_on_document(name, workflow), *_on_nodes(workflow, workflows, grants))
        for fault in found:
            yield readings[name].error(fault.message, node=fault.node, key=fault.key)
    # Calls are followed only where each of them leads somewhere.
    if len(workflows) == len(readings):
        for name, workflow in workflows.items():
            for fault in _on_calls(name, workflow, workflows):
                yield readings[name].error(fault.message, node=fault.node, key=fault.key)


def _on_document(name: str, workflow: Workflow) -> Iterator[_Fault]:
    if workflow.name != name:
        yield _Fault(f"is in `{name}.yaml`, and calls itself `{workflow.name}`", key="name")
    if len(name) > LONGEST_NAME:
        yield _Fault(f"a name has at most {LONGEST_NAME} characters", key="name")
    if len(workflow.nodes) > MOST_NODES:
        yield _Fault(f"has {len(workflow.nodes)} nodes; at most {MOST_NODES} are run")
    if workflow.triggers.events:
        yield _Fault("only the four built-in workflows start by an event; use `schedule`", key="on")
    if workflow.triggers.schedule and workflow.input:
        yield _Fault("a schedule gives no `input`; take it out, or call the workflow", key="input")


def _on_nodes(
    workflow: Workflow, workflows: Mapping[str, Workflow], grants: Grants
) -> Iterator[_Fault]:
    for node in workflow.nodes:
        if len(node.id) > LONGEST_NAME:
            yield _Fault(f"an id has at most {LONGEST_NAME} characters", node.id, "id")
        match node:
            case UseNode():
                yield from _on_effect(workflow.name, node, grants)
            case GateNode() | ValidateNode():
                yield _Fault("judging and landing is for the four built-in workflows", node.id)
            case AgentNode():
                yield _Fault("a workflow of your own asks no model; run a command", node.id)
            case WaitNode() if (node.seconds or 0) > LONGEST_WAIT:
                yield _Fault("waits for more than 720h", node.id, "wait")
            case ApproveNode():
                if node.expires_seconds > LONGEST_WAIT:
                    yield _Fault("stands for more than 720h", node.id, "expires")
                if node.revises:
                    yield from _on_revision(workflow, node)
            case CallNode():
                yield from _on_input(node, node.workflow, workflows, key="call")
            case EachNode():
                yield from _on_target(node, node.workflow, workflows, key="do")


def _on_effect(workflow: str, node: UseNode, grants: Grants) -> Iterator[_Fault]:
    action = node.action
    if action in names("use"):
        yield _Fault(
            f"`{action}` is for the four built-in workflows: nothing else judges or lands a change",
            node.id,
            "use",
        )
        return
    if action not in EFFECTS:
        yield _Fault(f"there is no effect `{action}`; {nearest(action, EFFECTS)}", node.id, "use")
        return
    if (workflow, action) not in grants:
        yield _Fault(
            f"no rule grants `{action}` to `{workflow}`; a rule in {RULES} does, with `level:"
            f" enforced` and `grants: {{workflow: {workflow}, effects: [{action}]}}`",
            node.id,
            "use",
        )
    wanted = EFFECTS[action]
    if set(node.given) != set(wanted.needs):
        yield _Fault(f"expected `with` to give {', '.join(wanted.needs)}", node.id, "with")
    if wanted.literal and any(isinstance(one, FieldOf) for one in node.given.values()):
        yield _Fault("takes text from this document alone", node.id, "with")
    if node.output is not None or node.retry.attempts > 1:
        yield _Fault("an effect happens once, and gives nothing; take both keys out", node.id)


def _on_revision(workflow: Workflow, node: ApproveNode) -> Iterator[_Fault]:
    """Checks that what is made again is a command's work: an effect cannot be made again."""
    again = followers(workflow, node.revises)
    if node.id not in again or node.id == node.revises:
        yield _Fault(f"does not follow `{node.revises}`", node.id, "revises")
    after = followers(workflow, node.id)
    for other in workflow.nodes:
        if other.id in again - after and not isinstance(other, RunNode):
            yield _Fault(
                f"would have `{other.id}` made again; only commands can be", node.id, "revises"
            )


def _on_target(
    node: Node, called: str, workflows: Mapping[str, Workflow], *, key: str
) -> Iterator[_Fault]:
    if called not in workflows:
        yield _Fault(
            f"there is no workflow of your own `{called}`; {nearest(called, workflows)}",
            node.id,
            key,
        )


def _on_input(
    node: CallNode, called: str, workflows: Mapping[str, Workflow], *, key: str
) -> Iterator[_Fault]:
    yield from _on_target(node, called, workflows, key=key)
    if called not in workflows:
        return
    schema = workflows[called].input or {}
    known, required = schema.get("properties", {}), schema.get("required", ())
    for name in node.given:
        if name not in known:
            yield _Fault(f"`{called}` takes no `{name}`; {nearest(name, known)}", node.id, "with")
    for name in required:
        if name not in node.given:
            yield _Fault(f"`{called}` needs `{name}`", node.id, key)


def _on_calls(name: str, workflow: Workflow, workflows: Mapping[str, Workflow]) -> Iterator[_Fault]:
    for node in workflow.nodes:
        if isinstance(node, CallNode | EachNode) and (
            fault := _too_deep(node.workflow, workflows, (name,))
        ):
            yield _Fault(fault, node.id, "call" if isinstance(node, CallNode) else "do")


def _too_deep(name: str, workflows: Mapping[str, Workflow], line: tuple[str, ...]) -> str | None:
    """Why a call of `name` by the last of `line` would never end, or go too deep; None where it
    does not."""
    if name in line:
        return f"calls lead back: {' → '.join((*line, name))}"
    if len(line) >= MOST_CALLS_DEEP:
        return f"more than {MOST_CALLS_DEEP} deep: {' → '.join((*line, name))}"
    called = workflows.get(name)
    nodes = called.nodes if called else ()
    found = (
        _too_deep(node.workflow, workflows, (*line, name))
        for node in nodes
        if isinstance(node, CallNode | EachNode)
    )
    return next((fault for fault in found if fault), None)
