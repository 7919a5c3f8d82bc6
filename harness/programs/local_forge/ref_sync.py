"""Sync the database with the branches in git.

Runs after a push, after a merge, and for every repository at start (a server may have died between
a push and its sync). It compares states and needs no record of what was done, so it is idempotent.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping

from harness.programs.local_forge.content import issues, pulls, repositories, webhook_payloads
from harness.programs.local_forge.content.people import role_on
from harness.programs.local_forge.content.pulls import PullSearch
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.commits import Commit
from harness.programs.local_forge.git.objects import ZERO, BareRepository
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.storage.records import Pull, Repo, Role, User
from harness.programs.local_forge.transaction import Transaction

_CLOSES = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#([1-9][0-9]{0,8})\b", re.IGNORECASE
)
_MOST_COMMITS = 1_000


def sync_refs(
    tx: Transaction, repo: Repo, actor: User, *, before: Mapping[str, str] | None = None
) -> None:
    """Update, merge or close pull requests as the branches require, and close the issues that
    landed commits fix. With `before`, first queue a push webhook for each branch that is not where
    it was.

    Includes pull requests from this repository to others.
    """
    branches = tx.git(repo).refs()
    if before is not None:
        _announce(tx, repo, before, branches, actor)
    _sync_one(tx, repo, branches, actor)
    for base in pulls.bases_of(tx, repo):
        _sync_one(tx, base, tx.git(base).refs(), actor)


def _sync_one(tx: Transaction, repo: Repo, branches: Mapping[str, str], actor: User) -> None:
    git = tx.git(repo)
    for pull in pulls.search(tx, repo, PullSearch(rising=True)):
        _sync_pull(tx, repo, pull, branches, actor=actor)
    tip = branches.get(repo.default_branch)
    if tip is not None and tip != repo.seen:
        _close_fixed(tx, repo, git, tip, actor=actor)
        repositories.remember_tip(tx, repo, tip)


def _announce(
    tx: Transaction, repo: Repo, before: Mapping[str, str], after: Mapping[str, str], actor: User
) -> None:
    git = tx.git(repo)
    for branch in sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    ):
        old, new = before.get(branch, ZERO), after.get(branch, ZERO)
        reach = () if new == ZERO else (new,) if old == ZERO else (f"^{old}", new)
        found = _brought(git, *reach, limit=20) if reach else ()
        webhook_payloads.about_push(
            tx, repo, branch, before=old, after=new, commits=found, actor=actor
        )


def _sync_pull(
    tx: Transaction, repo: Repo, pull: Pull, branches: Mapping[str, str], *, actor: User
) -> None:
    """Sync one pull request with its two branches."""
    git, base, tip = tx.git(repo), branches.get(pull.base), pulls.tip(tx, repo, pull, branches)
    head = tip or pull.head_sha
    if head != pull.head_sha:
        pull = pulls.mark_moved(tx, repo, pull, head, actor=actor)
    if (
        # Merged: the base contains the head now and did not before. A branch that was reset to an
        # older commit of the base is not merged: it fails the last condition.
        base is not None
        and git.is_ancestor(head, base)
        and not git.is_ancestor(head, pull.base_sha)
    ):
        merged = pulls.mark_merged(tx, repo, pull, _entry(git, head, base), actor=actor)
        if pull.base == repo.default_branch:
            _close_named(tx, repo, merged.issue.body, merged.merge_commit, actor=actor)
    elif tip is None or base is None or git.is_ancestor(head, base):
        pulls.close(tx, repo, pull, actor=actor)
    elif base != pull.base_sha:
        pulls.mark_base(tx, pull, base)


def _entry(git: BareRepository, head: str, base: str) -> str:
    """The first commit after `head` on the way to `base`'s tip: the merge commit, or
    `head` itself after a fast-forward."""
    # From newest to oldest. Halved, not walked: each question reads the history, which may be long.
    line = git.run("rev-list", "--first-parent", f"^{head}", base, "--").split()
    with_head = bisect_left(line, True, key=lambda sha: not git.is_ancestor(head, sha))
    return line[with_head - 1] if with_head else head


def _close_fixed(
    tx: Transaction, repo: Repo, git: BareRepository, tip: str, *, actor: User
) -> None:
    """Close the issues that new commits on the default branch name."""
    # The first push is an import: its history must close nothing here.
    if not repo.seen:
        return
    for commit in reversed(_brought(git, f"^{repo.seen}", tip, limit=_MOST_COMMITS)):
        _close_named(tx, repo, commit.message, commit.sha, actor=actor)


def _brought(git: BareRepository, *reach: str, limit: int) -> tuple[Commit, ...]:
    try:
        return commits.commits(git, *reach, limit=limit)
    except Refused:
        # Too much to read: it names nothing.
        return ()


def _close_named(
    tx: Transaction, repo: Repo, text: str, commit: str | None, *, actor: User
) -> None:
    if role_on(tx, actor, repo) < Role.WRITE:
        return
    for number in dict.fromkeys(map(int, _CLOSES.findall(text))):
        try:
            issue = issues.numbered(tx, repo, number)
        except Refused:
            # A number that names nothing closes nothing.
            continue
        if not issue.is_pull and issue.is_open:
            issues.close(tx, repo, issue, actor=actor, commit=commit)
