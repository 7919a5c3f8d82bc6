"""What an edit of the law does, found out in a process of its own: its text is a stranger's,
whoever proposed it.

Properties: nothing is parsed before the process has a bound on its processor time, its memory and
what it may print; the parent never waits beyond a limit, ends it with all that it started, and
takes nothing back but plain values; whatever becomes of it, the answer is a Consequence."""

import os
import pickle
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from enum import Enum
from tempfile import TemporaryFile
from typing import IO, Any

from harness.domain.errors import ConfigError, GovernanceError
from harness.domain.facts import UNKNOWN
from harness.domain.governance import DOCUMENTS, Governance
from harness.domain.issue import CommitSha
from harness.factory.reporting.comments import ALL_LABELS
from harness.factory.run.policy_snapshot import read_policy
from harness.factory.settings.tables import FILE
from harness.factory.settings.workflows import PROMPTS, WORKFLOWS
from harness.governance.past.edit_effects import EditEffect, edit_effect
from harness.governance.past.history import RecordedChange
from harness.governance.paths import resembles, text_of
from harness.ports.git import Repository

PROCESSOR_SECONDS, SECONDS, MEMORY, PRINTED = 20, 90, 1536 * 1024**2, 32 * 1024**2
MOST_TEXTS, LARGEST = 200, 4 * 1024**2
"""Files that govern, and bytes of all of them together, of one proposal."""


_HERE = "0" * 40


@dataclass(frozen=True, slots=True)
class ProposedEdit:
    """A proposal as it would stand: every path with its mode, the texts that govern, the law in
    force and the past."""

    files: Mapping[bytes, str]
    texts: Mapping[str, bytes]
    old: Governance
    past: tuple[RecordedChange, ...]
    merged: bool


def proposed_edit(
    repository: Repository,
    commit: CommitSha,
    *,
    old: Governance,
    past: tuple[RecordedChange, ...],
    merged: bool,
) -> ProposedEdit:
    """The proposal at this commit. Raises GovernanceError where its texts are more than anybody
    reads."""
    files = repository.files(commit)
    names = [text_of(path) for path in files if _governs(path)]
    if len(names) > MOST_TEXTS:
        raise GovernanceError(
            f"is one of {len(names)} files that govern; at most {MOST_TEXTS} are read",
            file=names[0],
        )
    texts = {
        name: content for name in names if (content := repository.read(commit, name)) is not None
    }
    if sum(map(len, texts.values())) > LARGEST:
        raise GovernanceError(
            f"and the other files that govern have more than {LARGEST} bytes together",
            file=names[0],
        )
    return ProposedEdit(files, texts, old, past, merged)


def _governs(path: bytes) -> bool:
    text = text_of(path)
    return (
        text == FILE
        or text in {f"workflows/{name}.yaml" for name in WORKFLOWS}
        or (text.startswith(f"{PROMPTS}/") and text.endswith(".j2"))
        or resembles(DOCUMENTS, path)
    )


def evaluate_edit(edit: ProposedEdit) -> EditEffect | None:
    """What the edit does; None where the texts that govern are the same to the byte."""
    try:
        new = read_policy(_Tree(edit), CommitSha(_HERE)).governance
    except (GovernanceError, ConfigError) as error:
        return EditEffect(fault=str(error), merged=edit.merged)
    if new.digest == edit.old.digest:
        return None
    paths = {
        *edit.files,
        *(
            file.path
            for change in edit.past
            if change.facts.files is not UNKNOWN
            for file in change.facts.files
        ),
    }
    return edit_effect(
        edit.old,
        new,
        edit.past,
        paths=paths,
        workflows=WORKFLOWS,
        labels=ALL_LABELS,
        merged=edit.merged,
    )


def evaluate_edit_in_subprocess(edit: ProposedEdit, *, memory: int = MEMORY) -> EditEffect | None:
    """The same, by a process that is ended where it takes more than it may. Raises TooCostly."""
    with TemporaryFile() as asked, TemporaryFile() as told:
        pickle.dump(edit, asked)
        asked.seek(0)
        if _status(asked, told, memory) != 0:
            raise TooCostly(
                f"takes more than {PROCESSOR_SECONDS} s of a processor, or {memory // 1024**2} MB"
                " of memory, to be read: no text of people's does"
            )
        told.seek(0)
        found = _Plain(told).load()
    if not isinstance(found, EditEffect | None):
        raise TooCostly("was read, and the answer is none")
    return found


class TooCostly(GovernanceError):
    """An edit that cannot be read within its bounds."""


def _status(asked: IO[bytes], told: IO[bytes], memory: int) -> int | None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "harness.factory.policy_gate.edit_trial", str(memory)],
        stdin=asked,
        stdout=told,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={},
        start_new_session=True,
    )
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class _Tree:
    """The proposal as `read_policy` asks for it."""

    def __init__(self, edit: ProposedEdit) -> None:
        self._edit = edit

    def files(self, commit: CommitSha) -> Mapping[bytes, str]:
        return self._edit.files

    def read(self, commit: CommitSha, path: str) -> bytes | None:
        return self._edit.texts.get(path)


class _Plain(pickle.Unpickler):
    """Takes back values of ours and nothing that does anything: no function, and no module that is
    not loaded."""

    def find_class(self, module: str, name: str) -> Any:
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and (
            found is Decimal
            or (module.startswith("harness.") and (is_dataclass(found) or issubclass(found, Enum)))
        ):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value of ours")


def main(memory: int) -> None:
    """Read an edit on standard input, and say on standard output what it does."""
    for what, most in (
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, PRINTED),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    sys.stdout.buffer.write(pickle.dumps(evaluate_edit(pickle.load(sys.stdin.buffer))))  # noqa: S301 - the factory's own words


if __name__ == "__main__":
    main(int(sys.argv[1]))
