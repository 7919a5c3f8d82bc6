"""The issue that is filed where a person's push broke what worked."""

from collections.abc import Sequence

from harness.domain.events import RedJourney
from harness.factory.reporting.comments.commits import subject
from harness.factory.reporting.comments.inert import inline

MOST_FILES = 20


def regression_marker(culprit: str) -> str:
    """The hidden marker by which the one issue about this commit is found again."""
    return f"<!-- lights-out-factory:regression:{culprit} -->"


def regression_title(red: Sequence[RedJourney]) -> str:
    """The title of the issue."""
    return f"It worked before, and does not now: {subject(red[0].words)}"


def regression_issue(culprit: str, red: Sequence[RedJourney], files: Sequence[str]) -> str:
    """The text of the issue, with its marker. What it quotes is escaped."""
    broken = [f"- {inline(one.words)}: {inline(one.observed)}" for one in red]
    changed = ", ".join(f"`{inline(path)}`" for path in files[:MOST_FILES])
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    return "\n\n".join(
        (
            regression_marker(culprit),
            f"This worked before {culprit}, and does not since. The commit was pushed, and is the"
            " change of no issue.",
            "\n".join(broken),
            f"It changed {changed or 'no file'}{more}. Until this works again, no other change of"
            " them lands.",
        )
    )
