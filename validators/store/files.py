"""Files that appear whole or not at all, readable by this account alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


def place_file(path: Path, data: bytes, *, replace: bool = False, mode: int = 0o600) -> Path:
    """Write a whole file at `path`, and return the path. Raises FileExistsError when a file is
    there and `replace` is false."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            # On the disk before it gets its name, so that no crash leaves half a file.
            os.fsync(file.fileno())
        if replace:
            os.replace(fresh, path)
        else:
            # Unlike a rename, a link fails when the name is taken.
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def delete_folder(folder: Path) -> None:
    """Delete a folder that an ended program wrote, whatever it made of it: closed folders, and
    those too deep for a path or for recursion. What cannot be deleted stays."""
    todo = [folder]
    while todo:
        here = todo.pop()
        with contextlib.suppress(OSError):
            here.chmod(stat.S_IRWXU)
            for entry in tuple(os.scandir(here)):
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        os.chmod(entry.path, stat.S_IRWXU)
                        # Moved up, so that no path is longer than one name below the folder.
                        todo.append(Path(entry.path).rename(folder / secrets.token_hex(16)))
                    else:
                        os.unlink(entry.path)
            if here != folder:
                here.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()
