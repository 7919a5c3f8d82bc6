"""What the factory needs on a repository, one by one, with the reason: the manifest asks for it,
`connect` and `doctor` name what is missing of it, and every token is made for it and for nothing
more."""

from collections.abc import Mapping
from dataclasses import dataclass

_LEVELS = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Need:
    """One permission of a GitHub App, by GitHub's name, the least level that will do, and what it
    is for."""

    name: str
    level: str
    why: str

    @property
    def shown(self) -> str:
        """`issues: write (to …)`"""
        return f"{self.name}: {self.level} (to {self.why})"


NEEDS = (
    Need("checks", "write", "set a check for each gate, and read those of others"),
    Need("contents", "write", "fetch, push its branches, and land what was judged"),
    Need("issues", "write", "label, comment and close"),
    Need("pull_requests", "write", "open pull requests and comment on them"),
    Need("metadata", "read", "see the repository, and who may do what in it"),
    Need("statuses", "read", "see the statuses that a merge has to wait for"),
    Need("actions", "read", "see the workflows' runs behind those checks"),
)
EVENTS = ("check_run", "check_suite", "issue_comment", "issues", "pull_request", "push", "status")
"""What an App is told of by webhooks, where it has one. All of them are covered by the permissions
above."""


def wanted() -> dict[str, str]:
    """The permissions as GitHub's API takes them."""
    return {need.name: need.level for need in NEEDS}


def missing(granted: Mapping[str, str]) -> tuple[Need, ...]:
    """What is needed and not granted, by what an installation says of itself. What is not named
    there is not granted."""
    return tuple(
        need for need in NEEDS if _LEVELS.get(granted.get(need.name, ""), 0) < _LEVELS[need.level]
    )


def beyond(granted: Mapping[str, str]) -> tuple[str, ...]:
    """What is granted and not needed, as `name: level`: tokens are made without it."""
    needed = wanted()
    return tuple(
        f"{name}: {level}"
        for name, level in sorted(granted.items())
        if _LEVELS.get(level, 9) > _LEVELS.get(needed.get(name, ""), 0)
    )
