"""Reads the YAML of a workflow, or refuses it with file, line, key and the nearest known name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.domain.workflow import INPUT, Node, RetryPolicy, Triggers, When, Workflow
from harness.workflow import language
from harness.workflow.condition import condition
from harness.workflow.document import DocumentValue, document, nearest
from harness.workflow.kinds import READERS, Declared, NodeContext
from harness.workflow.outputs import output_of, output_schema
from harness.workflow.values import number, only, seconds, texts, whole


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as far as it could be read: its workflow, or every fault that was found, in the
    order of its lines."""

    file: str
    workflow: Workflow | None
    faults: tuple[ConfigError, ...]
    keys: Mapping[str, DocumentValue] = field(default_factory=dict)
    nodes: Mapping[str, DocumentValue] = field(default_factory=dict)

    def error(self, message: str, *, node: str = "", key: str = "") -> ConfigError:
        """A fault that somebody else found in it, at the line of that key of that node, or as near
        as there is."""
        item = self.nodes.get(node)
        keys = item.mapping() if item is not None else self.keys
        place = keys.get(key, item or self.keys.get("nodes"))
        return ConfigError(
            message, file=self.file, line=place.line if place else None, key=key or node or "nodes"
        )


def read_workflow(text: str, *, file: str, known: Declared) -> Workflow:
    """The workflow in `text`, which may name what is `known` and nothing else. Raises ConfigError
    for its first fault."""
    reading = examined(text, file=file, known=known)
    if reading.workflow is None:
        raise reading.faults[0]
    return reading.workflow


def examined(text: str, *, file: str, known: Declared) -> Reading:
    """Read `text` and keep every fault: one for the document as a whole, or one for each node that
    has one."""
    keys: dict[str, DocumentValue] = {}
    declared: dict[str, DocumentValue] = {}
    try:
        keys.update(_keys(document(text, file=file)))
        name = keys["name"].text(language.ID, expected="a name like `nightly-sweep`")
        triggers = _triggers(keys["on"]) if "on" in keys else Triggers()
        taken = output_schema(keys[INPUT]) if INPUT in keys else None
        declared.update(_declared(keys["nodes"]))
        # Every node is read, so that an editor shows all faults at once.
        nodes, faults = _nodes(declared, known, taken)
        workflow = None if faults else Workflow(name, _in_order(nodes, declared), triggers, taken)
    except ConfigError as error:
        return Reading(file, None, (error,), keys, declared)
    return Reading(file, workflow, faults, keys, declared)


def _keys(whole_document: DocumentValue) -> Mapping[str, DocumentValue]:
    keys = whole_document.mapping()
    only(keys, ("name", "on", INPUT, "nodes"))
    for key in ("name", "nodes"):
        if key not in keys:
            raise whole_document.error(f"has no `{key}`")
    return keys


def _triggers(value: DocumentValue) -> Triggers:
    keys = value.mapping()
    only(keys, ("schedule", "event"))
    if not keys:
        raise value.error("expected `schedule`, `event` or both")
    cron = keys.get("schedule")
    schedule = cron.text(language.CRON, expected="a cron line of five fields") if cron else None
    events = texts(
        keys.get("event"), language.EVENT, expected="an event like `issue_opened`", least=1
    )
    return Triggers(schedule, events)


def _declared(value: DocumentValue) -> Mapping[str, DocumentValue]:
    """The nodes by id, as they were written."""
    declared: dict[str, DocumentValue] = {}
    for item in value.sequence():
        keys = item.mapping()
        if "id" not in keys:
            raise item.error("a node has no `id`")
        node_id = keys["id"].text(language.ID, expected="a name like `run-tests`")
        if node_id == INPUT:
            raise keys["id"].error("is the name of what the workflow is given; choose another")
        # Ids are keys in the ledger: two nodes of one id would share their attempts.
        if node_id in declared:
            raise keys["id"].error(
                f"`{node_id}` is the id of an earlier node (line {declared[node_id].line})"
            )
        declared[node_id] = item
    if not declared:
        raise value.error("a workflow needs at least one node")
    return declared


def _nodes(
    declared: Mapping[str, DocumentValue], known: Declared, taken: JsonObject | None
) -> tuple[tuple[Node, ...], tuple[ConfigError, ...]]:
    # All outputs first: a condition may name a node that stands further down.
    outputs = {node_id: output_of(item) for node_id, item in declared.items()}
    if taken is not None:
        outputs[INPUT] = taken
    nodes: list[Node] = []
    faults: list[ConfigError] = []
    for node_id, item in declared.items():
        try:
            nodes.append(_node(node_id, NodeContext({}, outputs, known), item=item))
        except ConfigError as error:
            faults.append(error)
    return tuple(nodes), tuple(faults)


def _node(node_id: str, context: NodeContext, *, item: DocumentValue) -> Node:
    keys = item.mapping()
    read = READERS[_kind(item, keys)]
    needs = _needs(keys.get("needs"), context.outputs)
    common = {
        "id": node_id,
        "needs": needs,
        "when": _when(keys.get("when"), context.outputs, needs=needs),
        "retry": _retry(keys.get("retry")),
        "timeout_seconds": seconds(keys["timeout"]) if "timeout" in keys else None,
        "output": context.outputs[node_id],
    }
    return read(keys, NodeContext(common, context.outputs, context.known))


def _kind(item: DocumentValue, keys: Mapping[str, DocumentValue]) -> str:
    """The one kind that the keys name; every other key must mean something on it."""
    kinds = [key for key in keys if key in language.KINDS]
    only(keys, language.KEYS)
    if len(kinds) != 1:
        found = f"found {' and '.join(kinds)}" if kinds else "found none"
        raise item.error(f"expected exactly one of {', '.join(language.KINDS)}; {found}")
    allowed = language.keys_of(kinds[0])
    for key, value in keys.items():
        if key not in allowed:
            raise value.error(
                f"means nothing on a `{kinds[0]}` node; known there: {', '.join(allowed)}"
            )
    return kinds[0]


def _needs(value: DocumentValue | None, known: Collection[str]) -> tuple[str, ...]:
    found = texts(value, language.ID, expected="the id of a node", least=1)
    for needed in found:
        if value is not None and needed not in known:
            raise value.error(f"no node is called `{needed}`; {nearest(needed, known)}")
    return found


def _when(
    value: DocumentValue | None, outputs: JsonObject, *, needs: tuple[str, ...]
) -> When | None:
    return condition(value, outputs, needs=needs) if value is not None else None


def _retry(value: DocumentValue | None) -> RetryPolicy:
    if value is None:
        return RetryPolicy()
    keys = value.mapping()
    only(keys, ("attempts", "wait", "factor"))
    if "attempts" not in keys:
        raise value.error("expected `attempts`, how often in all")
    return RetryPolicy(
        attempts=whole(keys["attempts"], 2, language.MOST_ATTEMPTS),
        wait_seconds=float(seconds(keys["wait"])) if "wait" in keys else 0.0,
        factor=float(number(keys["factor"], 1, 10)) if "factor" in keys else 2.0,
    )


def _in_order(nodes: Sequence[Node], places: Mapping[str, DocumentValue]) -> tuple[Node, ...]:
    """`nodes` as they were written, but for those that need a later one. Raises ConfigError for a
    circle."""
    ordered: dict[str, Node] = {}
    waiting = list(nodes)
    while waiting:
        # The first free node in written order, so that a workflow keeps the order of its author.
        free = next(
            (node for node in waiting if all(needed in ordered for needed in node.needs)), None
        )
        if free is None:
            circle = _circle({node.id: node.needs for node in waiting})
            raise places[circle[0]].error(
                f"the nodes need each other in a circle: {' → '.join((*circle, circle[0]))}"
            )
        ordered[free.id] = free
        waiting.remove(free)
    return tuple(ordered.values())


def _circle(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """One circle among nodes that each need at least one other of them."""
    path = [next(iter(needs))]
    while (following := next(needed for needed in needs[path[-1]] if needed in needs)) not in path:
        path.append(following)
    return tuple(path[path.index(following) :])
