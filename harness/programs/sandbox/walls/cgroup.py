"""Memory and task limits that hold for a whole box: control groups, version 1 or 2, where this
process may make them.

A box gets groups below the supervisor's own, so that every limit above it still counts. What must
hold: the box is in its groups before its first instruction, `kill` leaves no task behind, and
`remove` leaves no folder behind. Where no group can be made, nothing here pretends: `held` is empty
and the verdict names the limits that only a watchdog keeps."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.domain.sandbox import Limits

MIB = 1024 * 1024
# bubblewrap on both sides of the wall, and the first program in the box
OVERHEAD_TASKS = 4
NAME = re.compile(r"box-(\d+)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Group:
    """One folder of one hierarchy, and the controllers that it brings."""

    folder: Path
    version: int
    controllers: frozenset[str]

    def limit(self, limits: Limits) -> None:
        """Set the limits. Raises OSError when the kernel refuses one."""
        if "memory" in self.controllers:
            size = str(limits.memory_mb * MIB)
            self.write("memory.limit_in_bytes" if self.version == 1 else "memory.max", size)
            # absent where the kernel does not account swap
            with contextlib.suppress(OSError):
                self.write(
                    *(
                        ("memory.memsw.limit_in_bytes", size)
                        if self.version == 1
                        else ("memory.swap.max", "0")
                    )
                )
        if "pids" in self.controllers:
            self.write("pids.max", str(limits.pids + OVERHEAD_TASKS))

    def count(self, name: str, key: str = "") -> int:
        """A number out of one of the group's files, or of the line that begins with `key`; 0 when
        it is not there."""
        try:
            text = (self.folder / name).read_text()
        except OSError:
            return 0
        for line in text.splitlines():
            words = line.split()
            if (words[0] == key if key else True) and words[-1].isdigit():
                return int(words[-1])
        return 0

    def tasks(self) -> tuple[int, ...]:
        """The processes in it now."""
        try:
            return tuple(map(int, (self.folder / "cgroup.procs").read_text().split()))
        except OSError:
            return ()

    def write(self, name: str, text: str) -> None:
        """Set one of the group's files. Raises OSError."""
        # no O_CREAT: it must be the kernel's file
        file = os.open(self.folder / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The groups of one box: none, one, or one per controller."""

    groups: tuple[Group, ...]

    @property
    def held(self) -> frozenset[str]:
        """Which of "memory" and "pids" the kernel holds for this box."""
        return frozenset[str]().union(*(group.controllers for group in self.groups))

    @property
    def entrances(self) -> tuple[str, ...]:
        """The files that a process writes "0" to in order to be in the groups."""
        return tuple(str(group.folder / "cgroup.procs") for group in self.groups)

    def tasks(self) -> tuple[int, ...]:
        """The host's pids of all that runs in the box."""
        return self.groups[0].tasks() if self.groups else ()

    def peak_memory_mb(self) -> int | None:
        """The most memory that the box used at once, page cache included, in MiB rounded up."""
        for group in self.groups:
            if "memory" in group.controllers:
                used = group.count(
                    "memory.max_usage_in_bytes" if group.version == 1 else "memory.peak"
                )
                return -(-used // MIB) or None
        return None

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed something in the box for want of memory."""
        return any(
            group.count("memory.oom_control", "oom_kill") + group.count("memory.events", "oom_kill")
            for group in self.groups
            if "memory" in group.controllers
        )

    def out_of_pids(self) -> bool:
        """Whether the box was refused a task."""
        return any(
            group.count("pids.events", "max")
            for group in self.groups
            if "pids" in group.controllers
        )

    def kill(self, *, seconds: float = 10) -> None:
        """Kill everything in the groups and wait until they are empty. Nothing can fork
        meanwhile."""
        give_up = time.monotonic() + seconds
        for group in self.groups:
            if "pids" in group.controllers:
                with contextlib.suppress(OSError):
                    group.write("pids.max", "0")
        while (
            left := {pid for group in self.groups for pid in group.tasks()}
        ) and time.monotonic() < give_up:
            # 0: a task of another process namespace, which its own end will take along
            for pid in left - {0}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    def remove(self, *, seconds: float = 5) -> None:
        """Remove the folders; the kernel lets go of a dead task a moment after it is gone."""
        give_up = time.monotonic() + seconds
        for group in self.groups:
            while group.folder.exists() and time.monotonic() < give_up:
                try:
                    group.folder.rmdir()
                except OSError:
                    time.sleep(0.002)


def cgroup_for(limits: Limits) -> Cgroup:
    """New groups that hold as much of `limits` as this process may. Never raises: what is missing
    shows in `held`."""
    name = f"box-{os.getpid()}-{os.urandom(4).hex()}"
    groups: list[Group] = []
    own, mounts = (Path(f"/proc/self/{file}").read_text() for file in ("cgroup", "mountinfo"))
    for parent, version, controllers in homes(own, mounts):
        wanted = controllers - Cgroup(tuple(groups)).held
        if not wanted:
            continue
        sweep(parent)
        group = Group(parent / name, version, wanted)
        try:
            group.folder.mkdir()
            group.limit(limits)
        except OSError:
            Cgroup((group,)).remove(seconds=0)
            continue
        groups.append(group)
    return Cgroup(tuple(groups))


def sweep(parent: Path) -> None:
    """Remove empty groups of supervisors that are dead: what a machine that lost its power has
    left."""
    for folder in parent.glob("box-*"):
        match = NAME.fullmatch(folder.name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            with contextlib.suppress(OSError):
                folder.rmdir()


def homes(own: str, mounts: str) -> Iterator[tuple[Path, int, frozenset[str]]]:
    """Folders below which this process may try to make groups, the nearest first: folder, version,
    controllers.

    From the texts of /proc/self/cgroup and /proc/self/mountinfo. A version 2 group that has tasks
    of its own cannot delegate, so a group beside the supervisor's may be all there is."""
    paths = _own_paths(own)
    for mount, root, version, controllers in _mounts(mounts):
        path = paths.get(next(iter(controllers), "") if version == 1 else "")
        below = os.path.relpath(path, root) if path else ".."
        if below.startswith(".."):
            continue
        home = mount / below
        if version == 1:
            yield home, 1, controllers
            continue
        for folder in (home, *home.parents):
            enabled = _words(folder / "cgroup.subtree_control") & {"memory", "pids"}
            if enabled and folder.is_relative_to(mount):
                yield folder, 2, frozenset(enabled)


def _own_paths(text: str) -> dict[str, str]:
    """Controller name → path of this process's group; version 2's is under the empty name."""
    rows = (line.split(":", 2) for line in text.splitlines())
    return {
        controller: path for _, controllers, path in rows for controller in controllers.split(",")
    }


def _mounts(text: str) -> Iterator[tuple[Path, str, int, frozenset[str]]]:
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, (kind, _, options) = before.split(), after.split()[:3]
        if kind == "cgroup2":
            yield Path(fields[4]), fields[3], 2, frozenset()
        elif kind == "cgroup":
            controllers = frozenset(options.split(",")) & {"memory", "pids"}
            if controllers:
                yield Path(fields[4]), fields[3], 1, controllers


def _words(file: Path) -> set[str]:
    try:
        return set(file.read_text().split())
    except OSError:
        return set()
