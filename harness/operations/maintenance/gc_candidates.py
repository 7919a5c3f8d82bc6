"""What lies in a home and in the folder for temporary files that may have to go. Looks, by name;
opens and moves nothing.

Half-made things are told by their names, so that whatever was killed, at whatever moment, is found
again."""

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from harness.factory.run.services import Places
from harness.operations.maintenance.gc_policy import Kind, Leaving

TRASH = ".trash"
TEMPORARY = re.compile(r"factory-[a-z]+-(\d+)-[A-Za-z0-9_]{8}(\.json)?")
"""What the factory's rooms call what they keep in the folder for temporary files: what it is, and
whose process."""

_HALF_MADE = (
    ("worktrees", ".making-*"),
    ("layers", ".preparing-*"),
    ("repositories", "*.making"),
    ("facts", "tests-*.[!j]*"),
    ("", ".home.json.*"),
)
_SEALED_HALF_MADE = (
    ("proofs", ".fresh-*"),
)  # never evidence, neither of a verdict nor of a judge that was killed


def leavings(
    places: Places, wheels: Path, *, temporary: Path, recordings: bool = False
) -> Iterator[Leaving]:
    """Everything of a home that is not kept for ever, with its age by this machine's clock, sorted
    by kind and name. What replays need is looked at only where `recordings` may go."""
    now, home = time.time(), places.home
    for folder in (home, places.worktrees, places.sealed, wheels.parent):
        yield from _found(Kind.TRASH, folder / TRASH, "*", now, trash=None)
    for place in _found(Kind.WORKTREE, places.worktrees, "[!.]*", now, trash=places.worktrees):
        yield _of_run(place, place.path.name)
    for place in _found(Kind.TESTS, places.runs, "*/tests/*", now, trash=home):
        if place.path.suffix != ".out":
            yield _of_run(place, place.path.parent.parent.name)
    if recordings:
        for place in _found(Kind.RECORDING, places.runs, "*/tape.jsonl", now, trash=home):
            yield _of_run(place, place.path.parent.name)
        yield from _found(Kind.RECORDING, home / "record", "??/*.gz", now, trash=home)
    yield from _found(Kind.SPARE, places.worktrees, ".pool-*", now, trash=places.worktrees)
    yield from _found(Kind.LAYER, places.layers, "[!.]*", now, trash=home)
    yield from _found(Kind.WHEEL, wheels, "*.whl", now, trash=wheels.parent)
    for name, pattern in _HALF_MADE:
        yield from _found(Kind.HALF_MADE, home / name, pattern, now, trash=home)
    for name, pattern in _SEALED_HALF_MADE:
        yield from _found(Kind.HALF_MADE, places.sealed / name, pattern, now, trash=places.sealed)
    for place in _found(Kind.TEMPORARY, temporary, "factory-*", now, trash=None):
        if (named := TEMPORARY.fullmatch(place.path.name)) and os.lstat(
            place.path
        ).st_uid == os.geteuid():
            yield Leaving(place.kind, place.path, place.age, None, owner=int(named[1]))


def _found(
    kind: Kind, folder: Path, pattern: str, now: float, *, trash: Path | None
) -> Iterator[Leaving]:
    """What is in the folder, links left out: where they lead is not ours. What goes meanwhile is
    not there."""
    for path in sorted(folder.glob(pattern)):
        try:
            seen = os.lstat(path)
        except FileNotFoundError:
            continue
        used = max(seen.st_mtime, seen.st_atime) if stat.S_ISREG(seen.st_mode) else seen.st_mtime
        if not stat.S_ISLNK(seen.st_mode):
            yield Leaving(kind, path, now - used, trash)


def _of_run(place: Leaving, run: str) -> Leaving:
    return Leaving(place.kind, place.path, place.age, place.trash, run=run)


def living() -> frozenset[int]:
    """The processes of this machine."""
    return frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())


def weight(path: Path) -> int:
    """The bytes that a file or a folder takes on the disk, each file once; what cannot be looked at
    counts nothing."""
    seen: dict[tuple[int, int], int] = {}
    waiting = [path]
    while waiting:
        place = waiting.pop()
        try:
            found = os.lstat(place)
            waiting += (
                [Path(entry.path) for entry in os.scandir(place)]
                if stat.S_ISDIR(found.st_mode)
                else []
            )
        except OSError:
            continue
        seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values())
