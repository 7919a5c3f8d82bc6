"""Folders that strangers filled: a walk that sees all of one, and its deletion.

What must hold, whatever lies there:

- A system call is given one name, never a path, and nothing recurses: a nest of a hundred thousand
  folders, whose path no system call takes, is walked like any other, in a time that grows with
  their number.
- At most `MOST_OPEN` folders are open at a time.
- No link is followed, and a folder that is moved meanwhile leads nobody out of the tree.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MOST_OPEN = 40
# Reading is asked for only where a folder is listed: the way back needs none.
FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
CLOSED = -1

Unseen = Callable[[OSError], None]


@dataclass(slots=True)
class Stop:
    """Where a walk is: a folder's descriptor, good until the next step, and either what lies in it,
    or the name of the folder in it that the walk has just left."""

    descriptor: int
    entries: tuple[os.DirEntry[str], ...] = ()
    left: str | None = None


@dataclass(slots=True)
class _Level:
    name: str
    descriptor: int
    identity: tuple[int, int]
    todo: list[str]


def walk(top: str | Path, unseen: Unseen) -> Iterator[Stop]:
    """Every folder from `top` down, before those in it, and again after each of those.

    `unseen` gets the error of each folder that cannot be listed. That one has gone, or was never a
    folder, is none.
    """
    levels: list[_Level] = []
    try:
        if stop := _entered(levels, str(top), None, unseen):
            yield stop
        while levels:
            level = levels[-1]
            if level.todo:
                name = level.todo.pop()
                if stop := _entered(levels, name, level.descriptor, unseen):
                    yield stop
                else:
                    yield Stop(level.descriptor, left=name)
            elif _is_back(levels, unseen):
                yield Stop(levels[-1].descriptor, left=level.name)
    finally:
        for level in levels:
            _close(level)


@contextlib.contextmanager
def suppressed(unseen: Unseen) -> Iterator[None]:
    """Ends at an OSError, which `unseen` gets, unless it means that something has gone."""
    try:
        yield
    except OSError as error:
        if error.errno not in GONE:
            unseen(error)


def delete(place: str | Path) -> OSError | None:
    """Delete a file, a link or a folder, even if an agent removed its own permissions. What cannot
    be deleted stays; returns the first error of it. That another deletes it as well is none."""
    errors: list[OSError] = []

    def note(error: OSError) -> None:
        if not errors:
            errors.append(error)

    with suppressed(note):
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            os.unlink(place)
            return None
        os.chmod(place, stat.S_IRWXU)
        for stop in walk(place, note):
            for entry in stop.entries:
                with suppressed(note):
                    _delete_or_open_up(entry, stop.descriptor)
            if stop.left is not None:
                with suppressed(note):
                    os.rmdir(stop.left, dir_fd=stop.descriptor)
        os.rmdir(place)
    return errors[0] if errors else None


def _delete_or_open_up(entry: os.DirEntry[str], folder: int) -> None:
    """Without root nobody could delete what lies in a folder that its owner closed."""
    if not entry.is_dir(follow_symlinks=False):
        os.unlink(entry.name, dir_fd=folder)
    elif ~entry.stat(follow_symlinks=False).st_mode & stat.S_IRWXU:
        os.chmod(entry.name, stat.S_IRWXU, dir_fd=folder)


def _entered(levels: list[_Level], name: str, above: int | None, unseen: Unseen) -> Stop | None:
    """One level down. None where that folder cannot be listed."""
    descriptor = CLOSED
    with suppressed(unseen):
        descriptor = os.open(name, os.O_RDONLY | FOLDER, dir_fd=above)
    if descriptor == CLOSED:
        return None
    level = _Level(name, descriptor, _identity(descriptor), [])
    levels.append(level)
    if len(levels) > MOST_OPEN:
        _close(levels[-1 - MOST_OPEN])
    entries = []
    with suppressed(unseen), os.scandir(descriptor) as found:
        for entry in found:
            entries.append(entry)
            if entry.is_dir(follow_symlinks=False):
                level.todo.append(entry.name)
    return Stop(descriptor, tuple(entries))


def _is_back(levels: list[_Level], unseen: Unseen) -> bool:
    """One level up. False where that was the top, or somebody moved the folders in between: then
    the walk goes on in the lowest that is where it was."""
    left = levels.pop()
    try:
        if not levels or levels[-1].descriptor != CLOSED:
            return bool(levels)
        with contextlib.suppress(OSError):
            above = os.open("..", os.O_PATH | FOLDER, dir_fd=left.descriptor)
            if _identity(above) == levels[-1].identity:
                levels[-1].descriptor = above
                return True
            os.close(above)
    finally:
        _close(left)
    return _is_down_again(levels, unseen)


def _is_down_again(levels: list[_Level], unseen: Unseen) -> bool:
    above: int | None = None
    for number, level in enumerate(levels):
        descriptor = CLOSED
        with suppressed(unseen):
            descriptor = os.open(level.name, os.O_PATH | FOLDER, dir_fd=above)
        if descriptor == CLOSED:
            break
        if _identity(descriptor) != level.identity:
            os.close(descriptor)
            break
        if number:
            _close(levels[number - 1])
        level.descriptor = above = descriptor
    else:
        return True
    del levels[number:]
    return False


def _identity(descriptor: int) -> tuple[int, int]:
    facts = os.fstat(descriptor)
    return facts.st_dev, facts.st_ino


def _close(level: _Level) -> None:
    if level.descriptor != CLOSED:
        os.close(level.descriptor)
        level.descriptor = CLOSED
