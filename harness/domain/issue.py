"""What the forge tells of issues, people and pull requests: API facts, and text that is only ever data."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

CommitSha = NewType("CommitSha", str)
TreeSha = NewType("TreeSha", str)


class Permission(StrEnum):
    """What an account may do on the repository, as the forge's API says."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def may_command(self) -> bool:
        """Whether this account's labels and slash commands are obeyed."""
        return self in (Permission.WRITE, Permission.ADMIN)


@dataclass(frozen=True, slots=True)
class Actor:
    """An account: the numeric id is the identity, the login is for people to read."""

    id: int
    login: str
    bot: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as the forge has it now. `title` and `body` are a stranger's text."""

    number: int
    title: str
    body: str
    author: Actor
    open: bool
    labels: tuple[str, ...] = ()
    created_at: str = ""
    updated_at: str = ""
    insider: bool = False    # whether the forge counts the author among the project's own people: a hint, never a right


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment on an issue or a pull request."""

    id: int
    author: Actor
    body: str
    created_at: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge has it now."""

    number: int
    title: str
    branch: str
    head: CommitSha
    base_branch: str
    author: Actor
    open: bool
    merged: bool = False
    same_repository: bool = True
