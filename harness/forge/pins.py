"""Pinning an issue to the top of the list: what REST cannot do, by GraphQL."""

from typing import TYPE_CHECKING

from harness.domain.errors import ForgeError
from harness.forge.errors import forge_errors

if TYPE_CHECKING:
    from harness.forge.transport import Wire


def pinned(wire: "Wire", node: str, number: int) -> bool:
    """Pin the issue with that node id, unless it is pinned; whether it is now. Raises ForgeError
    for what may pass; a no of the forge is no error."""
    if _is_pinned(wire, node, number):
        return True
    try:
        with forge_errors(f"pinning #{number}"):
            wire.graphql_named_mutation("pinIssue", {"issueId": node}, "issue { id }")
    except ForgeError as error:
        if error.retryable:
            raise
    return _is_pinned(wire, node, number)


def _is_pinned(wire: "Wire", node: str, number: int) -> bool:
    with forge_errors(f"asking whether #{number} is pinned"):
        _, told = wire.graphql_node(node, "isPinned", "Issue")
        return told["data"]["node"]["isPinned"] is True
