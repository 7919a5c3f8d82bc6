"""Memory and task limits for a whole sandbox, by control groups of version 1 or 2.

A sandbox gets groups below the supervisor's own, so that every limit above still counts. What must
hold: the sandbox is in its groups before its first instruction, `kill` leaves no task behind, and
`remove` leaves no folder behind. Where no group can be made, `held` is empty, and the verdict names
the limits that only a watchdog keeps.
"""

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.domain.sandbox import SandboxLimits

MIB = 1024 * 1024
# bubblewrap outside and inside the namespace, and the first program in the sandbox.
OVERHEAD_TASKS = 4
NAME = re.compile(r"sandbox-(\d+)-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Group:
    """One folder of one hierarchy, and the controllers that it has."""

    folder: Path
    version: int
    controllers: frozenset[str]

    def limit(self, limits: SandboxLimits) -> None:
        """Set the limits. Raises OSError when the kernel refuses one."""
        if "memory" in self.controllers:
            size = str(limits.memory_mb * MIB)
            self.write("memory.limit_in_bytes" if self.version == 1 else "memory.max", size)
            # The file is absent where the kernel does not account for swap.
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
        """A number from one of the group's files, or from its line that begins with `key`; 0 when
        absent."""
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
        """The pids that are in it now."""
        try:
            return tuple(map(int, (self.folder / "cgroup.procs").read_text().split()))
        except OSError:
            return ()

    def write(self, name: str, text: str) -> None:
        """Set one of the group's files. Raises OSError."""
        # Without O_CREAT: it must be the kernel's file.
        file = os.open(self.folder / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """The groups of one sandbox: none, one, or one per controller."""

    groups: tuple[Group, ...]

    @property
    def held(self) -> frozenset[str]:
        """Which of "memory" and "pids" the kernel holds for this sandbox."""
        return frozenset[str]().union(*(group.controllers for group in self.groups))

    @property
    def procs_files(self) -> tuple[str, ...]:
        """A process joins the groups by writing "0" to each of these files."""
        return tuple(str(group.folder / "cgroup.procs") for group in self.groups)

    def tasks(self) -> tuple[int, ...]:
        """The host's pids of all that runs in the sandbox."""
        return self.groups[0].tasks() if self.groups else ()

    def peak_memory_mb(self) -> int | None:
        """The most memory that the sandbox used at once, page cache included, in MiB rounded up."""
        for group in self.groups:
            if "memory" in group.controllers:
                used = group.count(
                    "memory.max_usage_in_bytes" if group.version == 1 else "memory.peak"
                )
                return -(-used // MIB) or None
        return None

    def out_of_memory(self) -> bool:
        """Whether the kernel has killed something in the sandbox for lack of memory."""
        return any(
            group.count("memory.oom_control" if group.version == 1 else "memory.events", "oom_kill")
            for group in self.groups
            if "memory" in group.controllers
        )

    def out_of_pids(self) -> bool:
        """Whether the kernel has refused the sandbox a task."""
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
            # 0 stands for a task of another process namespace, which ends with that namespace.
            for pid in left - {0}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)

    def remove(self, *, seconds: float = 5) -> None:
        """Remove the folders. The kernel releases a dead task a moment after it is gone, so this
        retries."""
        give_up = time.monotonic() + seconds
        for group in self.groups:
            while group.folder.exists() and time.monotonic() < give_up:
                try:
                    group.folder.rmdir()
                except OSError:
                    time.sleep(0.002)


def cgroup_for(limits: SandboxLimits) -> Cgroup:
    """New groups that hold as much of `limits` as this process may. Never raises: `held` shows what
    is missing."""
    name = f"sandbox-{os.getpid()}-{os.urandom(4).hex()}"
    groups: list[Group] = []
    own, mounts = (Path(f"/proc/self/{file}").read_text() for file in ("cgroup", "mountinfo"))
    for parent, version, controllers in parent_folders(own, mounts):
        wanted = controllers - Cgroup(tuple(groups)).held
        if not wanted:
            continue
        remove_stale_groups(parent)
        group = Group(parent / name, version, wanted)
        try:
            group.folder.mkdir()
            group.limit(limits)
        except OSError:
            Cgroup((group,)).remove(seconds=0)
            continue
        groups.append(group)
    return Cgroup(tuple(groups))


def remove_stale_groups(parent: Path) -> None:
    """Remove empty groups of dead supervisors, which a power cut leaves behind."""
    for folder in parent.glob("sandbox-*"):
        match = NAME.fullmatch(folder.name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            with contextlib.suppress(OSError):
                folder.rmdir()


def parent_folders(own: str, mounts: str) -> Iterator[tuple[Path, int, frozenset[str]]]:
    """Folders below which this process may try to make groups, the nearest first: folder, version,
    controllers.

    `own` is the text of /proc/self/cgroup, `mounts` of /proc/self/mountinfo. A version 2 group that
    has tasks of its own cannot delegate, so a group beside the supervisor's may be all there is.
    """
    paths = _own_groups(own)
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


def _own_groups(text: str) -> dict[str, str]:
    """The path of this process's group, by controller name. Version 2's is under the empty name."""
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
