"""The facts of a change, as values. The rules decide over these and nothing else.

Properties: a fact nobody established is UNKNOWN, never an empty tuple and never zero; UNKNOWN means
no; nothing here reads anything. Facts about files come from raw tree objects of the factory's own
repository, facts about people from the forge's API, facts about runs from the ledger. No fact comes
from a text that the change itself carries."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Final, TypeAlias, TypeVar


class Unknown(Enum):
    """The type of UNKNOWN."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        """An unknown is never taken for a yes by a careless `if`."""
        return False

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN
"""Nobody established this fact. Compare with `is`."""

_T = TypeVar("_T")
Maybe: TypeAlias = _T | Unknown


class ChangeKind(StrEnum):
    """What happened to a path. A rename is a deletion and an addition, always: a rename once hid a
    protected file."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    TYPE_CHANGED = "type-changed"


NO_FILE: Final = "000000"
REGULAR: Final = "100644"
EXECUTABLE: Final = "100755"
SYMLINK: Final = "120000"
GITLINK: Final = "160000"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of a raw diff.

    `added` and `deleted` are lines, counted from the blobs themselves (a `.gitattributes` makes git
    print `- -`); None where the content is binary or was too large to read. `size` is the new
    blob's length in bytes, 0 when deleted. From git all of it is known; a record of the past may
    hold the path and the lines alone, and the rest is UNKNOWN."""

    path: bytes
    kind: Maybe[ChangeKind]
    old_mode: Maybe[str]
    new_mode: Maybe[str]
    old_oid: str | None
    new_oid: str | None
    added: int | None
    deleted: int | None
    binary: bool = False
    size: Maybe[int] = 0

    @property
    def lines(self) -> Maybe[int]:
        """Lines added plus lines deleted."""
        if self.added is None or self.deleted is None:
            return UNKNOWN
        return self.added + self.deleted

    @property
    def name(self) -> str:
        """The path for a person to read: what is not UTF-8 is shown escaped."""
        return shown_path(self.path)


def shown_path(path: bytes) -> str:
    """A path for a person to read: what is not UTF-8 is shown escaped."""
    return path.decode("utf-8", "backslashreplace")


class Origin(StrEnum):
    """Where a dependency is fetched from. Only a registry's entry can be held to a hash and a
    name."""

    REGISTRY = "registry"
    URL = "url"
    GIT = "git"
    PATH = "path"
    OPTION = "option"


class DependencyMove(StrEnum):
    """What happened to a dependency. SWAPPED: the same version, other bytes (a hash or an address
    changed)."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SWAPPED = "swapped"


@dataclass(frozen=True, slots=True)
class DependencyChange:
    """One dependency of one manifest or lock, before and after. `near` is a name already there that
    an added one is easily taken for (`reqeusts` beside `requests`); empty where there is none."""

    manifest: bytes
    ecosystem: str
    name: str
    move: DependencyMove
    before: str
    after: str
    origin: Origin = Origin.REGISTRY
    near: str = ""


@dataclass(frozen=True, slots=True)
class SecretFound:
    """A credential in the added bytes. The secret itself is never kept: `shown` is its first
    characters, masked."""

    path: bytes
    line: int
    rule: str
    shown: str


class OnBase(StrEnum):
    """What became of an added test on the base. NOT_RUN: it did not run there, and
    nothing that failed explains it."""

    FAILED = "failed"
    PASSED = "passed"
    SKIPPED = "skipped"
    NOT_RUN = "not-run"


@dataclass(frozen=True, slots=True)
class AddedTest:
    """The id of a test that the base does not have, and what became of it there."""

    name: str
    on_base: OnBase


@dataclass(frozen=True, slots=True)
class TestFacts:
    """Collected test ids before and after, and which of them were skipped when they ran.

    `weakened` are the tests that ask less than before, each as a path, a name and what became of it
    ("tests/test_a.py::test_x: `==` became `in`"); UNKNOWN where nobody compared their text.

    `added` are the tests that the change adds, run on the base with the change's test files;
    UNKNOWN where nobody ran them, or where that run did not come to its end.
    """

    base: frozenset[str]
    candidate: frozenset[str]
    base_skipped: frozenset[str] = frozenset()
    candidate_skipped: frozenset[str] = frozenset()
    weakened: Maybe[tuple[str, ...]] = UNKNOWN
    added: Maybe[tuple[AddedTest, ...]] = UNKNOWN


@dataclass(frozen=True, slots=True)
class JourneyFacts:
    """How many sealed journeys there are, ran, and passed."""

    sealed: int
    executed: int
    passed: int


@dataclass(frozen=True, slots=True)
class CheckFact:
    """One check on a commit and its conclusion in the forge's words (`success`, `failure`,
    `neutral`, …)."""

    name: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class AddedContent:
    """What a change adds to one file: its new lines as bytes, in the order of the file."""

    path: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class ApiLoss:
    """A public name of a module at base that is gone at head, or can no longer be called as it
    was."""

    path: bytes
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class ApiFacts:
    """What callers lose, and the modules that nobody could compare because one side of them does
    not parse."""

    lost: tuple[ApiLoss, ...] = ()
    unread: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ScriptFact:
    """One run of a script of the base over the change. `exit_code` is None when it did not come to
    an end by itself; `said` are the last lines that it printed, or why it was not run."""

    script: str
    arguments: tuple[str, ...]
    exit_code: int | None
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AreaTrust:
    """How far a change is trusted in the area of one trust rule.

    `paths` are that rule's; none means any rule's, as in a case. `level` is what the area has now,
    and `granted` the rule's own words for what it may have: under other words the level is void.
    `value` is the confidence that the change stays, between `low` and `high`, on the `basis` of so
    many `outcomes`; `missing` are the facts that nobody established. `returned` counts how often
    this change went back for want of confidence."""

    paths: tuple[str, ...]
    level: str
    granted: str
    value: Decimal
    basis: str
    outcomes: int = 0
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(1)
    missing: tuple[str, ...] = ()
    returned: int = 0


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """Everything the rules may ask about. Each defaults to UNKNOWN, so what was forgotten refuses.

    `attempts` counts the attempts so far, this one included. `author_ages` are the ages in seconds
    of what this author filed and the factory took up before, `issue_ages` those of everybody's
    issues. `kind` is the triaged kind of the issue (`bug`, `feature`, `chore`). `neighbours` are
    the paths at base in each folder that the change touches. `pictures` counts the screenshots in
    the verdict's evidence. `trust` has one entry for each area that has a trust rule."""

    files: Maybe[tuple[FileChange, ...]] = UNKNOWN
    dependencies: Maybe[tuple[DependencyChange, ...]] = UNKNOWN
    secrets: Maybe[tuple[SecretFound, ...]] = UNKNOWN
    tests: Maybe[TestFacts] = UNKNOWN
    labels: Maybe[frozenset[str]] = UNKNOWN
    author: Maybe[str] = UNKNOWN
    author_ages: Maybe[tuple[int, ...]] = UNKNOWN
    issue_ages: Maybe[tuple[int, ...]] = UNKNOWN
    kind: Maybe[str] = UNKNOWN
    attempts: Maybe[int] = UNKNOWN
    spend_usd: Maybe[Decimal] = UNKNOWN
    checks: Maybe[tuple[CheckFact, ...]] = UNKNOWN
    journeys: Maybe[JourneyFacts] = UNKNOWN
    added: Maybe[tuple[AddedContent, ...]] = UNKNOWN
    api: Maybe[ApiFacts] = UNKNOWN
    neighbours: Maybe[tuple[bytes, ...]] = UNKNOWN
    pictures: Maybe[int] = UNKNOWN
    scripts: Maybe[tuple[ScriptFact, ...]] = UNKNOWN
    trust: Maybe[tuple[AreaTrust, ...]] = UNKNOWN

    @property
    def changed_lines(self) -> Maybe[int]:
        """Lines changed in all files together."""
        if self.files is UNKNOWN:
            return UNKNOWN
        total = 0
        for change in self.files:
            if change.added is None or change.deleted is None:
                return UNKNOWN
            total += change.added + change.deleted
        return total
