"""Which sandbox forms work on this machine, found by running one of each, and what each cannot
hold."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form, SandboxForm, SandboxSpec
from harness.programs.sandbox.launch import HostResources, started
from harness.programs.sandbox.walls import bubblewrap, landlock, seccomp
from harness.programs.sandbox.walls.cgroup import Cgroup, cgroup_for
from harness.programs.sandbox.walls.identity import USERNS_UID, take_slot

# A trial takes a fraction of a second; one that takes this long shows nothing of the form.
PROBE_SECONDS = 60

DISK = "disk: growth of writable folders is watched, not held by a quota"
SAME_USER = "user: the sandbox runs as the account that started it"
MEMORY = "memory: watched a few times a second, not held by the kernel"
CALLS = "system calls: keyrings and other dangerous ones are not refused on this kind of machine"
PIDS = "pids: tasks are not limited"
PIDS_SHARED = "pids: counted together with all tasks of the account"
LANDLOCKED = (
    SAME_USER,
    "network: other programs of this machine can reach the ports that it listens on",
    (
        "names: whether a file or a process exists, its size, its owner and its times can be asked"
        " for, though not what it holds"
    ),
    (
        "modes: the mode and the times of this account's files can be changed, though not what they"
        " hold"
    ),
    "processes: a sandbox with a browser can read the command lines of others",
    "packages: what is installed for the interpreter itself can be imported",
)
UNSEALED = (
    "files: everything that this account can read is open",
    "network: every address can be reached",
    (
        "processes: others can be seen and signalled, and one that leaves its group may outlive"
        " the sandbox"
    ),
    "environment: that of other processes of this account can be read",
    SAME_USER,
    "tmp: /tmp and /dev/shm are the host's and not bounded",
    "fresh: what one run leaves behind, the next one sees",
)
WALLS: dict[Form, tuple[str, ...]] = {
    Form.BWRAP_ROOT: (),
    Form.BWRAP_USERNS: (SAME_USER,),
    Form.LANDLOCK: LANDLOCKED,
    Form.UNSEALED: UNSEALED,
}


shown: dict[Form, SandboxForm] = {}
"""What trials in this process, or in the one that it was forked from, have shown."""


def unheld(form: Form, held: frozenset[str]) -> tuple[str, ...]:
    """What a sandbox of this form does not hold, when the kernel holds `held` of "memory" and
    "pids"."""
    missing = [MEMORY] if "memory" not in held else []
    if "pids" not in held and not _counted_by_uid(form):
        missing.append(PIDS_SHARED if form is Form.LANDLOCK else PIDS)
    if form.sealed and not seccomp.works_here():
        missing.append(CALLS)
    return (*WALLS[form], *missing, DISK)


def chosen(requested: str) -> Form:
    """The form for a request: itself, or for "auto" the best that works here. Raises SandboxError
    when it does not work, or when no trial has shown whether it does."""
    if requested == "auto":
        return best()
    if requested == Form.BWRAP_ROOT and os.geteuid() != 0:
        raise SandboxError("the form bwrap-root needs root; ask for auto, or run as root")
    if requested == Form.LANDLOCK and (why := landlock.missing()):
        raise SandboxError(f"the form landlock {why}; ask for auto")
    return Form(requested)


def best(*, seconds: float = PROBE_SECONDS) -> Form:
    """The first form that works here; `unsealed` when no sandbox holds. Raises SandboxError, which
    is retryable, when nobody can tell of a form before that whether it works."""
    return next(form for form in Form if probed(form, seconds=seconds).works)


def find_best(*, seconds: float = PROBE_SECONDS) -> None:
    """Find the best form now, for every process that is forked from this one.

    Only the best form that this account can have is kept: another one may be there only because the
    machine was too busy for the trial. Where nobody can tell now, each process tries for itself."""
    with contextlib.suppress(SandboxError):
        if best(seconds=seconds) is _best_of_account():
            return
    shown.clear()


def _best_of_account() -> Form:
    return Form.BWRAP_ROOT if os.geteuid() == 0 else Form.BWRAP_USERNS


def probed(form: Form, *, seconds: float = PROBE_SECONDS) -> SandboxForm:
    """What running one sandbox of this form has shown. Kept for the process. Raises SandboxError,
    which is retryable, when it has shown nothing: it did not end within `seconds`."""
    if form in shown:
        return shown[form]
    try:
        why = _trial(form, seconds)
    except subprocess.TimeoutExpired as error:
        raise SandboxError(
            f"a trial of the form {form} did not end within {seconds:g} s, so nobody can tell"
            " whether it holds here; try again when the machine is less busy, or name a form",
            retryable=True,
        ) from error
    except SandboxError as error:
        if error.retryable:
            raise
        why = str(error)
    except OSError as error:
        why = str(error)
    return shown.setdefault(form, SandboxForm(form, why is None, why or "", _unheld_now(form)))


def _trial(form: Form, seconds: float) -> str | None:
    """Why a sandbox of this form does not hold, or None. Raises what kept it from being tried."""
    if form is Form.UNSEALED:
        return None
    if form is Form.BWRAP_ROOT and os.geteuid() != 0:
        return "needs root"
    if form is Form.LANDLOCK:
        return landlock.missing() or _landlock_trial(seconds)
    spec = SandboxSpec("probe", ("true",))
    with contextlib.ExitStack() as ends:
        uid, extra, inherited = USERNS_UID, tuple[str, ...](), tuple[int, ...]()
        if form is Form.BWRAP_ROOT:
            slot = ends.enter_context(contextlib.closing(take_slot()))
            uid, extra, inherited = slot.uid, ("--sync-fd", str(slot.lock)), (slot.lock,)
        view = ends.enter_context(contextlib.closing(bubblewrap.View()))
        walls = bubblewrap.command(form, spec, view, uid=uid, extra=extra)
        ended = run_within(
            [*walls, "/usr/bin/id", "-u"], seconds=seconds, pass_fds=(*view.files, *inherited)
        )
    if ended.returncode != 0 or ended.stdout.strip() != str(uid):
        return (
            ended.stderr.strip()
            or f"the sandbox ran as uid {ended.stdout.strip()} instead of {uid}"
        )
    return None


def run_within(
    argv: Sequence[str], *, seconds: float, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program without an environment, and end all of it after `seconds`, which raises
    TimeoutExpired."""
    if seconds <= 0:  # to `timeout` that is no bound at all
        raise subprocess.TimeoutExpired(argv, seconds)
    # A bubblewrap that is killed alone leaves a child that waits for it for ever, with the lock of
    # its uid. `timeout` ends its whole group as one, and outlives whoever started it.
    ended = subprocess.run(
        ["/usr/bin/timeout", "--signal=KILL", f"{seconds:f}", *argv],
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=pass_fds,
        start_new_session=True,
    )
    if ended.returncode == -signal.SIGKILL:
        raise subprocess.TimeoutExpired(ended.args, seconds)
    return ended


def _landlock_trial(seconds: float) -> str | None:
    """Why a sandbox of this form does not hold, or None.

    Its command must run, and must not be able to read a file that was not shown to it.
    """
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="run-"))).resolve()
        output_file = ends.enter_context(tempfile.TemporaryFile())
        (folder / "home").mkdir()
        (folder / "closed").write_text("and could read what it was not shown")
        life, ours = os.pipe()
        ends.callback(os.close, life)
        ends.callback(os.close, ours)
        spec = SandboxSpec(
            "probe", ("sh", "-c", 'id -u; cat "$1" 2> /dev/null', "sh", str(folder / "closed"))
        )
        landlock.make_folders(spec, folder / "home")
        resources = HostResources(os.getuid(), None, Cgroup(()), life, folder / "home")
        with started(Form.LANDLOCK, spec, resources, output=output_file.fileno()) as sandbox:
            sandbox.process.wait(seconds)
        output_file.seek(0)
        output = output_file.read().decode(errors="replace")
    return (
        None
        if output == f"{os.getuid()}\n"
        else f"the sandbox printed: {output.strip() or 'nothing'}"
    )


def _unheld_now(form: Form) -> tuple[str, ...]:
    group = cgroup_for(SandboxSpec("probe", ("true",)).limits)
    try:
        return unheld(form, group.held)
    finally:
        group.remove()


def _counted_by_uid(form: Form) -> bool:
    """Whether RLIMIT_NPROC counts the tasks of this sandbox alone. The kernel exempts the host's
    root."""
    return form is Form.BWRAP_ROOT or (form is Form.BWRAP_USERNS and os.geteuid() != 0)
