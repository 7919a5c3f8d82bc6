"""Packages that lie in the repository itself: a toolchain builds them in a sandbox, offline.

Nothing is fetched, and the layer is empty. What proves the bytes is the commit that they are in;
the hashes beside them are the change's own text, too, and only find what contradicts itself.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.environment import program_in

MIB = 1024 * 1024
# The largest text that is read, the files of all vendored packages, their bytes and their depth.
MOST_TEXT, MOST_FILES, MOST_BYTES, DEEPEST = 16 * MIB, 100_000, 2048 * MIB, 128


@dataclass(frozen=True, slots=True)
class Vendored:
    """What the rows of vendored packages share. `program` builds them; `package` is the one of
    Debian that has it."""

    program: str
    package: str
    variable: str = ""
    within: str = ""
    beside: tuple[str, ...] = ()

    def ready(self, root: str) -> str:
        """See `Ecosystem`."""
        found = program_in(self.program, root, package=self.package)
        return (
            f"they lie in the repository, are compared at each judgement, and {found} builds them"
        )

    def platform(self) -> str:
        """See `Ecosystem`."""
        return self.program

    def fetch(self, lock: bytes, store: Path, scratch: Path) -> None:
        """See `Ecosystem`. There is nothing to fetch."""

    def install(
        self, lock: bytes, store: Path, scratch: Path, *, form: str, root: str
    ) -> str | None:
        """See `Ecosystem`. There is nothing to install."""
        (scratch / "site").mkdir()
        return None


def text_of(folder: Path, path: str) -> str:
    """A text of the tree. Raises ConfigError that names a file which is missing, behind a link, too
    large, or no text."""
    for parent in PurePosixPath(path).parents:
        if (folder / parent).is_symlink():
            raise ConfigError(f"is behind a link, {parent}", file=path)
    try:
        descriptor = os.open(folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", file=path) from error
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError("is no plain file", file=path)
        content = file.read(MOST_TEXT + 1)
    if len(content) > MOST_TEXT:
        raise ConfigError(f"has more than {MOST_TEXT // MIB} MiB", file=path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", file=path) from error


def digests_in(
    folder: Path, *, most_files: int = MOST_FILES, most_bytes: int = MOST_BYTES
) -> Iterator[tuple[str, str]]:
    """The path and the sha256 of each file below a folder of strangers. Raises ConfigError that
    names what is no plain file, or too much."""
    bytes_left, files = most_bytes, 0
    for top, folders, names, descriptor in os.fwalk(folder, follow_symlinks=False):
        if os.path.relpath(top, folder).count("/") >= DEEPEST:
            raise ConfigError(f"{folder.name} is more than {DEEPEST} folders deep")
        folders.sort()
        for name in sorted(names):
            path = os.path.relpath(os.path.join(top, name), folder)
            try:
                file_descriptor = os.open(
                    name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor
                )
            except OSError as error:
                raise ConfigError(f"`{path}` cannot be read: {error.strerror}") from error
            with open(file_descriptor, "rb") as file:
                facts = os.fstat(file_descriptor)
                files, bytes_left = files + 1, bytes_left - facts.st_size
                if not stat.S_ISREG(facts.st_mode):
                    raise ConfigError(f"`{path}` is no plain file")
                if files > most_files or bytes_left < 0:
                    raise ConfigError(
                        f"{folder.name} has more than {most_files} files or {most_bytes // MIB} MiB"
                    )
                yield path, hashlib.file_digest(file, "sha256").hexdigest()
