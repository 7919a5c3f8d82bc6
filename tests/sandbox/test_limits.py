"""Bombs: each is stopped, named, and leaves the host as it was."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.domain.sandbox import Form, SandboxLimits
from harness.folder_walk import delete
from harness.programs.sandbox.forms import unheld
from harness.programs.sandbox.launch import RunningSandbox
from harness.programs.sandbox.walls.cgroup import Cgroup
from harness.programs.sandbox.watch import (
    FILES_BETWEEN,
    LOOK_SECONDS,
    LOOKS_IN_A_ROW,
    Room,
    Watch,
    descendants,
    disk_watch,
    memory_watch,
)
from tests.nests import DEEP, LONG, folder_for_nests, nest
from tests.sandbox.sandboxes import AS_ROOT, ORDINARY_UID, until
from tests.sandbox.unmaps_itself import UNMAPS_ITSELF

MEMORY_BOMB = "a = []\nwhile True: a.append(bytearray(4 << 20)); a[-1][::4096] = b'x' * 1024"


def test_a_memory_bomb(sandboxes) -> None:
    ended = sandboxes.python(MEMORY_BOMB, limits={"memory_mb": 96, "wall_seconds": 200})
    assert (ended.code, ended.result["killed_by"]) == (137, "memory"), ended
    assert ended.result["peak_memory_mb"] >= 90


def test_a_memory_bomb_in_a_child_that_the_command_survives(sandbox) -> None:
    code = (
        "import subprocess, time\nsubprocess.run(['python', '-c',"
        f" {MEMORY_BOMB!r}])\ntime.sleep(0.3)"
    )
    ended = sandbox.python(code, limits={"memory_mb": 96, "wall_seconds": 200})
    assert ended.result["killed_by"] == "memory", ended
    assert ended.code == 137


def test_memory_is_measured(sandboxes) -> None:
    """Where no group measures it, a watch on a busy machine looks seldom: it is given five
    seconds."""
    code = "import time; a = bytearray(64 << 20); a[::4096] = b'x' * len(a[::4096]); time.sleep(5)"
    assert 64 <= sandboxes.python(code).result["peak_memory_mb"] < 160


def test_a_fork_bomb(sandboxes) -> None:
    code = """
import os, time
born = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
        born += 1
except BlockingIOError:
    print(born)
"""
    ended = sandboxes.python(code, limits={"pids": 20})
    assert ended.code == 0, ended
    # Without a namespace or a group the limit counts all that the account runs, which comes and
    # goes meanwhile.
    assert 15 <= int(ended.text) <= 20 or (sandboxes.form == "landlock" and int(ended.text) < 150)
    held_by_a_group = not any(text.startswith("memory") for text in ended.result["unheld"])
    assert ended.result["reached"] == (["pids"] if held_by_a_group else [])


def test_threads_count_too(sandbox) -> None:
    code = (
        "import threading, time\n"
        "for n in range(200): threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )
    ended = sandbox.python(code, limits={"pids": 20})
    assert ended.code == 1
    assert b"can't start new thread" in ended.err


def test_a_disk_bomb_in_a_writable_folder(sandboxes) -> None:
    """Half of it in files that have lost their names, which a walk over the folder does not
    find."""
    code = """
import os, time
kept = []
for n in range(1000):
    file = open(f"{n}", "wb")
    if n % 2: os.unlink(file.name)
    # The sleep lets a watchdog on a busy machine see it in time.
    file.write(bytes(1 << 20)); file.flush(); time.sleep(0.02)
    kept.append(file)
"""
    inside = sandboxes.place("inside")
    binds = [{"source": str(inside), "target": "/app", "mode": "rw"}]
    ended = sandboxes.python(code, binds=binds, cwd="/app", limits={"disk_mb": 40})
    assert (ended.code, ended.result["killed_by"]) == (137, "disk"), ended
    assert sum(path.stat().st_blocks * 512 for path in inside.iterdir()) < 200 << 20


def test_a_bomb_of_empty_files(sandboxes) -> None:
    """Files that hold nothing use up the disk's table of files; each counts as 4 KiB."""
    code = """
import os, time
for n in range(1_000_000):
    os.close(os.open(f"{n}", os.O_CREAT | os.O_WRONLY))
    if n % 1000 == 999: time.sleep(0.05)  # a watchdog looks a few times a second
"""
    inside = sandboxes.place("inside")
    binds = [{"source": str(inside), "target": "/app", "mode": "rw"}]
    ended = sandboxes.python(code, binds=binds, cwd="/app", limits={"disk_mb": 20})
    assert (ended.code, ended.result["killed_by"]) == (137, "disk"), ended
    assert len(os.listdir(inside)) < 1_000_000


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_bomb_of_names(kind, tmp_path) -> None:
    """Names of one file once cost a sandbox nothing, and whoever listed them 800 bytes each."""
    watch = disk_watch((str(tmp_path),), SandboxLimits(disk_mb=2), tuple)
    first = tmp_path / "first"
    first.touch() if kind == "file" else first.symlink_to("nowhere")
    for number in range(600):
        os.link(first, tmp_path / str(number), follow_symlinks=False)
    assert watch.over(now=True)


def test_what_lies_in_memory_counts_as_memory(sandboxes) -> None:
    """Without mounts of its own a sandbox has its temporary folder on the disk, where its growth is
    watched like the rest's."""
    code = """
import os, time
for place in (os.environ.get("TMPDIR", "/tmp"), "/dev/shm"):
    for n in range(60):
        try: open(f"{place}/{n}", "wb").write(bytes(1 << 20))
        except PermissionError: pass
time.sleep(600)
"""
    limits = {
        "memory_mb": 96,
        "disk_mb": 100 if sandboxes.form != "landlock" else 40,
        "wall_seconds": 200,
    }
    ended = sandboxes.python(code, limits=limits)
    assert (ended.code, ended.result["killed_by"]) == (
        137,
        "disk" if sandboxes.form == "landlock" else "memory",
    ), ended


def test_files_without_a_name_alone_are_found_too(sandbox) -> None:
    code = """
import os, time
file = open("/app/x", "wb"); os.unlink(file.name)
while True: file.write(bytes(1 << 20)); file.flush(); time.sleep(0.02)
"""
    ended = sandbox.python(
        code,
        binds=[{"source": str(sandbox.place("inside")), "target": "/app", "mode": "rw"}],
        limits={"disk_mb": 20, "file_mb": 2000},
    )
    assert ended.result["killed_by"] == "disk"


def test_a_disk_bomb_that_ends_before_anyone_looks(sandbox) -> None:
    ended = with_four_megabytes(
        sandbox, "head -c 9000000 /dev/zero > /app/big", sandbox.place("inside")
    )
    assert ended.result["killed_by"] == "disk"


def test_what_is_written_before_a_large_folder_could_be_looked_through_counts(
    sandbox, tmp_path
) -> None:
    """What a walk comes to last was once looked at when the command had filled it."""
    (tmp_path / "many" / "last").mkdir(parents=True)
    for number in range(20_000):
        (tmp_path / "many" / str(number)).touch()
    ended = with_four_megabytes(sandbox, "head -c 9000000 /dev/zero > /app/many/last/big", tmp_path)
    assert ended.result["killed_by"] == "disk"


def test_what_was_there_before_does_not_count(sandbox) -> None:
    inside = sandbox.place("inside")
    (inside / "old").write_bytes(bytes(9 << 20))
    ended = with_four_megabytes(sandbox, "echo new > /app/new", inside)
    assert (ended.code, ended.result["killed_by"]) == (0, None)


def with_four_megabytes(sandbox, command, folder):
    """A shell's command, which may write so much into the folder that it finds at /app."""
    return sandbox.run(
        "sh",
        "-c",
        command,
        limits={"disk_mb": 4},
        binds=[{"source": str(folder), "target": "/app", "mode": "rw"}],
    )


@pytest.mark.parametrize("shape", [LONG, DEEP])
def test_growth_where_no_path_leads_to_is_seen(shape) -> None:
    with folder_for_nests() as folder:
        watch = disk_watch((str(folder),), SandboxLimits(disk_mb=20), tuple)
        nest(folder, *shape, content=8 << 20)
        assert not watch.over(now=True)
        (folder / "other").mkdir()
        nest(folder / "other", *shape, content=16 << 20)
        assert watch.over(now=True)


@pytest.mark.parametrize("mode", [0o000, 0o300, 0o600])
@pytest.mark.parametrize(
    ("lost", "is_over"),
    [(Room(3 << 20, 1), False), (Room(5 << 20, 1), True), (Room(0, 2000), True)],
)
def test_what_a_closed_folder_holds_counts_as_what_the_disk_has_lost(mode, lost, is_over) -> None:
    """Test suites make such folders, so one alone ends nobody; but a sandbox once hid any growth in
    one. As root every folder can be looked into. A sandbox's own folder may have gone by then."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    rooms = [Room(9 << 20, 9000)]
    me = os.geteuid()
    try:
        if me == 0:
            os.chown(folder, ORDINARY_UID, ORDINARY_UID)
            os.seteuid(ORDINARY_UID)
        (folder / "bind").mkdir()
        (folder / "own").mkdir()
        folders = str(folder / "bind"), str(folder / "own")
        watch = disk_watch(folders, SandboxLimits(disk_mb=4), tuple, room=lambda _: rooms[-1])
        (folder / "bind" / "closed").mkdir()
        (folder / "bind" / "closed" / "file").write_bytes(bytes(100))
        (folder / "bind" / "closed").chmod(mode)
        (folder / "own").rmdir()
        rooms.append(Room((9 << 20) - lost.bytes, 9000 - lost.files))
        assert watch.over(now=True) is is_over
    finally:
        os.seteuid(me)
        delete(folder)


HOLDS = """
import mmap, os, sys
file = os.memfd_create("x"); os.write(file, bytes(64 << 20))
if sys.argv[1] == "mapped":
    view = mmap.mmap(file, 0); view[::4096]
    if os.fork() == 0: view[::4096]
print(flush=True); sys.stdin.read()
"""


@pytest.mark.parametrize("use", ["written", "mapped"])
def test_a_file_in_memory_without_a_name_counts_once_in_memory(use) -> None:
    """It once counted only where it was mapped. A browser maps them in several processes."""
    command = [sys.executable, "-I", "-S", "-c", HOLDS, use]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for _ in range(1 if use == "written" else 2):
            process.stdout.readline()
        watch = memory_watch(SandboxLimits(memory_mb=60), lambda: descendants(process.pid))
        assert watch.over(now=True)
        assert watch.peak < 120 << 20
        process.stdin.close()


READS = """
import ctypes, sys
libc = ctypes.CDLL(None); libc.mmap.restype = ctypes.c_void_p
step, count = 2 << 20, 20_000
place = libc.mmap(None, ctypes.c_size_t(step * count), 1, 0x4022, -1, 0)
libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(step * count), 15)  # no huge pages
for number in range(count): ctypes.c_char.from_address(place + number * step).value
print(flush=True); sys.stdin.read()
"""


def test_what_is_only_read_costs_its_page_tables() -> None:
    """Pages that hold nothing count for nothing; the kernel's tables of them once did so too."""
    command = [sys.executable, "-I", "-S", "-c", READS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            process.stdout.readline()
            watch = memory_watch(SandboxLimits(memory_mb=60), lambda: descendants(process.pid))
            assert watch.over(now=True)
        finally:
            process.stdin.close()


HIDES = """
import ctypes, mmap, os, socket, sys, threading
how, folder, uid = sys.argv[1], sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None)
os.setresuid(uid, uid, uid)
libc.prctl(4, how != "forbidden", 0, 0, 0)
kept = []
def hide():
    if how == "in a thread": libc.unshare(0x400)
    file = os.memfd_create("x") if folder == "memory" else os.open(folder + "/x", 66, 0o600)
    if folder != "memory": os.unlink(folder + "/x")
    os.write(file, bytes(64 << 20))
    if how == "sent":
        kept.extend(socket.socketpair()); socket.send_fds(kept[0], [b"."], [file]); os.close(file)
    if how == "a piece":
        libc.mmap(None, 4096, 1, 1, file, ctypes.c_long(0)); os.close(file)
    print(flush=True); sys.stdin.read()
thread = threading.Thread(target=hide); thread.start()
if how == "outlives": libc.pthread_exit(None)
thread.join()
"""


@pytest.mark.parametrize("how", ["forbidden", "sent", "a piece", "in a thread", "outlives"])
@pytest.mark.parametrize("where", ["memory", "disk"])
def test_what_a_process_hides_counts_as_the_most_that_it_can_be(how, where) -> None:
    """It may forbid to look (PR_SET_DUMPABLE), have sent the file to nobody, map a piece of it, or
    outlive its first thread. Each hid any amount once. What can be seen of it counts exactly."""
    folder, me = Path(tempfile.mkdtemp(dir="/tmp")), os.geteuid()
    uid = me or ORDINARY_UID
    if me == 0:
        os.chown(folder, uid, uid)
    place = str(folder) if where == "disk" else where
    command = [sys.executable, "-I", "-S", "-c", HIDES, how, place, str(uid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            os.seteuid(uid)
            lost, limit = [0], SandboxLimits(memory_mb=60, disk_mb=60)

            def tasks() -> tuple[int, ...]:
                return descendants(process.pid)

            if where == "disk":

                def room(_: str) -> Room:
                    return Room((99 << 20) - lost[0], 9000)

                watch = disk_watch((place,), limit, tasks, room=room)
            else:
                watch = memory_watch(limit, tasks, shared=lambda: lost[0])
            process.stdout.readline()
            hidden = how in ("forbidden", "sent", "a piece")
            looks = [watch.over(now=True) for _ in range(LOOKS_IN_A_ROW)]
            assert any(looks) is not hidden
            lost[0] = 64 << 20
            assert any(watch.over(now=True) for _ in range(LOOKS_IN_A_ROW))
        finally:
            os.seteuid(me)
            process.kill()
            delete(folder)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_a_program_that_has_unmapped_its_own_file_holds_it_all_the_same(where, tmp_path) -> None:
    """The kernel keeps the file of a program that runs; it once hid 64 MiB there."""
    file, limits = tmp_path / "program", SandboxLimits(memory_mb=60, disk_mb=60)
    if where == "disk":
        file.write_bytes(UNMAPS_ITSELF + bytes(64 << 20))
        file.chmod(0o755)
        held = os.open(file, os.O_RDONLY)
    else:
        held = os.memfd_create("program")
        os.write(held, UNMAPS_ITSELF + bytes(64 << 20))
    with subprocess.Popen([f"/proc/{os.getpid()}/fd/{held}"], stdout=subprocess.PIPE) as process:
        try:
            process.stdout.read(1)
            os.close(held)
            file.unlink(missing_ok=True)
            watch = (
                memory_watch(limits, lambda: descendants(process.pid))
                if where == "memory"
                else disk_watch((str(tmp_path),), limits, lambda: descendants(process.pid))
            )
            assert watch.over(now=True)
        finally:
            process.kill()


def test_one_file_is_bounded(sandbox) -> None:
    ended = sandbox.run(
        "sh", "-c", "exec head -c 50000000 /dev/zero > /tmp/big", limits={"file_mb": 4}
    )
    assert (ended.result["signal"], ended.result["reached"]) == (signal.SIGXFSZ, ["file"])


def test_open_files_and_core_files_are_bounded(sandbox) -> None:
    # as on a machine that keeps cores
    sandbox.wrapper = ("sh", "-c", 'ulimit -c "$(ulimit -Hc)"; exec "$@"', "sh")
    assert sandbox.run(
        "sh", "-c", "ulimit -n; ulimit -c", limits={"open_files": 77}
    ).text.split() == [
        "77",
        "0",
    ]


@pytest.mark.parametrize(
    "form", [Form.BWRAP_ROOT, Form.BWRAP_USERNS] if AS_ROOT else [Form.BWRAP_USERNS, Form.LANDLOCK]
)
def test_without_control_groups_limits_are_watched_and_said_to_be(sandbox, form) -> None:
    """The supervisor in a view of the machine where control groups cannot be written, as in most
    containers."""
    if AS_ROOT:
        groups = "/sys/fs/cgroup"
        sandbox.wrapper = (
            "bwrap",
            "--dev-bind",
            "/",
            "/",
            "--tmpfs",
            groups,
            "--remount-ro",
            groups,
            "--",
        )
    sandbox.form = form
    ended = sandbox.python(MEMORY_BOMB, limits={"memory_mb": 96, "wall_seconds": 200})
    assert ended.result["killed_by"] == "memory", ended
    assert tuple(ended.result["unheld"]) == unheld(form, frozenset())
    assert any("memory: watched" in text for text in ended.result["unheld"])


def test_each_form_names_what_it_does_not_hold() -> None:
    everything = frozenset({"memory", "pids"})
    assert unheld(Form.BWRAP_ROOT, everything) == (
        "disk: growth of writable folders is watched, not held by a quota",
    )
    for form in Form:
        assert set(unheld(form, everything)) < set(unheld(form, frozenset()))


@pytest.mark.parametrize(
    ("look", "rests"), [(lambda: time.sleep(0.5), False), (lambda: burnt(0.1), True)]
)
def test_a_watch_stands_back_for_what_a_look_costs_and_not_for_how_long_it_waited(
    look, rests
) -> None:
    """On a busy machine a look waits for its turn: to look ever more seldom then would let a bomb
    go on."""
    watch = Watch(lambda: look() or 0, limit=1)
    assert not watch.over(now=True)
    assert (watch.due - time.monotonic() > LOOK_SECONDS) is rests


@pytest.mark.parametrize("thing", ["disk", "memory"])
def test_where_the_machine_has_lost_as_much_the_rest_after_a_long_look_is_short(
    thing, tmp_path
) -> None:
    """After a look at a hundred thousand files a sandbox once had ten seconds to write whatever it
    would."""
    free, looks = [9 << 20], []

    def tasks() -> tuple[int, ...]:
        looks.append(burnt(0.2))
        return ()

    if thing == "disk":
        folders, limits = (str(tmp_path),), SandboxLimits(disk_mb=4)
        watch = disk_watch(folders, limits, tasks, room=lambda _: Room(free[0], 9000))
    else:
        limits = SandboxLimits(memory_mb=4)
        watch = memory_watch(limits, tasks, shared=lambda: 0, available=lambda: free[0])
    watch.over(now=True)
    free[0] -= 5 << 20
    time.sleep(max(0.0, watch.soonest - time.monotonic()))
    watch.over()
    assert len(looks) == 2


def test_a_look_that_is_overtaken_begins_anew_while_what_it_looks_at_stands_still(tmp_path) -> None:
    """While a hundred thousand files were looked at a sandbox once wrote gigabytes."""
    for number in range(2 * FILES_BETWEEN):
        (tmp_path / str(number)).touch()
    free, stops = [99 << 20], []

    def room(_: str) -> Room:
        """A disk that loses six megabytes a moment, unless they are stopped."""
        free[0] -= 0 if stops and stops[-1] == "stopped" else 6 << 20
        return Room(free[0], 9000)

    @contextlib.contextmanager
    def stopped() -> Iterator[None]:
        stops.append("stopped")
        (tmp_path / "last").write_bytes(bytes(9 << 20))
        yield
        stops.append("goes on")

    watch = disk_watch(
        (str(tmp_path),), SandboxLimits(disk_mb=8), tuple, room=room, stopped=stopped
    )
    assert watch.over(now=True)
    assert stops == ["stopped", "goes on"]


FORKS = """
import os, signal, time
if os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)
print(flush=True)
born = []
while True:
    born.append(os.fork())
    if born[-1] == 0: time.sleep(600)
    if len(born) > 5:
        os.kill(born[0], signal.SIGKILL)
        os.waitpid(born.pop(0), 0)
"""


def test_what_is_stopped_for_a_look_runs_no_program_and_goes_on_as_it_was() -> None:
    """It starts processes without end, and one of them has stopped itself."""
    with subprocess.Popen(["sh", "-c", '"$@" & wait', "sh", sys.executable, "-c", FORKS],
                          stdout=subprocess.PIPE, start_new_session=True) as process:  # fmt: skip
        sandbox = RunningSandbox(process, None, -1, Cgroup(()))
        try:
            process.stdout.readline()
            until(lambda: [*states(sandbox).values()].count("T") == 1)
            for _ in range(20):
                with sandbox.stopped():
                    until(lambda: {*states(sandbox).values()} <= {"T", "Z"})
                    held = states(sandbox)
                until(lambda: [*states(sandbox).values()].count("T") == 1)
            until(lambda: states(sandbox).keys() - held.keys())
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def states(sandbox: RunningSandbox) -> dict[int, str]:
    """The state of each of its processes but the first, as `ps` names it."""
    found = {}
    for pid in sandbox.tasks()[1:]:
        with contextlib.suppress(OSError):
            found[pid] = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    return found


def burnt(seconds: float) -> None:
    """So much time of a processor."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
