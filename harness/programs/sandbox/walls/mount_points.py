"""Places for binds that lie in other binds.

bubblewrap can make no folder in what it shows read-only, and would follow a link that the shown
tree has there. So missing folders are made before, in the host's folder, and a link is refused.
"""

import os
import stat

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Bind, SandboxSpec


def make_mount_points(spec: SandboxSpec) -> None:
    """Make the folder for each bind that lies in another one. Raises SandboxError that names a link
    or a file in its place."""
    for bind in spec.binds:
        around = [one for one in spec.binds if bind.target.startswith(f"{one.target}/")]
        if around and os.path.isdir(bind.source):
            _make(max(around, key=lambda one: len(one.target)), bind)


def _make(around: Bind, bind: Bind) -> None:
    folder = os.open(around.source, os.O_PATH | os.O_DIRECTORY)
    try:
        for name in bind.target.removeprefix(f"{around.target}/").split("/"):
            folder = _entered(folder, name, bind)
    except OSError as error:
        raise SandboxError(f"there can be no folder at {bind.target}: {error}") from error
    finally:
        os.close(folder)


def _entered(folder: int, name: str, bind: Bind) -> int:
    """A descriptor of that folder in `folder`, which is closed."""
    try:
        entry = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=folder)
    else:
        if not stat.S_ISDIR(entry.st_mode):
            what = "a link" if stat.S_ISLNK(entry.st_mode) else "a file"
            raise SandboxError(
                f"{name} on the way to {bind.target} is {what}; it must be a folder, or not there"
            )
    inner = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    os.close(folder)
    return inner
