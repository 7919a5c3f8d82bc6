"""What the tables hold, as values. Times are whole seconds since the epoch, in UTC."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What an account may do; each role includes those below it."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    ADMIN = 4

    @property
    def word(self) -> str:
        """The role's name on the wire: `none`, `read`, `triage`, `write` or `admin`."""
        return self.name.lower()


ROLE_WORDS = {role.word: role for role in Role} | {"pull": Role.READ, "push": Role.WRITE, "maintain": Role.WRITE}
"""Every word that the API takes for a role; `pull`, `push` and `maintain` are GitHub's older names."""


@dataclass(frozen=True, slots=True)
class User:
    """An account. `role` is what it may do on every repository; a grant on one repository may raise it."""

    id: int
    login: str
    kind: str  # User, Bot or Guest
    role: Role
    created_at: int


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository, beside the bare one on disk that has the same number. `seen` is the last settled default tip."""

    id: int
    owner: User
    name: str
    description: str
    default_branch: str
    seen: str
    created_at: int

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.name}"


@dataclass(frozen=True, slots=True)
class Label:
    """A label of one repository; `color` is six hexadecimal digits."""

    id: int
    name: str
    color: str
    description: str


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue, or the issue half of a pull request."""

    id: int
    number: int
    title: str
    body: str
    state: str  # open or closed
    reason: str | None  # completed, not_planned or reopened
    author: User
    association: str
    is_pull: bool
    created_at: int
    updated_at: int
    closed_at: int | None
    closed_by: User | None
    labels: tuple[Label, ...]
    comments: int

    @property
    def is_open(self) -> bool:
        """Whether it waits for something."""
        return self.state == "open"


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request. `base_sha` is the base's tip when it was last seen open, never one that contains the head."""

    issue: Issue
    base: str
    base_sha: str
    head: str
    head_sha: str
    merged_at: int | None
    merged_by: User | None
    merge_commit: str | None

    @property
    def number(self) -> int:
        """The number it shares with its issue half."""
        return self.issue.number


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    issue_number: int
    is_pull: bool
    author: User
    association: str
    body: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an issue: who did it is an account's number, never a name in a text."""

    id: int
    issue_number: int
    is_pull: bool
    actor: User
    kind: str
    label: tuple[str, str] | None  # name, color
    rename: tuple[str, str] | None  # from, to
    commit: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check on a commit."""

    id: int
    head_sha: str
    name: str
    status: str
    conclusion: str | None
    details_url: str | None
    external_id: str
    title: str | None
    summary: str | None
    text: str | None
    creator: User
    started_at: int
    completed_at: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status, the older sibling of a check."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: int
