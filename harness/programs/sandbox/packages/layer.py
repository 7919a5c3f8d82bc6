"""Dependencies as a folder that sandboxes bind read-only, prepared once per lock and account.

Nothing of a package runs outside a sandbox. Fetching brings files that are data, each compared with
the hash that the lock names; they are installed in a sandbox without a network. The result is plain
files that every sandbox's uid can read, put in place by one rename.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path, PurePosixPath

from harness.domain.errors import ConfigError, SandboxError
from harness.domain.sandbox import Layer
from harness.folder_walk import delete
from harness.programs.sandbox.packages.ecosystems import ecosystem_of, joined

INSTALLED = "installed"
# The largest lock that is read, in bytes: several thousand packages.
MOST_BYTES = 16 * 1024 * 1024
# Of a path in a layer, which is copied by paths and by recursion: letters, and folders in folders.
LONGEST, DEEPEST = 2000, 200


def layer(
    lock: bytes,
    *,
    name: str,
    wheels: Path,
    out: Path,
    form: str = "auto",
    root: str = "",
    read: Callable[[str], bytes | None] = lambda _: None,
    tree: Path | None = None,
) -> Layer:
    """The installed packages that `lock` names. The same lock gives the same folder below `out`.

    `name` is the lock's path in its repository, `wheels` the folder that keeps fetched packages.
    `root` is the prepared root file system of the sandboxes that use them. `read` gives other files
    of the repository by their path, at most one byte more than `MOST_BYTES`. `tree` is the
    repository's folder: packages that lie in it are compared.

    Raises ConfigError for a lock with an entry that is not allowed, or that the tree contradicts,
    SandboxError when the layer cannot be prepared.
    """
    ecosystem = ecosystem_of(name)
    lock = joined(lock, name, read)
    if len(lock) > MOST_BYTES:
        raise ConfigError(f"the lock has more than {MOST_BYTES // 1024**2} MiB", file=name)
    ecosystem.check(lock, form=form)
    if tree:
        ecosystem.check_tree(lock, tree / PurePosixPath(name).parent)
    target = out.absolute() / layer_name(lock, name, root)
    folder = PurePosixPath(name).parent
    within = str(folder / ecosystem.within) if ecosystem.within else ""
    prepared = Layer(str(target), ecosystem.variable, within)
    if target.is_dir():
        # `factory gc` removes layers that nobody has used for long.
        os.utime(target)
        return prepared
    for place in (out, wheels):
        place.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        scratch = Path(tempfile.mkdtemp(dir=out.absolute(), prefix=".preparing-"))
        held.callback(delete, scratch)
        os.chmod(scratch, 0o755)  # noqa: S103 - nothing secret: the sandbox's uid must reach the lock
        site, kept = scratch / "site" / ecosystem.within, installed(wheels) / target.name
        if not _taken(kept, site):
            delete(scratch / "site")
            if ecosystem.install(lock, wheels, scratch, form=form, root=root):
                ecosystem.fetch(lock, wheels, scratch)
                if error := ecosystem.install(lock, wheels, scratch, form=form, root=root):
                    raise SandboxError(f"the dependencies cannot be installed: {error}")
            make_plain(site)
            _keep(site, kept)
        _put(site, target)
    return prepared


def installed(wheels: Path) -> Path:
    """Where layers are kept for all homes that share a folder of wheels."""
    return wheels.absolute().parent / INSTALLED


def layer_name(lock: bytes, name: str, root: str = "") -> str:
    """The layer's folder name: a digest of the lock, and of the platform and the root file system
    that it is for."""
    platform = ecosystem_of(name).platform() + (f"\0{os.path.basename(root)}" if root else "")
    return hashlib.sha256(lock + b"\0" + platform.encode()).hexdigest()


def make_plain(site: Path) -> None:
    """Make all of it owned by this account, readable by all and writable by nobody else.

    Raises SandboxError for anything but files, folders, and links that stay in it, and for a path
    that is too long.
    """
    for folder, folders, files, descriptor in os.fwalk(site, follow_symlinks=False):
        inner = folder.removeprefix(str(site))
        if len(inner) > LONGEST or inner.count("/") > DEEPEST:
            raise SandboxError(f"{inner[:80]}… lies too deep; the layer is refused")
        for name in folders + files:
            entry = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            os.chown(name, os.geteuid(), os.getegid(), dir_fd=descriptor, follow_symlinks=False)
            if stat.S_ISLNK(entry.st_mode):
                _refuse_outward(Path(folder, name), site, os.readlink(name, dir_fd=descriptor))
                continue
            if not (stat.S_ISDIR(entry.st_mode) or stat.S_ISREG(entry.st_mode)):
                raise SandboxError(
                    f"{folder}/{name} is neither a file nor a folder; the layer is refused"
                )
            is_open = stat.S_ISDIR(entry.st_mode) or entry.st_mode & 0o111
            os.chmod(name, 0o755 if is_open else 0o644, dir_fd=descriptor)
    os.chown(site, os.geteuid(), os.getegid())
    os.chmod(site, 0o755)  # noqa: S103 - every sandbox's uid reads it


def _refuse_outward(link: Path, site: Path, leads: str) -> None:
    # Resolved, because a link on the way changes what `..` after it means.
    if os.path.isabs(leads) or not link.resolve().is_relative_to(site.resolve()):
        raise SandboxError(
            f"{link.relative_to(site)} is a link to {leads}, outside the packages; the layer is"
            " refused"
        )


def _taken(kept: Path, site: Path) -> bool:
    """Whether another home had prepared the same lock, and its layer was copied. Not linked: what
    befalls a file in one home befalls it in no other."""
    if not kept.is_dir():
        return False
    try:
        os.utime(kept)
        shutil.copytree(kept, site, symlinks=True)
    except OSError:  # `factory gc` may take it away meanwhile
        return False
    return True


def _keep(site: Path, kept: Path) -> None:
    """Copy a layer for other homes. That it cannot be kept hinders nobody."""
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".preparing-") as scratch:
            made = Path(scratch, "layer")
            shutil.copytree(site, made, symlinks=True)
            _put(made, kept)


def _put(site: Path, target: Path) -> None:
    try:
        site.rename(target)
    except OSError:
        # Another process may have prepared the same lock first; its layer is as good.
        if not target.is_dir():
            raise
