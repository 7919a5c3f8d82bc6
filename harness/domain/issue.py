"""Issues, people and pull requests as the forge's API shows them. Their text is only ever data."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

CommitSha = NewType("CommitSha", str)
TreeSha = NewType("TreeSha", str)


class Permission(StrEnum):
    """What an account may do on the repository, as the forge's API gives it."""

    NONE = "none"
    READ = "read"
    TRIAGE = "triage"
    WRITE = "write"
    MAINTAIN = "maintain"
    ADMIN = "admin"

    @property
    def may_command(self) -> bool:
        """Whether this account is one of those that steer: it may write to the repository."""
        return self.reaches(Permission.WRITE)

    @property
    def is_more_than_write(self) -> bool:
        """Whether it is a right that somebody who may only write does not have."""
        return self.reaches(Permission.MAINTAIN)

    def reaches(self, least: "Permission") -> bool:
        """Whether this is `least` or more."""
        order = tuple(Permission)
        return order.index(self) >= order.index(least)


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
    # whether the forge counts the author among the project's own people: a hint, never a right
    insider: bool = False
    # how many there are; None where that is not known
    comments: int | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment on an issue or a pull request."""

    id: int
    author: Actor
    body: str
    created_at: str
    # since it was written; by whom the forge does not say, so it gives no command any more. False
    # proves nothing: an edit within the same second does not show
    edited: bool = False


MOST_REVIEWS = 1_000
"""Reviews that are read of those of one pull request that ask for changes."""


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a pull request that asks for changes. `body` is text from outside, `head` the
    commit that was reviewed."""

    id: int
    author: Actor
    body: str
    head: CommitSha
    created_at: str


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment of a review on one line of a file; None where the forge names no line."""

    path: str
    line: int | None
    body: str


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


@dataclass(frozen=True, slots=True)
class News:
    """What changed on a forge since somebody last looked: issues as they are now, closed ones too,
    and the numbers of pull requests, both in order of their numbers. `cursor` is what to look with
    the next time; it is text to keep and to give back, and means nothing to anybody else."""

    issues: tuple[Issue, ...]
    pull_requests: tuple[int, ...]
    cursor: str


class AnnotationLevel(StrEnum):
    """How loud an annotation is: the forge's own three words."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A check's note on some lines of one file. Lines count from 1, and `end_line` is the last
    one, included."""

    path: str
    line: int
    end_line: int
    level: AnnotationLevel
    title: str
    message: str
