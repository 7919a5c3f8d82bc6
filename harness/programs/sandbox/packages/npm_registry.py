"""Fetches archives from the npm registry that this machine is set up for, and from nowhere else.

The settings are npm's own: `npm config` reads the account's and the machine's files, and a folder
without a project in it has none of the repository's. Addresses are made of a package's name and
version. An answer that leads to another host is refused. What is kept has the digest of the lock.
"""

import hashlib
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages.environment import fetch_environment
from harness.programs.sandbox.packages.npm_lock import NpmPackage

if TYPE_CHECKING:
    import httpx

FETCH_SECONDS = 600
SETTINGS_SECONDS = 60
ANSWER_SECONDS = 30
AT_ONCE = 8
MIB = 1024 * 1024
# Of one archive, and of all archives of one lock.
MOST_BYTES, MOST_TOGETHER = 256 * MIB, 2048 * MIB
MOST_REDIRECTS = 3


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """npm's settings: the registry, those of scopes (`@scope`), a file of certificates, a proxy."""

    registry: str
    scopes: Mapping[str, str]
    cafile: str = ""
    proxy: str = ""

    def address(self, package: NpmPackage) -> str:
        """Where the registry has the archive of a package."""
        scope, slash, bare = package.name.rpartition("/")
        registry = self.scopes.get(scope, self.registry) if slash else self.registry
        return f"{registry.rstrip('/')}/{package.name}/-/{bare}-{package.version}.tgz"


def registry_settings() -> RegistrySettings:
    """The settings of this machine, asked of npm. Raises ConfigError without npm, SandboxError when
    it does not answer."""
    with tempfile.TemporaryDirectory(prefix="factory-npm-") as nowhere:
        try:
            ended = subprocess.run(
                ("npm", "config", "list", "--json"),
                cwd=nowhere,
                env=fetch_environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=SETTINGS_SECONDS,
                start_new_session=True,
            )
            found = json.loads(ended.stdout) if ended.returncode == 0 else None
        except FileNotFoundError as error:
            raise ConfigError(
                "npm is not on PATH, and its settings tell which registry is this machine's;"
                " install it (`apt-get install npm`, or with Node.js)"
            ) from error
        except (subprocess.TimeoutExpired, ValueError) as error:
            raise SandboxError(f"`npm config list` gave no answer: {error}") from error
    if not isinstance(found, dict):
        said = ended.stderr.decode("utf-8", "replace").strip()[-300:]
        raise SandboxError(f"`npm config list` failed: {said}")
    return _settings(found)


def _settings(found: Mapping[str, Any]) -> RegistrySettings:
    registry = str(found.get("registry") or "")
    if not registry.startswith(("https://", "http://")):
        raise SandboxError(f"npm's setting `registry` is {registry!r:.80}, which is no address")
    scopes = {
        key.removesuffix(":registry"): str(value)
        for key, value in found.items()
        if key.startswith("@") and key.endswith(":registry")
    }
    cafile, proxy = found.get("cafile") or "", found.get("https-proxy") or found.get("proxy") or ""
    return RegistrySettings(registry, scopes, str(cafile), str(proxy))


def fetch(
    packages: Iterable[NpmPackage],
    store: Path,
    *,
    most_bytes: int = MOST_BYTES,
    most_together: int = MOST_TOGETHER,
) -> None:
    """Bring the archives that `store` lacks, as DIGEST.tgz, each of at most `most_bytes`. Raises
    SandboxError that names the package which cannot be had, or whose bytes are not those of the
    lock."""
    lacking = {one.digest: one for one in packages if not is_kept(one, store)}
    if not lacking:
        return
    import httpx

    settings = registry_settings()
    limits = _Limits(most_bytes, most_together, time.monotonic() + FETCH_SECONDS)
    with (
        httpx.Client(
            verify=ssl.create_default_context(cafile=settings.cafile or None),
            proxy=settings.proxy or None,
            timeout=ANSWER_SECONDS,
            headers={"accept-encoding": "identity", "user-agent": "lights-out-factory"},
        ) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        asked = [
            pool.submit(_bring, client, one, settings.address(one), store, limits)
            for one in lacking.values()
        ]
        try:
            for one in asked:
                one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def is_kept(package: NpmPackage, store: Path) -> bool:
    """Whether `store` has the archive, with its digest; one with another is removed."""
    path = archive_of(package, store)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha512").hexdigest()
    except FileNotFoundError:
        return False
    if digest != package.digest:
        path.unlink(missing_ok=True)
    return digest == package.digest


def archive_of(package: NpmPackage, store: Path) -> Path:
    """Where `store` keeps the archive of a package."""
    return store / f"{package.digest}.tgz"


class _Limits:
    """The bytes of one archive, and the bytes and the time of all archives of a lock together."""

    def __init__(self, one: int, together: int, end: float) -> None:
        self._one, self._together, self._end = one, together, end
        self._rest, self._lock = together, threading.Lock()

    def check(self, package: NpmPackage, *, size: int, more: int) -> None:
        """Count `more` bytes, which make `size` of this package. Raises SandboxError beyond a
        limit."""
        with self._lock:
            self._rest -= more
        if size > self._one:
            raise SandboxError(f"{package.title} has more than {self._one} bytes")
        if self._rest < 0:
            raise SandboxError(f"the packages of the lock have more than {self._together} bytes")
        if time.monotonic() > self._end:
            raise SandboxError(
                f"{package.title} did not come within {FETCH_SECONDS} s", retryable=True
            )


def _bring(
    client: "httpx.Client", package: NpmPackage, address: str, store: Path, limits: _Limits
) -> None:
    import httpx

    descriptor, draft = tempfile.mkstemp(dir=store, prefix=".fetching-")
    try:
        with open(descriptor, "wb") as file:
            digest = hashlib.sha512()
            for chunk in _content(client, package, address, limits):
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != package.digest:
            raise SandboxError(
                f"{package.title} is not what the lock pins: expected sha512 {package.digest:.16}…,"
                f" and {address} has {digest.hexdigest():.16}…"
            )
        os.chmod(draft, 0o644)
        os.replace(draft, archive_of(package, store))
    except httpx.HTTPError as error:
        raise SandboxError(
            f"{package.title} cannot be fetched from {address}: {error or type(error).__name__}",
            retryable=True,
        ) from error
    finally:
        Path(draft).unlink(missing_ok=True)


def _content(
    client: "httpx.Client", package: NpmPackage, address: str, limits: _Limits
) -> Iterator[bytes]:
    import httpx

    origin = httpx.URL(address)
    for _ in range(MOST_REDIRECTS + 1):
        with client.stream("GET", address) as answer:
            following = answer.next_request
            if following is None:
                yield from _bounded(answer, package, address, limits)
                return
        if (following.url.scheme, following.url.netloc) != (origin.scheme, origin.netloc):
            raise SandboxError(
                f"{package.title}: the registry leads to {following.url.host}, another host than"
                " npm's `registry`; set npm's `registry` to one that has the packages itself"
            )
        address = str(following.url)
    raise SandboxError(f"{package.title}: the registry leads in a circle from {origin}")


def _bounded(
    answer: "httpx.Response", package: NpmPackage, address: str, limits: _Limits
) -> Iterator[bytes]:
    if answer.status_code != 200:
        raise SandboxError(
            f"{package.title} cannot be fetched: {address} answers {answer.status_code}",
            retryable=answer.status_code >= 500 or answer.status_code == 429,
        )
    size = 0
    for chunk in answer.iter_raw():
        size += len(chunk)
        limits.check(package, size=size, more=len(chunk))
        yield chunk
