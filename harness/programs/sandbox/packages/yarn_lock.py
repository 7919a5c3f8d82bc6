"""yarn's yarn.lock (version 1) with its package.json, as a tree: each package once, and links.

The same holds as for npm's lock: names, versions and sha512 digests are taken, and a package from
anywhere but a registry is refused by name. The lock does not tell what the project itself wants, so
package.json decides, too. Neither tells which packages have install scripts; none runs.

yarn quotes words as JSON does and indents by two: read here line by line, because the parsers that
Python has for it accept more than yarn writes.
"""

import json
import re
from collections.abc import Iterator, Mapping
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
    is_of_a_registry,
    sha512_of,
)

FILE = "yarn.lock"
MANIFEST = "package.json"
_HEADER = "# yarn lockfile v1"
# One that nobody closes is a word, too, and no JSON: else each quote in it is tried to the end.
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|[^\s",:]+')
_PATTERN = re.compile(rf"({NAME.pattern})@(.*)", re.DOTALL)
_ALIAS = re.compile(rf"npm:({NAME.pattern})(?:@.*)?", re.DOTALL)
# A range of versions, or a name that the registry gives one; no address, path or repository.
_RANGE = re.compile(r"[A-Za-z0-9.*^~<>=|+ -]*")
_STORE = "node_modules/.store"
_FIELDS = frozenset({"version", "resolved", "integrity", "uid", "registry"})
_TABLES = frozenset({"dependencies", "optionalDependencies"})


@dataclass(slots=True)
class Entry:
    """One entry of the lock: its fields, and the patterns (`name@range`) that it needs."""

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)


def tree_of(joined: bytes) -> NodeTree:
    """What `yarn install` installs here. `joined` is the lock, a NUL byte and package.json. Raises
    ConfigError that names the first entry which is not allowed."""
    lock, _, manifest = joined.partition(b"\0")
    entries = entries_of(lock)
    wanted = tuple(_wanted(manifest))
    return _Tree(entries).made(wanted)


def entries_of(lock: bytes) -> dict[str, Entry]:
    """The entries by each of their patterns. Raises ConfigError with the line that yarn does not
    write so."""
    try:
        text = lock.decode()
    except UnicodeDecodeError as error:
        raise ConfigError("the lock is not UTF-8 text") from error
    if "__metadata:" in text.partition("\n\n")[2][:200] or text.startswith("__metadata:"):
        raise ConfigError(
            "is a lock of yarn 2 or newer, whose hashes are of archives that yarn makes itself and"
            " no registry has; run `npm install --package-lock-only`, commit package-lock.json and"
            " name it as the lock"
        )
    if _HEADER not in text[:400]:
        raise ConfigError("expected a lock of yarn's version 1, and its first lines do not say so")
    return _read(text)


def _read(text: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    entry: Entry | None = None
    in_table, count = False, 0
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if not bare or line.startswith("#"):
            continue
        words = _words(bare, number)
        depth = len(line) - len(line.lstrip(" "))
        if depth == 0 and bare.endswith(":"):
            entry, in_table, count = Entry(number), False, count + 1
            for pattern in words:
                if found.setdefault(pattern, entry) is not entry:
                    raise ConfigError(f"`{pattern:.80}` is locked twice", line=number)
        elif entry and depth == 2 and bare.endswith(":") and words[0] in _TABLES:
            in_table = True
        elif entry and depth == 2 and len(words) == 2 and words[0] in _FIELDS:
            entry.fields[words[0]], in_table = words[1], False
        elif entry and depth == 4 and in_table and len(words) == 2:
            entry.needs.append(f"{words[0]}@{words[1]}")
        else:
            raise ConfigError(f"`{bare:.80}` is nothing that yarn writes there", line=number)
        if count > MOST_PACKAGES:
            raise ConfigError(f"the lock has more than {MOST_PACKAGES} packages")
    return found


def _words(bare: str, number: int) -> list[str]:
    """The words of a line: bare, or quoted as in JSON; between them spaces or commas."""
    try:
        words = [json.loads(word) if word.startswith('"') else word for word in _WORD.findall(bare)]
    except ValueError as error:
        raise ConfigError(f"`{bare:.80}` is quoted as yarn does not", line=number) from error
    rest = _WORD.sub("", bare).replace(" ", "").replace(",", "")
    if not words or rest not in ("", ":"):
        raise ConfigError(f"`{bare:.80}` is nothing that yarn writes", line=number)
    return words


def _wanted(manifest: bytes) -> Iterator[str]:
    """The patterns that the project itself wants, of every kind of dependency."""
    try:
        document = json.loads(manifest)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{MANIFEST} beside the lock is no JSON: {error!s:.200}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{MANIFEST} beside the lock is no table")
    if document.get("workspaces"):
        raise ConfigError(
            f"{MANIFEST} has `workspaces`, folders of the repository with dependencies of their"
            " own; sandboxes install only those of the lock's own folder"
        )
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        table: Mapping[str, Any] = document.get(kind) or {}
        if not isinstance(table, dict):
            raise ConfigError(f"{MANIFEST} has no table `{kind}`")
        for name, wanted in table.items():
            yield f"{name}@{wanted}"


@dataclass(frozen=True, slots=True)
class _Tree:
    """Follows a lock from what the project wants. `packages` are found ones by their title, `links`
    places with their targets."""

    entries: Mapping[str, Entry]
    packages: dict[str, NpmPackage] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def made(self, wanted: tuple[str, ...]) -> NodeTree:
        """The whole tree. Like yarn's own it lets a package find every other one in the outermost
        folder; of two versions there lies the one that is nearer to the project."""
        queue = list(wanted)
        done: set[str] = set()
        for pattern in queue:
            if pattern in done:
                continue
            done.add(pattern)
            name, entry, package = self._found(pattern)
            add_link(self.links, f"node_modules/{name}", package)
            beside = package.place.removesuffix(f"/{package.name}")
            for need in entry.needs:
                inner, _, other = self._found(need)
                add_link(self.links, f"{beside}/{inner}", other)
            queue += entry.needs
        commands = tuple(self.links)
        return NodeTree(tuple(self.packages.values()), tuple(self.links.items()), commands)

    def _found(self, pattern: str) -> tuple[str, Entry, NpmPackage]:
        """The name under which a pattern finds its package, its entry, and the package."""
        match = _PATTERN.fullmatch(pattern)
        entry = self.entries.get(pattern)
        if not match:
            raise ConfigError(f"`{pattern:.80}` is no name of a package with a version")
        alias = _ALIAS.fullmatch(match[2])
        if not (alias or _RANGE.fullmatch(match[2])):
            raise ConfigError(
                f"`{match[1]}` comes from {match[2]!r:.80}, not from a registry; sandboxes install"
                " only packages of a registry with hashes"
            )
        if entry is None:
            raise ConfigError(
                f"`{pattern:.80}` is wanted and not in the lock; run `yarn install` and commit"
                f" {FILE}"
            )
        return match[1], entry, self._package(alias[1] if alias else match[1], entry)

    def _package(self, name: str, entry: Entry) -> NpmPackage:
        version = entry.fields.get("version", "")
        if not VERSION.fullmatch(version):
            raise ConfigError(f"`{name}` has no exact version: {version!r:.80}", line=entry.line)
        resolved = entry.fields.get("resolved", "").partition("#")[0]
        if not is_of_a_registry(resolved):
            raise ConfigError(
                f"`{name}@{version}` comes from {resolved!r:.80}, not from a registry; sandboxes"
                " install only packages of a registry with hashes",
                line=entry.line,
            )
        digest = sha512_of(f"{name}@{version}", entry.fields.get("integrity", ""))
        home = f"{_STORE}/{name.replace('/', '+')}@{version}/node_modules/{name}"
        package = NpmPackage(home, name, version, digest)
        known = self.packages.setdefault(package.title, package)
        if known.digest != digest:
            raise ConfigError(f"`{package.title}` has two hashes in the lock", line=entry.line)
        return known
