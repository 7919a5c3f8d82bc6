"""The rules in the forge's own formats: one source, and a check that finds files that no longer
follow from it."""

from harness.governance.export.codeowners import codeowners
from harness.governance.export.exported import Exported, ExportedFile, Omission
from harness.governance.export.forms import issue_forms
from harness.governance.export.labels import labels
from harness.governance.export.rulesets import rulesets

__all__ = [
    "Exported",
    "ExportedFile",
    "Omission",
    "codeowners",
    "issue_forms",
    "labels",
    "rulesets",
]
