"""Sandboxes as values: what a sandbox is asked to hold, and what it reports afterwards.

These are the words of the sandbox supervisor's JSON documents (`python -I -m
harness.programs.sandbox`), one field a key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from harness.domain.setting import MOST, setting


class Form(StrEnum):
    """The forms of sandbox, the best first. `unsealed` runs the command and holds nothing that
    matters."""

    BWRAP_ROOT = "bwrap-root"
    BWRAP_USERNS = "bwrap-userns"
    LANDLOCK = "landlock"
    UNSEALED = "unsealed"

    @property
    def sealed(self) -> bool:
        """Whether what runs in it is kept from files, network and processes by the operating
        system."""
        return self is not Form.UNSEALED

    @property
    def in_namespaces(self) -> bool:
        """Whether it has a view of its own of files, processes and network, which ends when its
        first process does."""
        return self in (Form.BWRAP_ROOT, Form.BWRAP_USERNS)


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder or file of the host, visible in the sandbox at `target`. `rw` ones are given to
    the sandbox's own uid."""

    source: str
    target: str
    mode: Literal["ro", "rw"] = "ro"


@dataclass(frozen=True, slots=True)
class Layer:
    """A project's dependencies, installed in `folder` of the host.

    `within` is the path below the project's own folder at which its programs look for them; where
    it is empty, they may lie anywhere, and the environment variable `variable` names the place."""

    folder: str
    variable: str = ""
    within: str = ""

    def bind(self, tree: str, *, apart: str) -> Bind:
        """Shows them to a sandbox that has the project at `tree`: in it, or else at `apart`."""
        return Bind(self.folder, f"{tree}/{self.within}" if self.within else apart)

    def env(self, *, apart: str) -> dict[str, str]:
        """What a sandbox's environment needs beside that bind."""
        return {self.variable: apart} if self.variable else {}


@dataclass(frozen=True, slots=True)
class Dial:
    """In the sandbox, 127.0.0.1:`port` reaches the host's unix socket `socket`, and nothing
    else."""

    port: int
    socket: str


@dataclass(frozen=True, slots=True)
class Serve:
    """Connections to the unix socket that listens on descriptor `fd` reach 127.0.0.1:`port` in the
    sandbox."""

    port: int
    fd: int


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What a sandbox may use: seconds, MiB, tasks (processes and threads), open files per process.

    `disk_mb` bounds the growth of the writable binds together, each file and folder counted as at
    least 4 KiB, and each of /tmp and /dev/shm; `file_mb` any one file."""

    wall_seconds: float = 60
    memory_mb: int = 1024
    pids: int = 256
    disk_mb: int = 512
    file_mb: int = 256
    open_files: int = 1024


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """One command and everything it may see. What is not named here does not exist in the sandbox.

    `argv[0]` of "python" is the supervisor's interpreter. `env` is the whole environment beyond
    PATH, HOME=/tmp and LANG=C.UTF-8. `distributions` are names of Python distributions whose
    closure is importable; `form` is "auto" or a `Form`. `root` is the prepared root file system
    that takes the place of the machine's; empty: the machine's own.

    `commands` is a descriptor of a unix socket, over which the caller runs further commands inside
    (`walls.commands`); then `argv` may be empty. It needs a form with namespaces. `user` is the
    name of the sandbox's account, and `home` its home in the list of accounts. `shared` is the
    source of a writable bind that other sandboxes use at the same time: all of them have one uid,
    where sandboxes have uids of their own."""

    name: str
    argv: tuple[str, ...]
    cwd: str = "/"
    env: Mapping[str, str] = field(default_factory=dict)
    hostname: str = "localhost"
    binds: tuple[Bind, ...] = ()
    distributions: tuple[str, ...] = ()
    dial: tuple[Dial, ...] = ()
    serve: tuple[Serve, ...] = ()
    browser: bool = False
    limits: SandboxLimits = field(default_factory=SandboxLimits)
    form: str = "auto"
    root: str = ""
    commands: int | None = None
    user: str = "app"
    home: str = "/tmp"  # noqa: S108 - the sandbox's own
    shared: str = ""


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """How a sandbox ended. It is dead, with everything that ran in it.

    `exit_code` is 128 + `signal` when signalled, and 137 whenever `killed_by` names why the
    supervisor ended it. `unheld` names each limit or wall that this form could not keep; `reached`
    each limit that was run into without ending the sandbox (pids, file). `peak_memory_mb` is None
    where nothing could measure it. The output is capped."""

    form: str
    unheld: tuple[str, ...]
    exit_code: int
    signal: int | None
    killed_by: str | None
    seconds: float
    peak_memory_mb: int | None
    reached: tuple[str, ...] = ()
    stdout: bytes = b""
    stderr: bytes = b""

    @property
    def ok(self) -> bool:
        """The command ended by itself with exit code 0."""
        return self.exit_code == 0 and self.killed_by is None


@dataclass(frozen=True, slots=True)
class SandboxForm:
    """What running one sandbox of this form here has shown; `why` is what went wrong when it does
    not work."""

    form: Form
    works: bool
    why: str
    unheld: tuple[str, ...]


MOST_SERVICES = 8


@dataclass(frozen=True, slots=True)
class Service:
    """One service, started fresh in the sandbox of whatever needs it: the judged app, the project's
    tests and commands, an implementer. `{data}` in an argument stands for a folder of its own."""

    # fmt: off
    name: str = setting(
        "", "Its name, and its folder's: small letters, digits and hyphens.",
        example='"db"', required=True,
    )
    start: tuple[str, ...] = setting(
        (), "The command that starts it, in front and not as a daemon.",
        example='["redis-server", "--dir", "{data}", "--save", ""]', required=True,
    )
    ready: tuple[str, ...] = setting(
        (), "A command that ends with 0 once it is ready; empty: it is ready at once.",
        example='["redis-cli", "ping"]',
    )
    ready_seconds: int = setting(
        30, "How long it may take until then.",
        example="60", unit="seconds", least=1, most=MOST,
    )
    prepare: tuple[str, ...] = setting(
        (), "A command that makes its data, once before the first start.",
        example='["/usr/lib/postgresql/15/bin/initdb", "-D", "{data}/pg", "-U", "app"]',
    )
    setup: tuple[str, ...] = setting(
        (), "A command that is run once after the first start, for users and databases.",
        example='["/usr/lib/postgresql/15/bin/createdb", "-h", "127.0.0.1", "-U", "app", "shop"]',
    )
    # fmt: on
