"""Governance: the three files as literate policy. Prose explains, the block under it binds, code
decides."""

from harness.governance.cases import CaseResult, run_cases
from harness.governance.context import context
from harness.governance.decide import decide
from harness.governance.documents import governing_files
from harness.governance.facts.dependencies import dependency_changes, is_manifest
from harness.governance.lint import LintFinding, lint
from harness.governance.read import governance_in, read_governance
from harness.governance.text.normalise import Normalised, normalise
from harness.governance.triage import TriageDecision, answer_schema, triage_decision

__all__ = [
    "CaseResult",
    "LintFinding",
    "Normalised",
    "TriageDecision",
    "answer_schema",
    "context",
    "decide",
    "dependency_changes",
    "governance_in",
    "governing_files",
    "is_manifest",
    "lint",
    "normalise",
    "read_governance",
    "run_cases",
    "triage_decision",
]
