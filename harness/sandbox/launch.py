"""Starts a box: bubblewrap, then the box's own uid, then the first program in it, then the command."""

import contextlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.domain.box import BoxSpec, Form
from harness.domain.errors import SandboxError
from harness.sandbox import bubblewrap, unsealed
from harness.sandbox.cgroup import Cgroup
from harness.sandbox.watch import descendants

MIB = 1024 * 1024
DEATH_SECONDS = 20      # a killed process namespace is gone in milliseconds; beyond this something is badly wrong
SETUP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Ground:
    """What a box stands on: its uid, the lock that keeps the uid (or None), its control group, its life line."""

    uid: int
    lock: int | None
    group: Cgroup
    life: int


@dataclass(frozen=True, slots=True)
class Box:
    """A running box. `first` is a pidfd of its first process, whose end is the end of all; None when unsealed.

    `status` can be read for what the first program says of the command.
    """

    process: subprocess.Popen[bytes]
    first: int | None
    status: int
    group: Cgroup

    def tasks(self) -> tuple[int, ...]:
        """The host's pids of what runs in it."""
        return self.group.tasks() or descendants(self.process.pid)

    def kill(self) -> None:
        """Kill it and wait until it is dead. Raises SandboxError when it will not die."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
        self.process.wait(timeout=DEATH_SECONDS)
        if self.first is not None and not readable([self.first], DEATH_SECONDS):
            raise SandboxError("a box does not die; look for a task in uninterruptible sleep")


@contextlib.contextmanager
def started(form: Form, spec: BoxSpec, ground: Ground, *, output: int | None) -> Iterator[Box]:
    """The box, its command about to run; dead at the end of the block. Raises SandboxError when it cannot be made."""
    with contextlib.ExitStack() as ends:
        status, report = _pipe(ends)
        info, tell = _pipe(ends)
        inherited = [report, ground.life, *(serve.fd for serve in spec.serve)]
        options = ("--status", str(report), "--life", str(ground.life), *_options(form, spec, ground.group))
        if form is Form.UNSEALED:
            command = [*unsealed.first_program(), *options, "--", *unsealed.argv(spec)]
            process = _process(command, ground, inherited, env=unsealed.environment(spec), output=output)
        else:
            with contextlib.closing(bubblewrap.View()) as view:
                walls = bubblewrap.command(form, spec, view, uid=ground.uid, extra=_extra(tell, ground.lock))
                command = [*walls, *bubblewrap.first_program(), *options, "--", *bubblewrap.argv(spec)]
                kept = [ground.lock] if ground.lock is not None else []
                process = _process(command, ground, [*inherited, tell, *kept, *view.files], env={}, output=output)
        os.close(report)
        os.close(tell)
        box = Box(process, _first_process(info) if form.sealed else None, status, ground.group)
        try:
            yield box
        finally:
            box.kill()
            if box.first is not None:
                os.close(box.first)


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
    with contextlib.suppress(OSError):      # the writing ends are closed as soon as the box has them
        os.close(descriptor)


def _extra(tell: int, lock: int | None) -> tuple[str, ...]:
    sync = ("--sync-fd", str(lock)) if lock is not None else ()     # the uid is taken while anything in the box lives
    return "--info-fd", str(tell), *sync


def _options(form: Form, spec: BoxSpec, group: Cgroup) -> Iterator[str]:
    limits = {"CORE": 0, "FSIZE": spec.limits.file_mb * MIB, "NOFILE": spec.limits.open_files}
    if "pids" not in group.held and form.sealed:
        limits["NPROC"] = spec.limits.pids + 2      # the first program, and setpriv before it
    yield from ("--cwd", spec.cwd if form.sealed else unsealed.translated(spec.cwd, spec))
    if form.sealed:
        yield from ("--environ", bubblewrap.ENVIRON)
    for name, value in limits.items():
        yield from ("--limit", f"{name}={value}")
    for dial in spec.dial:
        yield from ("--dial", f"{dial.port}={bubblewrap.socket_in_box(dial.port) if form.sealed else dial.socket}")
    for serve in spec.serve:
        yield from ("--serve", f"{serve.port}={serve.fd}")


def _process(command: list[str], ground: Ground, inherited: list[int], *, env: dict[str, str],
             output: int | None) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(command, env=env, stdout=output, stderr=output, pass_fds=inherited,
                                start_new_session=True, preexec_fn=_entrance(ground.group))
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxError(f"the box could not be started: {error}") from error


def _entrance(group: Cgroup) -> Callable[[], None]:
    """Puts the process into the group before its first instruction. Safe: the supervisor has one thread."""
    def enter() -> None:
        for file in group.entrances:
            descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
            os.write(descriptor, b"0")
            os.close(descriptor)

    return enter


def _first_process(info: int) -> int | None:
    """A pidfd of the first process in the box, or None when bubblewrap gave up before there was one."""
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
