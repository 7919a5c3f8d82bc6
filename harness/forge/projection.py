"""Turns PyGithub's objects into the factory's values.

It reads only attributes that a list already has. PyGithub fetches the object again, one request
each, for any attribute that is missing (such as `pull_request`, on every plain issue).
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harness.domain.issue import (
    Actor,
    Comment,
    CommitSha,
    Issue,
    Permission,
    PullRequest,
)
from harness.domain.plain import JsonObject
from harness.domain.shown_states import LABELS

if TYPE_CHECKING:
    from github.Issue import Issue as RawIssue
    from github.IssueComment import IssueComment as RawComment
    from github.NamedUser import NamedUser
    from github.Organization import Organization
    from github.PullRequest import PullRequest as RawPullRequest

GHOST = Actor(0, "ghost")
"""The author of what a deleted account left."""

_ROLES = {
    "admin": Permission.ADMIN,
    "maintain": Permission.MAINTAIN,
    "write": Permission.WRITE,
    "triage": Permission.TRIAGE,
    "read": Permission.READ,
}
_INSIDERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


def is_pull_request(raw: "RawIssue") -> bool:
    """Whether an item of the issue list is a pull request. Its page address tells without another
    request."""
    return raw.html_url.endswith(f"/pull/{raw.number}")


def issue_from(raw: "RawIssue") -> Issue:
    """An issue."""
    return Issue(
        number=_number(raw.number),
        title=text_of(raw.title),
        body=text_of(raw.body),
        author=actor_from(raw.user),
        open=text_of(raw.state) == "open",
        labels=tuple(sorted(text_of(label.name) for label in raw.labels)),
        created_at=moment_of(raw.created_at),
        updated_at=moment_of(raw.updated_at),
        insider=raw.author_association in _INSIDERS,
        comments=_number(raw.comments),
    )


def comment_from(raw: "RawComment") -> Comment:
    """A comment. The forge shows an edit only by a later time of change, and not who made it."""
    return Comment(
        _number(raw.id),
        actor_from(raw.user),
        text_of(raw.body),
        moment_of(raw.created_at),
        edited=moment_of(raw.updated_at) != moment_of(raw.created_at),
    )


def pull_request_from(raw: "RawPullRequest") -> PullRequest:
    """A pull request. If its fork was deleted it has no head repository, and is not ours."""
    return replace(
        open_pull_request_from(raw), open=text_of(raw.state) == "open", merged=bool(raw.merged)
    )


def open_pull_request_from(raw: "RawPullRequest") -> PullRequest:
    """An item of a list of open pull requests. Lists do not tell whether one is merged; an open one
    is not."""
    return PullRequest(
        number=_number(raw.number),
        title=text_of(raw.title),
        branch=text_of(raw.head.ref),
        head=CommitSha(text_of(raw.head.sha)),
        base_branch=text_of(raw.base.ref),
        author=actor_from(raw.user),
        open=True,
        same_repository=is_same_repository(raw),
    )


def is_same_repository(raw: "RawPullRequest") -> bool:
    """Whether its branch is in the repository itself. A fork's branch may have any name."""
    return raw.head.repo is not None and raw.head.repo.id == raw.base.repo.id


def actor_from(raw: "NamedUser | Organization | None") -> Actor:
    """An account."""
    return (
        GHOST if raw is None else Actor(_number(raw.id), text_of(raw.login), bot=raw.type == "Bot")
    )


def permission_from(answer: JsonObject, actor: Actor) -> Permission:
    """What the account may do; NONE if the login now belongs to another account."""
    if (answer.get("user") or {}).get("id") != actor.id:
        return Permission.NONE
    # For an organisation's custom role, `permission` is the role that it is built on.
    built_on = _ROLES.get(str(answer.get("permission")), Permission.NONE)
    return _ROLES.get(str(answer.get("role_name")), built_on)


def plain(text: str | None) -> str:
    """Text in the form used for comparisons: forges trim the ends and change line breaks."""
    return (text or "").replace("\r\n", "\n").strip()


def label_color(name: str) -> str:
    """The colour of one of our labels."""
    return LABELS[name].color if name in LABELS else "ededed"


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected a number, got {value!r:.60}")
    return value


def text_of(value: object) -> str:
    """A text of an answer; empty for null. Raises TypeError for anything else."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.60}")
    return value or ""


def moment_of(value: datetime | None) -> str:
    """A time in ISO 8601, UTC; empty where there is none."""
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
