"""The nodes in an order in which each follows what it needs, or the circle that makes that
impossible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.domain.workflow import Node
from harness.workflow.document import Value


def in_order(nodes: Sequence[Node], places: Mapping[str, Value]) -> tuple[Node, ...]:
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
