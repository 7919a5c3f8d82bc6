"""Writes a stranger's root file system into a new folder, entry by entry.

What must hold: no entry is written outside the folder or through a link, nothing but folders,
plain files and links is made, and everything is bounded. Owners are this account's, and of modes
only the right to execute stays.
"""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from harness.domain.errors import SandboxError

MIB = 1024 * 1024
SHOWN = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt")
"""The folders of a root that sandboxes show. Nothing else of it is read."""

HIDDEN = frozenset(
    f"etc/{name}"
    for name in (
        *("passwd", "group", "shadow", "gshadow", "passwd-", "group-", "shadow-", "gshadow-"),
        *("hosts", "hostname", "nsswitch.conf", "resolv.conf", "mtab", "machine-id"),
        # It would load a library of the root into what drops the sandbox's rights.
        "ld.so.preload",
    )
)
"""What a sandbox has of its own, or no sandbox needs to see."""

LONGEST_PATH, LONGEST_LINK, DEEPEST = 1024, 1024, 48


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that a root may have: entries, bytes of one file, bytes together."""

    entries: int = 400_000
    file: int = 2048 * MIB
    together: int = 8192 * MIB


def shown(path: str) -> str:
    """The path in plain form, or empty: nothing of it is shown. Raises SandboxError for one that
    leads out, or is too long."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise SandboxError(f"{path!r:.80} leads out of the root; it is refused")
    if len(path) > LONGEST_PATH or len(parts) > DEEPEST:
        raise SandboxError(f"{path!r:.80}… is a longer path than any system's; the root is refused")
    plain = "/".join(parts)
    return plain if parts and parts[0] in SHOWN and plain not in HIDDEN else ""


@dataclass(slots=True)
class Tree:
    """The folder that is written. `folders` are those of it that are known to be no links."""

    top: Path
    bounds: Bounds = field(default_factory=Bounds)
    folders: set[str] = field(default_factory=lambda: {""})
    entries: int = 0
    size: int = 0

    def folder(self, path: str) -> None:
        """A folder. It stays as it is where there is one."""
        self._count(path)
        self._make(path, by=path)

    def file(self, path: str, content: BinaryIO, *, executable: bool) -> str:
        """A file with all of the content. Its sha256, in hexadecimal."""
        self._count(path)
        self._clear_way(path)
        digest, size = hashlib.sha256(), 0
        with open(self.top / path, "xb") as file:
            while chunk := content.read(MIB):
                size, self.size = size + len(chunk), self.size + len(chunk)
                if size > self.bounds.file:
                    raise SandboxError(f"{path:.80} has more than {self.bounds.file} bytes")
                if self.size > self.bounds.together:
                    raise SandboxError(f"the root has more than {self.bounds.together} bytes")
                digest.update(chunk)
                file.write(chunk)
            os.fchmod(file.fileno(), 0o755 if executable else 0o644)
        return digest.hexdigest()

    def link(self, path: str, leads: str) -> None:
        """A symbolic link. Nobody follows it but programs in a sandbox, whose root ends there."""
        self._count(path)
        if not leads or "\0" in leads or len(leads) > LONGEST_LINK:
            raise SandboxError(f"{path:.80} is a link that leads to {leads!r:.80}; it is refused")
        self._clear_way(path)
        os.symlink(leads, self.top / path)

    def same(self, path: str, other: str) -> None:
        """A second name of a file that was written before."""
        self._count(path)
        self._make(os.path.dirname(other), by=other)
        facts = os.lstat(self.top / other) if os.path.lexists(self.top / other) else None
        if facts is None or not stat.S_ISREG(facts.st_mode):
            raise SandboxError(f"{path:.80} is a second name of {other!r:.80}, which is no file")
        self._clear_way(path)
        os.link(self.top / other, self.top / path)

    def remove(self, path: str) -> None:
        """Take away what is at this path, if anything."""
        self._make(os.path.dirname(path), by=path)
        place = self.top / path
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
            self.folders = {
                one for one in self.folders if one != path and not one.startswith(f"{path}/")
            }
        else:
            place.unlink(missing_ok=True)

    def names(self, path: str) -> list[str]:
        """What lies in a folder."""
        place = self.top / path
        return sorted(os.listdir(place)) if place.is_dir() and not place.is_symlink() else []

    def _count(self, path: str) -> None:
        self.entries += 1
        if self.entries > self.bounds.entries:
            raise SandboxError(f"the root has more than {self.bounds.entries} entries, at {path}")

    def _clear_way(self, path: str) -> None:
        self._make(os.path.dirname(path), by=path)
        if os.path.lexists(self.top / path):
            self.remove(path)

    def _make(self, path: str, *, by: str) -> None:
        """Make a folder and those around it. Raises SandboxError where a link or a file is."""
        if path in self.folders:
            return
        self._make(os.path.dirname(path), by=by)
        place = self.top / path
        if not os.path.lexists(place):
            place.mkdir(mode=0o755)
            place.chmod(0o755)
        elif place.is_symlink() or not place.is_dir():
            raise SandboxError(f"{by!r:.80} lies behind {path}, which is a link or a file")
        self.folders.add(path)
