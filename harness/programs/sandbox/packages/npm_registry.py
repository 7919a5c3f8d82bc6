"""Fetches archives from the npm registry that this machine is set up for, and from nowhere else.

Addresses are made of the registry's own and of a package's name and version. An answer that leads
to another host is refused. What is kept has the digest of the lock.
"""

import hashlib
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages.npm_lock import NpmPackage
from harness.programs.sandbox.packages.npm_settings import RegistrySettings, registry_settings

if TYPE_CHECKING:
    import httpx

FETCH_SECONDS = 600
ANSWER_SECONDS = 30
AT_ONCE = 8
MIB = 1024 * 1024
# Of one archive, and of all archives of one lock.
MOST_BYTES, MOST_TOGETHER = 256 * MIB, 2048 * MIB
MOST_REDIRECTS = 3


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
            verify=_trusted(settings),
            proxy=settings.proxy or None,
            timeout=ANSWER_SECONDS,
            headers={"accept-encoding": "identity", "user-agent": "lights-out-factory"},
        ) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        asked = [
            pool.submit(_bring, client, one, settings, store, limits) for one in lacking.values()
        ]
        try:
            for one in asked:
                one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _trusted(settings: RegistrySettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.cafile or None)
        if more := os.environ.get("NODE_EXTRA_CA_CERTS"):
            context.load_verify_locations(more)
    except OSError as error:
        raise ConfigError(
            f"npm's certificates in {settings.cafile or more} cannot be read: {error}"
        ) from error
    return context


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
    client: "httpx.Client",
    package: NpmPackage,
    settings: RegistrySettings,
    store: Path,
    limits: _Limits,
) -> None:
    import httpx

    address = settings.address(package)
    descriptor, draft = tempfile.mkstemp(dir=store, prefix=".fetching-")
    try:
        with open(descriptor, "wb") as file:
            digest = hashlib.sha512()
            for chunk in _content(client, package, settings, limits):
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
    client: "httpx.Client", package: NpmPackage, settings: RegistrySettings, limits: _Limits
) -> Iterator[bytes]:
    import httpx

    address = settings.address(package)
    origin = httpx.URL(address)
    for _ in range(MOST_REDIRECTS + 1):
        with client.stream("GET", address, headers=settings.headers(address)) as answer:
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
