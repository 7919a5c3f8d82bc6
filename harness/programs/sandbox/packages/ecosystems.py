"""The table of ecosystems: by the lock file's name, how packages are fetched, proved and installed.

A new ecosystem is a row here: a class with these members, and a fixture for its tests. What holds
for each of them:

- `joined` is what a row calls its lock: the file itself, with the others that it names as `beside`.
- `check` refuses a lock with any entry that has no hash, or that names another source than the
  registry this machine is set up for. The lock is the change's own text.
- `fetch` brings data. No program of a package runs, and no address in a lock is asked.
- `install` works in a sandbox without a network, and only from what `fetch` has kept.
- `check_tree` compares packages that lie in the repository itself with its lock.
"""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages import npm_lock, pnpm_lock, yarn_lock
from harness.programs.sandbox.packages.cargo_vendor import VendoredCargo
from harness.programs.sandbox.packages.go_vendor import VendoredGo
from harness.programs.sandbox.packages.npm import Npm
from harness.programs.sandbox.packages.pip import Pip
from harness.programs.sandbox.packages.python_locks import from_poetry, from_uv


class Ecosystem(Protocol):
    """One row. `within` is where below its own folder a project looks for its packages, or empty:
    then the environment variable `variable` names where they are."""

    @property
    def variable(self) -> str: ...
    @property
    def within(self) -> str: ...
    @property
    def beside(self) -> tuple[str, ...]:
        """Names of files in the lock's folder that decide with it what is installed."""
        ...

    def check(self, lock: bytes, *, form: str) -> None:
        """Raises ConfigError that names the first entry which is not allowed, SandboxError where
        sandboxes of this form cannot have such packages."""
        ...

    def check_tree(self, lock: bytes, folder: Path) -> None:
        """Compare with the lock what lies in its folder of a tree that strangers wrote. Raises
        ConfigError that names the first package which contradicts it."""
        ...

    def ready(self, root: str) -> str:
        """What would fetch and use the packages, in sandboxes with this root file system (empty:
        the machine's), for people. Raises ConfigError that names a missing program."""
        ...

    def platform(self) -> str:
        """What decides the installed bytes beside the lock."""
        ...

    def fetch(self, lock: bytes, store: Path, scratch: Path) -> None:
        """Bring into `store` what it lacks. Raises SandboxError that names what cannot be had, or
        is not what the lock pins."""
        ...

    def install(
        self, lock: bytes, store: Path, scratch: Path, *, form: str, root: str
    ) -> str | None:
        """Install into the folder `site` of `scratch`, in a sandbox. None, or what is lacking in
        `store`. Raises SandboxError for what a fetch would not mend."""
        ...


BY_NAME: dict[str, Ecosystem] = {
    "uv.lock": Pip(from_uv),
    "poetry.lock": Pip(from_poetry),
    **dict.fromkeys(npm_lock.FILES, Npm(npm_lock.tree_of)),
    pnpm_lock.FILE: Npm(pnpm_lock.tree_of),
    yarn_lock.FILE: Npm(yarn_lock.tree_of, beside=(yarn_lock.MANIFEST,)),
    "go.sum": VendoredGo(),
    "Cargo.lock": VendoredCargo(),
}
"""Every lock with a name of its own. A requirements file may have any other."""

REQUIREMENTS: Ecosystem = Pip()


def ecosystem_of(name: str) -> Ecosystem:
    """The row of a lock, by the last part of its path."""
    return BY_NAME.get(PurePosixPath(name).name, REQUIREMENTS)


def paths_beside(name: str) -> tuple[str, ...]:
    """The paths of the files that the row of the lock with this path needs beside it."""
    folder = PurePosixPath(name).parent
    return tuple(str(folder / other) for other in ecosystem_of(name).beside)


def joined(lock: bytes, name: str, read: Callable[[str], bytes | None]) -> bytes:
    """The lock as its row takes it: with the files beside it, each after a NUL byte.

    `name` is the lock's path, and `read` gives a file by its path, both in the repository. Raises
    ConfigError that names a file which is not there.
    """
    parts = [lock]
    for path in paths_beside(name):
        if (content := read(path)) is None:
            raise ConfigError(
                f"{path} is not there, and decides with it what is installed", file=name
            )
        parts.append(content)
    if len(parts) > 1 and b"\0" in lock:
        raise ConfigError("the lock has a NUL byte", file=name)
    return b"\0".join(parts)
