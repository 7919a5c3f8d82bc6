"""Compares the prose that governs a folder with the folder, and with this factory's own workflows,
labels and commands."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.factory.reporting.shown import ALL_LABELS
from harness.factory.reporting.slash_commands import COMMANDS
from harness.factory.run.policy_snapshot import WORKFLOWS
from harness.governance import LintFinding
from harness.onboarding import Contradiction, contradictions_of

TERMS = frozenset({*ALL_LABELS, *(f"/factory {command}" for command in COMMANDS)})
"""The labels and commands that the factory itself understands."""


def contradictions_at(
    folder: Path, *, tracked: Mapping[bytes, str] | None = None
) -> tuple[Contradiction, ...]:
    """Where the files that govern a folder contradict themselves or what is there. `tracked` are
    git's paths with their modes; without them every file counts that no tool has generated."""
    return contradictions_of(folder, tracked=tracked, workflows=WORKFLOWS, terms=TERMS)


def findings_at(folder: Path, *, beside: Iterable[LintFinding]) -> tuple[LintFinding, ...]:
    """The contradictions as lint findings, except for lines on which `beside` already has a finding
    about the blocks."""
    reported = {
        (finding.file, finding.line)
        for finding in beside
        if finding.code in ("contradiction", "no-workflow")
    }
    return tuple(
        LintFinding(one.here.file, one.here.line, one.kind.value, one.against)
        for one in contradictions_at(folder)
        if (one.here.file, one.here.line) not in reported
    )
