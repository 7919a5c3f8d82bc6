"""The records of a survey: what was found in a repository, with the place of each finding."""

from dataclasses import dataclass, field
from enum import StrEnum

from harness.domain.governance import ScopeEntry
from harness.domain.sandbox import Service


@dataclass(frozen=True, slots=True)
class Evidence:
    """The place of a finding. Lines start at 1; 0 means the whole file."""

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
    """The kind of product; it decides which proposals the mission gets."""

    # People open it in a browser.
    SITE = "site"
    # People run it
    COMMAND = "command"
    # Other programs import it.
    LIBRARY = "library"
    # People read it
    DOCUMENTS = "documents"


@dataclass(frozen=True, slots=True)
class Language:
    """One language's share of the code and prose files, in percent."""

    name: str
    files: int
    percent: int


@dataclass(frozen=True, slots=True)
class Start:
    """How production starts the app: in the foreground, on a port from a variable."""

    argv: tuple[str, ...]
    port_env: str
    because: Evidence
    # A distribution without which the command cannot run.
    needs: str = ""
    env: tuple[tuple[str, str], ...] = ()
    # Whether something here reads its port from that variable.
    reads_port: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """A command that journeys could run: its name, its line, and its place."""

    name: str
    line: str
    because: Evidence


@dataclass(frozen=True, slots=True)
class ServerStart:
    """A start command that returns before the app answers, and its foreground form where
    there is one."""

    command: str
    instead: str
    because: Evidence


@dataclass(frozen=True, slots=True)
class Data:
    """Where the app stores its data: the variable with the folder, if any, and the
    command that fills it."""

    env: str = ""
    seed: tuple[str, ...] = ()
    because: tuple[Evidence, ...] = ()
    # A place that no variable can move.
    fixed: Evidence | None = None


@dataclass(frozen=True, slots=True)
class NamedService:
    """A server that the repository names: its kind, and each place that does. `draft` is how a
    sandbox starts it; None where only one place names it."""

    kind: str
    because: tuple[Evidence, ...]
    draft: Service | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """The project's own tests. `command` is empty if none was found that writes a JUnit report."""

    runner: str
    command: tuple[str, ...]
    paths: tuple[str, ...]
    because: Evidence
    needs: str = ""


@dataclass(frozen=True, slots=True)
class NamedPackage:
    """A package by its normalised name, with the first place that names it."""

    name: str
    because: Evidence


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file with hashes that sandboxes install from: an existing one, or the one that the
    command `make` would write."""

    path: str
    because: str
    make: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the app, as it is in the source."""

    path: str
    methods: tuple[str, ...]
    file: str
    line: int


class ClauseKind(StrEnum):
    """What a sentence of governing prose demands. UNCHECKED: something that no check can
    enforce."""

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
    """A binding sentence, word for word, with its place. `values` are its number, its
    paths, or what it forbids."""

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
    """An existing file that configures or governs. `binds`: whether it has blocks that
    our reader reads."""

    name: str
    file: str
    binds: bool


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything found in a folder. Pure data: the drafts follow from it alone."""

    name: str
    product: Product = Product.LIBRARY
    # None where nothing shows it.
    product_because: Evidence | None = None
    summary: str = ""
    summary_because: Evidence | None = None
    readme: str = ""
    branch: str = ""
    files: int = 0
    languages: tuple[Language, ...] = ()
    # That a manifest names.
    packages: tuple[NamedPackage, ...] = ()
    # Where packages lie in the repository that no lock here furnishes a sandbox from.
    vendored: str = ""
    lock: Lock | None = None
    tests_lock: Lock | None = None
    start: Start | None = None
    # That journeys could run, where nothing answers requests.
    commands: tuple[Command, ...] = ()
    daemons: tuple[ServerStart, ...] = ()
    ready: str = "/"
    ready_because: Evidence | None = None
    data: Data = field(default_factory=Data)
    services: tuple[NamedService, ...] = ()
    suite: Suite | None = None
    routes: tuple[Route, ...] = ()
    # Globs of what the product is made of.
    places: tuple[str, ...] = ()
    # Names of the product's folders and files, at any depth.
    parts: tuple[str, ...] = ()
    governing: tuple[GoverningFile, ...] = ()
    clauses: tuple[Clause, ...] = ()
    # Of a mission that binds already.
    scope: tuple[ScopeEntry, ...] = ()
    issue_forms: tuple[str, ...] = ()
    # Which of the drafts' own paths are taken, in any case.
    present: frozenset[str] = frozenset()
    submodules: tuple[str, ...] = ()
    lfs: tuple[str, ...] = ()
    links_out: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    odd_names: tuple[str, ...] = ()

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The names of its packages."""
        return tuple(package.name for package in self.packages)
