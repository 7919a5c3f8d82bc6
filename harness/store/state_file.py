"""A home's state as one file: packed the same way each time, and unpacked on another machine.

Properties:
- The databases are copied while nothing is added to the ledger. So the file holds what a kill at
  that moment would have left.
- Equal states give equal bytes: order, owners, and what a copy adds do not vary.
- What is packed and what is unpacked has a limit. Of what only people read, the oldest large files
  are left out.
- Nothing is unpacked outside of the places of a home. `home.json` comes last, so a home without
  one is known to be unfinished.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sqlite3
import stat
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from harness.domain.errors import LedgerError
from harness.store.files import replace
from harness.store.ledger.sqlite import still

_HOME, _BESIDE = "home", "beside"
_SMALL = 64 * 1024
_UNFINISHED = (".lock", ".sock", ".new")
_SIDE_FILES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database. They belong to it, and to no copy of it."""


@dataclass(frozen=True, slots=True)
class StatePlaces:
    """What of a home is packed: files below `places`, except `left_out`, and `databases` together
    with the files that `go_with` them. Of the files below `history` those above 64 KB share
    `history_bytes`, the newest first. `last` is unpacked last. A change of `unmarked` alone is no
    change."""

    places: tuple[str, ...]
    databases: tuple[str, ...]
    go_with: tuple[str, ...]
    history: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    last: str = "home.json"
    unmarked: tuple[str, ...] = ()
    history_bytes: int = 48 * 1024**2
    most_bytes: int = 1024**3

    def has(self, path: str) -> bool:
        """Whether a path belongs to the state of a home, by its name."""
        parts = PurePosixPath(path).parts
        inside = bool(parts) and ".." not in parts and not PurePosixPath(path).is_absolute()
        return inside and (path in (*self.databases, *self.go_with) or parts[0] in self.places)


@dataclass(frozen=True, slots=True)
class PackedState:
    """The packed file, and the digest of what is in it."""

    content: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class _Member:
    mode: int
    seconds: int
    content: Callable[[], bytes]


def packed(home: Path, kept: StatePlaces, *, beside: Mapping[str, bytes]) -> PackedState:
    """Pack the state of a home, with what is to go `beside` it. Raises LedgerError if it is larger
    than can be unpacked."""
    members = {
        f"{_BESIDE}/{name}": _Member(0o600, 0, partial(bytes, data))
        for name, data in beside.items()
    }
    members |= {f"{_HOME}/{path}": member for path, member in _in(home, kept).items()}
    raw, digest, size = io.BytesIO(), hashlib.sha256(), 0
    last = f"{_HOME}/{kept.last}"
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as smaller,
        tarfile.open(fileobj=smaller, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(members, key=lambda name: (name == last, name)):
            try:
                content = members[name].content()
            except FileNotFoundError:
                # Deleted since the folder was listed.
                continue
            size += len(content)
            if size > kept.most_bytes:
                raise LedgerError(
                    f"the state of {home} is larger than {kept.most_bytes:,} bytes; `factory gc"
                    " --days 7` makes room"
                )
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), members[name].mode
            entry.mtime = members[name].seconds
            tar.addfile(entry, io.BytesIO(content))
            if name.removeprefix(f"{_HOME}/") not in kept.unmarked:
                digest.update(f"{name}\0{entry.mode}\0{len(content)}\0".encode())
                digest.update(content)
    return PackedState(raw.getvalue(), digest.hexdigest())


def unpack(home: Path, kept: StatePlaces, content: bytes) -> dict[str, bytes]:
    """Make the home equal the packed state, and return what was beside it. Raises LedgerError if it
    is none, or larger than its limit; the home is then unfinished at worst."""
    beside: dict[str, bytes] = {}
    there: set[str] = set()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in kept.databases:
        for suffix in _SIDE_FILES:
            (home / f"{path}{suffix}").unlink(missing_ok=True)
    for name, mode, seconds, data in _read(content, kept.most_bytes):
        side, _, path = name.partition("/")
        if side == _BESIDE:
            beside[path] = data
            continue
        if side != _HOME or not kept.has(path):
            raise LedgerError(f"the packed state names {name[:80]!r}, which does not belong to it")
        place = home / path
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        replace(place, data, mode=mode & 0o777)
        os.utime(place, (seconds, seconds))
        there.add(path)
    # Files of ours that it lacks were deleted by the home that packed it.
    for path in set(_files(home, kept)) - there:
        (home / path).unlink()
    return beside


def _read(content: bytes, most: int) -> Iterator[tuple[str, int, int, bytes]]:
    """Each member's name, mode, time and bytes. The size is bounded while it is read."""
    size = 0
    try:
        with (
            gzip.GzipFile(fileobj=io.BytesIO(content)) as larger,
            tarfile.open(fileobj=larger, mode="r|") as tar,
        ):
            for entry in tar:
                size += entry.size
                if size > most:
                    raise LedgerError(f"the packed state has more than {most:,} bytes")
                data = tar.extractfile(entry) if entry.isreg() else None
                if data is None:
                    raise LedgerError(f"the packed state has {entry.name[:80]!r}, which is no file")
                yield entry.name, entry.mode, int(entry.mtime), data.read()
    except (tarfile.TarError, zlib.error, OSError, EOFError) as fault:
        raise LedgerError(f"the packed state cannot be read: {fault}") from fault


def _in(home: Path, kept: StatePlaces) -> dict[str, _Member]:
    """The home's members by path. Databases are copied at once; files are read later."""
    found: dict[str, _Member] = {}
    with still(home):
        for path in kept.databases:
            if (home / path).is_file():
                found[path] = _Member(0o600, 0, partial(bytes, _copied(home / path)))
        for path in kept.go_with:
            if (home / path).is_file():
                found[path] = _Member(0o600, 0, partial(bytes, (home / path).read_bytes()))
    facts: dict[str, os.stat_result] = {}
    for path in _files(home, kept):
        with suppress(FileNotFoundError):
            facts[path] = (home / path).lstat()
    for path in facts.keys() - _too_old(facts, kept) - found.keys():
        mode, seconds = stat.S_IMODE(facts[path].st_mode), int(facts[path].st_mtime)
        found[path] = _Member(mode, seconds, (home / path).read_bytes)
    return found


def _too_old(facts: Mapping[str, os.stat_result], kept: StatePlaces) -> set[str]:
    """The large files that only people read and for which there is no room beside newer ones."""
    large = [
        path
        for path, fact in facts.items()
        if PurePosixPath(path).parts[0] in kept.history and fact.st_size > _SMALL
    ]
    left, out = kept.history_bytes, set[str]()
    for path in sorted(large, key=lambda path: (-int(facts[path].st_mtime), path)):
        left -= facts[path].st_size
        if left < 0:
            out.add(path)
    return out


def _copied(path: Path) -> bytes:
    """A database with all that was committed to it."""
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(":memory:")) as copy:
            source.backup(copy)
            return bytes(copy.serialize())
    except sqlite3.Error as fault:
        raise LedgerError(f"{path} cannot be copied: {fault}", retryable=True) from fault


def _files(home: Path, kept: StatePlaces) -> Iterator[str]:
    for name in kept.places:
        top = home / name
        if top.is_symlink() or not top.exists():
            continue
        listed = (
            [top]
            if top.is_file()
            else [Path(folder, file) for folder, _, files in os.walk(top) for file in files]
        )
        for path in listed:
            named = path.relative_to(home).as_posix()
            try:
                is_plain = stat.S_ISREG(path.lstat().st_mode)
            except FileNotFoundError:
                # Deleted since the folder was listed.
                continue
            if is_plain and not path.name.endswith(_UNFINISHED) and named not in kept.left_out:
                yield named
