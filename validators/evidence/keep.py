"""Copy files out of a folder that a sandbox can write to: plain files only, never through a link,
and not without a limit."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from validators.domain.stops import Inconclusive

MAX_FILES = 2000
MAX_BYTES = 256 << 20
LOG_TAIL = 1 << 20
# Of a path below the folder: parts, and bytes.
DEEPEST, LONGEST = 32, 1024


def keep_files(source: Path, *, into: Path) -> None:
    """Copy a file, or every plain file below a folder, to `into`. Raises Inconclusive when that is
    more than MAX_FILES or MAX_BYTES, or lies too deep."""
    left = [MAX_FILES, MAX_BYTES]
    if source.is_dir() and not source.is_symlink():
        for folder, _, names in os.walk(source, followlinks=False):
            inner = Path(folder).relative_to(source)
            if len(inner.parts) > DEEPEST or len(os.fsencode(inner)) > LONGEST:
                raise Inconclusive(
                    f"the evidence lies more than {DEEPEST} folders or {LONGEST} bytes deep"
                )
            for name in sorted(names):
                _copy(Path(folder, name), into / inner / name, left)
    else:
        _copy(source, into, left)


def keep_tail(log: Path, *, into: Path) -> None:
    """Copy the last LOG_TAIL bytes of a log that an untrusted program wrote."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_TAIL))
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_bytes(file.read(LOG_TAIL))


def _copy(source: Path, target: Path, left: list[int]) -> None:
    descriptor = _opened(source)
    if descriptor is None:
        return
    with open(descriptor, "rb") as file:
        left[0], left[1] = left[0] - 1, left[1] - os.fstat(descriptor).st_size
        if min(left) < 0:
            raise Inconclusive(
                f"the evidence is more than {MAX_FILES} files or {MAX_BYTES >> 20} MiB"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read())


def _opened(path: Path) -> int | None:
    """A descriptor of a plain file; None for anything else: a link, a pipe or a device is no
    evidence."""
    # O_NONBLOCK: opening a pipe that nobody writes to would block for ever.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor
