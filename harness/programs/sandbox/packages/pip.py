"""Wheels by pip: fetched with the hash that the lock names, and unpacked in a sandbox."""

import os
import re
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Bind, SandboxLimits, SandboxSpec
from harness.folder_walk import delete
from harness.programs.sandbox.packages.environment import fetch_environment
from harness.programs.sandbox.packages.lockfile import pins
from harness.programs.sandbox.supervisor import run_sandbox

DOWNLOAD_SECONDS = 600
LIMITS = SandboxLimits(wall_seconds=300, memory_mb=2048, pids=64, disk_mb=2048, file_mb=512)
QUIET = ("--disable-pip-version-check", "--no-input", "--no-color")
_SHOWN = 1_000
_OTHER_BYTES = re.compile(r"THESE PACKAGES DO NOT MATCH THE HASHES\b.*?tampered with them\.")
HASHED_WHEELS = ("--require-hashes", "--only-binary=:all:", "--no-deps")


def _as_it_is(lock: bytes) -> bytes:
    return lock


@dataclass(frozen=True, slots=True)
class Pip:
    """The row of hash-locked requirements files, and of every lock that `requirements` turns into
    one."""

    requirements: Callable[[bytes], bytes] = _as_it_is
    variable: str = "PYTHONPATH"
    within: str = ""
    beside: tuple[str, ...] = ()

    def check(self, lock: bytes, *, form: str) -> None:
        """See `Ecosystem`."""
        pins(self.requirements(lock))

    def check_tree(self, lock: bytes, folder: Path) -> None:
        """See `Ecosystem`. No package lies in the repository."""

    def ready(self, root: str) -> str:
        """See `Ecosystem`."""
        return "pip fetches them as this machine is set up"

    def platform(self) -> str:
        """See `Ecosystem`."""
        return f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"

    def fetch(self, lock: bytes, store: Path, scratch: Path) -> None:
        """See `Ecosystem`."""
        _download(_frozen(self.requirements(lock), scratch), store)

    def install(
        self, lock: bytes, store: Path, scratch: Path, *, form: str, root: str
    ) -> str | None:
        """See `Ecosystem`."""
        _open_to_sandboxes(store)
        return _unpacked(_frozen(self.requirements(lock), scratch), store, form)


def _frozen(lock: bytes, scratch: Path) -> Path:
    # pip reads exactly the bytes that were checked.
    frozen = scratch / "lock.txt"
    frozen.write_bytes(lock)
    return frozen


def _unpacked(lock: Path, wheels: Path, form: str) -> str | None:
    """Install into `site` beside `lock`, in a sandbox. None, or pip's error."""
    folder = lock.parent
    site, log = folder / "site", folder / "pip.txt"
    delete(site)
    site.mkdir()
    arguments = (
        "install",
        "--no-index",
        "--find-links",
        "/wheels",
        *HASHED_WHEELS,
        "--no-cache-dir",
        "--isolated",
        "--target",
        "/layer",
        "--no-warn-script-location",
        *QUIET,
        "-r",
        "/lock.txt",
    )
    spec = SandboxSpec(
        name="layer",
        argv=("python", "-m", "pip", *arguments),
        distributions=("pip",),
        limits=LIMITS,
        form=form,
        binds=(
            Bind(str(lock), "/lock.txt"),
            Bind(str(wheels.resolve()), "/wheels"),
            Bind(str(site), "/layer", "rw"),
        ),
    )
    with log.open("wb") as output:
        result = run_sandbox(spec, output=output.fileno())
    if result.ok:
        return None
    if result.killed_by:
        return f"killed for {result.killed_by}"
    return _pip_error(log.read_text(errors="replace"))


def _download(lock: Path, wheels: Path) -> None:
    ended = ask_pip(
        "download", *HASHED_WHEELS, *QUIET, "-r", str(lock), "-d", str(wheels),
        doing="the download of dependencies",
    )  # fmt: skip
    if ended.returncode:
        raise SandboxError(
            f"the dependencies cannot be downloaded: {_pip_error(ended.stderr)}", retryable=True
        )


def ask_pip(*arguments: str, doing: str) -> "subprocess.CompletedProcess[str]":
    """pip of this interpreter, outside of any sandbox, with the index that this machine is set up
    for. Raises SandboxError, which names what it was `doing`, if it takes too long."""
    try:
        return subprocess.run(
            (sys.executable, "-I", "-m", "pip", *arguments),
            env=fetch_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"{doing} took over {DOWNLOAD_SECONDS} s", retryable=True) from error


def _open_to_sandboxes(wheels: Path) -> None:
    """Let every sandbox's uid read this account's wheels. A strict umask may have closed them."""
    for path in (wheels, *wheels.iterdir()):
        entry = path.lstat()
        wanted = 0o755 if stat.S_ISDIR(entry.st_mode) else 0o644
        if (
            entry.st_uid == os.geteuid()
            and not stat.S_ISLNK(entry.st_mode)
            and entry.st_mode & wanted != wanted
        ):
            path.chmod(stat.S_IMODE(entry.st_mode) | wanted)


def _pip_error(text: str) -> str:
    errors = list[str]()
    for line in text.splitlines():
        if line.startswith("ERROR: "):
            errors.append(line.removeprefix("ERROR: "))
        # pip names the packages of an error below it.
        elif errors and line.startswith("    "):
            errors[-1] = f"{errors[-1]} {' '.join(line.split())}"
    shown = _OTHER_BYTES.sub(
        "the index has other bytes than the lock pins:", " · ".join(errors[-2:])
    )
    return shown[:_SHOWN] or text.strip().rpartition("\n")[2] or "pip printed nothing"
