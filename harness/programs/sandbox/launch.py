"""Starts a box: bubblewrap, then the box's own uid, then the first program in it, then the
command."""

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Dial, Form, SandboxSpec
from harness.programs.sandbox.child_processes import end_children
from harness.programs.sandbox.walls import bubblewrap, landlock, unsealed
from harness.programs.sandbox.walls.cgroup import Cgroup
from harness.programs.sandbox.walls.identity import tasks_of_account
from harness.programs.sandbox.watch import descendants

MIB = 1024 * 1024
# a killed process namespace is gone in milliseconds; beyond this something is badly wrong
DEATH_SECONDS = 20
SETUP_SECONDS = 30
DEATHLESS = "a box does not die; look for a task in uninterruptible sleep"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a box stands on: its uid, the lock that keeps the uid (or None), its control group, its
    life line, and a folder of the host that is its own alone where it has no mounts (else None)."""

    uid: int
    lock: int | None
    group: Cgroup
    life: int
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A running box. `first` is a pidfd of its first process, whose end is the end of all; None
    without a namespace.

    `status` can be read for what the first program says of the command. A `warded` box has no
    namespace but a warden, which ends all of it when it is told to."""

    process: subprocess.Popen[bytes]
    first: int | None
    status: int
    group: Cgroup
    warded: bool = False

    def tasks(self) -> tuple[int, ...]:
        """The host's pids of what runs in it."""
        return self.group.tasks() or descendants(self.process.pid)

    def kill(self) -> None:
        """Kill it and wait until it is dead. Raises SandboxError when it will not die."""
        if self.warded and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=DEATH_SECONDS)
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
        self.process.wait(timeout=DEATH_SECONDS)
        if self.first is not None and not readable([self.first], DEATH_SECONDS):
            raise SandboxError(DEATHLESS)
        # What a killed warden has left is this process's now, unless a group holds it.
        if self.warded and not self.group.groups and not end_children():
            raise SandboxError(DEATHLESS)


@dataclass(frozen=True, slots=True)
class Shutdown:
    """A command line that makes a box, its environment, and the descriptors that it needs.
    `known_as` is the name that its program goes by in the box; empty for its own."""

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[int, ...] = ()
    known_as: str = ""


@contextlib.contextmanager
def started(form: Form, spec: SandboxSpec, ground: Ground, *, output: int | None) -> Iterator[Box]:
    """The box, its command about to run; dead at the end of the block. Raises SandboxError when it
    cannot be made."""
    with contextlib.ExitStack() as ends:
        status, report = _pipe(ends)
        info, tell = _pipe(ends)
        options = (
            "--status",
            str(report),
            "--life",
            str(ground.life),
            *_limits(form, spec, ground.group),
        )
        shutdown = _shutdown(form, spec, ground, options=options, tell=tell, ends=ends)
        inherited = [report, ground.life, *(serve.fd for serve in spec.serve), *shutdown.inherited]
        process = _process(shutdown, ground, inherited, output=output)
        os.close(report)
        os.close(tell)
        first = _first_process(info) if form.in_namespaces else None
        box = Box(process, first, status, ground.group, warded=form is Form.LANDLOCK)
        try:
            yield box
        finally:
            box.kill()
            if box.first is not None:
                os.close(box.first)


def _shutdown(
    form: Form,
    spec: SandboxSpec,
    ground: Ground,
    *,
    options: tuple[str, ...],
    tell: int,
    ends: contextlib.ExitStack,
) -> Shutdown:
    match form:
        case Form.UNSEALED:
            cwd = unsealed.translated(spec.cwd, spec)
            command = (
                *unsealed.first_program(),
                *options,
                "--cwd",
                cwd,
                *_doors(spec),
                "--",
                *unsealed.argv(spec),
            )
            return Shutdown(command, unsealed.environment(spec))
        case Form.LANDLOCK:
            assert ground.home, "a box of this form has a folder of its own"
            landlock.furnish(spec, ground.home)
            rules = os.memfd_create("rules")
            ends.callback(os.close, rules)
            os.write(rules, landlock.rules(spec, ground.home))
            os.lseek(rules, 0, os.SEEK_SET)
            own = (
                "--rules",
                str(rules),
                "--home",
                str(ground.home),
                "--cwd",
                landlock.cwd(spec, ground.home),
            )
            command = (
                *landlock.first_program(),
                *options,
                *own,
                *_doors(spec),
                "--",
                *landlock.argv(spec, ground.home),
            )
            return Shutdown(command, inherited=(rules,))
        case Form.BWRAP_ROOT | Form.BWRAP_USERNS:
            view = ends.enter_context(contextlib.closing(bubblewrap.View()))
            walls = bubblewrap.command(
                form, spec, view, uid=ground.uid, extra=_extra(tell, ground.lock)
            )
            doors = _doors(
                replace(
                    spec,
                    dial=tuple(
                        Dial(dial.port, bubblewrap.socket_in_sandbox(dial.port))
                        for dial in spec.dial
                    ),
                )
            )
            told = (*options, "--cwd", spec.cwd, *doors)
            command = (*walls, *bubblewrap.first_program(view, spec, told))
            kept = (ground.lock,) if ground.lock is not None else ()
            return Shutdown(
                command, inherited=(tell, *kept, *view.files), known_as=bubblewrap.FIRST_NAME
            )
        case _:
            assert_never(form)


def readable(descriptors: list[int], seconds: float) -> list[int]:
    """Those that can be read, or have ended, once one of them can or the time is over."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)]


def _pipe(ends: contextlib.ExitStack) -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    for end in (read, write):
        ends.callback(_close, end)
    return read, write


def _close(descriptor: int) -> None:
    # the writing ends are closed as soon as the box has them
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _extra(tell: int, lock: int | None) -> tuple[str, ...]:
    # the uid is taken while anything in the box lives
    sync = ("--sync-fd", str(lock)) if lock is not None else ()
    return "--info-fd", str(tell), *sync


def _limits(form: Form, spec: SandboxSpec, group: Cgroup) -> Iterator[str]:
    limits = {"CORE": 0, "FSIZE": spec.limits.file_mb * MIB, "NOFILE": spec.limits.open_files}
    if "pids" not in group.held and form.sealed:
        # a namespace has a count of its own
        others = tasks_of_account() if form is Form.LANDLOCK else 0
        # the first program, and setpriv before it
        limits["NPROC"] = others + spec.limits.pids + 2
    for name, value in limits.items():
        yield from ("--limit", f"{name}={value}")


def _doors(spec: SandboxSpec) -> Iterator[str]:
    for dial in spec.dial:
        yield from ("--dial", f"{dial.port}={dial.socket}")
    for serve in spec.serve:
        yield from ("--serve", f"{serve.port}={serve.fd}")


def _process(
    shutdown: Shutdown, ground: Ground, inherited: list[int], *, output: int | None
) -> subprocess.Popen[bytes]:
    try:
        with _by_its_name(shutdown) as (program, command):
            return subprocess.Popen(
                command,
                executable=program,
                env=shutdown.env,
                stdout=output,
                stderr=output,
                pass_fds=inherited,
                start_new_session=True,
                preexec_fn=_entrance(ground.group),
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the box could not be started: {error}") from error


@contextlib.contextmanager
def _by_its_name(shutdown: Shutdown) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What to execute, and the command line that it is given. The kernel calls a process by the
    name under which its program was executed, so that is a link for as long as it takes to
    start."""
    program, name = shutdown.command[0], shutdown.known_as
    if not name:
        yield program, shutdown.command
        return
    with tempfile.TemporaryDirectory(prefix="box-") as folder:
        link = os.path.join(folder, os.path.basename(name))
        os.symlink(program, link)
        yield link, (name, *shutdown.command[1:])


def _entrance(group: Cgroup) -> Callable[[], None]:
    """Puts the process into the group before its first instruction. Safe: the supervisor has one
    thread."""

    def enter() -> None:
        for file in group.entrances:
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
            os.write(descriptor, b"0")
            os.close(descriptor)

    return enter


def _first_process(info: int) -> int | None:
    """A pidfd of the first process in the box, or None when bubblewrap gave up before there was
    one."""
    text = b""
    while not text.rstrip().endswith(b"}"):
        part = os.read(info, 4096) if readable([info], SETUP_SECONDS) else b""
        if not part:
            return None
        text += part
    try:
        return os.pidfd_open(json.loads(text)["child-pid"])
    except ProcessLookupError:
        return None
