"""Making the database agree with the branches, however they came to be where they are.

Run after a push, after a merge, and for every repository at start (a server may have died between a
push and this). It looks at what is, not at what was done, so running it again changes nothing."""

import re
from collections.abc import Mapping

from harness.programs.local_forge.content import issues, pulls, repositories, webhook_payloads
from harness.programs.local_forge.content.people import role_on
from harness.programs.local_forge.content.pulls import PullSearch
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import ZERO, BareRepository
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.storage.records import Pull, Repo, Role, User
from harness.programs.local_forge.transaction import Transaction

_CLOSES = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#([1-9][0-9]{0,8})\b", re.IGNORECASE
)
_MOST_COMMITS = 1_000


def settle(tx: Transaction, repo: Repo, actor: User) -> None:
    """Merge, move or close pull requests as the branches say; close the issues that landed commits
    say are fixed.

    Pull requests from its branches to other repositories follow too.
    """
    for one in (repo, *pulls.bases_of(tx, repo)):
        _settle_one(tx, one, actor)


def _settle_one(tx: Transaction, repo: Repo, actor: User) -> None:
    git = tx.git(repo)
    branches = git.refs()
    for pull in pulls.search(tx, repo, PullSearch(rising=True)):
        _settle_pull(tx, repo, pull, branches, actor=actor)
    tip = branches.get(repo.default_branch)
    if tip is not None and tip != repo.seen:
        _close_fixed(tx, repo, git, tip, actor=actor)
        repositories.remember_tip(tx, repo, tip)


def tell_pushes(tx: Transaction, repo: Repo, before: Mapping[str, str], actor: User) -> None:
    """Announce each branch that is not where it was."""
    git = tx.git(repo)
    after = git.refs()
    for branch in sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    ):
        old, new = before.get(branch, ZERO), after.get(branch, ZERO)
        reach = () if new == ZERO else (new,) if old == ZERO else (f"^{old}", new)
        told = commits.commits(git, *reach, limit=20) if reach else ()
        webhook_payloads.about_push(
            tx, repo, branch, before=old, after=new, commits=told, actor=actor
        )


def _settle_pull(
    tx: Transaction, repo: Repo, pull: Pull, branches: Mapping[str, str], *, actor: User
) -> None:
    """A head that the base took in since is merged; one that was put back to before it left the
    base is not."""
    git, base, tip = tx.git(repo), branches.get(pull.base), pulls.tip(tx, repo, pull)
    head = tip or pull.head_sha
    if head != pull.head_sha:
        pull = pulls.mark_moved(tx, repo, pull, head, actor=actor)
    if (
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
    """The first commit on the way from `head` to `base`'s tip: the merge, or `head` itself after a
    fast-forward."""
    found = head
    for sha in git.run("rev-list", "--first-parent", f"^{head}", base, "--").split():
        if not git.is_ancestor(head, sha):
            break
        found = sha
    return found


def _close_fixed(
    tx: Transaction, repo: Repo, git: BareRepository, tip: str, *, actor: User
) -> None:
    """The very first push is an import: its history closes nothing here."""
    if not repo.seen:
        return
    for commit in reversed(commits.commits(git, f"^{repo.seen}", tip, limit=_MOST_COMMITS)):
        _close_named(tx, repo, commit.message, commit.sha, actor=actor)


def _close_named(
    tx: Transaction, repo: Repo, text: str, commit: str | None, *, actor: User
) -> None:
    if role_on(tx, actor, repo) < Role.WRITE:
        return
    for number in dict.fromkeys(map(int, _CLOSES.findall(text))):
        try:
            issue = issues.numbered(tx, repo, number)
        except Refused:
            continue  # a number that names nothing closes nothing
        if not issue.is_pull and issue.is_open:
            issues.close(tx, repo, issue, actor=actor, commit=commit)
