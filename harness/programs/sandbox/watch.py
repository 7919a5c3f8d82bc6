"""Watches the limits that no kernel limit holds: growth of writable binds, and memory without a
group.

A watchdog looks a few times a second. So the verdict names what it limits as watched, never as
held.
"""

import contextlib
import os
import resource
import stat
import time
from collections.abc import Callable, Iterator

from harness.domain.sandbox import SandboxLimits

MIB = 1024 * 1024
# The shortest time between two looks.
LOOK_SECONDS = 0.2
# The part of a core that looking at a large tree may use.
MOST_OF_TIME = 0.1
# What each file or folder counts for: a million empty ones fill a disk's inode table as well.
LEAST_BYTES = 4096
IN_MEMORY = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's own
# What the kernel keeps for a file in memory, besides its content.
BYTES_PER_NAME = 1024

Tasks = Callable[[], tuple[int, ...]]


class Watch:
    """Measures one thing from time to time; `over` is True once it has grown beyond its limit."""

    def __init__(self, look: Callable[[], int], *, limit: int) -> None:
        self.look, self.limit, self.peak = look, limit, 0
        self.due = time.monotonic()

    def over(self, *, now: bool = False) -> bool:
        """Whether it is beyond the limit, by the latest measurement, or by a new one."""
        if now or time.monotonic() >= self.due:
            # CPU time, not the clock: on a busy machine it would look ever more seldom.
            began = time.thread_time()
            self.peak = max(self.peak, self.look())
            self.due = time.monotonic() + max(
                LOOK_SECONDS, (time.thread_time() - began) / MOST_OF_TIME
            )
        return self.peak > self.limit


def disk_watch(folders: tuple[str, ...], limits: SandboxLimits, tasks: Tasks) -> Watch:
    """Watches how much the folders have grown since now. Files that are open but deleted count too.

    Each file and folder counts as at least 4 KiB, so the same limit bounds their number.
    """
    before = _bytes_in(folders)
    devices = frozenset(os.stat(folder).st_dev for folder in folders)
    return Watch(
        lambda: _bytes_in(folders) + _nameless_bytes(tasks(), devices) - before,
        limit=limits.disk_mb * MIB,
    )


def memory_watch(limits: SandboxLimits, tasks: Tasks) -> Watch:
    """Watches the memory of the sandbox's processes together, and of its own folders in memory.

    Shared pages count once where the kernel reports them.
    """

    def look() -> int:
        pids = tasks()
        return sum(map(_memory, pids)) + _bytes_in_memory(pids)

    return Watch(look, limit=limits.memory_mb * MIB)


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


def _bytes_in(folders: tuple[str, ...]) -> int:
    seen: set[tuple[int, int]] = set()
    total = 0
    for entry in (entry for folder in folders for entry in _entries(folder)):
        if entry.st_nlink > 1 and not stat.S_ISDIR(entry.st_mode):
            key = entry.st_dev, entry.st_ino
            if key in seen:
                continue
            seen.add(key)
        total += max(entry.st_blocks * 512, LEAST_BYTES)
    return total


def _entries(folder: str) -> Iterator[os.stat_result]:
    todo = [folder]
    # A bind may also be one file.
    if not os.path.isdir(folder):
        with contextlib.suppress(OSError):
            yield os.lstat(folder)
        return
    while todo:
        # The folder may be gone by now.
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)


def _nameless_bytes(pids: tuple[int, ...], devices: frozenset[int]) -> int:
    """What the sandbox keeps in files that it has deleted but holds open. A walk cannot see
    those."""
    found: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    entry = os.stat(f"/proc/{pid}/fd/{descriptor}")
                    if (
                        entry.st_nlink == 0
                        and entry.st_dev in devices
                        and stat.S_ISREG(entry.st_mode)
                    ):
                        found[entry.st_dev, entry.st_ino] = entry.st_blocks * 512
    return sum(found.values())


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


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                return next(
                    int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss:")
                )
        except (OSError, StopIteration):
            with open(f"/proc/{pid}/statm", "rb") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
    return 0
