"""Finds the candidates for garbage collection in a home and in the temporary folder, by name. It
opens and moves nothing.

Unfinished things have names of their own, so what a killed process left is always found."""

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from harness.factory.run.services import Places
from harness.operations.maintenance.gc_policy import Candidate, CandidateKind
from harness.programs.sandbox.packages.layer import installed

TRASH = ".trash"
TEMPORARY = re.compile(r"factory-[a-z]+-(\d+)-[A-Za-z0-9_]{8}(\.json)?")
"""The names that the factory gives to its temporary files: their kind and the process."""

_HALF_MADE = (
    ("worktrees", ".making-*"),
    ("layers", ".preparing-*"),
    ("repositories", "*.making"),
    # An unfinished one ends in the name of its run, a finished one in `.json`.
    ("facts", "tests-*.[!j]*"),
    ("", ".home.json.*"),
)
# Never evidence, neither of a verdict nor of a judge that was killed.
_SEALED_HALF_MADE = (("proofs", ".fresh-*"),)


def candidates(
    places: Places, wheels: Path, *, temporary: Path, recordings: bool = False
) -> Iterator[Candidate]:
    """Everything in a home that is not kept for ever, with its age by this machine's clock, sorted
    by kind and name. Recordings are included only with `recordings`."""
    now, home = time.time(), places.home
    for folder in (home, places.worktrees, places.sealed, wheels.parent):
        yield from _found(CandidateKind.TRASH, folder / TRASH, "*", now, trash=None)
    for place in _found(
        CandidateKind.WORKTREE, places.worktrees, "[!.]*", now, trash=places.worktrees
    ):
        yield _of_run(place, place.path.name)
    for place in _found(CandidateKind.TESTS, places.runs, "*/tests/*", now, trash=home):
        # These files beside the trees are the reports of the tests.
        if place.path.suffix != ".out":
            yield _of_run(place, place.path.parent.parent.name)
    if recordings:
        for place in _found(CandidateKind.RECORDING, places.runs, "*/tape.jsonl", now, trash=home):
            yield _of_run(place, place.path.parent.name)
        yield from _found(CandidateKind.RECORDING, home / "record", "??/*.gz", now, trash=home)
    yield from _found(CandidateKind.SPARE, places.worktrees, ".pool-*", now, trash=places.worktrees)
    yield from _found(CandidateKind.LAYER, places.layers, "[!.]*", now, trash=home)
    yield from _found(CandidateKind.LAYER, installed(wheels), "[!.]*", now, trash=wheels.parent)
    yield from _found(
        CandidateKind.HALF_MADE, installed(wheels), ".preparing-*", now, trash=wheels.parent
    )
    yield from _found(CandidateKind.WHEEL, wheels, "*.whl", now, trash=wheels.parent)
    yield from _found(CandidateKind.WHEEL, wheels / "npm", "*.tgz", now, trash=wheels.parent)
    yield from _found(
        CandidateKind.HALF_MADE, wheels / "npm", ".fetching-*", now, trash=wheels.parent
    )
    for name, pattern in _HALF_MADE:
        yield from _found(CandidateKind.HALF_MADE, home / name, pattern, now, trash=home)
    for name, pattern in _SEALED_HALF_MADE:
        yield from _found(
            CandidateKind.HALF_MADE, places.sealed / name, pattern, now, trash=places.sealed
        )
    for place in _found(CandidateKind.TEMPORARY, temporary, "factory-*", now, trash=None):
        if (named := TEMPORARY.fullmatch(place.path.name)) and os.lstat(
            place.path
        ).st_uid == os.geteuid():
            yield Candidate(place.kind, place.path, place.age, None, owner=int(named[1]))


def _found(
    kind: CandidateKind, folder: Path, pattern: str, now: float, *, trash: Path | None
) -> Iterator[Candidate]:
    """What is in the folder, without links: their targets are not ours."""
    for path in sorted(folder.glob(pattern)):
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            # It was deleted meanwhile.
            continue
        is_file = stat.S_ISREG(facts.st_mode)
        # Reading a wheel is using it; but every listing, ours too, changes a folder's access time.
        used = max(facts.st_mtime, facts.st_atime) if is_file else facts.st_mtime
        if not stat.S_ISLNK(facts.st_mode):
            yield Candidate(kind, path, now - used, trash)


def _of_run(place: Candidate, run: str) -> Candidate:
    return Candidate(place.kind, place.path, place.age, place.trash, run=run)


def live_processes() -> frozenset[int]:
    """The ids of the processes of this machine."""
    return frozenset(int(name) for name in os.listdir("/proc") if name.isdigit())


def disk_bytes(path: Path) -> int:
    """The bytes that a file or a folder takes on the disk. Each file counts once; what cannot be
    read counts nothing."""
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
