"""The permissions that the factory needs on a repository, each with its reason.

The app manifest asks for them, `connect` and `doctor` name the missing ones, and every token has
exactly these.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_LEVELS = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class RequiredPermission:
    """One permission of a GitHub App: GitHub's name for it, the lowest sufficient level, and the
    reason."""

    name: str
    level: str
    why: str

    @property
    def shown(self) -> str:
        """`issues: write (to …)`"""
        return f"{self.name}: {self.level} (to {self.why})"


NEEDS = (
    RequiredPermission("checks", "write", "set a check for each gate, and read those of others"),
    RequiredPermission(
        "contents", "write", "fetch, push its branches, and land what was validated"
    ),
    RequiredPermission("issues", "write", "label, comment and close"),
    RequiredPermission("pull_requests", "write", "open pull requests and comment on them"),
    RequiredPermission("metadata", "read", "see the repository, and who may do what in it"),
    RequiredPermission("statuses", "read", "see the statuses that a merge has to wait for"),
    RequiredPermission("actions", "read", "see the workflows' runs behind those checks"),
)
EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "push",
    "status",
)
"""The webhook events that an app subscribes to. The permissions above cover all of them."""


def wanted() -> dict[str, str]:
    """The permissions as GitHub's API takes them."""
    return {need.name: need.level for need in NEEDS}


def missing(granted: Mapping[str, str]) -> tuple[RequiredPermission, ...]:
    """What is needed and not granted, by the installation's own list. A permission that is not in
    the list is not granted."""
    return tuple(
        need for need in NEEDS if _LEVELS.get(granted.get(need.name, ""), 0) < _LEVELS[need.level]
    )


def beyond(granted: Mapping[str, str]) -> tuple[str, ...]:
    """What is granted and not needed, as `name: level`. Tokens are requested without it."""
    needed = wanted()
    return tuple(
        f"{name}: {level}"
        for name, level in sorted(granted.items())
        if _LEVELS.get(level, 9) > _LEVELS.get(needed.get(name, ""), 0)
    )
