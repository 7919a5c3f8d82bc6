"""The typed checks: each a frozen dataclass whose fields are its arguments in a rule's `check:`,
and one method.

To add one, write it in the file of its subject and name it here; the reader takes its keys and
types from the fields."""

from harness.governance.checks.conduct import Attempts, AuthorRate, Labels, SpendUsd
from harness.governance.checks.content import AddedText, ApiSurface
from harness.governance.checks.filing import IssueRate
from harness.governance.checks.gates import (
    ChecksGreen,
    JourneysSatisfied,
    Screenshots,
    TestsKept,
    TestsRedOnBase,
    TestsWeakened,
)
from harness.governance.checks.paths import FileModes, PathNames, Paths
from harness.governance.checks.scripts import Exec
from harness.governance.checks.size import (
    AddedLines,
    BinaryFiles,
    ChangedLines,
    DeletedFiles,
    DeletedLines,
    FileBytes,
    Files,
)
from harness.governance.checks.supply import Dependencies, Secrets
from harness.governance.checks.together import Companions, Migrations
from harness.governance.checks.trust import Trust

CHECKS: dict[str, type] = {
    "added_lines": AddedLines,
    "added_text": AddedText,
    "api_surface": ApiSurface,
    "attempts": Attempts,
    "author_rate": AuthorRate,
    "binary_files": BinaryFiles,
    "changed_lines": ChangedLines,
    "checks_green": ChecksGreen,
    "companions": Companions,
    "deleted_files": DeletedFiles,
    "deleted_lines": DeletedLines,
    "dependencies": Dependencies,
    "exec": Exec,
    "file_bytes": FileBytes,
    "file_modes": FileModes,
    "files": Files,
    "issue_rate": IssueRate,
    "journeys_satisfied": JourneysSatisfied,
    "labels": Labels,
    "migrations": Migrations,
    "path_names": PathNames,
    "paths": Paths,
    "screenshots": Screenshots,
    "secrets": Secrets,
    "spend_usd": SpendUsd,
    "tests_kept": TestsKept,
    "tests_red_on_base": TestsRedOnBase,
    "tests_weakened": TestsWeakened,
    "trust": Trust,
}
"""Every check by the name it has in a rule."""
