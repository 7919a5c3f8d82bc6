"""Starts a sandbox: its walls first, then its first program, then the command."""

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import assert_never

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Dial, Form, SandboxSpec
from harness.programs.sandbox.child_processes import kill_descendants
from harness.programs.sandbox.walls import accounts, bubblewrap, landlock, unsealed
from harness.programs.sandbox.walls.cgroup import Cgroup
from harness.programs.sandbox.walls.identity import tasks_of_account
from harness.programs.sandbox.watch import descendants

MIB = 1024 * 1024
# A killed process namespace is gone in milliseconds. A longer wait means that something is wrong.
DEATH_SECONDS = 20
SETUP_SECONDS = 30
# How long it may take until all of it stands still. One that waits for a disk does not.
STOP_SECONDS, POLL_SECONDS = 1, 0.002
NOT_KILLED = "a sandbox does not die; look for a task in uninterruptible sleep"


@dataclass(frozen=True, slots=True)
class HostResources:
    """What the host gives one sandbox.

    `uid` is its user, and `lock` keeps that uid taken (None where the uid is not shared). `group`
    is its control group. `life` is the reading end of its lifeline. `home` is a host folder of its
    own where there are no mounts, with what `landlock.make_folders` makes in it; else None.
    """

    uid: int
    lock: int | None
    group: Cgroup
    life: int
    home: Path | None = None


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A running sandbox.

    `first` is a pidfd of its first process, whose end is the end of all of them; None without a
    process namespace. `status` can be read for the first program's report. With an `outer_init`
    there is no namespace: a process outside ends everything on SIGTERM.
    """

    process: subprocess.Popen[bytes]
    first: int | None
    status: int
    group: Cgroup
    outer_init: bool = False

    def tasks(self) -> tuple[int, ...]:
        """The host's pids of what runs in it."""
        return self.group.tasks() or descendants(self.process.pid)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Within the block no program of it runs. What had stopped by itself stays so.

        The process that holds it together goes on: it ends the others if this one is killed."""
        stopped: list[int] = []
        seen = {0, self.process.pid}  # 0 stands for a task of another process namespace
        give_up = time.monotonic() + STOP_SECONDS
        try:
            while time.monotonic() < give_up:
                # One that starts another just now has done so before it stands.
                standing = not any(map(_runs, stopped))
                if not (new := [pid for pid in self.tasks() if pid not in seen]) and standing:
                    break
                seen.update(new)
                for pid in filter(_runs, new):
                    with contextlib.suppress(OSError):
                        os.kill(pid, signal.SIGSTOP)
                        stopped.append(pid)
                time.sleep(0 if new else POLL_SECONDS)
            yield
        finally:
            # Children first: a shell would report that one of its own has stopped.
            for pid in reversed(stopped):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)

    def kill(self, *, seconds: float = DEATH_SECONDS) -> None:
        """Kill it and wait until it is dead. Raises SandboxError when it does not die in time."""
        if self.outer_init and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=seconds)
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise SandboxError(NOT_KILLED) from error
        if self.first is not None and not readable([self.first], seconds):
            raise SandboxError(NOT_KILLED)
        # A killed outer init leaves its children to this process, unless a group holds them.
        if self.outer_init and not self.group.groups and not kill_descendants():
            raise SandboxError(NOT_KILLED)


def _runs(pid: int) -> bool:
    """Whether this process has neither ended nor been stopped."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1] not in b"TtZX"
    return False


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a sandbox: command line, environment and inherited descriptors.

    `process_name` is the name that the program has in the process list; empty means its own.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[int, ...] = ()
    process_name: str = ""


@contextlib.contextmanager
def started(
    form: Form, spec: SandboxSpec, resources: HostResources, *, output: int | None
) -> Iterator[RunningSandbox]:
    """The sandbox with its command about to run. It is dead at the end of the block.

    Raises SandboxError when the sandbox cannot be made."""
    with contextlib.ExitStack() as ends:
        status, report = _pipe(ends)
        info, info_write = _pipe(ends)
        channels = ("--status", str(report), "--life", str(resources.life))
        options = (*channels, *_limit_options(form, spec, resources.group))
        launch = _launch(form, spec, resources, options=options, info_write=info_write, ends=ends)
        served = (serve.fd for serve in spec.serve)
        further = () if spec.commands is None else (spec.commands,)
        inherited = [report, resources.life, *served, *further, *launch.inherited]
        process = _process(launch, resources, inherited, output=output)
        # While this process holds the writing ends, it would never read the end of either pipe.
        os.close(report)
        os.close(info_write)
        first = _first_process(info) if form.in_namespaces else None
        outer_init = form is Form.LANDLOCK
        sandbox = RunningSandbox(process, first, status, resources.group, outer_init=outer_init)
        try:
            yield sandbox
        finally:
            sandbox.kill()
            if sandbox.first is not None:
                os.close(sandbox.first)


def _launch(
    form: Form,
    spec: SandboxSpec,
    resources: HostResources,
    *,
    options: tuple[str, ...],
    info_write: int,
    ends: contextlib.ExitStack,
) -> Launch:
    if spec.commands is not None and not form.in_namespaces:
        # Without namespaces our first program stays outside of the walls, where it may start
        # nothing.
        raise SandboxError(f"the form {form} runs no further commands; ask for one with namespaces")
    match form:
        case Form.UNSEALED:
            return _unsealed_launch(spec, options)
        case Form.LANDLOCK:
            return _landlock_launch(spec, resources, options, ends=ends)
        case Form.BWRAP_ROOT | Form.BWRAP_USERNS:
            return _bubblewrap_launch(
                form, spec, resources, options=options, info_write=info_write, ends=ends
            )
        case _:
            assert_never(form)


def _unsealed_launch(spec: SandboxSpec, options: tuple[str, ...]) -> Launch:
    own = ("--cwd", unsealed.translated(spec.cwd, spec), *_port_options(spec))
    command = (*unsealed.first_program(), *options, *own, "--", *unsealed.argv(spec))
    return Launch(command, unsealed.environment(spec))


def _landlock_launch(
    spec: SandboxSpec,
    resources: HostResources,
    options: tuple[str, ...],
    *,
    ends: contextlib.ExitStack,
) -> Launch:
    home = resources.home
    assert home, "a sandbox of this form has a folder of its own"
    rules = os.memfd_create("rules")
    ends.callback(os.close, rules)
    os.write(rules, landlock.rules(spec, home))
    os.lseek(rules, 0, os.SEEK_SET)
    own = ("--rules", str(rules), "--home", str(home), "--cwd", landlock.cwd(spec, home))
    options = (*options, *own, *_port_options(spec))
    command = (*landlock.first_program(), *options, "--", *landlock.argv(spec, home))
    return Launch(command, inherited=(rules,))


def _bubblewrap_launch(
    form: Form,
    spec: SandboxSpec,
    resources: HostResources,
    *,
    options: tuple[str, ...],
    info_write: int,
    ends: contextlib.ExitStack,
) -> Launch:
    view = ends.enter_context(contextlib.closing(bubblewrap.View()))
    extra: tuple[str, ...] = ("--info-fd", str(info_write))
    inherited: tuple[int, ...] = (info_write,)
    if resources.lock is not None:
        # bubblewrap keeps the lock open, so the uid is taken while anything in the sandbox lives.
        extra = (*extra, "--sync-fd", str(resources.lock))
        inherited = (*inherited, resources.lock)
    walls = bubblewrap.command(form, spec, view, uid=resources.uid, extra=extra)
    seen_dials = (Dial(dial.port, bubblewrap.socket_in_sandbox(dial.port)) for dial in spec.dial)
    ports = _port_options(replace(spec, dial=tuple(seen_dials)))
    first = bubblewrap.first_program(view, spec, (*options, "--cwd", spec.cwd, *ports))
    # `first_program` adds to `view.files`, so they are read only now.
    inherited = (*inherited, *view.files)
    return Launch((*walls, *first), inherited=inherited, process_name=accounts.first_name(spec))


def readable(descriptors: list[int], seconds: float) -> list[int]:
    """The descriptors that can be read or have ended, once there is one or the time is over."""
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
    # The writing ends are closed already, as soon as the sandbox has them.
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _limit_options(form: Form, spec: SandboxSpec, group: Cgroup) -> Iterator[str]:
    limits = {"CORE": 0, "FSIZE": spec.limits.file_mb * MIB, "NOFILE": spec.limits.open_files}
    if "pids" not in group.held and form.sealed:
        # Without a user namespace the kernel counts all tasks of the account.
        others = tasks_of_account() if form is Form.LANDLOCK else 0
        # Two more: the first program, and setpriv before it.
        limits["NPROC"] = others + spec.limits.pids + 2
    for name, value in limits.items():
        yield from ("--limit", f"{name}={value}")


def _port_options(spec: SandboxSpec) -> Iterator[str]:
    for dial in spec.dial:
        yield from ("--dial", f"{dial.port}={dial.socket}")
    for serve in spec.serve:
        yield from ("--serve", f"{serve.port}={serve.fd}")


def _process(
    launch: Launch, resources: HostResources, inherited: list[int], *, output: int | None
) -> subprocess.Popen[bytes]:
    try:
        with _by_its_name(launch) as (program, command):
            return subprocess.Popen(
                command,
                executable=program,
                env=launch.env,
                stdout=output,
                stderr=output,
                pass_fds=inherited,
                start_new_session=True,
                preexec_fn=_entering(resources.group),
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the sandbox could not be started: {error}") from error


@contextlib.contextmanager
def _by_its_name(launch: Launch) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The program to execute, and its command line.

    The kernel names a process after the path of its program. So another name needs a link, which
    exists only while the process starts.
    """
    program, name = launch.command[0], launch.process_name
    if not name:
        yield program, launch.command
        return
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        link = os.path.join(folder, os.path.basename(name))
        os.symlink(program, link)
        yield link, (name, *launch.command[1:])


def _entering(group: Cgroup) -> Callable[[], None]:
    """A function that puts the new process into the group before its first instruction.

    It runs between fork and exec, which is safe because the supervisor has one thread.
    """

    def enter() -> None:
        for file in group.procs_files:
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
            os.write(descriptor, b"0")
            os.close(descriptor)

    return enter


def _first_process(info: int) -> int | None:
    """A pidfd of the first process in the sandbox; None when bubblewrap gave up before that."""
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
