"""Pull requests from a branch of the same repository or of a fork."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, select, update

from harness.programs.local_forge.content import (
    branch_rules,
    history,
    issues,
    repositories,
    webhook_payloads,
)
from harness.programs.local_forge.content.people import users_by_id
from harness.programs.local_forge.git.commits import count as count_commits
from harness.programs.local_forge.git.objects import Person
from harness.programs.local_forge.git.protection import BranchPolicy
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.storage.records import Pull, Repo, User
from harness.programs.local_forge.storage.tables import issues as issue_table
from harness.programs.local_forge.storage.tables import pulls, users
from harness.programs.local_forge.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PullSearch:
    """Filters and order of a list of pull requests."""

    state: str | None = "open"
    head: str | None = None
    base: str | None = None
    head_owner: str | None = None
    order: str = "created"
    rising: bool = False


def search(
    tx: Transaction, repo: Repo, wanted: PullSearch, *, limit: int = -1, skip: int = 0
) -> tuple[Pull, ...]:
    """One page of the matching pull requests."""
    by = issue_table.c.updated_at if wanted.order == "updated" else issue_table.c.number
    query = _joined().where(_fits(repo, wanted)).order_by(by.asc() if wanted.rising else by.desc())
    return _pulls(tx, repo, query.limit(limit).offset(skip))


def count(tx: Transaction, repo: Repo, wanted: PullSearch) -> int:
    """The number of matching pull requests."""
    query = select(func.count()).select_from(
        pulls.join(issue_table, issue_table.c.id == pulls.c.issue_id)
    )
    return int(tx.db.execute(query.where(_fits(repo, wanted))).scalar_one())


def numbered(tx: Transaction, repo: Repo, number: int) -> Pull:
    """One pull request. Raises Refused (404), also for an issue's number."""
    query = _joined().where(issue_table.c.repository_id == repo.id, issue_table.c.number == number)
    found = _pulls(tx, repo, query)
    if not found:
        raise not_found()
    return found[0]


def create(
    tx: Transaction,
    repo: Repo,
    *,
    title: str,
    body: str,
    head: str,
    base: str,
    author: User,
    source: Repo | None = None,
) -> Pull:
    """Open a pull request from `head`, of this repository or of its fork `source`, to `base`.

    Raises Refused (422) where a branch is missing, there is nothing to merge, or one is open
    already.
    """
    source = source or repo
    heads, bases = tx.git(source).refs(), tx.git(repo).refs()
    for field, branch, of, there in (("head", head, source, heads), ("base", base, repo, bases)):
        if branch not in there:
            raise invalid(
                "PullRequest",
                field,
                f"{field} is no branch of {of.full_name}: {branch}",
                code="invalid",
            )
    if any(
        one.head_repo and one.head_repo.id == source.id
        for one in search(tx, repo, PullSearch(head=head, base=base))
    ):
        raise invalid(
            "PullRequest", "head", f"A pull request already exists for {source.owner.login}:{head}."
        )
    # The diff and the merge need a fork's commits in this repository.
    if source.id != repo.id:
        tx.git(repo).take(tx.git(source), heads[head])
    if tx.git(repo).is_ancestor(heads[head], bases[base]):
        raise invalid("PullRequest", "head", f"No commits between {base} and {head}")
    issue = issues.create(tx, repo, title=title, body=body, author=author, is_pull=True)
    tx.db.execute(
        insert(pulls).values(
            issue_id=issue.id,
            base=base,
            base_sha=bases[base],
            head=head,
            head_sha=heads[head],
            head_repository_id=source.id,
            head_owner_id=source.owner.id,
        )
    )
    keep_head(tx, repo, issue.number, heads[head])
    pull = numbered(tx, repo, issue.number)
    webhook_payloads.about_pull(tx, repo, pull, "opened", actor=author)
    return pull


def tip(tx: Transaction, repo: Repo, pull: Pull, branches: Mapping[str, str]) -> str | None:
    """The tip of its branch; None where the branch is deleted. For a deleted fork, the last known
    head. `branches` are those of `repo`.

    Fetches a fork's commit into this repository, so that it can be read here.
    """
    if pull.head_repo is None:
        return pull.head_sha
    if pull.head_repo.id == repo.id:
        return branches.get(pull.head)
    found = tx.git(pull.head_repo).refs().get(pull.head)
    if found is not None and found != pull.head_sha:
        tx.git(repo).take(tx.git(pull.head_repo), found)
    return found


def bases_of(tx: Transaction, fork: Repo) -> tuple[Repo, ...]:
    """The other repositories with open pull requests from a fork's branches."""
    query = (
        select(issue_table.c.repository_id)
        .join(pulls, pulls.c.issue_id == issue_table.c.id)
        .distinct()
    )
    found = tx.db.execute(
        query.where(
            pulls.c.head_repository_id == fork.id,
            issue_table.c.repository_id != fork.id,
            issue_table.c.state == "open",
        )
    )
    return tuple(repositories.by_id(tx, found.scalars()).values())


def merge(
    tx: Transaction,
    repo: Repo,
    pull: Pull,
    *,
    expected: str | None,
    title: str,
    message: str,
    actor: User,
    policy: BranchPolicy,
) -> str:
    """Create the merge commit and move the base to it; returns its sha. The caller runs `sync_refs`
    afterwards.

    Raises Refused: 405 when it cannot be merged or a rule forbids it; 409 when `expected` is not
    the head, or the base moved meanwhile.
    """
    git = tx.git(repo)
    branches = git.refs()
    head, base = tip(tx, repo, pull, branches), branches.get(pull.base)
    if not pull.issue.is_open or head is None or base is None:
        raise Refused(405, "Pull Request is not mergeable")
    if expected is not None and expected != head:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    tree = git.merged_tree(base, head)
    if tree is None:
        raise Refused(405, "Pull Request is not mergeable")
    # The form of GitHub's private addresses.
    person = Person(actor.login, f"{actor.id}+{actor.login}@users.noreply.localhost", tx.now)
    # The commit is made before the check, since the rules judge a move to it. If a rule forbids the
    # move, the commit stays unreachable.
    merged = git.commit(tree, (base, head), f"{title}\n\n{message}".strip() + "\n", person=person)
    branch_rules.check_move(
        tx, repo, f"refs/heads/{pull.base}", old=base, new=merged, judged=head, policy=policy
    )
    # Compare and swap: a push that moved the base meanwhile makes this fail with 409.
    git.move(f"refs/heads/{pull.base}", merged, old=base)
    return merged


def is_mergeable(tx: Transaction, repo: Repo, pull: Pull) -> bool | None:
    """Whether merge(base, head) has no conflict; None when the pull request cannot be
    merged any more."""
    branches = tx.git(repo).refs()
    base, head = branches.get(pull.base), tip(tx, repo, pull, branches)
    if not pull.issue.is_open or base is None or head is None:
        return None
    return tx.git(repo).merged_tree(base, head) is not None


def change_base(tx: Transaction, repo: Repo, pull: Pull) -> str:
    """The commit to diff against: where the branch left the base."""
    return tx.git(repo).merge_base(pull.base_sha, pull.head_sha) or pull.base_sha


def commit_count(tx: Transaction, repo: Repo, pull: Pull) -> int:
    """The number of its commits."""
    return count_commits(tx.git(repo), f"^{pull.base_sha}", pull.head_sha)


def reopen(tx: Transaction, repo: Repo, pull: Pull, *, actor: User) -> Pull:
    """Reopen it. Raises Refused (422) for a merged one, or where its branch is deleted."""
    if pull.merged_at is not None or tip(tx, repo, pull, tx.git(repo).refs()) is None:
        raise invalid(
            "PullRequest", "state", "state cannot be changed: it is merged, or its branch is gone"
        )
    issues.reopen(tx, repo, pull.issue, actor=actor)
    return _announced(tx, repo, pull, "reopened", actor=actor)


def close(tx: Transaction, repo: Repo, pull: Pull, *, actor: User) -> Pull:
    """Close it without merging."""
    if not pull.issue.is_open:
        return pull
    issues.close(tx, repo, pull.issue, actor=actor, reason=None)
    return _announced(tx, repo, pull, "closed", actor=actor)


def mark_merged(tx: Transaction, repo: Repo, pull: Pull, merge_commit: str, *, actor: User) -> Pull:
    """Record that the base contains its head now."""
    _set(tx, pull, merged_at=tx.now, merged_by_id=actor.id, merge_commit=merge_commit)
    history.record(tx, pull.issue, "merged", actor=actor, commit=merge_commit)
    return close(tx, repo, pull, actor=actor)


def mark_moved(tx: Transaction, repo: Repo, pull: Pull, head_sha: str, *, actor: User) -> Pull:
    """Record its branch's new tip."""
    _set(tx, pull, head_sha=head_sha)
    issues.touch(tx, pull.issue.id)
    keep_head(tx, repo, pull.number, head_sha)
    return _announced(tx, repo, pull, "synchronize", actor=actor)


def mark_base(tx: Transaction, pull: Pull, base_sha: str) -> None:
    """Record the base's tip while the pull request is open."""
    _set(tx, pull, base_sha=base_sha)


def keep_head(tx: Transaction, repo: Repo, number: int, sha: str) -> None:
    """Point refs/pull/N/head at the head, so that the commit outlives its branch. Nobody
    can push there."""
    tx.git(repo).move(f"refs/pull/{number}/head", sha)


def _announced(tx: Transaction, repo: Repo, pull: Pull, action: str, *, actor: User) -> Pull:
    changed = numbered(tx, repo, pull.number)
    webhook_payloads.about_pull(tx, repo, changed, action, actor=actor)
    return changed


def _set(tx: Transaction, pull: Pull, **values: Any) -> None:
    tx.db.execute(update(pulls).where(pulls.c.issue_id == pull.issue.id).values(**values))


def _fits(repo: Repo, wanted: PullSearch) -> ColumnElement[bool]:
    clauses = [issue_table.c.repository_id == repo.id]
    if wanted.state is not None:
        clauses.append(issue_table.c.state == wanted.state)
    if wanted.head is not None:
        clauses.append(pulls.c.head == wanted.head)
    if wanted.base is not None:
        clauses.append(pulls.c.base == wanted.base)
    if wanted.head_owner is not None:
        clauses.append(
            pulls.c.head_owner_id.in_(select(users.c.id).where(users.c.login == wanted.head_owner))
        )
    return and_(*clauses)


def _joined() -> Any:
    return select(pulls, issue_table.c.number).join(
        issue_table, issue_table.c.id == pulls.c.issue_id
    )


def _pulls(tx: Transaction, repo: Repo, query: Any) -> tuple[Pull, ...]:
    rows = tx.db.execute(query).all()
    people = users_by_id(
        tx, (number for row in rows for number in (row.merged_by_id, row.head_owner_id))
    )
    sources = repositories.by_id(tx, {row.head_repository_id for row in rows})
    return tuple(
        Pull(
            issue=issues.numbered(tx, repo, row.number),
            base=row.base,
            base_sha=row.base_sha,
            head=row.head,
            head_sha=row.head_sha,
            merged_at=row.merged_at,
            merged_by=people.get(row.merged_by_id),
            merge_commit=row.merge_commit,
            head_repo=sources.get(row.head_repository_id),
            head_owner=people[row.head_owner_id],
        )
        for row in rows
    )
