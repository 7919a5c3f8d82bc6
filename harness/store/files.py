"""Small files, replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from harness.domain.errors import LedgerError


def is_there(path: Path) -> bool:
    """Whether a file is at `path`. Raises LedgerError if that cannot be determined: unknown is not
    the same as missing.

    `Path.exists` returns False for many errors, and on newer Pythons for all of them.
    """
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise LedgerError(f"{path} cannot be looked at: {fault}") from fault
    return True


def replace(path: Path, content: bytes, *, mode: int) -> None:
    """When this returns, `content` is at `path` and on the disk. Raises OSError; then the old
    content is still there."""
    temporary = path.with_name(f"{path.name}.new")
    # Not by `os.write`, which may write a part and raise nothing, as on a disk that is almost full.
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        # Before the rename, or a power cut could leave an empty file under the final name.
        os.fsync(file.fileno())
    temporary.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A rename is durable only once its folder is on the disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
