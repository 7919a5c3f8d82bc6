"""A survey: what was found in a repository, each thing with the place that shows it."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.domain.governance import ScopeEntry


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where something shows. Lines start at 1; 0 speaks of the whole file."""

    file: str
    line: int
    detail: str

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.place} {self.detail}"


class Product(StrEnum):
    """What kind of thing the repository makes; it decides what the mission proposes never to
    become."""

    SITE = "site"  # people open it in a browser
    COMMAND = "command"  # people run it
    LIBRARY = "library"  # other programs import it
    DOCUMENTS = "documents"  # people read it


@dataclass(frozen=True, slots=True)
class Language:
    """One language's share of the files that are code or prose, in percent."""

    name: str
    files: int
    percent: int


@dataclass(frozen=True, slots=True)
class Start:
    """How production starts the app, in the foreground, on a port that a variable names."""

    argv: tuple[str, ...]
    port_env: str
    because: Evidence
    needs: str = ""  # a distribution without which the command cannot run
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Daemon:
    """A start command that leaves before the app answers, and its foreground form where there is
    one."""

    command: str
    instead: str
    because: Evidence


@dataclass(frozen=True, slots=True)
class Data:
    """Where the app keeps its data: the variable that names the folder, or none; and what fills
    it."""

    env: str = ""
    seed: tuple[str, ...] = ()
    because: tuple[Evidence, ...] = ()
    fixed: Evidence | None = None  # a place that no variable can move


@dataclass(frozen=True, slots=True)
class Suite:
    """The project's own tests. `command` is empty where none was found that writes a JUnit
    report."""

    runner: str
    command: tuple[str, ...]
    paths: tuple[str, ...]
    because: Evidence
    needs: str = ""


@dataclass(frozen=True, slots=True)
class NamedPackage:
    """A package by its normalised name, and the place that names it first."""

    name: str
    because: Evidence


@dataclass(frozen=True, slots=True)
class Lock:
    """A hash-locked requirements file: one that is there, or the one that `make` would write."""

    path: str
    because: str
    make: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """An address that the app answers, as the source has it."""

    path: str
    methods: tuple[str, ...]
    file: str
    line: int


class ClauseKind(StrEnum):
    """What a sentence of prose governance asks for. UNCHECKED: something, but nothing that a check
    can hold."""

    LINES = "changed_lines"
    FILES = "files"
    ATTEMPTS = "attempts"
    DOLLARS = "spend_usd"
    PROTECTED = "paths"
    DEPENDENCIES = "dependencies"
    SECRETS = "secrets"
    TESTS_KEPT = "tests_kept"
    TESTS_ADDED = "require"
    NEVER = "out"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence that binds, word for word, with its place. `values` are its number or its paths,
    or what it forbids."""

    kind: ClauseKind
    quote: str
    file: str
    line: int
    values: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class GoverningFile:
    """One of the files that steer a factory, as it is found. `binds` says whether it has blocks
    that our reader reads."""

    name: str
    file: str
    binds: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything found in one folder. Pure data: the drafts follow from it alone."""

    name: str
    product: Product = Product.LIBRARY
    summary: str = ""
    headings: tuple[str, ...] = ()
    readme: str = ""
    branch: str = ""
    files: int = 0
    languages: tuple[Language, ...] = ()
    package_manager: str = ""
    packages: tuple[NamedPackage, ...] = ()  # that a manifest names
    lock: Lock | None = None
    tests_lock: Lock | None = None
    start: Start | None = None
    daemons: tuple[Daemon, ...] = ()
    ready: str = "/"
    ready_because: Evidence | None = None
    data: Data = field(default_factory=Data)
    suite: Suite | None = None
    routes: tuple[Route, ...] = ()
    places: tuple[str, ...] = ()  # globs of what the product is made of
    governing: tuple[GoverningFile, ...] = ()
    clauses: tuple[Clause, ...] = ()
    scope: tuple[ScopeEntry, ...] = ()  # of a mission that binds already
    ci: tuple[str, ...] = ()
    issue_forms: tuple[str, ...] = ()
    present: frozenset[str] = frozenset()  # which of the drafts' own paths are taken, in any case
    submodules: tuple[str, ...] = ()
    lfs: tuple[str, ...] = ()
    links_out: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    odd_names: tuple[str, ...] = ()

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The names of its packages."""
        return tuple(package.name for package in self.packages)
