"""PyGithub's objects as the factory's values.

Only attributes that a list already carries are touched: PyGithub fetches an object again, one
request each, for any attribute that is absent (`pull_request` is, on every issue that is none)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from harness.domain.issue import (
    Actor,
    Comment,
    CommitSha,
    Issue,
    Permission,
    PullRequest,
)

if TYPE_CHECKING:
    from github.Issue import Issue as RawIssue
    from github.IssueComment import IssueComment as RawComment
    from github.NamedUser import NamedUser
    from github.Organization import Organization
    from github.PullRequest import PullRequest as RawPullRequest

GHOST = Actor(0, "ghost")
"""Who wrote what a deleted account left."""

_ROLES = {
    "admin": Permission.ADMIN,
    "maintain": Permission.MAINTAIN,
    "write": Permission.WRITE,
    "triage": Permission.TRIAGE,
    "read": Permission.READ,
}
_INSIDERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
_COLORS = {
    "triage": "bfd4f2",
    "accepted": "1d76db",
    "building": "5319e7",
    "validating": "8250df",
    "merged": "0e8a16",
    "rejected": "6e7781",
    "duplicate": "6e7781",
    "needs-info": "d4a72c",
    "needs-human": "d93f0b",
    "paused": "9e6a03",
    "rate-limited": "9e6a03",
}


def is_pull_request(raw: "RawIssue") -> bool:
    """Whether what the issue list shows is a pull request; its page says so without another
    request."""
    return raw.html_url.endswith(f"/pull/{raw.number}")


def issue_from(raw: "RawIssue") -> Issue:
    """An issue."""
    return Issue(
        number=_number(raw.number),
        title=_text(raw.title),
        body=_text(raw.body),
        author=actor_from(raw.user),
        open=_text(raw.state) == "open",
        labels=tuple(sorted(_text(label.name) for label in raw.labels)),
        created_at=_moment(raw.created_at),
        updated_at=_moment(raw.updated_at),
        insider=raw.author_association in _INSIDERS,
        comments=_number(raw.comments),
    )


def comment_from(raw: "RawComment") -> Comment:
    """A comment. The forge says that one was edited by a later moment of change, and not by
    whom."""
    return Comment(
        _number(raw.id),
        actor_from(raw.user),
        _text(raw.body),
        _moment(raw.created_at),
        edited=_moment(raw.updated_at) != _moment(raw.created_at),
    )


def pull_request_from(raw: "RawPullRequest") -> PullRequest:
    """A pull request. One whose fork was deleted has no head repository, and is not ours."""
    return replace(
        open_pull_request_from(raw), open=_text(raw.state) == "open", merged=bool(raw.merged)
    )


def open_pull_request_from(raw: "RawPullRequest") -> PullRequest:
    """One of a list of open ones. Whether it is merged no list says; an open one is not."""
    return PullRequest(
        number=_number(raw.number),
        title=_text(raw.title),
        branch=_text(raw.head.ref),
        head=CommitSha(_text(raw.head.sha)),
        base_branch=_text(raw.base.ref),
        author=actor_from(raw.user),
        open=True,
        same_repository=is_same_repository(raw),
    )


def is_same_repository(raw: "RawPullRequest") -> bool:
    """Whether its branch is in the repository itself; a fork's branch may have any name."""
    return raw.head.repo is not None and raw.head.repo.id == raw.base.repo.id


def actor_from(raw: "NamedUser | Organization | None") -> Actor:
    """An account."""
    return GHOST if raw is None else Actor(_number(raw.id), _text(raw.login), bot=raw.type == "Bot")


def permission_from(answer: Mapping[str, Any], actor: Actor) -> Permission:
    """What the forge says an account may do; NONE where the login has come to mean another
    account."""
    if (answer.get("user") or {}).get("id") != actor.id:
        return Permission.NONE
    older = _ROLES.get(str(answer.get("permission")), Permission.NONE)
    return _ROLES.get(
        str(answer.get("role_name")), older
    )  # an organisation's own role: what it is built upon


def plain(text: str | None) -> str:
    """Text as it is compared: forges trim ends and exchange line breaks."""
    return (text or "").replace("\r\n", "\n").strip()


def label_color(name: str) -> str:
    """The colour that a label of ours is made with."""
    return _COLORS.get(name.rpartition(":")[2], "ededed")


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected a number, got {value!r:.60}")
    return value


def _text(value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.60}")
    return value or ""


def _moment(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
