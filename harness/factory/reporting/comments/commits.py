"""What the factory writes into commits, pull requests and the next task of an agent."""

import re
from collections.abc import Iterable

from harness.domain.plain import JsonObject
from harness.factory.reporting.comments.inert import fenced, inline, words_only

LEDGER = "Factory-Ledger:"
_ANCHORED = re.compile(rf"^Factory-Run: (\S+)\n(?:.*\n)?{LEDGER} (.+)$", re.MULTILINE)
PULL_REQUEST_MARKER = "<!-- lights-out-factory:pull-request -->"


def pull_request_body(*, issue: int, title: str, summary: str, run: str, rules: str) -> str:
    """The text of a pull request. It quotes the agent's summary, which proves nothing."""
    return (
        "\n\n".join(
            (
                PULL_REQUEST_MARKER,
                f"Factory work on #{issue}: {inline(subject(title))}",
                "The agent's own summary (checked by nobody):",
                fenced("\n".join(map(words_only, summary.splitlines()))),
                (
                    f"Run `{run}`, rules `{rules:.19}`. The factory lands it only if the sealed"
                    " validator passes exactly this change."
                ),
            )
        )
        + "\n"
    )


def commit_message(*, issue: int, title: str, run: str, rules: str, anchor: str) -> str:
    """Subject and trailers of a factory commit. `anchor` names the head of the ledger when the run
    began."""
    return f"{subject(title)}\n\nIssue: #{issue}\n{_trailers(run, rules, anchor)}"


def merge_message(*, issue: int, title: str, run: str, rules: str, anchor: str) -> str:
    """Subject and trailers of a merge candidate."""
    return f"Merge the change for #{issue}: {subject(title)}\n\n{_trailers(run, rules, anchor)}"


def _trailers(run: str, rules: str, anchor: str) -> str:
    return f"Factory-Run: {run}\nFactory-Rules: {rules}\n" + (
        f"{LEDGER} {anchor}\n" if anchor else ""
    )


def anchor_in(message: str) -> tuple[str, str] | None:
    """The run and the anchor in a message. Anybody may have written it: only the ledger's key can
    confirm it."""
    found = _ANCHORED.search(message)
    return (found[1], found[2]) if found else None


def finding_for_agent(findings: Iterable[JsonObject]) -> tuple[str, ...]:
    """The judge's public findings as sentences: the words of the issue or of the mission, and what
    a person would see."""
    return tuple(
        f"“{finding.get('words', '')}” — {finding.get('observed', '')}" for finding in findings
    )


def pull_request_title(*, issue: int, title: str) -> str:
    """The pull request's title. A merge on the forge copies it into the commit that lands."""
    return f"#{issue}: {subject(title)}"


def subject(title: str) -> str:
    """A stranger's title as part of a commit message: at most 60 characters, with nothing that a
    forge acts on."""
    # The cut may leave a joint at the end, where a forge could act on it.
    return words_only(title)[:60].rstrip(" -/_'") or "(no title)"
