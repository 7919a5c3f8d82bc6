"""Pins an issue to the top of the list, with GraphQL: REST cannot."""

from typing import TYPE_CHECKING

from harness.domain.errors import ForgeError
from harness.forge.errors import forge_errors

if TYPE_CHECKING:
    from harness.forge.transport import Wire


def pinned(wire: "Wire", node: str, number: int) -> bool:
    """Pin the issue with that node id, unless it is pinned. Returns whether it is pinned now.
    Raises ForgeError for a failure that may pass; a refusal of the forge is not an error."""
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
        _, answer = wire.graphql_node(node, "isPinned", "Issue")
        return answer["data"]["node"]["isPinned"] is True
