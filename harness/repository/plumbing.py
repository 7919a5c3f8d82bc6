"""Runs one git process: an argument list, a closed environment, a time limit, and its own process
group.

Objects that a stranger can push are read with limits: a pack of a few kilobytes can contain a tree
of trees with a billion paths, and git would list them all. The kernel limits processor time and
memory, and the reader here limits the output.
"""

import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.errors import GitError
from harness.repository.environment import environment

SECONDS = 60.0
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one git process: seconds of processor time, bytes of its own memory (mapped
    packs do not count), bytes of any one file that it writes (0: any), bytes of output, and, with
    `records`, the number of NULs in the output."""

    processor_seconds: int = 20
    memory: int = 1024**3
    file: int = 0
    output: int = 256 * 1024**2
    records: int = 0


READING = Bounds()
"""For reading a tree that a stranger may have written."""


@dataclass(frozen=True, slots=True)
class GitResult:
    """How a git process ended, and what it printed."""

    status: int
    out: bytes
    err: str

    @property
    def message(self) -> str:
        """The most useful line of standard error: the first that starts with `fatal` or `error`,
        else the last one."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        errors = [
            line
            for line in lines
            if line.startswith(("fatal:", "error:", "remote: fatal", "remote: error"))
        ]
        return (errors[:1] or lines[-1:] or [f"git ended with status {self.status}"])[0]


@dataclass(frozen=True, slots=True)
class Git:
    """Git on one repository, named by its own folder, so that nothing is discovered from the
    current folder.

    `umask` is for what it writes (-1: ours). `nice` lowers its priority. With `bounds` it is ended
    when it takes more. With `objects` it writes new objects to that folder, and reads both.
    """

    git_dir: Path
    seconds: float = SECONDS
    umask: int = -1
    nice: int = 0
    bounds: Bounds | None = None
    objects: Path | None = None

    def output(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: Iterable[tuple[str, str]] = (),
        more: Mapping[str, str] | None = None,
    ) -> bytes:
        """What a command prints. Raises GitError with git's own message if its status is not 0."""
        result = self.run(*arguments, stdin=stdin, settings=settings, more=more)
        if result.status:
            raise GitError(f"git {arguments[0]} in {self.git_dir.name}: {result.message}")
        return result.out

    def init(self, *, branch: str = "unborn") -> None:
        """Make the repository: bare, with nothing of the machine's own in it. Its first branch will
        be called `branch`."""
        options = ("--bare", "--quiet", "--template=", "--object-format=sha1")
        self.output("init", *options, f"--initial-branch={branch}")

    def line(
        self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] | None = None
    ) -> str:
        """The one line that a command prints, such as an object's name."""
        return self.output(*arguments, stdin=stdin, more=more).decode("ascii").strip()

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: Iterable[tuple[str, str]] = (),
        more: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> GitResult:
        """Run a command to its end, whatever its status. Raises GitError if it exceeds its bounds,
        and a retryable one after the time limit."""
        limit = seconds or self.seconds
        if self.objects is not None:
            own = str(self.git_dir / "objects")
            apart = {"GIT_OBJECT_DIRECTORY": str(self.objects)}
            more = {**(more or {}), **apart, "GIT_ALTERNATE_OBJECT_DIRECTORIES": own}
        argv = ("nice", f"--adjustment={self.nice}", "git", f"--git-dir={self.git_dir}", *arguments)
        process = _started(
            argv if self.nice else argv[2:], environment(settings, more=more), umask=self.umask
        )
        try:
            if self.bounds is None:
                out, err = process.communicate(input=stdin, timeout=limit)
            else:
                _limit(process.pid, self.bounds)
                out, err = _bounded(process, stdin, self.bounds, seconds=limit)
        except subprocess.TimeoutExpired as late:
            words = f"git {arguments[0]} in {self.git_dir.name} took more than {limit:g} s"
            raise GitError(words, retryable=True) from late
        except _TooMuch as beyond:
            raise GitError(
                f"git {arguments[0]} in {self.git_dir.name} {beyond}: a tree of such a size is not"
                " read"
            ) from None
        finally:
            # A time limit, a stop or Ctrl-C must not leave behind a git that still writes.
            _end(process)
        if self.bounds is not None and process.returncode == -signal.SIGXCPU:
            raise GitError(
                f"git {arguments[0]} in {self.git_dir.name} took more than"
                f" {self.bounds.processor_seconds} s of a processor: a tree of such a size is not"
                " read"
            )
        return GitResult(process.returncode, out, err.decode("utf-8", "backslashreplace"))


def _started(argv: tuple[str, ...], variables: Mapping[str, str], *, umask: int) -> Any:
    """The process, started through GitPython.

    GitPython copies our whole environment into each git and has no option to copy less. So `env`
    removes every inherited variable again, by name: values (one may be a token) never enter an
    argument list.
    """
    try:
        # The import takes 50 ms and runs git once, which is too slow for `factory --help`.
        from git.cmd import Git as GitPython
        from git.exc import GitCommandNotFound
    except ImportError as missing:
        raise GitError("no git to run: install git 2.39 or newer") from missing
    inherited = (f"--unset={name}" for name in os.environ if name not in variables)
    try:
        return GitPython("/").execute(
            ("env", *inherited, *argv),
            istream=subprocess.PIPE,
            as_process=True,
            shell=False,
            env=variables,
            start_new_session=True,
            umask=umask,
        )
    except GitCommandNotFound as missing:
        raise GitError(
            "`env` of coreutils is not installed, and git is started through it"
        ) from missing
    except OSError as error:
        raise GitError(f"git could not be started: {error}", retryable=True) from error


class _TooMuch(Exception):
    """A git process printed more than its bounds allow."""


def _limit(pid: int, bounds: Bounds) -> None:
    """Let the kernel limit a process and all that it starts. Only Linux lets one process do that to
    another."""
    if not hasattr(resource, "prlimit"):
        return
    wanted = {
        resource.RLIMIT_CPU: bounds.processor_seconds,
        resource.RLIMIT_DATA: bounds.memory,
        resource.RLIMIT_FSIZE: bounds.file,
    }
    for what, most in wanted.items():
        if most:
            # SIGXCPU at the soft limit shows the cause; the hard one a second later ends it.
            resource.prlimit(pid, what, (most, most + (what == resource.RLIMIT_CPU)))


def _bounded(process: Any, stdin: bytes, bounds: Bounds, *, seconds: float) -> tuple[bytes, bytes]:
    """Like `communicate`, but reads only as far as the bounds allow. Raises _TooMuch and
    TimeoutExpired."""
    until, left, printed = time.monotonic() + seconds, memoryview(stdin), _Output(bounds)
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, printed.out)
        waiting.register(process.stderr, selectors.EVENT_READ, printed.err)
        # A git that prints and does not read would otherwise block us for ever.
        os.set_blocking(process.stdin.fileno(), False)
        waiting.register(process.stdin, selectors.EVENT_WRITE)
        while waiting.get_map():
            ready = waiting.select(until - time.monotonic())
            if time.monotonic() >= until:
                raise subprocess.TimeoutExpired("git", seconds)
            for key, _ in ready:
                if key.data is None:
                    left = _sent(key.fd, left)
                    ended = not left
                else:
                    ended = not printed.take(key.data, os.read(key.fd, _CHUNK))
                if ended:
                    pipe: Any = key.fileobj
                    waiting.unregister(pipe)
                    pipe.close()
    # Its pipes are closed, and even at the deadline it may take a moment to exit.
    process.proc.wait(max(until - time.monotonic(), 1.0))
    return b"".join(printed.out), b"".join(printed.err)


class _Output:
    """What a process has printed so far, on both of its pipes."""

    def __init__(self, bounds: Bounds) -> None:
        self.out: list[bytes] = []
        self.err: list[bytes] = []
        self._bounds, self._size, self._records = bounds, 0, 0

    def take(self, pipe: list[bytes], chunk: bytes) -> bool:
        """Add a chunk from one pipe; returns whether there was one. Raises _TooMuch."""
        pipe.append(chunk)
        self._size += len(chunk)
        if self._size > self._bounds.output:
            raise _TooMuch(f"printed more than {self._bounds.output:,} bytes")
        self._records += chunk.count(b"\0") if self._bounds.records else 0
        if self._records > self._bounds.records:
            raise _TooMuch(f"listed more than {self._bounds.records:,} entries")
        return bool(chunk)


def _sent(pipe: int, left: memoryview) -> memoryview:
    """What is still to be sent; nothing if nobody reads it any more."""
    try:
        return left[os.write(pipe, left[:_CHUNK]) :] if left else left
    except BlockingIOError:
        return left
    except BrokenPipeError:
        return left[:0]


def _end(process: Any) -> None:
    """Kill git and all that it started, and reap it, unless it has ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.proc.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                pipe.close()
