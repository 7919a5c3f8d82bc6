"""A uid of the sandbox's own, and the files that get this owner.

As root, two sandboxes that live at the same time never share a uid. A slot is a locked file, and
bubblewrap keeps the lock as long as anything in the sandbox is alive, even when the supervisor is
not. Ownership changes never follow a link, and never pass through a second name: a hard link would
hand over a file that lives elsewhere (a local `git clone` hard-links the objects of the repository
it came from).
"""

import contextlib
import fcntl
import os
import pwd
import stat
from collections import Counter
from collections.abc import Iterable, Iterator

from harness.domain.errors import SandboxError
from harness.folder_walk import walk

# A range that neither Debian nor systemd assigns.
FIRST_UID, SLOTS = 60600, 384
SLOT_FOLDER = "/run/lights-out-factory/uids"
# The uid that a sandbox with a user namespace sees as its own.
USERNS_UID = 1000


class Slot:
    """One uid, held until `close`, and by every process that inherits `lock`."""

    def __init__(self, uid: int, lock: int) -> None:
        self.uid, self.lock = uid, lock

    def close(self) -> None:
        """Release it on this side."""
        os.close(self.lock)


def take_slot() -> Slot:
    """A uid that no other live sandbox has. Needs root. Raises SandboxError when all are taken."""
    try:
        os.makedirs(SLOT_FOLDER, mode=0o700, exist_ok=True)
        for uid in range(FIRST_UID, FIRST_UID + SLOTS):
            lock = os.open(
                f"{SLOT_FOLDER}/{uid}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
            )
            if _locked(lock) and not _is_an_account(uid):
                return Slot(uid, lock)
            os.close(lock)
    except OSError as error:
        raise SandboxError(f"no uid for the sandbox: {error}") from error
    raise SandboxError(
        f"all {SLOTS} uids are taken by live sandboxes; wait for one to end", retryable=True
    )


def shared_slot(folder: str) -> Slot:
    """The uid that owns `folder`, if only sandboxes that share this folder have it; else one that
    nobody has, whose lock others who own the folder may share. Needs root. Raises SandboxError."""
    owner = os.stat(folder).st_uid
    if owner in range(FIRST_UID, FIRST_UID + SLOTS):
        lock = os.open(f"{SLOT_FOLDER}/{owner}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A sandbox that has the uid for itself holds its lock exclusively.
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return Slot(owner, lock)
        os.close(lock)
    slot = take_slot()
    fcntl.flock(slot.lock, fcntl.LOCK_SH)
    return slot


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_an_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def tasks_of_account() -> int:
    """How many tasks this process's account has now, threads included. The kernel's limit per uid
    counts these."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{pid}/task"))
    return count


def refuse_shared_files(roots: Iterable[str]) -> None:
    """Raises SandboxError when a file below `roots` has another name outside them: a write would
    change that too."""
    roots = tuple(roots)
    seen: Counter[tuple[int, int]] = Counter()
    several: dict[tuple[int, int], tuple[str, int]] = {}
    for root in roots:
        for name, folder, entry in _tree(root):
            if stat.S_ISREG(entry.st_mode) and entry.st_nlink > 1:
                key = entry.st_dev, entry.st_ino
                seen[key] += 1
                several[key] = _path(name, folder), entry.st_nlink
    for key, (path, links) in several.items():
        if seen[key] < links:
            raise SandboxError(
                f"{path} is a hard link to a file outside the writable binds; copy it instead"
            )


def chown_tree(root: str, uid: int) -> None:
    """Make `uid` the owner of all below `root`, links themselves included. Raises SandboxError."""
    try:
        for name, folder, entry in _tree(root):
            if (entry.st_uid, entry.st_gid) != (uid, uid):
                os.chown(name, uid, uid, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        raise SandboxError(f"{root} cannot be given to the sandbox: {error}") from error


def _tree(root: str) -> Iterator[tuple[str, int | None, os.stat_result]]:
    """Every file and folder from `root` down: its name (of `root` the path), the descriptor of its
    folder, its stat result. What lies in a folder that its owner closed is left out."""
    top = os.lstat(root)
    yield root, None, top
    # A bind may also be one file, or a socket.
    if not stat.S_ISDIR(top.st_mode):
        return
    for stop in walk(root, lambda _: None):
        for entry in stop.entries:
            yield entry.name, stop.descriptor, entry.stat(follow_symlinks=False)


def _path(name: str, folder: int | None) -> str:
    if folder is None:
        return name
    try:
        return f"{os.readlink(f'/proc/self/fd/{folder}')}/{name}"
    except OSError:
        # It is longer than any path that a system call gives.
        return f"…/{name}"
