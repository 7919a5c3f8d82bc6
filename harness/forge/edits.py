"""Whether a comment is as its author wrote it, with GraphQL: REST has two moments in whole seconds,
so an edit within the first second does not show.

What was read may be older than an edit, or newer than what GraphQL has, so the text is compared as
well."""

from typing import TYPE_CHECKING

from harness.domain.errors import ForgeError
from harness.domain.issue import Comment
from harness.forge.errors import forge_errors
from harness.forge.projection import plain

if TYPE_CHECKING:
    from harness.forge.transport import Wire


def is_original(wire: "Wire", repository: str, comment: Comment) -> bool:
    """Whether nobody has edited the comment, and it has this text. A refusal of the forge is a no;
    raises ForgeError for a failure that may pass."""
    path = f"/repos/{repository}/issues/comments/{comment.id}"
    try:
        with forge_errors(f"asking whether comment {comment.id} was edited"):
            _, found = wire.requestJsonAndCheck("GET", path)
            _, answer = wire.graphql_node(found["node_id"], "lastEditedAt body", "IssueComment")
            node = answer["data"]["node"]
            return node["lastEditedAt"] is None and plain(node["body"]) == plain(comment.body)
    except ForgeError as error:
        if error.retryable:
            raise
        return False
