"""A trash folder: closing something is one rename, and a low-priority process deletes it later.

Deleting a worktree of 50,000 files takes seconds, and nobody has to wait for it. After a kill the
trash is still in its place; the next factory here, or `factory gc`, deletes it. Links are removed,
never followed.
"""

import os
import stat
import subprocess
import sys
import threading
import uuid
from pathlib import Path

from harness.folder_walk import delete

TRASH, MAKING = ".trash", ".making-"
DELETE_SECONDS = 3600
NICE = 19


def throw_away(place: Path, folder: Path) -> None:
    """Move something into the trash of `folder`. Raises OSError."""
    trash = folder / TRASH
    trash.mkdir(parents=True, exist_ok=True)
    # A folder that its owner may not write cannot be moved.
    _open_up(place)
    place.rename(trash / f"{place.name}-{uuid.uuid4().hex}")


def discard_unfinished(folder: Path) -> None:
    """Throw away what a killed factory was making. Only for the sole factory on this home, before
    it makes anything."""
    for half in folder.glob(f"{MAKING}*"):
        throw_away(half, folder)


def delete_trash_later(*folders: Path) -> None:
    """Have a separate process delete the trash. It continues when this process ends; otherwise it
    is reaped."""
    if full := tuple(folder for folder in folders if any_trash(folder)):
        threading.Thread(
            target=_delete_in_process, args=full, name="delete trash", daemon=True
        ).start()


def any_trash(folder: Path) -> bool:
    """Whether there is anything to delete."""
    try:
        return any((folder / TRASH).iterdir())
    except OSError:
        return False


def delete_trash(folder: Path) -> tuple[str, ...]:
    """Delete what was thrown away, now or by a factory that died. Two at once are fine.

    Returns what stays, and why."""
    trash = folder / TRASH
    names = os.listdir(trash) if trash.is_dir() else ()
    return tuple(
        f"{trash / name} could not be deleted: {error.strerror}"
        for name in names
        if (error := delete(trash / name))
    )


def _delete_in_process(*folders: Path) -> None:
    command = (sys.executable, "-I", "-m", "harness.repository.trash", *map(str, folders))
    subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=DELETE_SECONDS,
    )


def _open_up(place: Path) -> None:
    """An agent may have removed its own permissions. Without root nobody could then delete its
    files."""
    if stat.S_ISDIR(os.lstat(place).st_mode):
        os.chmod(place, 0o700)


if __name__ == "__main__":
    os.nice(NICE)
    for given in sys.argv[1:]:
        delete_trash(Path(given))
