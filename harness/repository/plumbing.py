"""One git process: an argument list, a closed environment, a time limit, and its own process group."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.errors import GitError
from harness.repository.environment import environment

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a git process ended, and what it printed."""

    status: int
    out: bytes
    err: str

    @property
    def last_words(self) -> str:
        """The line of standard error that says most: the last one, or the first that starts with `fatal` or `error`."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        telling = [line for line in lines if line.startswith(("fatal:", "error:", "remote: fatal", "remote: error"))]
        return (telling[:1] or lines[-1:] or [f"git ended with status {self.status}"])[0]


@dataclass(frozen=True, slots=True)
class Git:
    """Git on one repository, named by its own folder, so that nothing is discovered from where we happen to stand.

    `umask` is for what it writes (-1: as we have it); `nice` lets it stand back for whatever else runs.
    """

    git_dir: Path
    seconds: float = SECONDS
    umask: int = -1
    nice: int = 0

    def output(self, *arguments: str, stdin: bytes = b"", settings: Iterable[tuple[str, str]] = (),
               more: Mapping[str, str] | None = None) -> bytes:
        """What a command prints. Raises GitError with git's own words when its status is not 0."""
        said = self.said(*arguments, stdin=stdin, settings=settings, more=more)
        if said.status:
            raise GitError(f"git {arguments[0]} in {self.git_dir.name}: {said.last_words}")
        return said.out

    def line(self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] | None = None) -> str:
        """The one line that a command prints, such as an object's name."""
        return self.output(*arguments, stdin=stdin, more=more).decode("ascii").strip()

    def said(self, *arguments: str, stdin: bytes = b"", settings: Iterable[tuple[str, str]] = (),
             more: Mapping[str, str] | None = None, seconds: float | None = None) -> Said:
        """Run a command to its end, whatever its status. Raises GitError (retryable) when the time is up."""
        limit = seconds or self.seconds
        argv = ("nice", f"--adjustment={self.nice}", "git", f"--git-dir={self.git_dir}", *arguments)
        process = _started(argv if self.nice else argv[2:], environment(settings, more=more), umask=self.umask)
        try:
            out, err = process.communicate(input=stdin, timeout=limit)
        except subprocess.TimeoutExpired as late:
            words = f"git {arguments[0]} in {self.git_dir.name} took more than {limit:g} s"
            raise GitError(words, retryable=True) from late
        finally:   # a time limit, a stop or Ctrl-C must not leave behind a git that still writes
            _end(process)
        return Said(process.returncode, out, err.decode("utf-8", "backslashreplace"))


def _started(argv: tuple[str, ...], variables: Mapping[str, str], *, umask: int) -> Any:
    """The process, started through GitPython.

    GitPython copies our whole environment into each git and has no way to ask for less, so `env` takes every inherited
    variable away again, by name: values (a token may be one) never enter an argument list.
    """
    try:
        from git.cmd import Git as GitPython  # 50 ms, and it runs git once: not for `factory --help`
        from git.exc import GitCommandNotFound
    except ImportError as missing:
        raise GitError("no git to run: install git 2.39 or newer") from missing
    inherited = (f"--unset={name}" for name in os.environ if name not in variables)
    try:
        return GitPython("/").execute(
            ("env", *inherited, *argv), istream=subprocess.PIPE, as_process=True, shell=False, env=variables,
            start_new_session=True, umask=umask,
        )
    except GitCommandNotFound as missing:
        raise GitError("`env` of coreutils is not installed, and git is started through it") from missing
    except OSError as error:
        raise GitError(f"git could not be started: {error}", retryable=True) from error


def _end(process: Any) -> None:
    """Kill git and all that it started, and reap it. Nothing happens to one that has ended by itself."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
