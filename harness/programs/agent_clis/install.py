"""Installs an agent CLI: npm fetches one package, its digest is compared with the pin, and it is
unpacked.

npm is the client, so this account's registry, proxy and certificates are used here too. Nothing of
the package runs while it is installed: its scripts would only look for the program that this
package contains.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from harness.domain.errors import ConfigError, PortError
from harness.programs.agent_clis.installed import Program, Programs
from harness.programs.agent_clis.releases import Release

# Time for 100 MB over a slow connection.
SECONDS = 900
_PASSED = (
    "HOME",
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
)
# Every package of the registry has its files in a folder of this name.
_TOP = "package"
_CHUNK = 1 << 20
_MODE = 0o755

Fetch = Callable[[str, Path], Path]
"""Fetches a package, NAME@VERSION, into a folder; returns the archive. Raises PortError."""


def install(release: Release, programs: Programs, *, fetch: Fetch) -> Program:
    """Install it, unless it is there already; nothing is left half installed.

    Raises ConfigError when the package is not what is pinned, PortError when it could not be
    fetched.
    """
    for program in programs.installed():
        if (program.kind, program.version, program.integrity) == (
            release.kind,
            release.version,
            release.integrity,
        ):
            return program
    place = programs.place(release.kind, release.version)
    place.parent.mkdir(parents=True, exist_ok=True, mode=_MODE)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as making:
        archive = fetch(release.package, Path(making))
        _require_pinned(archive, release)
        unpacked = Path(making, "unpacked")
        _unpack(archive, unpacked, release)
        if place.exists():
            programs.remove(release.kind, release.version)
            # A killed installation leaves a folder without a description.
            shutil.rmtree(place, ignore_errors=True)
        os.replace(unpacked, place)
    made = Program(
        kind=release.kind,
        version=release.version,
        folder=place,
        path=release.program,
        package=release.package,
        integrity=release.integrity,
    )
    programs.write_about(made)
    return made


def fetched_by_npm(package: str, folder: Path) -> Path:
    """The archive of a package, fetched by `npm pack`, which runs none of its scripts. Raises
    PortError or ConfigError."""
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(
            "npm is not on PATH, and the agent CLIs come from its registry; install it (`apt-get"
            " install npm`, or with Node.js) and run this again"
        )
    command = (
        npm,
        "pack",
        package,
        "--ignore-scripts",
        "--pack-destination",
        str(folder),
        "--cache",
        str(folder / "cache"),
        "--loglevel",
        "error",
        "--no-update-notifier",
    )
    # Only what npm needs, because our environment may hold keys.
    env = {
        name: os.environ[name]
        for name in os.environ
        if name in _PASSED or name.lower().startswith("npm_config_")
    }
    try:
        ended = subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise PortError(
            f"npm did not bring {package} within {SECONDS} s; look at the network, and run this"
            " again",
            retryable=True,
        ) from error
    archives = tuple(folder.glob("*.tgz"))
    if ended.returncode or len(archives) != 1:
        output = ended.stderr.decode("utf-8", "replace").strip()[-500:]
        raise PortError(
            f"npm did not bring {package}: {output or f'exit {ended.returncode}'}", retryable=True
        )
    return archives[0]


def _require_pinned(archive: Path, release: Release) -> None:
    algorithm, _, digest = release.integrity.partition("-")
    if algorithm != "sha512" or not digest:
        raise ConfigError(
            f"expected a digest such as sha512-…, found {release.integrity!r:.40}",
            key="--integrity",
        )
    found = hashlib.sha512()
    with archive.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    actual = base64.b64encode(found.digest()).decode("ascii")
    if actual != digest:
        raise ConfigError(
            f"{release.package} is not what is pinned: expected {release.integrity}, and"
            f" sha512-{actual} came; nothing was installed"
        )


def _unpack(archive: Path, into: Path, release: Release) -> None:
    into.mkdir(mode=_MODE)
    try:
        with tarfile.open(archive, "r:gz") as package:
            for member in _wanted(package, release):
                package.extract(member, into, filter="data")
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ConfigError(
            f"{release.package} is not a package that may be unpacked: {error}"
        ) from error
    program = into / release.program
    if not program.is_file():
        raise ConfigError(
            f"{release.package} has no program {release.program}; its makers have changed where"
            " it is"
        )
    # A sandbox has a uid of its own, which must be able to read it.
    for path in (into, *into.rglob("*")):
        path.chmod(_MODE if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    program.chmod(_MODE)


def _wanted(package: tarfile.TarFile, release: Release) -> Iterator[tarfile.TarInfo]:
    """The regular files that are kept, without the folder that all of them are in."""
    for member in package:
        path = PurePosixPath(member.name)
        inner = path.relative_to(_TOP) if path.parts[:1] == (_TOP,) else None
        if inner is None or not member.isfile():
            continue
        if any(inner.is_relative_to(wanted) for wanted in (release.program, *release.keeps)):
            yield member.replace(name=str(inner), deep=False)
