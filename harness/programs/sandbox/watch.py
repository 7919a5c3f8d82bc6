"""Watches the limits that no kernel limit holds: growth of writable binds, and memory without a
group.

A watchdog looks a few times a second. So the verdict names what it limits as watched, never as
held.
"""

import contextlib
import os
import re
import resource
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from harness.domain.sandbox import SandboxLimits
from harness.folder_walk import Unseen, suppressed, walk
from harness.programs.sandbox.nameless_files import device_number, memory_folder, nameless_files

MIB = 1024 * 1024
# The shortest time between two looks.
LOOK_SECONDS = 0.2
# The part of a core that looking at a large tree may use.
MOST_OF_TIME = 0.1
# The part of the time for which what is watched may be stopped, where the machine has lost so much
# that the limit may have been passed.
MOST_STOPPED = 0.5
# After so many files a look asks whether there is time for the rest.
FILES_BETWEEN = 1000
# How many looks in a row must find that something is hidden.
LOOKS_IN_A_ROW = 5
# One look in this many is a close one, whatever the machine has lost.
CLOSE_LOOKS = 5
# What each file or folder counts for, and each further name of a file: a million empty ones fill a
# disk's inode table as well, and a million names the memory of whoever lists them.
LEAST_BYTES = 4096
IN_MEMORY = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's own
# What the kernel keeps for a file in memory, besides its content.
BYTES_PER_NAME = 1024

# The first line of a mapping in /proc/<pid>/smaps.
MAPPING = re.compile(rb"[0-9a-f]+-[0-9a-f]+ ")

Tasks = Callable[[], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a disk: bytes, and how many files it could still hold."""

    bytes: int
    files: int


def room_at(folder: str) -> Room:
    """The room on the disk of a folder. Raises OSError."""
    there = os.statvfs(folder)
    return Room(there.f_bfree * there.f_frsize, there.f_ffree)


def shared_memory() -> int:
    """The bytes of all files in memory on this machine."""
    return _memory_of_the_machine(b"Shmem:")


def available_memory() -> int:
    """The bytes that programs on this machine could still use."""
    return _memory_of_the_machine(b"MemAvailable:")


class Watch:
    """Measures one thing from time to time; `over` is True once it has grown beyond its limit.

    A long look is followed by a long rest. `since` tells at once how much the thing may have grown
    at the most since the last look began. Where that may be too much, the rest is a short one, and
    what makes it grow is `stopped` for the length of a look: else it would grow as long as the look
    lasts. A look that finds itself in such a hurry on its way answers None.
    """

    def __init__(
        self,
        look: Callable[[], int | None],
        *,
        limit: int,
        since: Callable[[], int] = lambda: 0,
        stopped: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self.look, self.limit, self.since, self.stopped = look, limit, since, stopped
        self.peak = self.latest = 0
        self.due = self.soonest = time.monotonic()
        self._is_stopped = False

    def over(self, *, now: bool = False) -> bool:
        """Whether it is beyond the limit, by the latest measurement, or by a new one."""
        if now or self._is_due():
            # CPU time, not the clock: on a busy machine it would look ever more seldom.
            began = time.thread_time()
            found = None if self.is_hurried() else self.look()
            self.latest = self._unhurried() if found is None else found
            self.peak = max(self.peak, self.latest)
            spent, ended = time.thread_time() - began, time.monotonic()
            self.due = ended + max(LOOK_SECONDS, spent / MOST_OF_TIME)
            self.soonest = ended + max(LOOK_SECONDS, spent * (1 / MOST_STOPPED - 1))
        return self.peak > self.limit

    def is_hurried(self) -> bool:
        """Whether it may have passed the limit since the last look, and goes on growing."""
        return not self._is_stopped and self.latest + self.since() > self.limit

    def _is_due(self) -> bool:
        if (clock := time.monotonic()) >= self.due:
            return True
        return clock >= self.soonest and self.is_hurried()

    def _unhurried(self) -> int:
        """A look at what stands still. What it cannot find out counts as too much."""
        with self.stopped():
            self._is_stopped = True
            try:
                found = self.look()
            finally:
                self._is_stopped = False
        return self.limit + 1 if found is None else found


def disk_watch(
    folders: tuple[str, ...],
    limits: SandboxLimits,
    tasks: Tasks,
    *,
    room: Callable[[str], Room] = room_at,
    stopped: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Watch:
    """Watches how much the folders have grown since now. Files that are open but deleted count too.

    Each file and folder counts as at least 4 KiB, and each further name of a file (a hard link) as
    4 KiB, so the same limit bounds their number.

    A folder that its owner has closed (mode 000 or 300) cannot be looked into without root, nor may
    its mode be changed: a test may be about it. Honest test suites make such folders, so one of
    them is no reason to end a sandbox; but to count nothing would let it hide a full disk there. So
    what it holds is unknown, and counts as the most that it can be: all that the disk has lost
    since the start, whoever wrote that. So does what its processes keep hidden.
    """
    before, _ = _bytes_in(folders) or (0, False)
    rooms, hidden = _rooms(folders, room), _Hidden()
    rooms_then = rooms

    def look() -> int | None:
        nonlocal rooms_then
        began = _rooms(folders, room)
        if (found := _bytes_in(folders, is_hurried=watch.is_hurried)) is None:
            return None
        (seen, is_whole), rooms_then = found, began
        lost = _lost(rooms, _rooms(folders, room))
        nameless, more = hidden.look(tasks(), rooms.keys(), matters=lost > limits.disk_mb * MIB)
        grown = seen + sum(nameless.values()) - before
        return grown if is_whole and not more else max(grown, lost)

    def since() -> int:
        return _lost(rooms_then, _rooms(folders, room))

    watch = Watch(look, limit=limits.disk_mb * MIB, since=since, stopped=stopped)
    return watch


def memory_watch(
    limits: SandboxLimits,
    tasks: Tasks,
    *,
    shared: Callable[[], int] = shared_memory,
    available: Callable[[], int] = available_memory,
    stopped: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Watch:
    """Watches the memory of the sandbox's processes together, and of its own folders in memory.

    Shared pages count once where the kernel reports them. A file in memory without a name (memfd)
    counts less what is mapped of it, which its processes have counted: browsers share memory so.
    What its processes keep hidden of such files counts as all that those of the machine have grown
    since the start, whoever wrote that.
    """
    with os.fdopen(os.memfd_create("device")) as file:
        device = os.fstat(file.fileno()).st_dev
    before, hidden = shared(), _Hidden()
    available_then = available()

    def look() -> int:
        nonlocal available_then
        available_then = available()
        pids = tasks()
        sizes = [_memory(pid) for pid in pids]
        own, files = sum(size for size, _ in sizes), shared() - before
        matters = own + files > limits.memory_mb * MIB
        nameless, more = hidden.look(pids, {device}, matters=matters)
        in_files = _bytes_in_memory(pids) + _unmapped(nameless, pids, device)
        if more:
            in_files = max(in_files, files - sum(mapped for _, mapped in sizes))
        return own + in_files

    def since() -> int:
        return max(0, available_then - available())

    return Watch(look, limit=limits.memory_mb * MIB, since=since, stopped=stopped)


def descendants(root: int) -> tuple[int, ...]:
    """The pids of `root` and all below it. Inside a process namespace nobody can leave this
    tree."""
    children: dict[int, list[int]] = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return tuple(found)


def _bytes_in(
    folders: tuple[str, ...], *, is_hurried: Callable[[], bool] = lambda: False
) -> tuple[int, bool] | None:
    """The bytes, and whether that is all: False where a folder could not be looked into. None where
    there is no time for it."""
    seen: set[tuple[int, int]] = set()
    total = 0
    unseen: set[int | None] = set()

    def is_unseen(error: OSError) -> None:
        unseen.add(error.errno)

    entries = (entry for folder in folders for entry in _entries(folder, is_unseen))
    for number, entry in enumerate(entries, 1):
        if number % FILES_BETWEEN == 0 and is_hurried():
            return None
        if entry.st_nlink > 1 and not stat.S_ISDIR(entry.st_mode):
            key = entry.st_dev, entry.st_ino
            if key in seen:
                # One more name takes as long to look at, and to delete, as one more file.
                total += LEAST_BYTES
                continue
            seen.add(key)
        total += max(entry.st_blocks * 512, LEAST_BYTES)
    return total, not unseen


def _entries(folder: str, unseen: Unseen) -> Iterator[os.stat_result]:
    # A bind may also be one file.
    if not os.path.isdir(folder):
        with suppressed(unseen):
            yield os.lstat(folder)
        return
    for stop in walk(os.path.realpath(folder), unseen):
        for entry in stop.entries:
            with suppressed(unseen):
                # The entry would keep what it has found, for as long as the folder is looked at.
                yield os.stat(entry.name, dir_fd=stop.descriptor, follow_symlinks=False)


def _rooms(folders: tuple[str, ...], room: Callable[[str], Room]) -> dict[int, Room]:
    """The room on each disk, by its number. A sandbox's own folder goes with it: nothing is left
    there."""
    found: dict[int, Room] = {}
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            found[os.stat(folder).st_dev] = room(folder)
    return found


def _lost(before: Mapping[int, Room], now: Mapping[int, Room]) -> int:
    """What these disks have lost, each file as `LEAST_BYTES` at least."""
    return sum(
        max(
            0,
            before[disk].bytes - now[disk].bytes,
            (before[disk].files - now[disk].files) * LEAST_BYTES,
        )
        for disk in before.keys() & now.keys()
    )


def _memory_of_the_machine(field: bytes) -> int:
    with open("/proc/meminfo", "rb") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def _unmapped(sizes: Mapping[tuple[int, int], int], pids: tuple[int, ...], device: int) -> int:
    """What lies in these nameless files of `device` and is not mapped by these processes."""
    left = dict(sizes)
    for pid in pids if left else ():
        with contextlib.suppress(OSError), open(f"{memory_folder(pid)}/smaps", "rb") as file:
            mapped: tuple[int, int] | None = None
            for line in file:
                if MAPPING.match(line):
                    _, _, _, its_device, inode, *_ = line.split()
                    mapped = (device, int(inode)) if device_number(its_device) == device else None
                elif mapped in left and line.startswith(b"Pss:"):
                    left[mapped] -= int(line.split()[1]) * 1024
    return sum(max(0, size) for size in left.values())


def _bytes_in_memory(pids: tuple[int, ...]) -> int:
    """What lies in the sandbox's own /tmp and /dev/shm.

    A sandbox that has none of its own sees those of this process, which do not count.
    """
    seen = {os.stat(place).st_dev for place in IN_MEMORY if os.path.isdir(place)}
    total = 0
    for path in (f"/proc/{pid}/root{place}" for pid in pids for place in IN_MEMORY):
        with contextlib.suppress(OSError):
            if (device := os.stat(path).st_dev) not in seen:
                seen.add(device)
                there = os.statvfs(path)
                total += (there.f_blocks - there.f_bfree) * there.f_frsize + (
                    there.f_files - there.f_ffree
                ) * BYTES_PER_NAME
    return total


def _memory(pid: int) -> tuple[int, int]:
    """The bytes of a process, its page tables among them, and how many of them are mapped files in
    memory."""
    task = memory_folder(pid)
    tables = _page_tables(task)
    with contextlib.suppress(OSError, IndexError, ValueError):
        try:
            with open(f"{task}/smaps_rollup", "rb") as file:
                sizes = dict(line.split()[:2] for line in file if line.startswith(b"Pss"))
            return int(sizes[b"Pss:"]) * 1024 + tables, int(sizes.get(b"Pss_Shmem:", 0)) * 1024
        except (OSError, KeyError):
            with open(f"{task}/statm", "rb") as file:
                return int(file.read().split()[1]) * resource.getpagesize() + tables, 0
    return 0, 0


def _page_tables(task: str) -> int:
    """What the kernel keeps for the pages of a process: one table for each 2 MiB of which anything
    was read, even where nothing was ever written."""
    with contextlib.suppress(OSError), open(f"{task}/status", "rb") as file:
        return next((int(line.split()[1]) * 1024 for line in file if line.startswith(b"VmPTE:")), 0)
    return 0


class _Hidden:
    """Looks for what processes hide."""

    def __init__(self) -> None:
        self._looks, self._in_a_row = 0, 0

    def look(
        self, pids: tuple[int, ...], devices: Collection[int], *, matters: bool
    ) -> tuple[Mapping[tuple[int, int], int], bool]:
        """The nameless files, and whether more stays hidden: a browser often has a file under way,
        but not for long. `matters`: what the machine has lost would be beyond the limit."""
        mapped = matters or self._looks % CLOSE_LOOKS == 0
        found = nameless_files(pids, devices, mapped=mapped)
        self._looks += 1
        self._in_a_row = self._in_a_row + 1 if found.hidden else 0
        return found.sizes, self._in_a_row >= LOOKS_IN_A_ROW
