"""Everything that the factory writes to people on the forge. Each kind of text has a golden file.

Text from outside stands in code fences or is escaped, so it can never be a link, an image or a
mention."""

from harness.factory.records.link import UrlFor
from harness.factory.reporting.comments.commits import (
    PULL_REQUEST_MARKER,
    commit_message,
    finding_for_agent,
    merge_message,
    pull_request_body,
    pull_request_title,
)
from harness.factory.reporting.comments.edits import edit_effect_annotations, edit_effect_text
from harness.factory.reporting.comments.issue import ISSUE_MARKER, issue_comment

__all__ = [
    "ISSUE_MARKER",
    "PULL_REQUEST_MARKER",
    "UrlFor",
    "commit_message",
    "edit_effect_annotations",
    "edit_effect_text",
    "finding_for_agent",
    "issue_comment",
    "merge_message",
    "pull_request_body",
    "pull_request_title",
]
