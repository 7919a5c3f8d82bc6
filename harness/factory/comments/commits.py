"""What the factory writes into commits, pull requests, and the next assignment of an agent."""

from collections.abc import Iterable, Mapping
from typing import Any

from harness.factory.comments.inert import fenced, inline, words_only

PULL_REQUEST_MARKER = "<!-- lights-out-factory:pull-request -->"


def pull_request_body(*, issue: int, title: str, summary: str, run: str, rules: str) -> str:
    """The pull request's text. The issue is the one of the ledger; the agent's words are quoted, and are no claim."""
    return "\n\n".join((
        PULL_REQUEST_MARKER,
        f"Factory work on #{issue}: {inline(subject(title))}",
        "What the agent says of it (its own words, checked by nobody):",
        fenced("\n".join(map(words_only, summary.splitlines()))),
        f"Run `{run}`, rules `{rules:.19}`. The factory lands it only if the sealed validator passes exactly this change.",
    )) + "\n"


def commit_message(*, issue: int, title: str, run: str, rules: str) -> str:
    """Subject and trailers of a factory commit."""
    return f"{subject(title)}\n\nIssue: #{issue}\nFactory-Run: {run}\nFactory-Rules: {rules}\n"


def merge_message(*, issue: int, title: str, run: str, rules: str) -> str:
    """Subject and trailers of the merge candidate."""
    return f"Merge the change for #{issue}: {subject(title)}\n\nFactory-Run: {run}\nFactory-Rules: {rules}\n"


def finding_for_agent(findings: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The judge's public findings as sentences: the issue's or the mission's words, and what a person would see."""
    return tuple(f"“{finding.get('words', '')}” — {finding.get('observed', '')}" for finding in findings)


def pull_request_title(*, issue: int, title: str) -> str:
    """What the pull request is called: a merge on the forge copies it into the commit that lands."""
    return f"#{issue}: {subject(title)}"


def subject(title: str) -> str:
    """A stranger's title in a commit message: words and nothing that a host acts on, at most 60 characters."""
    return words_only(title)[:60].rstrip(" -/_'") or "(no title)"
