"""What the factory writes into commits, pull requests, and the next assignment of an agent."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.factory.reporting.comments.inert import fenced, inline, words_only

LEDGER = "Factory-Ledger:"
_ANCHORED = re.compile(rf"^Factory-Run: (\S+)\n(?:.*\n)?{LEDGER} (.+)$", re.MULTILINE)
PULL_REQUEST_MARKER = "<!-- lights-out-factory:pull-request -->"


def pull_request_body(*, issue: int, title: str, summary: str, run: str, rules: str) -> str:
    """The pull request's text. The issue is the one of the ledger; the agent's words are quoted,
    and are no claim."""
    return (
        "\n\n".join(
            (
                PULL_REQUEST_MARKER,
                f"Factory work on #{issue}: {inline(subject(title))}",
                "What the agent says of it (its own words, checked by nobody):",
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
    """Subject and trailers of a factory commit. `anchor` says where the ledger stood when the run
    began."""
    return f"{subject(title)}\n\nIssue: #{issue}\n{_trailers(run, rules, anchor)}"


def merge_message(*, issue: int, title: str, run: str, rules: str, anchor: str) -> str:
    """Subject and trailers of the merge candidate."""
    return f"Merge the change for #{issue}: {subject(title)}\n\n{_trailers(run, rules, anchor)}"


def _trailers(run: str, rules: str, anchor: str) -> str:
    return f"Factory-Run: {run}\nFactory-Rules: {rules}\n" + (
        f"{LEDGER} {anchor}\n" if anchor else ""
    )


def anchor_in(message: str) -> tuple[str, str] | None:
    """The run and the anchor that a message names. Anybody may have written it: the ledger's key
    tells."""
    told = _ANCHORED.search(message)
    return (told[1], told[2]) if told else None


def finding_for_agent(findings: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The judge's public findings as sentences: the issue's or the mission's words, and what a
    person would see."""
    return tuple(
        f"“{finding.get('words', '')}” — {finding.get('observed', '')}" for finding in findings
    )


def pull_request_title(*, issue: int, title: str) -> str:
    """What the pull request is called: a merge on the forge copies it into the commit that
    lands."""
    return f"#{issue}: {subject(title)}"


def subject(title: str) -> str:
    """A stranger's title in a commit message: words and nothing that a host acts on, at most 60
    characters."""
    return words_only(title)[:60].rstrip(" -/_'") or "(no title)"
