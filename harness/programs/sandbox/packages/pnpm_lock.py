"""pnpm's pnpm-lock.yaml as the tree that pnpm makes: each package once in `.pnpm`, and links.

The same holds as for npm's lock: names, versions and sha512 digests are taken, and a package from
anywhere but a registry is refused by name. The lock does not tell which packages have install
scripts, and pnpm runs none that the project has not approved elsewhere; here none runs.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.npm_lock import (
    MOST_PACKAGES,
    NAME,
    VERSION,
    NodeTree,
    NpmPackage,
    add_link,
    sha512_of,
    unfit,
)

FILE = "pnpm-lock.yaml"
FORM = "9.0"
_DEEPEST = 16
_KEY = re.compile(rf"({NAME.pattern})@({VERSION.pattern})(\([^\n]*\))?")
_STORE = "node_modules/.pnpm"
Table = Mapping[str, Any]


def tree_of(lock: bytes) -> NodeTree:
    """What `pnpm install` installs on this machine. Raises ConfigError that names the first entry
    which is not allowed."""
    document = _document(lock)
    if document.get("lockfileVersion") != FORM:
        raise ConfigError(
            f"expected a lock of pnpm's version {FORM}, found"
            f" {document.get('lockfileVersion')!s:.20}; run `pnpm install --lockfile-only` of"
            " pnpm 9 or newer"
        )
    importers, snapshots = _table(document, "importers"), _table(document, "snapshots")
    if others := sorted(set(importers) - {"."}):
        raise ConfigError(
            f"`{others[0]:.80}` is a folder of the repository with dependencies of its own;"
            " sandboxes install only those of the lock's own folder"
        )
    if len(snapshots) > MOST_PACKAGES:
        raise ConfigError(
            f"the lock has {len(snapshots)} packages, and {MOST_PACKAGES} are allowed"
        )
    return _Reader(_table(document, "packages"), snapshots).tree(_table(importers, "."))


@dataclass(frozen=True, slots=True)
class _Reader:
    """Follows a lock from the project's own dependencies. `found` has what is installed, by the
    lock's keys (None: an optional package for another machine), `links` their targets."""

    packages: Table
    snapshots: Table
    found: dict[str, NpmPackage | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def tree(self, root: Table) -> NodeTree:
        """The whole tree of the project."""
        queue: list[str] = []
        for kind in ("dependencies", "devDependencies", "optionalDependencies"):
            for alias, one in _table(root, kind).items():
                version = one.get("version") if isinstance(one, dict) else None
                queue += self._linked("node_modules", alias, version)
        commands = tuple(self.links)
        while queue:
            key = queue.pop()
            if (package := self.found[key]) is not None:
                queue += self._followed(_table(self.snapshots, key), package)
        installed = [self.found[key] for key in sorted(self.found)]
        packages = tuple(one for one in installed if one is not None)
        for one in packages:
            # What a package requires without naming it: pnpm lets it find one of each name.
            add_link(self.links, f"{_STORE}/node_modules/{one.name}", one)
        return NodeTree(packages, tuple(self.links.items()), commands)

    def _followed(self, snapshot: Table, package: NpmPackage) -> list[str]:
        beside = package.place.removesuffix(f"/{package.name}")
        more: list[str] = []
        for kind in ("dependencies", "optionalDependencies"):
            for alias, version in _table(snapshot, kind).items():
                more += self._linked(beside, alias, version)
        return more

    def _linked(self, folder: str, alias: str, version: object) -> list[str]:
        """Link the package of that name in `folder`; its key, if it was not known before."""
        if not NAME.fullmatch(alias) or not isinstance(version, str):
            raise ConfigError(f"`{alias:.80}` is no name of a package with a version")
        # A package under another name has its own in the version.
        key = f"{alias}@{version}" if version[:1].isdigit() else version
        is_new = key not in self.found
        if is_new:
            self.found[key] = self._package(alias, key)
        if (package := self.found[key]) is not None:
            add_link(self.links, f"{folder}/{alias}", package)
        return [key] if is_new else []

    def _package(self, alias: str, key: str) -> NpmPackage | None:
        match = _KEY.fullmatch(key)
        if not match:
            raise ConfigError(
                f"`{alias}` comes from {key!r:.80}, not from a registry; sandboxes install only"
                " packages of a registry with hashes"
            )
        name, version, peers = match[1], match[2], match[3] or ""
        if "patch_hash=" in peers:
            raise ConfigError(f"`{name}@{version}` is patched by a file of the repository")
        entry, snapshot = self.packages.get(f"{name}@{version}"), self.snapshots.get(key)
        if not isinstance(entry, dict) or not isinstance(snapshot, dict):
            raise ConfigError(f"`{key:.80}` is not in the lock's tables")
        if why := unfit(entry):
            if snapshot.get("optional") == "true":
                return None
            raise ConfigError(f"`{name}@{version}` is not for this machine: {why}")
        resolution = _table(entry, "resolution")
        if other := sorted(set(resolution) - {"integrity", "tarball"}):
            raise ConfigError(
                f"`{name}@{version}` comes from {other[0]}:"
                f" {resolution[other[0]]!s:.80}, not from a registry"
            )
        # Each set of peers has its own folder, as it finds them beside it.
        apart = f"_{hashlib.sha256(peers.encode()).hexdigest()[:16]}" if peers else ""
        home = f"{_STORE}/{name.replace('/', '+')}@{version}{apart}"
        digest = sha512_of(f"{name}@{version}", resolution.get("integrity", ""))
        return NpmPackage(f"{home}/node_modules/{name}", name, version, digest)


def _table(document: Table, key: str) -> Table:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _document(lock: bytes) -> Table:
    """The YAML with every scalar as text, read without recursion: libyaml's loader ends the process
    for what is nested deeply. Raises ConfigError."""
    import yaml

    # A container gets its values, or a key and its value, one after the other.
    top: list[Any] = []
    open_now: list[list[Any]] = [top]
    kinds: list[type] = []
    try:
        for event in yaml.parse(lock, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise ConfigError("the lock refers to parts of itself, which pnpm's does not")
            if isinstance(event, yaml.ScalarEvent):
                open_now[-1].append(event.value)
            elif isinstance(event, yaml.CollectionStartEvent):
                kinds.append(dict if isinstance(event, yaml.MappingStartEvent) else list)
                open_now.append([])
                if len(open_now) > _DEEPEST:
                    raise ConfigError(f"the lock is nested deeper than {_DEEPEST}")
            elif isinstance(event, yaml.CollectionEndEvent):
                items, kind = open_now.pop(), kinds.pop()
                open_now[-1].append(items if kind is list else _mapping(items))
    except (yaml.YAMLError, UnicodeError) as error:
        raise ConfigError(f"the lock is no YAML: {error!s:.200}") from error
    if len(top) != 1 or not isinstance(top[0], dict):
        raise ConfigError("the lock is no table, as pnpm writes it")
    return top[0]


def _mapping(items: list[Any]) -> dict[str, Any]:
    keys, values = items[::2], items[1::2]
    if not all(isinstance(key, str) for key in keys):
        raise ConfigError("the lock has a key that is no text")
    return dict(zip(keys, values, strict=True))
