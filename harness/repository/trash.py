"""What is closed goes out of sight by one rename, and is deleted later, by a process that stands
back for all others.

Deleting a worktree of 50,000 files takes seconds, and nobody has to wait for it. What a kill leaves
is trash by its place, and the next factory here, or `factory gc`, ends it. Links are removed, never
followed."""

import os
import shutil
import stat
import subprocess
import sys
import threading
import uuid
from pathlib import Path

TRASH, MAKING = ".trash", ".making-"
SWEEP_SECONDS = 3600
NICE = 19


def throw_away(place: Path, folder: Path) -> None:
    """Move something out of the way, into the trash of `folder`. Raises OSError."""
    trash = folder / TRASH
    trash.mkdir(parents=True, exist_ok=True)
    _open_up(place)  # a folder that its owner may not write cannot be moved
    place.rename(trash / f"{place.name}-{uuid.uuid4().hex}")


def left_behind(folder: Path) -> None:
    """Throw away what a killed factory was making. Only for the sole factory on this home, before
    it makes any."""
    for half in folder.glob(f"{MAKING}*"):
        throw_away(half, folder)


def sweep_later(*folders: Path) -> None:
    """Have the trash deleted by a process of its own. It goes on when this one ends; while this one
    lives it is reaped."""
    if full := tuple(folder for folder in folders if any_trash(folder)):
        threading.Thread(target=_sweep_apart, args=full, name="sweep", daemon=True).start()


def any_trash(folder: Path) -> bool:
    """Whether there is anything to delete."""
    try:
        return any((folder / TRASH).iterdir())
    except OSError:
        return False


def swept(folder: Path) -> None:
    """Delete what was thrown away, now or by a factory that died. Two at once are fine."""
    trash = folder / TRASH
    for name in os.listdir(trash) if trash.is_dir() else ():
        delete(trash / name)


def delete(place: Path) -> None:
    """Delete a file or a folder, also where an agent took its own permissions away. What cannot be
    deleted stays."""
    if place.is_symlink() or place.is_file():
        place.unlink(missing_ok=True)
        return
    try:
        _open_up(place)
        for inner, names, _ in os.walk(place):
            for below in names:
                _open_up(os.path.join(inner, below))
    except FileNotFoundError:
        pass  # somebody else is at it as well
    shutil.rmtree(place, ignore_errors=True)


def _sweep_apart(*folders: Path) -> None:
    command = (sys.executable, "-I", "-m", "harness.repository.trash", *map(str, folders))
    subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        timeout=SWEEP_SECONDS,
    )


def _open_up(place: str | Path) -> None:
    """An agent may have taken its own permissions away; without root that would keep its files for
    ever."""
    if stat.S_ISDIR(os.lstat(place).st_mode):
        os.chmod(place, 0o700)


if __name__ == "__main__":
    os.nice(NICE)
    for given in sys.argv[1:]:
        swept(Path(given))
