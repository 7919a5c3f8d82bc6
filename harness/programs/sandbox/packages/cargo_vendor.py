"""Vendored Cargo: Cargo.lock, the folder of crates, and the settings that lead Cargo to it.

Cargo compares each file that `.cargo-checksum.json` lists when it builds, and the crate's own hash
with Cargo.lock. It does not mind a file which is in no list, such as a build script. Here every
file of a crate must be listed, and each of Cargo.lock's crates must be there.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.vendored import Vendored, digests_in, text_of

SETTINGS = (".cargo/config.toml", ".cargo/config")
CHECKSUMS = ".cargo-checksum.json"
CRATES_IO = "crates-io"
AGAIN = "run `cargo vendor --locked`, and commit what it writes"
MOST_PACKAGES = 5_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REGISTRY = ("registry+", "sparse+")
Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VendoredCargo(Vendored):
    """The row of Cargo.lock."""

    program: str = "cargo"
    package: str = "cargo"

    def check(self, lock: bytes, *, form: str) -> None:
        """See `Ecosystem`."""
        locked(lock)

    def check_tree(self, lock: bytes, folder: Path) -> None:
        """See `Ecosystem`."""
        wanted = locked(lock)
        if not wanted:
            return
        vendor = folder / _vendor_folder(folder)
        found = {crate: (home, about) for crate, home, about in _crates(vendor)}
        contents: dict[str, dict[str, str]] = {}
        for path, digest in digests_in(vendor):
            home, _, inner = path.partition("/")
            contents.setdefault(home, {})[inner] = digest
        for crate, checksum in wanted.items():
            title = " ".join(crate)
            if crate not in found:
                raise ConfigError(f"{title} is in the lock and not in {vendor.name}; {AGAIN}")
            home, about = found[crate]
            if about.get("package") != checksum:
                raise ConfigError(
                    f"{title} is not what the lock pins: expected {checksum:.16}…, and"
                    f" {vendor.name}/{home} has {about.get('package')!s:.16}…; {AGAIN}"
                )
            _compare(title, about, contents[home])


def locked(lock: bytes) -> dict[tuple[str, str], str]:
    """The sha256 of each crate of a registry, by name and version. Raises ConfigError that names
    the first which is not allowed."""
    packages = _table(lock.decode("utf-8", "replace"), "the lock").get("package", [])
    if not isinstance(packages, list) or not all(isinstance(one, dict) for one in packages):
        raise ConfigError("the lock has no tables `package`, as cargo writes them")
    if len(packages) > MOST_PACKAGES:
        raise ConfigError(f"the lock has {len(packages)} packages, and {MOST_PACKAGES} are allowed")
    found = {}
    for one in packages:
        name, version = str(one.get("name")), str(one.get("version"))
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            raise ConfigError(f"`{name:.60} {version:.40}` is no crate with a version")
        # A crate of the repository itself has no source.
        if "source" not in one:
            continue
        if not str(one["source"]).startswith(_REGISTRY):
            raise ConfigError(
                f"{name} {version} comes from {one['source']!s:.80}, not from a registry; only"
                " crates of a registry have a hash"
            )
        if not _SHA256.fullmatch(str(one.get("checksum"))):
            raise ConfigError(f"{name} {version} has no checksum in the lock; {AGAIN}")
        found[name, version] = str(one["checksum"])
    return found


def _table(text: str, name: str) -> Table:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name} is no TOML: {error!s:.200}") from error


def _vendor_folder(folder: Path) -> str:
    """Where the project's settings lead Cargo in place of its registry. Raises ConfigError if they
    lead nowhere, or out of the project."""
    name = next((one for one in SETTINGS if (folder / one).exists()), "")
    if not name:
        raise ConfigError(
            f"there is no {SETTINGS[0]}, and sandboxes have no network; run `cargo vendor --locked`"
            " and write what it prints into that file"
        )
    sources = _table(text_of(folder, name), name).get("source", {})
    replaced = _inner(sources, CRATES_IO).get("replace-with")
    directory = _inner(sources, str(replaced)).get("directory")
    path = PurePosixPath(directory) if isinstance(directory, str) else None
    if path is None or path.is_absolute() or ".." in path.parts or not path.parts:
        raise ConfigError(
            f"does not replace {CRATES_IO} by a folder of the project; write what `cargo vendor"
            " --locked` prints into it",
            file=name,
        )
    for part in (*path.parents, path):
        if (folder / part).is_symlink():
            raise ConfigError(f"the folder of crates is behind a link, {part}", file=name)
    if not (folder / path).is_dir():
        raise ConfigError(f"there is no folder {path}, where {name} leads; {AGAIN}")
    return str(path)


def _inner(table: object, key: str) -> Table:
    found = table.get(key) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}


def _crates(vendor: Path) -> Iterator[tuple[tuple[str, str], str, Table]]:
    """The crates of the folder: name with version, the folder's name, and what its list has."""
    homes = sorted(path.name for path in vendor.iterdir() if path.is_dir())
    if len(homes) > MOST_PACKAGES:
        raise ConfigError(f"{vendor.name} has more than {MOST_PACKAGES} crates")
    for home in homes:
        manifest = _inner(_table(text_of(vendor / home, "Cargo.toml"), home), "package")
        try:
            about = json.loads(text_of(vendor / home, CHECKSUMS))
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"is no JSON: {error!s:.100}", file=f"{home}/{CHECKSUMS}") from error
        if not isinstance(about, dict) or not isinstance(about.get("files"), dict):
            raise ConfigError("has no list `files`", file=f"{home}/{CHECKSUMS}")
        yield (str(manifest.get("name")), str(manifest.get("version"))), home, about


def _compare(title: str, about: Table, content: dict[str, str]) -> None:
    listed = about["files"]
    content = {path: digest for path, digest in content.items() if path != CHECKSUMS}
    for path in sorted(listed.keys() | content.keys()):
        if path not in content:
            raise ConfigError(f"{title} lacks the file {path!r:.80}; {AGAIN}")
        if path not in listed:
            raise ConfigError(f"{title} has the file {path!r:.80}, which its list lacks; {AGAIN}")
        if listed[path] != content[path]:
            raise ConfigError(
                f"{title} has another {path!r:.80} than its list has: expected"
                f" {listed[path]!s:.16}…, found {content[path]:.16}…; {AGAIN}"
            )
