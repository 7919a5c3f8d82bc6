"""The issue on which a workflow asks a person, found again by its hidden marker."""

from datetime import datetime

from harness.domain.issue import Issue
from harness.factory.reporting.comments.inert import quoted, words_only
from harness.factory.reporting.comments.replies import OURS
from harness.factory.reporting.slash_commands import WORD
from harness.factory.reporting.times import moment

QUESTION = f"{OURS}question:"
MOST_SHOWN = 20_000
"""How many characters a person is shown."""


def is_question(issue: Issue) -> bool:
    """Whether a workflow of ours asks here, so that it is nothing to triage. A stranger's issue
    with the marker is an ordinary one."""
    return issue.body.startswith(QUESTION) and (issue.author.bot or issue.insider)


def marker_of(run: str, began: str, node: str, attempt: int) -> str:
    """What the question of this attempt is found again by. `began` is the hash of the entry with
    which the run began: another home has runs of the same name, and before it nobody knows it."""
    return f"{QUESTION}{run}/{began:.16}/{node}/{attempt} -->"


def question(
    *,
    workflow: str,
    node: str,
    marker: str,
    shown: str,
    role: str,
    until: datetime,
    revisable: bool,
) -> tuple[str, str]:
    """Title and text of the issue."""
    title = f"{workflow} asks for an approval: {words_only(node)}"
    revise = (f"`{WORD} revise WORDS` has it made again, your way.",) if revisable else ()
    lines = (
        marker,
        f"The workflow `{workflow}` goes on when somebody with `{role}` permission approves this,"
        f" until {moment(until)}. Then the answer is no.",
        "",
        quoted(shown, MOST_SHOWN),
        "",
        f"`{WORD} approve` lets it go on. `{WORD} reject` ends it.",
        *revise,
    )
    return title, "\n".join(lines)
