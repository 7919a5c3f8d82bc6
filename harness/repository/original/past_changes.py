"""Changes that landed on a branch before the factory, for trying rules on them.

A change is what one commit of the branch's first-parent line brought: a plain commit, or a merge
with everything that it merged. It is read from a person's own clone, which stays unchanged. What
history does not contain (test results, labels, money, who filed what) stays UNKNOWN, so a rule
about it cannot decide.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.facts import EXECUTABLE, REGULAR, AddedContent, ChangeFacts, FileChange
from harness.domain.issue import CommitSha
from harness.governance.facts.dependencies import dependency_changes
from harness.governance.facts.secrets import secrets_in
from harness.governance.facts.surface import api_facts
from harness.governance.past.history import RecordedChange, kind_in_title
from harness.repository.diff import DiffLimits, raw_diff
from harness.repository.objects import blobs, entries
from harness.repository.original.clone import snapshot_at
from harness.repository.plumbing import Git

MOST = 200
"""How many changes are read, the newest first."""

LIMITS = DiffLimits(files=1_000, file_bytes=1 << 20, total_bytes=16 << 20)
_FORMAT = "--format=%H%x00%P%x00%cI%x00%s"
_LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class _Commit:
    sha: CommitSha
    parent: CommitSha
    at: str
    subject: str


def past_changes(
    folder: Path, *, ref: str = "HEAD", most: int = MOST
) -> tuple[RecordedChange, ...]:
    """The newest `most` changes of `ref`, oldest first, numbered from 1. Each title begins with the
    commit's short name.

    Raises ConfigError if the folder is in no repository or `ref` names no commit, and GitError if
    git cannot read it.
    """
    clone = snapshot_at(folder, ref)
    commits = list(_commits(clone.git, clone.commit, most))
    return tuple(
        RecordedChange(
            number=number,
            facts=_facts(clone.git, one),
            merged_at=one.at,
            title=f"{one.sha:.9} {one.subject}",
        )
        for number, one in enumerate(reversed(commits), 1)
    )


def _commits(git: Git, tip: CommitSha, most: int) -> Iterator[_Commit]:
    """Commits with a parent, newest first. The very first commit changed nothing."""
    printed = git.output(
        "log",
        "-z",
        "--first-parent",
        "--no-color",
        "--no-show-signature",
        f"--max-count={most}",
        _FORMAT,
        "--end-of-options",
        tip,
    )
    fields = iter(printed.decode("utf-8", "replace").split("\0"))
    # Not strict: `-z` ends the last record too, which leaves one empty field.
    for sha, parents, at, subject in zip(fields, fields, fields, fields, strict=False):
        parent = parents.partition(" ")[0]
        if parent:
            yield _Commit(CommitSha(sha), CommitSha(parent), at, subject[:_LONGEST_SUBJECT])


def _facts(git: Git, one: _Commit) -> ChangeFacts:
    diff = raw_diff(git, one.parent, one.sha, limits=LIMITS)
    kind = kind_in_title(one.subject)
    # Facts about a part of a change would mislead the rules.
    if diff.too_large:
        return ChangeFacts(kind=kind)
    before, after = _contents(git, diff.files)
    return ChangeFacts(
        files=diff.files,
        dependencies=dependency_changes(diff.files, before.get, after.get),
        secrets=secrets_in(diff.added),
        added=tuple(AddedContent(path, text) for path, text in diff.added.items()),
        api=api_facts(diff.files, before=before.get, after=after.get),
        neighbours=_neighbours(git, one.parent, diff.files),
        kind=kind,
    )


def _contents(
    git: Git, files: Iterable[FileChange]
) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
    """The changed plain files on either side by path, read by one process for all of them."""
    sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for change in files:
        path = change.path.decode("utf-8", "surrogateescape")
        modes = (change.old_mode, change.new_mode)
        for side, mode, oid in zip(sides, modes, (change.old_oid, change.new_oid), strict=True):
            if oid is not None and mode in (REGULAR, EXECUTABLE):
                side[path] = oid
    oids = sorted({oid for side in sides for oid in side.values()})
    content = dict(zip(oids, blobs(git, oids), strict=True))
    before, after = ({path: content[oid] for path, oid in side.items()} for side in sides)
    return before, after


def _neighbours(git: Git, base: CommitSha, files: tuple[FileChange, ...]) -> tuple[bytes, ...]:
    """The paths at base in each folder that the change touches."""
    folders = {change.path.rpartition(b"/")[0] for change in files}
    return tuple(
        entry.path for entry in entries(git, base) if entry.path.rpartition(b"/")[0] in folders
    )
