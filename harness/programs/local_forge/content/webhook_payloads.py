"""Webhook payloads in GitHub's shapes."""

from collections.abc import Sequence
from typing import Any

from harness.programs.local_forge.content import apps
from harness.programs.local_forge.git.commits import Commit
from harness.programs.local_forge.git.objects import ZERO
from harness.programs.local_forge.shapes import checks as check_shapes
from harness.programs.local_forge.shapes import git as git_shapes
from harness.programs.local_forge.shapes import issues as issue_shapes
from harness.programs.local_forge.shapes import people, pulls, reviews
from harness.programs.local_forge.storage.records import (
    CheckRun,
    Comment,
    Issue,
    Label,
    Pull,
    Repo,
    Review,
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
    """Queue `issues` with an action such as opened, edited, closed, reopened, labeled or
    unlabeled."""
    named = {} if label is None else {"label": issue_shapes.label(tx.links, repo, label)}
    _announce(
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
    """Queue `issue_comment` with created, edited or deleted."""
    _announce(
        tx,
        "issue_comment",
        repo,
        actor,
        action=action,
        issue=issue_shapes.issue(tx.links, repo, issue),
        comment=issue_shapes.comment(tx.links, repo, comment),
    )


def about_pull(tx: Transaction, repo: Repo, pull: Pull, action: str, *, actor: User) -> None:
    """Queue `pull_request` with opened, synchronize, closed and so on."""
    shape = pulls.pull(tx.links, repo, pull) | {"merged": pull.merged_at is not None}
    _announce(
        tx, "pull_request", repo, actor, action=action, number=pull.number, pull_request=shape
    )


def about_review(tx: Transaction, repo: Repo, pull: Pull, review: Review) -> None:
    """Queue `pull_request_review` with submitted."""
    _announce(
        tx,
        "pull_request_review",
        repo,
        review.author,
        action="submitted",
        review=reviews.review(tx.links, repo, review) | {"state": review.state.lower()},
        pull_request=pulls.pull(tx.links, repo, pull),
    )


def about_check(tx: Transaction, repo: Repo, check: CheckRun, action: str) -> None:
    """Queue `check_run` with created or completed."""
    _announce(
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
    """Queue `push`: a branch moved. `ZERO` as `before` or `after` means created or deleted."""
    shapes = [git_shapes.git_commit(tx.links, repo, one) | {"id": one.sha} for one in commits]
    _announce(
        tx,
        "push",
        repo,
        actor,
        ref=f"refs/heads/{branch}",
        before=before,
        after=after,
        created=before == ZERO,
        deleted=after == ZERO,
        commits=shapes,
        head_commit=shapes[0] if shapes else None,
        pusher={"name": actor.login},
        compare=f"{tx.links.page(repo)}/commits/{branch}",
    )


def _announce(tx: Transaction, event: str, repo: Repo, actor: User, **payload: Any) -> None:
    # A payload costs queries, so none is built without a webhook.
    if tx.has_hooks:
        about = {
            "repository": people.repository(tx.links, repo),
            "sender": people.account(tx.links, actor),
        }
        tx.notices.append(Notice(event, payload | about, apps.installed_on(tx, repo)))
