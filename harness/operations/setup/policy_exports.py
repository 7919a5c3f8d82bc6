"""Exports of the law, written below a folder or held against what is there."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.governance import Governance
from harness.factory.reporting.comments import ALL_LABELS
from harness.governance.export import (
    Exported,
    ExportedFile,
    codeowners,
    issue_forms,
    labels,
    rulesets,
)
from harness.onboarding.evidence.folder import beginning_of


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an operator adds to what the law says. `lander` is whom the factory pushes as: `app:ID`,
    `user:ID` or nobody."""

    owners: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    lander: str = ""


FORMATS: Mapping[str, Callable[[Governance, Wishes], Exported]] = {
    "codeowners": lambda governance, wishes: codeowners(
        governance, wishes.owners or governance.owners
    ),
    "issue-forms": lambda governance, wishes: issue_forms(governance.scope),
    "labels": lambda governance, wishes: labels(ALL_LABELS),
    "ruleset": lambda governance, wishes: rulesets(
        governance, checks=wishes.checks, lander=wishes.lander
    ),
}


def drifted(folder: Path, files: Sequence[ExportedFile]) -> tuple[str, ...]:
    """The paths of those files that are missing below the folder, or have another text."""
    return tuple(file.path for file in files if not _is(folder / file.path, file.text))


def written(folder: Path, files: Sequence[ExportedFile]) -> tuple[str, ...]:
    """Put the files below the folder, over older ones; the paths of those that changed. Raises
    ConfigError where a link is in the way, or nothing can be written."""
    changed = drifted(folder, files)
    for file in (file for file in files if file.path in changed):
        _place(folder, file)
    return changed


def _is(path: Path, text: str) -> bool:
    try:
        return beginning_of(path.parent, path.name) == text.encode("utf-8")
    except OSError:
        return False


def _place(folder: Path, file: ExportedFile) -> None:
    """Write beside and move into place, so that nobody reads half a file; never through a link."""
    path = folder / file.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.parent.resolve() != folder.resolve() / Path(file.path).parent:
            raise ConfigError(
                "a link is in the way; remove it, or export to another folder with --out",
                file=str(path),
            )
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as out:
            out.write(file.text.encode("utf-8"))
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(path)) from error
