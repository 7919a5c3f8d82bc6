"""What a change does to dependencies, from manifests and locks that are parsed, before and after.

Properties: a manifest that cannot be parsed, of a kind that we do not parse, or whose name only
looks like one, gives UNKNOWN, which is no; a dependency that comes from an address, a repository or
a path is kept apart from a registry's; the same version with other hashes or another address is
SWAPPED, which no rule permits; an index, registry or host that a lock names for the first time is
itself a dependency, of origin `option`, and so is whatever runs when another is installed.

Parsed: pip's requirements, pyproject.toml, uv, Poetry and PEP 751 locks; package.json, npm's and
pnpm's locks and settings. Not parsed, so UNKNOWN: the rest of what is listed below. Not seen: a
requirements file under a name of its own that another includes by `-r`, and which of the packages
in one lock is wired to which."""

from collections.abc import Callable, Iterable

from harness.domain.facts import NO_FILE, UNKNOWN, DependencyChange, FileChange, Maybe
from harness.governance.facts.dependencies import javascript, python
from harness.governance.facts.dependencies.compare import compared
from harness.governance.facts.dependencies.manifest import Dependency, Reader, Unparsed
from harness.governance.paths import skeleton

__all__ = ["Dependency", "Unparsed", "dependency_changes", "is_manifest"]

_UNPARSED = frozenset(
    (
        "pipfile",
        "pipfile.lock",
        "setup.py",
        "setup.cfg",
        "pip.conf",
        "pdm.lock",
        "conda.yaml",
        "environment.yml",
        "environment.yaml",
        "conda-lock.yml",
        "pixi.toml",
        "pixi.lock",
        "yarn.lock",
        ".yarnrc",
        ".yarnrc.yml",
        "bun.lock",
        "bun.lockb",
        "bunfig.toml",
        "deno.json",
        "deno.jsonc",
        "deno.lock",
        ".npmrc",
        ".pnpmfile.cjs",
        ".pnpmfile.mjs",
        "pnpmfile.js",
        "binding.gyp",
        "gemfile",
        "gemfile.lock",
        "go.mod",
        "go.sum",
        "go.work",
        "cargo.toml",
        "cargo.lock",
        "composer.json",
        "composer.lock",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "gradle.lockfile",
        "libs.versions.toml",
        "mix.exs",
        "mix.lock",
        "pubspec.yaml",
        "pubspec.lock",
        "package.swift",
        "package.resolved",
        "podfile",
        "podfile.lock",
        "packages.config",
        "directory.packages.props",
        "packages.lock.json",
        "flake.nix",
        "flake.lock",
        "cpanfile",
        "rebar.config",
    )
)
_BY_NAME: dict[str, Reader] = {**python.BY_NAME, **javascript.BY_NAME}
_LOOKS = frozenset(skeleton(name) for name in (*_UNPARSED, *_BY_NAME, "requirements.txt"))


def is_manifest(path: bytes) -> bool:
    """Whether this path is a manifest or lock of some ecosystem, parsed or not, or looks like
    one."""
    name = _name(path)
    return name in _UNPARSED or _reader(path) is not None or skeleton(name) in _LOOKS


def dependency_changes(
    files: Iterable[FileChange],
    before: Callable[[str], bytes | None],
    after: Callable[[str], bytes | None],
) -> Maybe[tuple[DependencyChange, ...]]:
    """What the change does to dependencies, in the order of its paths, nothing said twice. `before`
    and `after` read a path's bytes on either side, None where there is no plain file. UNKNOWN where
    any manifest that changes cannot be parsed."""
    changes: dict[DependencyChange, None] = {}
    for change in files:
        if not is_manifest(change.path):
            continue
        try:
            path = change.path.decode("utf-8")
            old = _read(change.path, before(path)) if change.old_mode != NO_FILE else ()
            new = _read(change.path, after(path)) if change.new_mode != NO_FILE else ()
        except (ValueError, RecursionError):
            return UNKNOWN
        changes.update(dict.fromkeys(compared(change.path, old, new)))
    return tuple(changes)


def _read(path: bytes, content: bytes | None) -> tuple[Dependency, ...]:
    reader = _reader(path)
    if reader is None:
        raise Unparsed(
            f"{_name(path)} is a manifest of a kind that is not parsed, or looks like one"
        )
    if content is None or b"\0" in content:
        raise Unparsed(f"{_name(path)} is no plain text file")
    return tuple(reader(content.decode("utf-8-sig")))


def _reader(path: bytes) -> Reader | None:
    whole = path.decode("utf-8", "replace").casefold()
    return _BY_NAME.get(_name(path)) or python.reader_of(whole) or javascript.reader_of(whole)


def _name(path: bytes) -> str:
    return path.rsplit(b"/", 1)[-1].decode("utf-8", "replace").casefold()
