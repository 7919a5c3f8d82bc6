"""Read raw objects of the trusted bare repository.

Properties:
- git runs with an empty configuration, without hooks and without replace refs.
- Only plumbing that prints objects is used, so nothing on a branch (attributes, filters,
  export-ignore) can change a byte."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from validators.domain.stops import Inconclusive

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
# fmt: off
QUIET = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=",
    "-c", "core.alternateRefsCommand=",
    "-c", "protocol.allow=never",
)
# fmt: on
SECONDS, SEARCH_SECONDS = 60, 600
PIECE, OVERLAP = 1 << 20, 1 << 10
ALL_OBJECTS = ("cat-file", "--batch-all-objects", "--unordered")


def _argv(git_dir: Path, arguments: Iterable[str]) -> tuple[str, ...]:
    return ("git", *QUIET, "-c", f"safe.directory={git_dir}", f"--git-dir={git_dir}", *arguments)


def git_output(git_dir: Path, arguments: Iterable[str], *, stdin: bytes = b"") -> bytes:
    """The output of `git <arguments>` in a bare repository. Raises Inconclusive with git's own
    message."""
    argv = _argv(git_dir, arguments)
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            env=ENV,
            cwd="/",
            timeout=SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Inconclusive(f"git {argv[-1]} took more than {SECONDS} s in {git_dir}") from error
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise Inconclusive(
            f"git could not read {git_dir}: {words[-1] if words else f'exit {done.returncode}'}"
        )
    return done.stdout


def checkout_files(folder: Path) -> tuple[str, ...]:
    """The paths of a checkout that a commit of everything would hold: tracked files, and new ones
    that its .gitignore does not name. Raises Inconclusive where git cannot read it."""
    at = ("-C", str(folder), f"--work-tree={folder}", "-c", f"safe.directory={folder}")
    listed = git_output(
        folder / ".git", (*at, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    )
    names = (name.decode(errors="surrogateescape") for name in listed.split(b"\0") if name)
    return tuple(sorted(set(names)))


@dataclass(frozen=True, slots=True)
class Repository:
    """All objects of a bare repository, reachable or not."""

    git_dir: Path

    def names(self) -> frozenset[str]:
        """The id of every object."""
        return frozenset(
            git_output(self.git_dir, (*ALL_OBJECTS, "--batch-check=%(objectname)")).decode().split()
        )

    def chunks(self, names: Iterable[str]) -> Iterator[bytes]:
        """The raw bytes of the named objects with their headers, at most PIECE at a time: a small
        pack may hold objects of any size. Each piece begins with the last OVERLAP bytes of the one
        before. Raises Inconclusive."""
        with tempfile.TemporaryFile() as asked:
            asked.writelines(f"{name}\n".encode() for name in names)
            asked.seek(0)
            argv = _argv(self.git_dir, ("cat-file", "--batch"))
            process = subprocess.Popen(
                argv,
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=ENV,
                cwd="/",
                start_new_session=True,
            )
            with _ended(process) as output:
                end = b""
                while piece := output.read(PIECE - OVERLAP):
                    yield end + piece
                    end = (end + piece)[-OVERLAP:]
        if process.returncode:
            raise Inconclusive(
                f"git could not read every object of {self.git_dir}: it ended with"
                f" {process.returncode}, or took more than {SEARCH_SECONDS} s"
            )


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[IO[bytes]]:
    """Its output; at the end of the block, and after SEARCH_SECONDS, the process is killed."""
    assert process.stdout is not None
    late = threading.Timer(SEARCH_SECONDS, process.kill)
    late.start()
    try:
        yield process.stdout
        process.wait()
    finally:
        late.cancel()
        process.kill()
        process.stdout.close()
        process.wait()


def blobs(git_dir: Path, ids: Iterable[str]) -> Iterator[bytes]:
    """The bytes of each blob, in the order asked."""
    wanted = list(ids)
    names = "".join(f"{one}\n" for one in wanted).encode()
    # A view: slices of a large answer are not copied.
    out = memoryview(git_output(git_dir, ("cat-file", "--batch"), stdin=names))
    at = 0
    for wanted_id in wanted:
        end = bytes(out[at : at + 200]).find(b"\n") + at
        name, kind, size = (*bytes(out[at:end]).decode().split(), "", "")[:3]
        if name != wanted_id or kind != "blob":
            raise Inconclusive(f"the repository {git_dir} has no blob {wanted_id}: fetch it again")
        at = end + 1 + int(size) + 1
        yield bytes(out[end + 1 : at - 1])


def commit_facts(git_dir: Path, commit: str) -> tuple[str, tuple[str, ...]]:
    """The tree and the parents that a commit object names. Raises Inconclusive."""
    header = (
        git_output(git_dir, ("cat-file", "commit", commit))
        .split(b"\n\n", 1)[0]
        .decode(errors="replace")
    )
    fields = [line.split(" ", 1) for line in header.splitlines() if " " in line]
    trees = [value for key, value in fields if key == "tree"]
    return trees[0], tuple(value for key, value in fields if key == "parent")


def in_history(git_dir: Path, tip: str, commits: Iterable[str]) -> frozenset[str]:
    """The commits that are `tip` or one of its ancestors. A commit that the repository has lost is
    in no history."""
    asked = tuple(dict.fromkeys(commits))
    names = "".join(f"{one}\n" for one in asked).encode()
    found = git_output(git_dir, ("cat-file", "--batch-check"), stdin=names).decode().splitlines()
    present = {line.split()[0] for line in found if line.split()[1:2] == ["commit"]}
    return frozenset(
        one
        for one in asked
        # `^tip` hides all that tip reaches: a commit of its history leaves nothing to list.
        if one in present and not git_output(git_dir, ("rev-list", "-1", one, f"^{tip}"))
    )
