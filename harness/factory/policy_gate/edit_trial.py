"""Evaluating an edit of the policy in a process of its own, because its text is a stranger's.

Properties:
- limits on processor time, memory and output are set before anything is parsed;
- the parent waits for a limited time, kills the whole process group, and accepts only plain values;
- whatever happens, the answer is an EditEffect or a GovernanceError."""

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
from harness.factory.reporting.shown import ALL_LABELS
from harness.factory.run.policy_snapshot import read_policy
from harness.factory.settings.tables import FILE
from harness.factory.settings.workflows import PROMPTS, WORKFLOWS, is_document
from harness.governance.past.edit_effects import EditEffect, edit_effect
from harness.governance.past.history import RecordedChange
from harness.governance.paths import resembles, text_of
from harness.ports.git import Repository

PROCESSOR_SECONDS, SECONDS, MEMORY, PRINTED = 20, 90, 1536 * 1024**2, 32 * 1024**2
MOST_TEXTS, LARGEST = 200, 4 * 1024**2
"""Limits for one proposal: how many files that govern, and their bytes together."""

# `_Tree` has the files of one commit, and ignores which one is asked for.
_HERE = "0" * 40


@dataclass(frozen=True, slots=True)
class ProposedEdit:
    """A proposal as it would be after a merge: every path with its git mode, the texts that govern,
    the policy in force, and the recorded changes."""

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
    """The proposal at this commit. Raises GovernanceError if its texts exceed the limits."""
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
        or is_document(text)
        or (text.startswith(f"{PROMPTS}/") and text.endswith(".j2"))
        or resembles(DOCUMENTS, path)
    )


def evaluate_edit(edit: ProposedEdit) -> EditEffect | None:
    """What the edit does; None if the texts that govern are identical."""
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
    """The same, in a process that is killed if it exceeds its limits. Raises TooCostly."""
    # Files instead of pipes: a child that neither reads nor ends cannot block us.
    with TemporaryFile() as question, TemporaryFile() as answer:
        pickle.dump(edit, question)
        question.seek(0)
        if _exit_code(question, answer, memory) != 0:
            raise TooCostly(
                f"takes more than {PROCESSOR_SECONDS} s of a processor, or {memory // 1024**2} MB"
                " of memory, to be read: no text written by people does"
            )
        answer.seek(0)
        found = _SafeUnpickler(answer).load()
    # The child has parsed a stranger's text, so its answer is not trusted either.
    if not isinstance(found, EditEffect | None):
        raise TooCostly("was read, but the process gave no valid answer")
    return found


class TooCostly(GovernanceError):
    """An edit that cannot be read within the limits."""


def _exit_code(question: IO[bytes], answer: IO[bytes], memory: int) -> int | None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "harness.factory.policy_gate.edit_trial", str(memory)],
        stdin=question,
        stdout=answer,
        stderr=subprocess.DEVNULL,
        cwd="/",
        # No variable of ours, since a key may be among them.
        env={},
        start_new_session=True,
    )
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            # The whole group: the process may have started others.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class _Tree:
    """The proposal in the form that `read_policy` reads."""

    def __init__(self, edit: ProposedEdit) -> None:
        self._edit = edit

    def files(self, commit: CommitSha) -> Mapping[bytes, str]:
        return self._edit.files

    def read(self, commit: CommitSha, path: str) -> bytes | None:
        return self._edit.texts.get(path)


class _SafeUnpickler(pickle.Unpickler):
    """Unpickles our own values only: no functions, and nothing from a module that is not loaded."""

    def find_class(self, module: str, name: str) -> Any:
        found = getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and (
            found is Decimal
            or (module.startswith("harness.") and (is_dataclass(found) or issubclass(found, Enum)))
        ):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no value of ours")


def main(memory: int) -> None:
    """Read an edit from standard input, and write its effect to standard output."""
    for what, most in (
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, PRINTED),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    edit = pickle.load(sys.stdin.buffer)  # noqa: S301 - the factory's own process wrote it
    sys.stdout.buffer.write(pickle.dumps(evaluate_edit(edit)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
