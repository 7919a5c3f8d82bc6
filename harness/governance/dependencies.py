"""What a change does to dependencies, from manifests and locks that are parsed, before and after.

Properties: a manifest that cannot be parsed, or of a kind that we do not parse, gives UNKNOWN, which is no; a
dependency that comes from an address, a repository or a path is told apart from a registry's; the same version with
other hashes or another address is SWAPPED, which no rule permits; an index or registry that a lock names for the first
time is itself a dependency, of origin `option`.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.domain.facts import NO_FILE, UNKNOWN, DependencyChange, DependencyMove, FileChange, Maybe, Origin

_UNPARSED = frozenset((
    "pipfile", "pipfile.lock", "setup.py", "setup.cfg", "conda.yaml", "environment.yml", "environment.yaml",
    "pnpm-lock.yaml", "pnpm-workspace.yaml", "yarn.lock", "bun.lock", "bun.lockb", "deno.json", "deno.lock", ".npmrc",
    "gemfile", "gemfile.lock", "go.mod", "go.sum", "cargo.toml", "cargo.lock", "composer.json", "composer.lock",
    "pom.xml", "build.gradle", "build.gradle.kts", "pip.conf", "uv.toml", "pdm.lock",
))
_REQUIREMENTS = re.compile(r"(?:requirements|constraints)[^/]*\.(?:txt|in|lock)\Z|requirements/[^/]+\.(?:txt|in)\Z")


class Unparsed(ValueError):
    """A manifest says something that we cannot read with certainty."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency as one manifest has it. `spec` is the version or range, `bytes_` its hashes and address."""

    ecosystem: str
    name: str
    spec: str
    origin: Origin = Origin.REGISTRY
    bytes_: str = ""


def is_manifest(path: bytes) -> bool:
    """Whether this path is a manifest or lock of some ecosystem, parsed or not."""
    name = _name(path)
    return name in _UNPARSED or _parser(path) is not None


def dependency_changes(files: Iterable[FileChange], before: Callable[[str], bytes | None],
                       after: Callable[[str], bytes | None]) -> Maybe[tuple[DependencyChange, ...]]:
    """What the change does to dependencies, in the order of its paths. `before` and `after` read a path's bytes on
    either side, None where it is not there. UNKNOWN where any manifest that changes cannot be parsed."""
    changes: list[DependencyChange] = []
    for change in files:
        if not is_manifest(change.path):
            continue
        try:
            path = change.path.decode("utf-8")
            old = _parsed(change.path, None if change.old_mode == NO_FILE else before(path))
            new = _parsed(change.path, None if change.new_mode == NO_FILE else after(path))
        except (Unparsed, ValueError, RecursionError):
            return UNKNOWN
        changes += _compared(change.path, old, new)
    return tuple(changes)


def _compared(path: bytes, old: Mapping[str, Dependency], new: Mapping[str, Dependency]) -> Iterator[DependencyChange]:
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        move = _move(before, after)
        if move is not None:
            shown = after or before
            assert shown is not None
            yield DependencyChange(manifest=path, ecosystem=shown.ecosystem, name=shown.name, move=move,
                                   before=before.spec if before else "", after=after.spec if after else "",
                                   origin=shown.origin)


def _move(before: Dependency | None, after: Dependency | None) -> DependencyMove | None:
    if before is None:
        return DependencyMove.ADDED
    if after is None:
        return DependencyMove.REMOVED
    if before.spec != after.spec or before.origin != after.origin:
        return DependencyMove.CHANGED
    return DependencyMove.SWAPPED if before.bytes_ != after.bytes_ else None


def _name(path: bytes) -> str:
    return path.rsplit(b"/", 1)[-1].decode("utf-8", "replace").casefold()


def _parsed(path: bytes, content: bytes | None) -> Mapping[str, Dependency]:
    if content is None:
        return {}
    parser = _parser(path)
    if parser is None:
        raise Unparsed(f"{_name(path)} is a manifest of a kind that is not parsed")
    found: dict[str, Dependency] = {}
    for place, dependency in parser(content.decode("utf-8-sig")):
        key = f"{place} {dependency.name}"
        if dependency.origin is not Origin.OPTION:
            while key in found:
                key += "'"
        found[key] = dependency
    return found


_Parser = Callable[[str], Iterator[tuple[str, Dependency]]]


def _parser(path: bytes) -> _Parser | None:
    name = _name(path)
    if name in _PARSERS:
        return _PARSERS[name]
    looks = path.decode("utf-8", "replace").casefold()
    return _requirements if _REQUIREMENTS.search(looks) else None


# ---- Python ----------------------------------------------------------------------------------------------------------


def _requirements(text: str) -> Iterator[tuple[str, Dependency]]:
    """pip's requirements format: continuation lines, hashes, options. An index option is a dependency's origin too."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        bare = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if not bare:
            continue
        if bare.startswith("-") and not bare.startswith(("-e", "--editable")):
            yield "", Dependency("python", bare.split("=")[0].split()[0], bare, Origin.OPTION)
        else:
            hashes = " ".join(sorted(re.findall(r"--hash[= ](\S+)", bare)))
            yield "", _requirement(re.split(r"\s--", bare)[0], hashes)


def _requirement(text: str, hashes: str = "") -> Dependency:
    """One PEP 508 requirement, address or path."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        read = Requirement(text.strip())
    except InvalidRequirement as error:
        if re.match(r"(?:-e\s|--editable|\.{0,2}/|[A-Za-z+]+://|\S+\.(?:whl|zip|tar\.gz)\b)", text.strip()):
            address = re.sub(r"^(?:-e|--editable)[ =]\s*", "", text.strip())
            return Dependency("python", address, text.strip(), _origin(address))
        raise Unparsed(f"`{text[:80]}` is not a requirement") from error
    marker = f" ; {read.marker}" if read.marker else ""
    extras = f"[{','.join(sorted(read.extras))}]" if read.extras else ""
    name, spec = canonicalize_name(read.name), f"{extras}{read.specifier}{marker}"
    return Dependency("python", name, read.url or spec, _origin(read.url) if read.url else Origin.REGISTRY, hashes)


def _origin(address: str) -> Origin:
    if address.startswith(("git+", "git:", "github:", "hg+", "svn+", "bzr+")) or ".git" in address:
        return Origin.GIT
    return Origin.URL if re.match(r"[A-Za-z+]+://", address) and not address.startswith("file:") else Origin.PATH


def _pyproject(text: str) -> Iterator[tuple[str, Dependency]]:
    """Project, groups, build system and Poetry's own tables. Any other build hook is a dependency named for its table."""
    document = tomllib.loads(text)
    project = _table(document, "project")
    lists = {"project": project.get("dependencies", []), "build": _table(document, "build-system").get("requires", [])}
    lists |= {f"extra {name}": found for name, found in _table(project, "optional-dependencies").items()}
    lists |= {f"group {name}": found for name, found in _table(document, "dependency-groups").items()}
    for place, found in lists.items():
        yield from ((place, _requirement(item)) for item in found if isinstance(item, str))
    poetry = _table(_table(document, "tool"), "poetry")
    groups = {"poetry": poetry, **_table(poetry, "group")}
    for name, group in groups.items():
        for table in ("dependencies", "dev-dependencies"):
            yield from ((f"{name} {table}", _poetry(key, value)) for key, value in _table(group, table).items())
    for key in ("build-backend", "backend-path"):
        if key in _table(document, "build-system"):
            yield "build", Dependency("python", key, str(document["build-system"][key]))
    for tool, table in (("uv", "sources"), ("uv", "index"), ("poetry", "source"), ("pdm", "source")):
        if found := _table(document, "tool").get(tool, {}).get(table):
            yield "source", Dependency("python", f"tool.{tool}.{table}", json.dumps(found, sort_keys=True), Origin.OPTION)


def _poetry(name: str, value: Any) -> Dependency:
    table = value if isinstance(value, Mapping) else {"version": str(value)}
    origin = next((origin for key, origin in (("git", Origin.GIT), ("url", Origin.URL), ("path", Origin.PATH))
                   if key in table), Origin.REGISTRY)
    return Dependency("python", name.casefold(), json.dumps(table, sort_keys=True, default=str), origin)


def _toml_lock(text: str) -> Iterator[tuple[str, Dependency]]:
    """uv.lock, poetry.lock and pylock.toml: `[[package]]` tables with name, version, source and files."""
    document = tomllib.loads(text)
    packages = document.get("package", document.get("packages", []))
    for package in packages:
        source = package.get("source", {}) if isinstance(package.get("source", {}), Mapping) else {}
        index = source.get("registry") or (source.get("url") if source.get("type") == "legacy" else None)
        if index:
            yield "", Dependency("python", f"index {index}", "", Origin.OPTION)
        kind = next((Origin(key) for key in ("git", "url", "path") if key in source or key == source.get("type")), None)
        local = {"editable", "virtual", "directory"} & {*source, source.get("type")}
        files = {key: package[key] for key in ("files", "sdist", "wheels", "source") if key in package}
        yield "", Dependency("python", str(package["name"]).casefold(), str(package.get("version", "")),
                             Origin.PATH if local else kind or Origin.REGISTRY,
                             json.dumps(files, sort_keys=True, default=str))


# ---- JavaScript ------------------------------------------------------------------------------------------------------


def _package_json(text: str) -> Iterator[tuple[str, Dependency]]:
    """Dependencies of every kind; scripts that run at install are dependencies on what they run."""
    document = _object(json.loads(text))
    for place in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "overrides",
                  "resolutions"):
        for name, spec in _table(document, place).items():
            yield place, Dependency("npm", name, _shown(spec), _npm_origin(_shown(spec)))
    for name, script in _table(document, "scripts").items():
        if re.match(r"(?:pre|post)?(?:install|prepare|pack|publish)", name):
            yield "scripts", Dependency("npm", f"script {name}", _shown(script), Origin.OPTION)


def _package_lock(text: str) -> Iterator[tuple[str, Dependency]]:
    """npm's lock, versions 2 and 3: every package with its version, address and integrity."""
    document = _object(json.loads(text))
    if "packages" not in document:
        raise Unparsed("a package-lock.json of version 1 is not parsed")
    for place, package in _table(document, "packages").items():
        if not place:
            continue
        address = str(package.get("resolved", ""))
        served = re.match(r"(https://[^/]+/)\S*/-/[^/]+\.tgz\Z", address)
        if served:
            yield "", Dependency("npm", f"registry {served[1]}", "", Origin.OPTION)
        origin = Origin.REGISTRY if not address or served else _origin(address)
        hooks = " with install script" if package.get("hasInstallScript") else ""
        yield place, Dependency("npm", place.rpartition("node_modules/")[2], f"{package.get('version', '')}{hooks}",
                                Origin.PATH if package.get("link") else origin,
                                f"{address} {package.get('integrity', '')}")


def _npm_origin(spec: str) -> Origin:
    if spec.startswith(("git", "github:")) or re.match(r"[\w.-]+/[\w.-]+(?:#|\Z)", spec):
        return Origin.GIT
    if spec.startswith(("http:", "https:")):
        return Origin.URL
    return Origin.PATH if spec.startswith(("file:", "link:", ".", "/", "~/")) else Origin.REGISTRY


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _object(document.get(name, {}))


def _object(found: Any) -> Mapping[str, Any]:
    if not isinstance(found, Mapping):
        raise Unparsed("a table is expected")
    return found


_PARSERS: dict[str, _Parser] = {
    "package-lock.json": _package_lock,
    "npm-shrinkwrap.json": _package_lock,
    "package.json": _package_json,
    "poetry.lock": _toml_lock,
    "pylock.toml": _toml_lock,
    "pyproject.toml": _pyproject,
    "uv.lock": _toml_lock,
}
