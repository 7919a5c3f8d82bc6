"""Runs one sandbox from start to end, and leaves nothing of it behind.

What must hold, whatever the command does and however this process ends:

- The sandbox dies with this process, `kill -9` included, by four independent ways: bubblewrap asks
  the kernel to be killed with its parent; the process namespace dies with its first process; the
  first program in the sandbox watches a lifeline that this process holds; and a cleanup process
  outside kills the control group when that lifeline is cut.
- bubblewrap dies with the *thread* that started it, not with the process. So there is only one
  thread here.
- A result reports how the sandbox ended only once it is dead. Without a result nothing may be
  believed.
"""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form, SandboxLimits, SandboxResult, SandboxSpec
from harness.folder_walk import delete
from harness.programs.sandbox import forms
from harness.programs.sandbox.child_processes import adopt_orphans
from harness.programs.sandbox.cleanup import cleanup_process
from harness.programs.sandbox.launch import HostResources, RunningSandbox, readable, started
from harness.programs.sandbox.walls import identity, landlock
from harness.programs.sandbox.walls.cgroup import Cgroup, cgroup_for
from harness.programs.sandbox.walls.mount_points import make_mount_points
from harness.programs.sandbox.watch import Tasks, Watch, disk_watch, memory_watch

MIB = 1024 * 1024
# As often as the watches look. Its end and a stop are seen at once.
TICK_SECONDS = 0.2
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KILLED = 128 + signal.SIGKILL, int(signal.SIGKILL)


def run_sandbox(
    spec: SandboxSpec, *, output: int | None = None, stop: int | None = None
) -> SandboxResult:
    """Run `spec` until nothing of it is left. It prints to this process's streams, or to `output`.

    `stop` comes from `stop_signals`, for a caller that has work to do afterwards which no signal
    may cut off. Raises SandboxError when no sandbox could be made; then nothing of the command has
    run.
    """
    form = forms.chosen(spec.form)
    if spec.root and not form.in_namespaces:
        raise SandboxError(
            f"a sandbox of the form {form} sees the machine's own files and can have no root file"
            f" system of its own; `probe` shows why {Form.BWRAP_USERNS} does"
            " not work here"
        )
    began = time.monotonic()
    with contextlib.ExitStack() as held:
        stop = held.enter_context(stop_signals()) if stop is None else stop
        uid, lock = held.enter_context(_identity(form, spec.shared))
        _prepare_binds(spec, form, uid)
        group = cgroup_for(spec.limits)
        life = held.enter_context(cleanup_process(group))
        home = held.enter_context(_home(form, spec))
        # Before it starts: else what it writes while a large folder is looked at would not count.
        watches = _watches(
            spec, group, home, tasks=lambda: sandbox.tasks(), stopped=lambda: sandbox.stopped()
        )
        sandbox = held.enter_context(
            started(form, spec, HostResources(uid, lock, group, life, home), output=output)
        )
        killed_by = _reason_to_kill(sandbox, spec.limits, watches, stop=stop, began=began)
        sandbox.kill()
        # The time may be up before the first program reports anything.
        lines = [] if killed_by else _status_lines(sandbox.status)
        killed_by = killed_by or ("memory" if group.out_of_memory() else None)
        code, by_signal = KILLED if killed_by else _ending(lines[-1], sandbox.process.returncode)
        peak, reached = _peak(group, watches), tuple(_reached(group, by_signal))
    return SandboxResult(
        form=form,
        unheld=forms.unheld(form, group.held),
        exit_code=code,
        signal=by_signal,
        killed_by=killed_by,
        seconds=round(time.monotonic() - began, 3),
        peak_memory_mb=peak,
        reached=reached,
    )


@contextlib.contextmanager
def stop_signals() -> Iterator[int]:
    """A descriptor that can be read once somebody asked this process to stop.

    Within the block a stop signal cuts nothing off, however often it comes.
    """
    read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    before = {number: signal.signal(number, lambda *_: None) for number in STOP_SIGNALS}
    previous = signal.set_wakeup_fd(write)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(previous)
        for number, action in before.items():
            signal.signal(number, action)
        os.close(read)
        os.close(write)


@contextlib.contextmanager
def _identity(form: Form, shared: str) -> Iterator[tuple[int, int | None]]:
    if form is not Form.BWRAP_ROOT:
        yield identity.USERNS_UID, None
        return
    with contextlib.closing(
        identity.shared_slot(shared) if shared else identity.take_slot()
    ) as slot:
        yield slot.uid, slot.lock


@contextlib.contextmanager
def _home(form: Form, spec: SandboxSpec) -> Iterator[Path | None]:
    """A folder of the sandbox's own where there are no mounts.

    The outer init removes it too, in case this process is killed.
    """
    if form is not Form.LANDLOCK:
        yield None
        return
    adopt_orphans()
    home = Path(tempfile.mkdtemp(prefix="run-")).resolve()
    try:
        landlock.make_folders(spec, home)
        yield home
    finally:
        delete(home)


def _prepare_binds(spec: SandboxSpec, form: Form, uid: int) -> None:
    """Make the binds usable for the sandbox, whose user is `uid` if the form gives it one. Raises
    SandboxError that names one that is not."""
    if form.in_namespaces:
        make_mount_points(spec)
    writable = _writable(spec)
    identity.refuse_shared_files(writable)
    if form is not Form.BWRAP_ROOT:
        return
    for folder in writable:
        identity.chown_tree(folder, uid)
    for bind in spec.binds:
        if bind.mode == "ro" and not os.stat(bind.source).st_mode & 0o004:
            raise SandboxError(
                f"the sandbox's user may not read {bind.source}:"
                " open it (chmod a+rX), or bind it rw"
            )
    for dial in spec.dial:
        # A socket that not everybody may use is meant for this one sandbox.
        if os.stat(dial.socket).st_mode & 0o006 != 0o006:
            identity.chown_tree(dial.socket, uid)


def _writable(spec: SandboxSpec) -> tuple[str, ...]:
    return tuple(bind.source for bind in spec.binds if bind.mode == "rw")


def _watches(
    spec: SandboxSpec,
    group: Cgroup,
    home: Path | None,
    *,
    tasks: Tasks,
    stopped: Callable[[], contextlib.AbstractContextManager[None]],
) -> dict[str, Watch]:
    watches = {}
    if folders := (*_writable(spec), *((str(home / "tmp"),) if home else ())):
        watches["disk"] = disk_watch(folders, spec.limits, tasks, stopped=stopped)
    if "memory" not in group.held:
        watches["memory"] = memory_watch(spec.limits, tasks, stopped=stopped)
    return watches


def _reason_to_kill(
    sandbox: RunningSandbox,
    limits: SandboxLimits,
    watches: dict[str, Watch],
    *,
    stop: int,
    began: float,
) -> str | None:
    """Wait for the sandbox to end, or for a reason to end it: stopped, wall, memory or disk. None
    when it ended by itself."""
    over = os.pidfd_open(sandbox.process.pid)
    try:
        while True:
            ready = readable([over, stop], TICK_SECONDS)
            # What the command wrote just before its end counts too.
            if over in ready:
                return "disk" if "disk" in watches and watches["disk"].over(now=True) else None
            if stop in ready:
                return "stopped"
            if time.monotonic() - began > limits.wall_seconds:
                return "wall"
            if sandbox.group.out_of_memory():
                return "memory"
            for name, watch in watches.items():
                if watch.over():
                    return name
    finally:
        os.close(over)


def _status_lines(status: int) -> list[str]:
    """What the first program in the sandbox has reported. Raises SandboxError when it never started
    the command."""
    text = b""
    while part := os.read(status, 4096):
        text += part
    lines = text.decode(errors="replace").splitlines()
    if "started" not in lines:
        why = next(
            (line.removeprefix("failed ") for line in lines if line.startswith("failed ")), None
        )
        raise SandboxError(why or "bubblewrap could not make the sandbox; its own message is above")
    return lines


def _ending(report: str, returncode: int) -> tuple[int, int | None]:
    """Exit code and signal, as reported. Without a report: as bubblewrap saw its child end."""
    kind, _, number = report.partition(" ")
    if kind == "exit" and number.isdigit():
        return int(number), None
    if kind == "signal" and number.isdigit():
        return 128 + int(number), int(number)
    code = returncode if returncode >= 0 else 128 - returncode
    return code, code - 128 if code > 128 else None


def _peak(group: Cgroup, watches: dict[str, Watch]) -> int | None:
    watched = -(-watches["memory"].peak // MIB) if "memory" in watches else 0
    return group.peak_memory_mb() or watched or None


def _reached(group: Cgroup, by_signal: int | None) -> Iterator[str]:
    if group.out_of_pids():
        yield "pids"
    if by_signal == signal.SIGXFSZ:
        yield "file"
