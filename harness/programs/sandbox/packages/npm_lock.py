"""npm's package-lock.json, as far as it may be trusted: names, versions, places, sha512 digests.

The lock is the change's own text. npm would also obey an address, a git repository, a folder and a
link in it. Each of these would let a change decide where code comes from, so it is refused by name.
An address of the usual form (`resolved`) is only read to tell a registry's package from others:
what is asked is the registry that this machine is set up for.
"""

import base64
import binascii
import json
import platform
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.domain.errors import ConfigError

FILES = ("package-lock.json", "npm-shrinkwrap.json")
MOST_PACKAGES = 5_000
MOST_LINKS = 100_000
_SEGMENT = r"(?:@[A-Za-z0-9~_-][A-Za-z0-9._~-]*/)?[A-Za-z0-9~_-][A-Za-z0-9._~-]*"
NAME = re.compile(_SEGMENT)
_PLACE = re.compile(rf"node_modules/{_SEGMENT}(?:/node_modules/{_SEGMENT})*")
VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_BIN = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~-]*")
_SHA512 = 64
# npm's words for this machine.
OS = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
CPU = {"x86_64": "x64", "aarch64": "arm64", "i686": "ia32", "armv7l": "arm"}.get(
    platform.machine(), platform.machine()
)


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """One package of the lock, to be unpacked at `place`. `digest` is the sha512 of its archive, in
    hexadecimal; `programs` are names of commands with the files behind them."""

    place: str
    name: str
    version: str
    digest: str
    programs: tuple[tuple[str, str], ...] = ()
    has_install_script: bool = False

    @property
    def title(self) -> str:
        """The package for people: `express@4.19.2`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class NodeTree:
    """What is to be unpacked, outer packages before those that lie in them. `links` are places with
    their targets; `commands` places of packages whose commands are linked as their own files name
    them."""

    packages: tuple[NpmPackage, ...]
    links: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()


def add_link(links: dict[str, str], place: str, package: NpmPackage) -> None:
    """Add a link from this place to the package, unless it lies there itself. Raises ConfigError
    where there are too many."""
    if place != package.place:
        target = posixpath.relpath(package.place, posixpath.dirname(place))
        links.setdefault(place, target)
    if len(links) > MOST_LINKS:
        raise ConfigError(f"the lock has more than {MOST_LINKS} links between packages")


def tree_of(lock: bytes) -> NodeTree:
    """What `npm ci` installs on this machine. Raises ConfigError that names the first entry which
    is not allowed."""
    entries = _entries(lock)
    if len(entries) > MOST_PACKAGES:
        raise ConfigError(f"the lock has {len(entries)} entries, and {MOST_PACKAGES} are allowed")
    return NodeTree(tuple(_packages(entries)))


def libc() -> str:
    """The C library of this machine in npm's words."""
    return "glibc" if platform.libc_ver()[0] == "glibc" else "musl"


def _entries(lock: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(lock)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the lock is no JSON: {error}") from error
    version = document.get("lockfileVersion") if isinstance(document, dict) else None
    if version not in (2, 3):
        raise ConfigError(
            f"expected a lock of npm's version 2 or 3, found {version!r:.20}; run `npm install"
            " --package-lock-only --lockfile-version 3`"
        )
    entries = document.get("packages")
    if not isinstance(entries, dict) or not all(isinstance(one, dict) for one in entries.values()):
        raise ConfigError("the lock has no table `packages`")
    return entries


def _packages(entries: Mapping[str, Any]) -> Iterator[NpmPackage]:
    for place in sorted(entries):
        if not place:
            # The project itself.
            continue
        entry = entries[place]
        _refuse_other_sources(place, entry)
        # It comes in the archive of the package around it.
        if entry.get("inBundle") is True:
            continue
        why = unfit(entry)
        if why and entry.get("optional") is True:
            continue
        if why:
            raise ConfigError(f"`{place}` is not for this machine: {why}")
        yield _package(place, entry)


def _refuse_other_sources(place: str, entry: Mapping[str, Any]) -> None:
    if entry.get("link") is True or not place.startswith("node_modules/"):
        raise ConfigError(
            f"`{place:.80}` is a folder of the repository, not a package of a registry; sandboxes"
            " install only packages with hashes"
        )
    if not _PLACE.fullmatch(place):
        raise ConfigError(f"`{place:.80}` is no place of a package")
    resolved = entry.get("resolved", "")
    if not isinstance(resolved, str) or not is_of_a_registry(resolved):
        raise ConfigError(
            f"`{place}` comes from {resolved!r:.80}, not from a registry; sandboxes install only"
            " packages of a registry with hashes"
        )


def is_of_a_registry(resolved: str) -> bool:
    """Whether an address has the form that registries give to archives, or is left out."""
    # Without an address npm itself takes the package from its registry.
    return not resolved or bool(re.match(r"https?://[^?#]+/-/[^/?#]+\.tgz\Z", resolved))


def _package(place: str, entry: Mapping[str, Any]) -> NpmPackage:
    name = entry.get("name", place.rpartition("node_modules/")[2])
    version = entry.get("version", "")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(f"`{place}` has no name of a package: {name!r:.80}")
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise ConfigError(f"`{place}` has no exact version: {version!r:.80}")
    return NpmPackage(
        place,
        name,
        version,
        sha512_of(f"{name}@{version}", entry.get("integrity", "")),
        tuple(_programs(place, entry.get("bin", {}))),
        entry.get("hasInstallScript") is True,
    )


def sha512_of(title: str, integrity: object) -> str:
    """The sha512 of a value in the form of Subresource Integrity, in hexadecimal. Raises
    ConfigError that names the package which has none."""
    for word in integrity.split() if isinstance(integrity, str) else ():
        if word.startswith("sha512-"):
            try:
                digest = base64.b64decode(word.removeprefix("sha512-"), validate=True)
            except binascii.Error:
                continue
            if len(digest) == _SHA512:
                return digest.hex()
    raise ConfigError(
        f"`{title}` has no sha512 in the lock; make the lock anew with a registry that tells it"
    )


def _programs(place: str, programs: object) -> Iterator[tuple[str, str]]:
    if not isinstance(programs, dict):
        raise ConfigError(f"`{place}` has no table `bin`")
    for name, path in sorted(programs.items()):
        parts = path.split("/") if isinstance(path, str) else [".."]
        if not _BIN.fullmatch(name) or ".." in parts or path.startswith("/") or "\0" in path:
            raise ConfigError(f"`{place}` has a program that leads out of it: {name!r:.80}")
        yield name, path


def unfit(entry: Mapping[str, Any]) -> str:
    """Which of the machine's facts the package excludes; empty if none."""
    facts = {"os": OS, "cpu": CPU, "libc": libc()}
    for key, fact in facts.items():
        wanted = entry.get(key, ())
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(wanted, list):
            continue
        named = [one for one in wanted if isinstance(one, str) and not one.startswith("!")]
        if f"!{fact}" in wanted or (named and fact not in named and "any" not in named):
            return f"its {key} is {', '.join(map(str, wanted))!s:.80}, here it is {fact}"
    return ""
