"""What webhooks say, in GitHub's payloads."""

from collections.abc import Sequence
from typing import Any

from harness.programs.local_forge.content import apps
from harness.programs.local_forge.git.commits import Commit
from harness.programs.local_forge.git.objects import ZERO
from harness.programs.local_forge.shapes import checks as check_shapes
from harness.programs.local_forge.shapes import git as git_shapes
from harness.programs.local_forge.shapes import issues as issue_shapes
from harness.programs.local_forge.shapes import people, pulls
from harness.programs.local_forge.storage.records import (
    CheckRun,
    Comment,
    Issue,
    Label,
    Pull,
    Repo,
    User,
)
from harness.programs.local_forge.transaction import Notice, Transaction


def about_issue(
    tx: Transaction,
    repo: Repo,
    issue: Issue,
    action: str,
    *,
    actor: User,
    label: Label | None = None,
) -> None:
    """`issues` with an action such as opened, edited, closed, reopened, labeled, unlabeled."""
    named = {} if label is None else {"label": issue_shapes.label(tx.links, repo, label)}
    _tell(
        tx,
        "issues",
        repo,
        actor,
        action=action,
        issue=issue_shapes.issue(tx.links, repo, issue),
        **named,
    )


def about_comment(
    tx: Transaction, repo: Repo, issue: Issue, comment: Comment, action: str, *, actor: User
) -> None:
    """`issue_comment` with created, edited or deleted."""
    _tell(
        tx,
        "issue_comment",
        repo,
        actor,
        action=action,
        issue=issue_shapes.issue(tx.links, repo, issue),
        comment=issue_shapes.comment(tx.links, repo, comment),
    )


def about_pull(tx: Transaction, repo: Repo, pull: Pull, action: str, *, actor: User) -> None:
    """`pull_request` with opened, synchronize, closed, and so on."""
    shape = pulls.pull(tx.links, repo, pull) | {"merged": pull.merged_at is not None}
    _tell(tx, "pull_request", repo, actor, action=action, number=pull.number, pull_request=shape)


def about_check(tx: Transaction, repo: Repo, check: CheckRun, action: str) -> None:
    """`check_run` with created or completed."""
    _tell(
        tx,
        "check_run",
        repo,
        check.creator,
        action=action,
        check_run=check_shapes.check_run(tx.links, repo, check),
    )


def about_push(
    tx: Transaction,
    repo: Repo,
    branch: str,
    *,
    before: str,
    after: str,
    commits: Sequence[Commit],
    actor: User,
) -> None:
    """`push`: a branch moved; `ZERO` on either side means made or deleted."""
    told = [git_shapes.git_commit(tx.links, repo, one) | {"id": one.sha} for one in commits]
    _tell(
        tx,
        "push",
        repo,
        actor,
        ref=f"refs/heads/{branch}",
        before=before,
        after=after,
        created=before == ZERO,
        deleted=after == ZERO,
        commits=told,
        head_commit=told[0] if told else None,
        pusher={"name": actor.login},
        compare=f"{tx.links.page(repo)}/commits/{branch}",
    )


def _tell(tx: Transaction, event: str, repo: Repo, actor: User, **payload: Any) -> None:
    if tx.listened:
        about = {
            "repository": people.repository(tx.links, repo),
            "sender": people.account(tx.links, actor),
        }
        tx.notices.append(Notice(event, payload | about, apps.installed_on(tx, repo)))
