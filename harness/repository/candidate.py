"""Commits that the factory makes, above all the merge candidate: the commit that is validated is
the commit that lands."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.ports.git import Conflict, Landing
from harness.repository.landing import landed, pushed, removed
from harness.repository.names import full_ref, sha
from harness.repository.trusted import TrustedRepository


@dataclass(frozen=True, slots=True)
class Author:
    """The author and committer of everything the factory commits."""

    name: str = "lights-out-factory"
    email: str = "factory@lights-out-factory.invalid"


FACTORY = Author()
_MERGE = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")


class TrustedCandidates:
    """`harness.ports.git.Candidates`, on the trusted repository."""

    def __init__(self, trusted: TrustedRepository, *, identity: Author = FACTORY) -> None:
        self._trusted, self._identity = trusted, identity

    def commit(
        self, tree: TreeSha, parents: Sequence[CommitSha], *, message: str, at: str
    ) -> CommitSha:
        """A commit of `tree` at the time `at` (ISO 8601 with a zone), by the factory. Equal
        arguments give an equal sha."""
        arguments = [argument for parent in parents for argument in ("-p", sha(parent))]
        written = self._trusted.git.line(
            "commit-tree", sha(tree), *arguments, stdin=_text(message), more=self._signature(at)
        )
        return sha(written)

    def merge(
        self, base: CommitSha, head: CommitSha, *, message: str, at: str
    ) -> CommitSha | Conflict:
        """The merge of base and head, made in the bare repository, where no attribute is read.

        Incident: in a checkout, a branch's own `merge=union` hid a conflict. Raises GitError if
        there is no merge base.
        """
        result = self._trusted.reading.run(*_MERGE, sha(base), sha(head))
        # 1 is a conflict; any other status is a failure of git.
        if result.status not in (0, 1):
            raise GitError(f"git merge-tree: {result.message}")
        tree, *paths = result.out.removesuffix(b"\0").split(b"\0")
        if result.status:
            return Conflict(tuple(path for path in paths if path))
        return self.commit(
            TreeSha(sha(tree.decode("ascii").strip())), (base, head), message=message, at=at
        )

    @contextmanager
    def apart(self) -> Iterator[tuple[TrustedRepository, Self]]:
        """This repository and these candidates, for what anybody may push: whatever is fetched or
        made there lies in a folder beside the trusted repository, and is deleted at the end. One at
        a time."""
        git_dir = self._trusted.git_dir
        objects = git_dir.with_name(f"{git_dir.name}.apart")
        # A factory that was killed meanwhile has left it.
        shutil.rmtree(objects, ignore_errors=True)
        try:
            objects.mkdir()
        except OSError as error:
            raise GitError(f"{objects} could not be made: {error}", retryable=True) from error
        try:
            here = TrustedRepository(git_dir, self._trusted.remote, objects=objects)
            yield here, type(self)(here, identity=self._identity)
        finally:
            shutil.rmtree(objects, ignore_errors=True)

    def push(self, commit: CommitSha, branch: str, *, expected: CommitSha | None) -> None:
        """Move a branch of the forge to `commit` if it is at `expected` (None: absent), and check
        the result."""
        pushed(self._trusted, commit, branch, expected=expected)

    def land(
        self, candidate: CommitSha, branch: str, *, base: CommitSha, head: CommitSha, tree: TreeSha
    ) -> Landing:
        """Fast-forward `branch` from `base` to `candidate`, after checking its parents and its
        tree."""
        return landed(self._trusted, candidate, branch, base=base, head=head, tree=tree)

    def remove(self, branch: str, *, expected: CommitSha) -> CommitSha | None:
        """Delete one of our branches on the forge if it is at `expected`. Returns where it is
        afterwards, None if it is gone."""
        return removed(self._trusted, branch, expected=expected)

    def keep(self, commit: CommitSha, name: str) -> None:
        """Keep a commit of ours under `refs/factory/<name>` in the trusted repository, so that no
        cleanup deletes it."""
        self._trusted.git.output("update-ref", full_ref(f"refs/factory/{name}"), sha(commit))

    def _signature(self, at: str) -> dict[str, str]:
        date, who = _git_date(at), self._identity
        return {
            "GIT_AUTHOR_NAME": who.name,
            "GIT_AUTHOR_EMAIL": who.email,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": who.name,
            "GIT_COMMITTER_EMAIL": who.email,
            "GIT_COMMITTER_DATE": date,
        }


def _git_date(at: str) -> str:
    """Seconds since the epoch in UTC: git guesses at other forms."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise GitError(f"expected a time in ISO 8601, found {at!r}") from error
    if moment.tzinfo is None:
        raise GitError(f"expected a time with its zone, found {at!r}")
    return f"@{int(moment.timestamp())} +0000"


def _text(message: str) -> bytes:
    return message.encode("utf-8", "backslashreplace").removesuffix(b"\n") + b"\n"
