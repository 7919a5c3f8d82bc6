"""Prose that governs a folder, held against the folder, by a factory that knows its own workflows,
labels and commands."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.factory.reporting.comments import ALL_LABELS
from harness.factory.reporting.slash_commands import COMMANDS
from harness.factory.run.policy_snapshot import WORKFLOWS
from harness.governance import LintFinding
from harness.onboarding import Contradiction, contradictions_of

TERMS = frozenset({*ALL_LABELS, *(f"/factory {command}" for command in COMMANDS)})
"""The labels and commands that the factory itself listens to."""


def contradictions_at(
    folder: Path, *, tracked: Mapping[bytes, str] | None = None
) -> tuple[Contradiction, ...]:
    """What the files that govern a folder say against themselves and against what is there.
    `tracked` are git's paths with their modes; without them all counts that no tool has made."""
    return contradictions_of(folder, tracked=tracked, workflows=WORKFLOWS, terms=TERMS)


def findings_at(folder: Path, *, beside: Iterable[LintFinding]) -> tuple[LintFinding, ...]:
    """The contradictions as lint tells them, those left out whose line has a finding about the
    blocks already (`beside`)."""
    told = {
        (finding.file, finding.line)
        for finding in beside
        if finding.code in ("contradiction", "no-workflow")
    }
    found = (one for one in contradictions_at(folder) if (one.here.file, one.here.line) not in told)
    return tuple(
        LintFinding(one.here.file, one.here.line, one.kind.value, one.against) for one in found
    )
