"""Runs commands. Each one ends: by itself, at its time limit, or when it has written too much.

Properties:

- What a command started ends with it, even what left its group and its session, as long as this
  process adopts orphans.
- Nothing waits for a person: there is no terminal and no input.
- The output is a file from the first byte, because a pipe stays open for as long as anybody holds
  it.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ALONE = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "false",
    "EDITOR": "false",
    "VISUAL": "false",
    "PAGER": "cat",
    "TERM": "dumb",
    "PYTHONUNBUFFERED": "1",
}
"""Variables for programs: nobody types or pages here, and output has to be flushed at once."""
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. `left` counts the processes that it left running; they have been
    killed."""

    how: str
    # None means that it was stopped.
    exit_code: int | None
    left: int
    output: Path


class Shell:
    """Runs commands in `folder`, and keeps what each prints in a file of `outputs`.

    `seconds` is the longest time limit, and `most_output` the bytes that one command may write. Of
    more than `most_kept` bytes in all, the oldest files are deleted.
    """

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        *,
        outputs: Path,
        seconds: int,
        most_output: int = 32 << 20,
        most_kept: int = 128 << 20,
    ) -> None:
        self.folder, self.outputs, self.seconds = folder, outputs, seconds
        self._most_output, self._most_kept = most_output, most_kept
        self._environment = ALONE | environment
        self._run = 0

    def run(self, argv: Sequence[str], *, seconds: int = 0) -> Ended:
        """Run it to an end. Raises OSError or ValueError when it cannot be started."""
        limit = min(seconds, self.seconds) if seconds > 0 else self.seconds
        before = _children()
        with self.output_file().open("wb") as out:
            shell = subprocess.Popen(
                argv,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            how = ""
            try:
                how = self._wait(shell, out.fileno(), limit)
            finally:
                left = _ended_group(shell) + _ended_orphans(before)
        return Ended(
            how or f"exit {shell.returncode}",
            None if how else shell.returncode,
            left,
            Path(out.name),
        )

    def output_file(self) -> Path:
        """A new file for an output. The oldest files are deleted when there is too much."""
        self._run += 1
        self.outputs.mkdir(parents=True, exist_ok=True)
        old = [
            file
            for number in range(1, self._run)
            if (file := self.outputs / f"{number}.txt").is_file()
        ]
        while old and sum(file.stat().st_size for file in old) > self._most_kept:
            old.pop(0).unlink()
        return self.outputs / f"{self._run}.txt"

    def _wait(self, shell: subprocess.Popen[bytes], output: int, limit: int) -> str:
        """Wait for its end. Returns why it has to be stopped; empty when it ended by itself."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            with suppress(subprocess.TimeoutExpired):
                shell.wait(_LOOK_SECONDS)
                return ""
            if os.fstat(output).st_size > self._most_output:
                return (
                    f"stopped: it has written more than {self._most_output >> 20} MB; send what it"
                    " writes to a file, or ask for less"
                )
        return f"stopped after {limit} s: it did not end by itself, and here nobody types an answer"


def _ended_group(shell: subprocess.Popen[bytes]) -> int:
    """Kill all that is left of its process group. Returns how many other processes were still
    running."""
    left = sum(1 for one in _processes() if one.group == shell.pid != one.pid and not one.dead)
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
    return left


def _ended_orphans(before: set[int]) -> int:
    """Kill the orphans that became children of this process, until no more come. They may have
    had children."""
    ended = 0
    while new := _children() - before:
        for pid in new:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                ended += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    return ended


def _children() -> set[int]:
    return {one.pid for one in _processes() if one.parent == os.getpid()}


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    # Dead and not yet reaped.
    dead: bool
    parent: int
    group: int


def _processes() -> Iterator[_Process]:
    """Every process that is visible. (proc(5): the name, in brackets, may hold anything.)"""
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            state, parent, group, *_ = (
                Path("/proc", name, "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            )
            yield _Process(int(name), state in "ZX", int(parent), int(group))
