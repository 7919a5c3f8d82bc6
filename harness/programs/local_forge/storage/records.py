"""The records that the tables hold. Times are whole seconds since the epoch, in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from harness.domain.plain import JsonObject


class Role(IntEnum):
    """What an account may do; each role includes those before it."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
        """The role's name on the wire: `none`, `read`, `triage`, `write`, `maintain` or `admin`."""
        return self.name.lower()


ROLE_WORDS = {role.word: role for role in Role} | {"pull": Role.READ, "push": Role.WRITE}
"""Every word that the API takes for a role; `pull` and `push` are GitHub's older names."""


@dataclass(frozen=True, slots=True)
class User:
    """An account. `role` holds on every repository; a grant may raise it on one."""

    id: int
    login: str
    # User, Bot or Guest.
    kind: str
    role: Role
    created_at: int


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository; its bare repository on disk has the same number. `seen` is the
    default branch's last synced tip."""

    id: int
    owner: User
    name: str
    description: str
    default_branch: str
    seen: str
    created_at: int
    # The number of the repository it was forked from, which may be deleted.
    source_id: int | None = None

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
    # Open or closed
    state: str
    # completed, not_planned or reopened.
    reason: str | None
    author: User
    association: str
    is_pull: bool
    created_at: int
    updated_at: int
    closed_at: int | None
    closed_by: User | None
    labels: tuple[Label, ...]
    comments: int
    assignees: tuple[User, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self.state == "open"


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request. `base_sha` is the base's tip when the pull request was last synced open; it
    never contains the head.

    `head_repo` holds its branch: the same repository, a fork, or None where the fork is deleted.
    """

    issue: Issue
    base: str
    base_sha: str
    head: str
    head_sha: str
    merged_at: int | None
    merged_by: User | None
    merge_commit: str | None
    head_repo: Repo | None
    head_owner: User

    @property
    def number(self) -> int:
        """The number it shares with its issue half."""
        return self.issue.number


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or a pull request. `edited_at` is None where nobody has edited it."""

    id: int
    issue_number: int
    is_pull: bool
    author: User
    association: str
    body: str
    created_at: int
    updated_at: int
    edited_at: int | None


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a pull request at one commit."""

    id: int
    issue_number: int
    author: User
    association: str
    # APPROVED, CHANGES_REQUESTED or COMMENTED
    state: str
    body: str
    commit: str
    created_at: int


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """A comment of a review on one line of a file's diff; `hunk` is the diff down to that line."""

    id: int
    review: Review
    path: str
    line: int
    # LEFT: the old version, RIGHT: the new one
    side: str
    position: int
    hunk: str
    body: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened to an issue. The actor is stored by number, since logins change."""

    id: int
    issue_number: int
    is_pull: bool
    actor: User
    kind: str
    # name, color
    label: tuple[str, str] | None
    # from, to
    rename: tuple[str, str] | None
    commit: str | None
    created_at: int
    # Who was assigned, or no longer is.
    person: User | None = None


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
    # The first run of the same creator on the same commit.
    suite_id: int = 0
    annotations: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status, the predecessor of check runs."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: int


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App. Its number is that of its bot account, `slug[bot]`. `permissions`
    maps names to levels."""

    id: int
    slug: str
    name: str
    owner: User
    client_id: str
    # PEM; empty until its manifest was converted.
    public_key: str
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    description: str
    external_url: str
    setup_url: str | None
    hook_url: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Installation:
    """An App on an account's repositories: all of them, or those in `repositories`."""

    id: int
    app: App
    account: User
    everywhere: bool
    repositories: frozenset[int]
    created_at: int

    def reaches(self, repo: Repo) -> bool:
        """Whether the repository belongs to the installation."""
        return repo.owner.id == self.account.id and (
            self.everywhere or repo.id in self.repositories
        )


@dataclass(frozen=True, slots=True)
class Grant:
    """What an installation's token may do: its permissions, on the installation's
    repositories or on those in `only`."""

    installation: Installation
    permissions: Mapping[str, str]
    only: frozenset[int] | None
    expires_at: int

    def reaches(self, repo: Repo) -> bool:
        """Whether the token is valid for the repository."""
        return self.installation.reaches(repo) and (self.only is None or repo.id in self.only)

    def allows(self, permission: str, level: str) -> bool:
        """Whether it has the permission at that level; `write` includes `read`."""
        return LEVELS.get(self.permissions.get(permission, ""), 0) >= LEVELS[level]


LEVELS = {"read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: an account, an App's installation (`grant`), an App itself, or nobody."""

    user: User | None = None
    grant: Grant | None = None
    app: App | None = None


@dataclass(frozen=True, slots=True)
class Conversion:
    """The result of a manifest conversion. The key and the secrets are shown only once."""

    app: App
    private_key: str
    client_secret: str
    webhook_secret: str


_WORST_FIRST = (
    "action_required",
    "cancelled",
    "timed_out",
    "failure",
    "neutral",
    "success",
    "skipped",
)


@dataclass(frozen=True, slots=True)
class Suite:
    """The check runs of one App on one commit; its number is that of the first run."""

    id: int
    head_sha: str
    creator: User
    runs: tuple[CheckRun, ...]

    @property
    def status(self) -> str:
        """`completed` once every run is."""
        return "completed" if all(run.status == "completed" for run in self.runs) else "in_progress"

    @property
    def conclusion(self) -> str | None:
        """The worst conclusion of its runs; None while one is not completed."""
        if self.status != "completed":
            return None
        conclusions = {run.conclusion for run in self.runs}
        return next((one for one in _WORST_FIRST if one in conclusions), "failure")


@dataclass(frozen=True, slots=True)
class StoredRule:
    """One branch protection (named by its branch) or ruleset, with its document."""

    id: int
    kind: str
    name: str
    body: JsonObject
    created_at: int
    updated_at: int
