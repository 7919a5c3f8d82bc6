"""Vendored Go: go.mod, go.sum and vendor/modules.txt, which must tell the same.

The go tool compares go.mod with vendor/modules.txt, too, when it builds. It never compares vendored
files with go.sum: their bytes are those of the commit. So a module that has packages here and no
hash in go.sum is refused by name, because nobody ever fetched it.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.vendored import Vendored, text_of

MODULES = "vendor/modules.txt"
AGAIN = "run `go mod tidy` and `go mod vendor`, and commit what they write"
_PATH = r"[A-Za-z0-9][A-Za-z0-9._~/+-]*"
_VERSION = r"v[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.+-]*"
_SUM = re.compile(rf"({_PATH}) ({_VERSION})(/go\.mod)? h1:(\S+)")
_MODULE = re.compile(rf"# ({_PATH})(?: ({_VERSION}))?(?: => (\S+)(?: ({_VERSION}))?)?")
_REQUIRE = re.compile(rf'"?({_PATH})"? ({_VERSION})')
_SHA256 = 32
MOST_LINES = 100_000


@dataclass(slots=True)
class Module:
    """One module of vendor/modules.txt. `origin` is the module whose bytes are here: its own, or
    its replacement's; None for a folder of the repository."""

    path: str
    version: str
    origin: tuple[str, str] | None
    is_explicit: bool = False
    has_packages: bool = False


@dataclass(frozen=True, slots=True)
class VendoredGo(Vendored):
    """The row of go.sum."""

    program: str = "go"
    package: str = "golang-go"

    def check(self, lock: bytes, *, form: str) -> None:
        """See `Ecosystem`."""
        hashed(lock)

    def check_tree(self, lock: bytes, folder: Path) -> None:
        """See `Ecosystem`."""
        known = hashed(lock)
        if not (folder / MODULES).exists():
            raise ConfigError(
                f"there is no {MODULES}; sandboxes have no network, so run `go mod vendor` and"
                " commit the folder vendor"
            )
        modules = {one.path: one for one in modules_of(text_of(folder, MODULES))}
        required = dict(_required(text_of(folder, "go.mod")))
        for path, version in required.items():
            found = modules.get(path)
            if found is None or not found.is_explicit or found.version != version:
                has = found.version if found and found.is_explicit else "none"
                raise ConfigError(
                    f"go.mod requires {path} {version}, and {MODULES} has {has}; {AGAIN}"
                )
        for one in modules.values():
            if one.is_explicit and one.path not in required:
                raise ConfigError(f"{MODULES} names {one.path}, and go.mod does not; {AGAIN}")
            if one.has_packages and one.origin and one.origin not in known:
                raise ConfigError(
                    f"{' '.join(one.origin)} is vendored and has no hash in go.sum; {AGAIN}"
                )


def hashed(lock: bytes) -> frozenset[tuple[str, str]]:
    """The modules whose files have a hash, as path and version. Raises ConfigError with the line
    that go does not write."""
    found = set()
    for number, line in _lines(lock):
        match = _SUM.fullmatch(line)
        try:
            digest = base64.b64decode(match[4], validate=True) if match else b""
        except binascii.Error:
            digest = b""
        if not match or len(digest) != _SHA256:
            raise ConfigError(f"`{line:.80}` is no module with its h1 hash", line=number)
        if not match[3]:
            found.add((match[1], match[2]))
    return frozenset(found)


def _lines(lock: bytes) -> Iterator[tuple[int, str]]:
    try:
        lines = lock.decode().split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError("the lock is not UTF-8 text") from error
    if len(lines) > MOST_LINES:
        raise ConfigError(f"the lock has more than {MOST_LINES} lines")
    return ((number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip())


def modules_of(text: str) -> Iterator[Module]:
    """The modules of a vendor/modules.txt. Raises ConfigError with the line that go does not
    write."""
    module: Module | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("## workspace"):
            raise ConfigError(
                "joins several modules (go.work); sandboxes build one: run `GOWORK=off go mod"
                " vendor`",
                file=MODULES,
                line=number,
            )
        if line.startswith("## ") and module:
            module.is_explicit = "explicit" in re.split(r"[ ;]+", line)
        elif line.startswith("# "):
            if module:
                yield module
            module = _module(line, number)
        elif line.strip() and module:
            module.has_packages = True
        elif line.strip():
            raise ConfigError(f"`{line:.80}` belongs to no module", file=MODULES, line=number)
    if module:
        yield module


def _module(line: str, number: int) -> Module:
    match = _MODULE.fullmatch(line.strip())
    if not match:
        raise ConfigError(f"`{line:.80}` names no module", file=MODULES, line=number)
    path, version, other, other_version = match.groups()
    if other:
        # A replacement without a version is a folder.
        return Module(path, version or "", (other, other_version) if other_version else None)
    return Module(path, version or "", (path, version or ""))


def _required(text: str) -> Iterator[tuple[str, str]]:
    """The modules that a go.mod requires. What else stands in it is go's to read."""
    within = ""
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("//")[0].split()
        if not words:
            continue
        if words[-1:] == ["("]:
            within = words[0]
        elif words == [")"]:
            within = ""
        elif within == "require" or (not within and words[0] == "require"):
            wanted = " ".join(words if within else words[1:])
            match = _REQUIRE.fullmatch(wanted)
            if not match:
                raise ConfigError(f"`{wanted:.80}` is no module", file="go.mod", line=number)
            yield match[1], match[2]
