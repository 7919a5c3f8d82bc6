"""Dependencies as a folder that sandboxes bind read-only, prepared once per lock.

Nothing of a package runs. Fetching only downloads wheels, each with the hash that the lock names.
pip unpacks them in a sandbox without a network. The result is plain files that every sandbox's uid
can read, put in place by one rename.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Bind, SandboxLimits, SandboxSpec
from harness.programs.sandbox.packages.lockfile import pins
from harness.programs.sandbox.supervisor import run_sandbox

DOWNLOAD_SECONDS = 600
LIMITS = SandboxLimits(wall_seconds=300, memory_mb=2048, pids=64, disk_mb=2048, file_mb=512)
# What pip needs to reach an index as this machine is set up to; everything else stays out of its
# environment.
PIP_ENVIRONMENT = (
    "HOME",
    "PATH",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
)
QUIET = ("--disable-pip-version-check", "--no-input", "--no-color")
HASHED_WHEELS = ("--require-hashes", "--only-binary=:all:", "--no-deps")


def layer(lock: bytes, *, wheels: Path, out: Path, form: str = "auto") -> Path:
    """The folder with what `lock` names, to be put on PYTHONPATH. The same lock gives the same
    folder.

    Raises ConfigError for a lock that names anything but hashed pins, SandboxError when the layer
    cannot be prepared.
    """
    pins(lock)
    target = out.absolute() / layer_name(lock)
    if target.is_dir():
        # `factory gc` removes layers that nobody has used for long.
        os.utime(target)
        return target
    for folder in (out, wheels):
        folder.mkdir(parents=True, exist_ok=True)
    _open_to_sandboxes(wheels)
    with tempfile.TemporaryDirectory(dir=out.absolute(), prefix=".preparing-") as scratch:
        frozen = Path(scratch) / "lock.txt"
        # pip reads exactly the bytes that were checked.
        frozen.write_bytes(lock)
        if error := _unpacked(frozen, wheels, form):
            _download(frozen, wheels)
            _open_to_sandboxes(wheels)
            error = _unpacked(frozen, wheels, form)
            if error:
                raise SandboxError(f"the dependencies cannot be installed: {error}")
        site = Path(scratch) / "site"
        _make_plain(site)
        _put(site, target)
    return target


def layer_name(lock: bytes) -> str:
    """The layer's folder name: a digest of the lock and of the Python that it is for."""
    tag = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
    return hashlib.sha256(lock + b"\0" + tag.encode()).hexdigest()


def pip_environment() -> dict[str, str]:
    """The part of this process's environment that pip may see."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in PIP_ENVIRONMENT or name.startswith("PIP_")
    }


def _unpacked(lock: Path, wheels: Path, form: str) -> str | None:
    """Install into `site` beside `lock`, in a sandbox. None, or pip's error."""
    folder = lock.parent
    site, log = folder / "site", folder / "pip.txt"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir()
    os.chmod(folder, 0o755)  # noqa: S103 - nothing secret: the sandbox's uid must reach the lock
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
    pip = (sys.executable, "-I", "-m", "pip")
    command = [*pip, "download", *HASHED_WHEELS, *QUIET, "-r", str(lock), "-d", str(wheels)]
    try:
        ended = subprocess.run(
            command,
            env=pip_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(
            f"the download of dependencies took over {DOWNLOAD_SECONDS} s", retryable=True
        ) from error
    if ended.returncode:
        raise SandboxError(
            f"the dependencies cannot be downloaded: {_pip_error(ended.stderr)}", retryable=True
        )


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
    errors = [
        line.removeprefix("ERROR: ") for line in text.splitlines() if line.startswith("ERROR: ")
    ]
    return " · ".join(errors[-2:]) or text.strip().rpartition("\n")[2] or "pip said nothing"


def _make_plain(site: Path) -> None:
    """Make all of it owned by this account, readable by all and writable by nobody else.

    Raises SandboxError for anything but files and folders.
    """
    for folder, folders, files, descriptor in os.fwalk(site, follow_symlinks=False):
        for name in folders + files:
            entry = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not (stat.S_ISDIR(entry.st_mode) or stat.S_ISREG(entry.st_mode)):
                raise SandboxError(
                    f"{folder}/{name} is neither a file nor a folder; the layer is refused"
                )
            os.chown(name, os.geteuid(), os.getegid(), dir_fd=descriptor, follow_symlinks=False)
            os.chmod(name, 0o755 if entry.st_mode & 0o111 else 0o644, dir_fd=descriptor)
    os.chown(site, os.geteuid(), os.getegid())
    os.chmod(site, 0o755)  # noqa: S103 - every sandbox's uid reads it


def _put(site: Path, target: Path) -> None:
    try:
        site.rename(target)
    except OSError:
        # Another process may have prepared the same lock first; its layer is as good.
        if not target.is_dir():
            raise
