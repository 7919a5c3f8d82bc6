"""What every workflow must guarantee, whoever wrote it. A user's workflow can add steps and never
remove a guarantee.

The language (`harness.workflow`) knows nodes; this module knows which nodes the guarantees rest on.
A document that breaks one is refused when it is read. The code behind the parts checks facts again,
so a fault here lands nothing.

Properties:
- every part that decides is in its workflow, once, in order;
- the nodes are one sequence, each needs the success of the one before it, so nothing can be skipped
  or overtaken;
- a command that the user adds can stop a change and cannot pass one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from harness.domain.workflow import (
    PATIENT,
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
    WhenEnded,
    Workflow,
)
from harness.workflow import Declared, Role


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that code does for a node, in the one workflow where it may. `output` is the name
    under which later parts find its output. `loss` is what would be lost without it; empty if it
    is optional. With `has_effects`, nothing about the output's form may undo it."""

    kind: str
    name: str
    output: str = ""
    loss: str = ""
    has_effects: bool = False

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


@dataclass(frozen=True, slots=True)
class BrokenPromise:
    """A guarantee that a workflow does not keep, at a key of a node; without a node, of the whole
    document."""

    message: str
    node: str = ""
    key: str = ""


PARTS: Mapping[str, tuple[Part, ...]] = {
    "triage": (
        Part("use", "triage.intake", "intake", "hidden text would reach the model"),
        Part("agent", "triage", "classify", "nobody would ask whether the issue is ours"),
        Part(
            "use", "triage.decide", "", "the model's word would be the decision", has_effects=True
        ),
    ),
    "implement": (
        Part("use", "implement.prepare", "prepare", "nobody would say where the work starts"),
        Part("use", "seal.author"),
        Part("agent", "diagnoser", "diagnose"),
        Part("agent", "planner", "plan"),
        Part("agent", "implementer", "build", "nothing would be built"),
        Part(
            "use",
            "implement.snapshot",
            "snapshot",
            "the agent's files would not become a commit of ours",
        ),
        Part("gate", "law", "", "the rules would not be asked about the change"),
        Part("use", "implement.propose", "", "nothing would be proposed", has_effects=True),
    ),
    "validate": (
        Part("use", "validate.candidate", "candidate", "there would be nothing to judge"),
        Part("gate", "candidate-law", "", "the rules would not be asked about what would land"),
        Part("agent", "reviewer", "review"),
        Part("validate", "sealed", "judge"),
        Part("use", "validate.conclude", has_effects=True),
        Part("use", "validate.hand_over", has_effects=True),
    ),
    "merge": (
        Part("gate", "merge", "", "nothing would ask for the verdict before the landing"),
        Part("use", "merge.land", "land", "nothing would land", has_effects=True),
        Part(
            "use",
            "merge.confirm",
            "",
            "nobody would compare what landed with what was judged",
            has_effects=True,
        ),
        Part("use", "merge.close", "", "the issue would stay open", has_effects=True),
    ),
}
"""The parts of each workflow, in order."""

COMMANDS_FROM: Mapping[str, str] = {
    "implement": "implement.snapshot",
    "validate": "validate.candidate",
}
"""The part that gives the project's commands a tree to run on. Elsewhere there is none."""

ROLES: Mapping[str, Role] = {
    "triage": Role(shows=("spec_card",)),
    "diagnoser": Role(shows=("spec_card", "material", "nonce"), offers=("change",)),
    "planner": Role(shows=("spec_card", "paths"), offers=("left_out", "findings", "diagnosis")),
    "implementer": Role(
        tools=("run", "read", "search", "edit", "finish", "give_up"),
        shows=("spec_card", "findings"),
        offers=("round", "attempt", "reports", "reviews", "diagnosis", "plan", "step", "context"),
    ),
    "reviewer": Role(shows=("question", "nonce", "pieces"), offers=("lens", "left_out")),
}
TESTS = "tests"


def names(kind: str) -> tuple[str, ...]:
    """Every name that a node of this kind may have, in any workflow."""
    return tuple(part.name for parts in PARTS.values() for part in parts if part.kind == kind)


def known_names(prompts: Mapping[str, str]) -> Declared:
    """Every name that a workflow may use, with these templates."""
    return Declared(
        prompts, actions=names("use"), checks=names("gate"), commands=(TESTS,), roles=ROLES
    )


def parts_of(node: Node) -> tuple[str, ...]:
    """The parts of a node, as `kind: name`. A command of the project is none."""
    match node:
        case UseNode():
            return (f"use: {node.action}",)
        case AgentNode():
            return (f"agent: {node.role}",)
        case GateNode():
            return tuple(f"gate: {check}" for check in node.checks)
        case ValidateNode():
            return (f"validate: {node.journeys}",)
        case RunNode() | ApproveNode() | WaitNode() | CallNode() | EachNode():
            return ()


def broken_promises(name: str, workflow: Workflow) -> Iterator[BrokenPromise]:
    """Every guarantee that the workflow `name` does not keep."""
    if workflow.input is not None:
        yield BrokenPromise("nobody calls it; take `input` out", key="input")
    if workflow.name != name:
        yield BrokenPromise(
            f"is the workflow of `{name}.yaml`, and calls itself `{workflow.name}`", key="name"
        )
    yield from _parts(name, workflow)
    yield from _sequence(workflow)
    yield from _commands(name, workflow)
    for node in workflow.nodes:
        yield from _keys(name, node)


def broken_promises_between(
    workflows: Mapping[str, Workflow],
) -> Iterator[tuple[str, BrokenPromise]]:
    """Guarantees that two workflows keep together, each with the workflow at fault."""
    written = _contains(workflows["implement"], "use: seal.author")
    judged = _contains(workflows["validate"], "validate: sealed")
    if judged and not written:
        yield (
            "implement",
            BrokenPromise(
                "has no `use: seal.author`, and validate.yaml asks the sealed judge: without a"
                " journey nothing could ever pass. Add it, or end validate.yaml with `use:"
                " validate.hand_over`"
            ),
        )
    if written and not judged:
        yield (
            "validate",
            BrokenPromise(
                "never asks the sealed judge, and implement.yaml has journeys written for it: add "
                "`validate: sealed` and `use: validate.conclude`, or take `seal.author` out"
            ),
        )


def _contains(workflow: Workflow, part: str) -> bool:
    return any(part in parts_of(node) for node in workflow.nodes)


def _parts(name: str, workflow: Workflow) -> Iterator[BrokenPromise]:
    """Checks that all required parts are there, no foreign ones, each once, in order."""
    order = [str(part) for part in PARTS[name]]
    found = [(node, part) for node in workflow.nodes for part in parts_of(node)]
    furthest = -1
    for index, (node, part) in enumerate(found):
        key = part.split(":", 1)[0]
        if part not in order:
            yield BrokenPromise(
                f"`{part}` is no part of {name}.yaml; here: {', '.join(order)}", node.id, key
            )
        elif part in (earlier for _, earlier in found[:index]):
            yield BrokenPromise(f"`{part}` is there already; it is done once", node.id, key)
        elif order.index(part) < furthest:
            yield BrokenPromise(f"`{part}` belongs before `{order[furthest]}`", node.id, key)
        furthest = max(furthest, order.index(part) if part in order else -1)
    there = {part for _, part in found}
    for wanted in PARTS[name]:
        if wanted.loss and str(wanted) not in there:
            yield BrokenPromise(f"has no `{wanted}`: {wanted.loss}")
    if name == "validate":
        yield from _end_of_validation(there)


def _end_of_validation(there: set[str]) -> Iterator[BrokenPromise]:
    judged, concludes = "validate: sealed" in there, "use: validate.conclude" in there
    hands_over = "use: validate.hand_over" in there
    if judged and not concludes:
        yield BrokenPromise(
            "has no `use: validate.conclude`: nothing would follow from the verdict"
        )
    if not judged and not hands_over:
        yield BrokenPromise(
            "has no `validate: sealed`: nothing merges without a sealed verdict. For what no"
            " browser can judge, end with `use: validate.hand_over`: a person merges"
        )
    if hands_over and (judged or concludes):
        yield BrokenPromise(
            "either concludes from a sealed verdict or hands over to a person, not both"
        )


def _sequence(workflow: Workflow) -> Iterator[BrokenPromise]:
    for before, node in pairwise(workflow.nodes):
        if before.id not in node.needs:
            yield BrokenPromise(
                f"does not need `{before.id}`: the nodes stand in one row, so that nothing is"
                f" decided while something else still may say no; write `needs: [{before.id}]`",
                node.id,
                "needs",
            )
    for node in workflow.nodes:
        if isinstance(node.when, WhenEnded) and not node.when.succeeded:
            yield BrokenPromise(
                f"can never hold: nothing comes after `{node.when.node}` unless it succeeded",
                node.id,
                "when",
            )


def _commands(name: str, workflow: Workflow) -> Iterator[BrokenPromise]:
    """Checks that a command has a tree to run on, and comes before the last word."""
    first = COMMANDS_FROM.get(name)
    ready = False
    for node in workflow.nodes:
        if isinstance(node, RunNode) and first is None:
            yield BrokenPromise(
                f"{name}.yaml has no tree to run a command on; put it into validate.yaml",
                node.id,
                "run",
            )
        elif isinstance(node, RunNode) and not ready:
            yield BrokenPromise(
                f"runs before `use: {first}` has made the tree that it is to run on", node.id, "run"
            )
        ready = ready or f"use: {first}" in parts_of(node)
    last = workflow.nodes[-1]
    if isinstance(last, RunNode):
        yield BrokenPromise("comes after the last word; put it before", last.id, "run")


def _keys(name: str, node: Node) -> Iterator[BrokenPromise]:
    """Checks for keys that would weaken something, or have no effect: what a document asks for is
    done, or it is refused."""
    if isinstance(node, PATIENT):
        yield BrokenPromise(
            f"{name}.yaml waits for nobody and calls nobody; that is for a workflow of another"
            " name. To leave a change to a person, end validate.yaml with `use:"
            " validate.hand_over`",
            node.id,
        )
    if isinstance(node, UseNode) and node.given:
        yield BrokenPromise("takes what it needs by itself", node.id, "with")
    if isinstance(node, RunNode) and node.files:
        yield BrokenPromise("a command can change nothing here", node.id, "files")
    if isinstance(node, RunNode) and node.retry.attempts > 1:
        yield BrokenPromise(
            "a command is run once: one that passes at the second try has not passed",
            node.id,
            "retry",
        )
    if isinstance(node, ValidateNode) and (node.budget.calls or node.budget.usd):
        yield BrokenPromise(
            "the sealed judge asks no model; `[budget]` in factory.toml bounds its author",
            node.id,
            "budget",
        )
    if isinstance(node, AgentNode) and sorted(node.tools) != sorted(ROLES[node.role].tools):
        given = ", ".join(ROLES[node.role].tools) or "no tool"
        yield BrokenPromise(
            f"`{node.role}` has {given}: write `tools: [{', '.join(ROLES[node.role].tools)}]`",
            node.id,
            "tools",
        )
    if node.output is not None and any(
        str(part) in parts_of(node) for part in PARTS[name] if part.has_effects
    ):
        yield BrokenPromise(
            "what is done here stays done, whatever its form; declare no output", node.id, "output"
        )
    if name == "merge" and node.timeout_seconds:
        yield BrokenPromise(
            "a landing is not given up half-way; take the limit out", node.id, "timeout"
        )
    if name == "merge" and node.when is not None:
        yield BrokenPromise("a landing has no conditions but the gates", node.id, "when")
