"""Exports of the policy for other tools: written below a folder, or compared with what is there."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.governance import Governance
from harness.factory.reporting.shown import ALL_LABELS
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
class ExportOptions:
    """What an operator adds to the policy. `lander` is the account that the factory pushes as:
    `app:ID` or `user:ID`; empty for none."""

    owners: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    lander: str = ""


FORMATS: Mapping[str, Callable[[Governance, ExportOptions], Exported]] = {
    "codeowners": lambda governance, options: codeowners(
        governance, options.owners or governance.owners
    ),
    "issue-forms": lambda governance, options: issue_forms(governance.scope),
    "labels": lambda governance, options: labels(ALL_LABELS),
    "ruleset": lambda governance, options: rulesets(
        governance, checks=options.checks, lander=options.lander
    ),
}


def drifted_paths(folder: Path, files: Sequence[ExportedFile]) -> tuple[str, ...]:
    """The paths of the files that are missing below the folder or have another text."""
    return tuple(file.path for file in files if not _is(folder / file.path, file.text))


def write_exports(folder: Path, files: Sequence[ExportedFile]) -> tuple[str, ...]:
    """Write the files below the folder, over older ones. Returns the paths of those that changed.
    Raises ConfigError if a link is in the way or a file cannot be written."""
    changed = drifted_paths(folder, files)
    for file in (file for file in files if file.path in changed):
        _place(folder, file)
    return changed


def _is(path: Path, text: str) -> bool:
    try:
        return beginning_of(path.parent, path.name) == text.encode("utf-8")
    except OSError:
        return False


def _place(folder: Path, file: ExportedFile) -> None:
    """Write a file beside its place and move it there: nobody reads half a file. Never writes
    through a link."""
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
        # `mkstemp` makes files that only this account can read, and these are for everybody.
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", file=str(path)) from error
