"""Files that processes hold and that no folder shows: deleted ones, and those in memory (memfd).

Such a file lives while a process has it open, maps a piece of it, runs it as its program, or has
sent it into a socket that nobody has read. A process may also forbid others to look into it
(PR_SET_DUMPABLE), and a thread may have open files of its own, or outlive the first thread of its
process. So whoever looks must know whether that was all: what could not be seen may be any amount.
"""

import contextlib
import ctypes
import os
import platform
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

# A deleted file in /proc/<pid>/maps: from, to, device, inode.
_DELETED = re.compile(rb"(\w+)-(\w+) \S+ \S+ (\S+) (\d+) .* \(deleted\)\n")
_SENT = re.compile(rb"^scm_fds:\s*[1-9]", re.MULTILINE)
_KCMP = {"x86_64": 312, "aarch64": 272}
# Its question whether two tasks have one table of open files.
_FILES = 2

_libc = ctypes.CDLL(None)


@dataclass(slots=True)
class NamelessFiles:
    """The bytes of each, by device and inode. `hidden`: there may be more."""

    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    hidden: bool = False

    def _add(self, entry: os.stat_result, devices: Collection[int]) -> None:
        if entry.st_nlink == 0 and entry.st_dev in devices and stat.S_ISREG(entry.st_mode):
            self.sizes[entry.st_dev, entry.st_ino] = entry.st_blocks * 512

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        """Ends where a process has gone, or forbids to look."""
        try:
            yield
        except PermissionError:
            self.hidden = True
        except OSError:
            return


def nameless_files(
    pids: tuple[int, ...], devices: Collection[int], *, mapped: bool = True
) -> NamelessFiles:
    """What these processes hold on these devices. What is mapped or run and not open is looked for
    only if `mapped` is set: a browser's maps take ten times as long to read as its open files."""
    found = NamelessFiles()
    for pid in pids:
        for table in _tables(pid):
            with found._looking():
                for name in os.listdir(f"{table}/fd"):
                    with contextlib.suppress(FileNotFoundError):
                        _see_open(found, table, name, devices)
        if mapped:
            with found._looking():
                _see_mapped(found, memory_folder(pid), devices)
    return found


def memory_folder(pid: int) -> str:
    """The folder in /proc of a task that has the process's memory: the first one gives it up when
    it ends before the others."""
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/statm", "rb") as file:
                if not file.read().startswith(b"0 "):
                    return f"/proc/{pid}" if task == str(pid) else f"/proc/{pid}/task/{task}"
    return f"/proc/{pid}"


def device_number(text: bytes) -> int:
    """A device as /proc writes it, `major:minor` in hexadecimal."""
    major, minor = (int(part, 16) for part in text.split(b":"))
    return os.makedev(major, minor)


def _tables(pid: int) -> Iterator[str]:
    """The folder in /proc of one task for each table of open files."""
    yield f"/proc/{pid}"
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            if task != str(pid) and not _share_files(pid, int(task)):
                yield f"/proc/{pid}/task/{task}"


def _share_files(task: int, other: int) -> bool:
    """False also where the kernel does not tell."""
    number = _KCMP.get(platform.machine())
    return number is not None and _libc.syscall(number, task, other, _FILES, 0, 0) == 0


def _see_open(found: NamelessFiles, table: str, name: str, devices: Collection[int]) -> None:
    entry = os.stat(f"{table}/fd/{name}")
    found._add(entry, devices)
    if stat.S_ISSOCK(entry.st_mode):
        with open(f"{table}/fdinfo/{name}", "rb") as file:
            found.hidden |= _SENT.search(file.read()) is not None


def _see_mapped(found: NamelessFiles, task: str, devices: Collection[int]) -> None:
    """A file of which only a piece is mapped, and that nobody has open, is as large as it was. So
    is the program of a process that maps nothing of it any more."""
    with open(f"{task}/maps", "rb") as file:
        # By lines: a stranger's maps may be very long.
        for start, end, device, inode in (one.groups() for one in map(_DELETED.match, file) if one):
            key = device_number(device), int(inode)
            if key[0] in devices and key not in found.sizes:
                piece = f"{int(start, 16):x}-{int(end, 16):x}"
                # Without root the kernel does not tell its size.
                with contextlib.suppress(FileNotFoundError):
                    found._add(os.stat(f"{task}/map_files/{piece}"), devices)
    found._add(os.stat(f"{task}/exe"), devices)
