"""The typed checks: each a frozen dataclass whose fields are its arguments in a rule's `check:`, and one method.

To add one, write it in the file of its subject and name it here; the reader takes its keys and types from the fields.
"""

from harness.governance.checks.conduct import Attempts, AuthorRate, Labels, SpendUsd
from harness.governance.checks.gates import ChecksGreen, JourneysSatisfied, TestsKept
from harness.governance.checks.paths import FileModes, PathNames, Paths
from harness.governance.checks.size import ChangedLines, FileBytes, Files
from harness.governance.checks.supply import Dependencies, Secrets

CHECKS: dict[str, type] = {
    "attempts": Attempts,
    "author_rate": AuthorRate,
    "changed_lines": ChangedLines,
    "checks_green": ChecksGreen,
    "dependencies": Dependencies,
    "file_bytes": FileBytes,
    "file_modes": FileModes,
    "files": Files,
    "journeys_satisfied": JourneysSatisfied,
    "labels": Labels,
    "path_names": PathNames,
    "paths": Paths,
    "secrets": Secrets,
    "spend_usd": SpendUsd,
    "tests_kept": TestsKept,
}
"""Every check by the name it has in a rule."""
