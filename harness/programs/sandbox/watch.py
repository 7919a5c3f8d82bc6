"""What no kernel limit holds, watched instead: the growth of writable binds, and memory where no
group can be made.

A watchdog looks a few times a second, so what it keeps is named in the verdict as watched, never as
held."""

import contextlib
import os
import resource
import stat
import time
from collections.abc import Callable, Iterator

from harness.domain.sandbox import Limits

MIB = 1024 * 1024
# at least this between two looks
LOOK_SECONDS = 0.2
# a look at a large tree may not use more than this part of a core
MOST_OF_TIME = 0.1
# that a file or folder counts for: a million empty ones fill a disk's table of files as well
LEAST_BYTES = 4096
IN_MEMORY = ("/tmp", "/dev/shm")  # noqa: S108 - the box's own
# what the kernel keeps for a file in memory, besides what is in it
BYTES_PER_NAME = 1024

Tasks = Callable[[], tuple[int, ...]]


class Watch:
    """Looks at one thing from time to time; `over` is True once it has grown beyond its limit."""

    def __init__(self, look: Callable[[], int], *, limit: int) -> None:
        self.look, self.limit, self.peak = look, limit, 0
        self.due = time.monotonic()

    def over(self, *, now: bool = False) -> bool:
        """Whether it is beyond the limit, by the latest look, or by a new one."""
        if now or time.monotonic() >= self.due:
            # not by the clock: on a machine that is busy it would look ever more seldom
            began = time.thread_time()
            self.peak = max(self.peak, self.look())
            self.due = time.monotonic() + max(
                LOOK_SECONDS, (time.thread_time() - began) / MOST_OF_TIME
            )
        return self.peak > self.limit


def disk_watch(folders: tuple[str, ...], limits: Limits, tasks: Tasks) -> Watch:
    """Watches how much the folders have grown since now, files included that are open in the box
    but have no name.

    Each file and folder counts as at least 4 KiB, so their number is bounded by the same limit.
    """
    before = _bytes_in(folders)
    devices = frozenset(os.stat(folder).st_dev for folder in folders)
    return Watch(
        lambda: _bytes_in(folders) + _nameless_bytes(tasks(), devices) - before,
        limit=limits.disk_mb * MIB,
    )


def memory_watch(limits: Limits, tasks: Tasks) -> Watch:
    """Watches the memory of the box's processes together, shared pages counted once where the
    kernel tells, and what the box keeps in its own folders in memory."""

    def look() -> int:
        pids = tasks()
        return sum(map(_memory, pids)) + _bytes_in_memory(pids)

    return Watch(look, limit=limits.memory_mb * MIB)


def descendants(root: int) -> tuple[int, ...]:
    """The pids of `root` and all below it. In a process namespace nobody can leave this tree."""
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
    # a bind may also be one file
    if not os.path.isdir(folder):
        with contextlib.suppress(OSError):
            yield os.lstat(folder)
        return
    while todo:
        # it may be gone by now
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)


def _nameless_bytes(pids: tuple[int, ...], devices: frozenset[int]) -> int:
    """What the box keeps in files that it has deleted but holds open; a walk cannot see those."""
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
    """What lies in the box's own /tmp and /dev/shm; a box that has none of its own sees those of
    this process."""
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
