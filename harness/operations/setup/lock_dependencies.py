"""Drafts the lock files that a trial lacks, on the copy: sandboxes install only packages that are
locked by hash."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from harness.domain.errors import ConfigError, SandboxError
from harness.onboarding import DraftFile, Survey
from harness.programs.sandbox.packages.resolving import locked, requirements_in

_COMPILE = ["uv", "pip", "compile", "--generate-hashes"]


def missing_locks(folder: Path, survey: Survey) -> Iterator[DraftFile | str]:
    """A draft of each lock file that the drafted configuration names and the folder lacks; a remark
    if it cannot be made."""
    for lock in (survey.lock, survey.tests_lock):
        words = shlex.split(lock.make) if lock else []
        if lock is None or not words:
            continue
        if words[:4] != _COMPILE or "-o" not in words:
            yield f"{lock.path} is missing and cannot be made here; in the original: {lock.make}"
            continue
        inputs = words[4 : words.index("-o")]
        try:
            text = locked(requirements_in(folder, inputs))
        except (ConfigError, SandboxError) as error:
            yield f"{lock.path} could not be made: {error}"
            continue
        yield DraftFile(
            lock.path, text, (f"today's wheels for {' '.join(inputs)}, each with its hash",)
        )
