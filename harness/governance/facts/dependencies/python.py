"""Python's manifests and locks: pyproject.toml, uv.lock, poetry.lock, PEP 751's pylock.toml, and
requirements files."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from harness.domain.facts import Origin
from harness.domain.plain import JsonObject
from harness.governance.facts.dependencies import requirements
from harness.governance.facts.dependencies.manifest import (
    Dependency,
    Found,
    Reader,
    Unparsed,
    as_table,
    options,
    shown,
    table,
    tables,
)
from harness.governance.facts.dependencies.manifest import text as text_of
from harness.governance.facts.dependencies.requirements import requirement

_REQUIREMENTS = re.compile(
    r"(?:requirements|constraints|(?:^|[/_.-])(?:reqs|deps|dependencies|packages))[^/]*\.(?:txt|in|lock)\Z"
    r"|requirements/[^/]+\.(?:txt|in)\Z"
)
_PYLOCK = re.compile(r"(?:^|/)pylock\.[^/.]+\.toml\Z")
_PROJECT_LISTS = (
    "dev-dependencies",
    "override-dependencies",
    "constraint-dependencies",
    "build-constraint-dependencies",
)
_POETRY_KINDS = ("dependencies", "dev-dependencies", "requires-plugins")
_BUILDERS = (
    "hatch",
    "setuptools",
    "pdm",
    "flit",
    "rye",
    "pixi",
    "maturin",
    "scikit-build",
    "meson-python",
    "cibuildwheel",
    "poetry",
)
_BUILD_KEYS = frozenset(
    (
        "hooks",
        "cmdclass",
        "dynamic",
        "ext-modules",
        "script",
        "build",
        "before-build",
        "before-all",
        "before-test",
        "requires-plugins",
        "source",
        "sources",
        "index",
        "index-url",
        "extra-index-url",
        "find-links",
        "channels",
        "pypi-options",
        "overrides",
        "pre-install-commands",
        "post-install-commands",
        "pre_install",
        "post_install",
        "post_lock",
    )
)
_LISTS = ("dependencies", "requires")
"""How the name of a list of packages ends: pixi has `pypi-dependencies` and `host-dependencies`."""


def reader_of(path: str) -> Reader | None:
    """The reader for files that are known by a pattern; `path` is casefolded."""
    if _PYLOCK.search(path):
        return _pylock
    return requirements.read if _REQUIREMENTS.search(path) else None


# pyproject.toml and uv.toml


def _pyproject(content: str) -> Found:
    """Project, groups, build system, uv's and Poetry's tables; of other builders, whatever fetches
    or runs."""
    document = tomllib.loads(content)
    project, build, tools = (
        table(document, "project"),
        table(document, "build-system"),
        table(document, "tool"),
    )
    yield from _required("project", project.get("dependencies", []))
    yield from _required("build", build.get("requires", []))
    for kind, found in (
        ("extra", table(project, "optional-dependencies")),
        ("group", table(document, "dependency-groups")),
    ):
        for name, items in found.items():
            yield from _required(f"{kind} {name}", items)
    yield from options(
        "build", "python", {key: value for key, value in build.items() if key != "requires"}
    )
    # A build step then computes the dependencies, and no reader sees them.
    if "dependencies" in shown(project.get("dynamic", "")):
        yield from options("project", "python", {"dynamic": project["dynamic"]})
    yield from _uv(table(tools, "uv"))
    yield from _poetry(table(tools, "poetry"))
    for tool in _BUILDERS:
        yield from _builder(table(tools, tool), f"tool.{tool}", parsed=tool == "poetry")


def _required(place: str, items: Any) -> Found:
    """A list of requirements. A group may include another of the same file, which has its own
    entry."""
    if not isinstance(items, list):
        raise Unparsed(f"{place} is not a list of requirements")
    for item in items:
        if isinstance(item, str):
            yield requirement(item, place=place)
        # PEP 735 knows `include-group` alone; anything else may be a source that we do not know.
        elif not isinstance(item, Mapping) or set(item) != {"include-group"}:
            raise Unparsed(f"{place} holds something that is no requirement")


def _uv(settings: JsonObject) -> Found:
    for key in _PROJECT_LISTS:
        yield from _required(f"tool.uv.{key}", settings.get(key, []))
    others = {key: value for key, value in settings.items() if key not in _PROJECT_LISTS}
    yield from options("tool.uv", "python", others, named="tool.uv.")


def _poetry(poetry: JsonObject) -> Found:
    groups = {
        "poetry": poetry,
        **{f"poetry {name}": as_table(group) for name, group in table(poetry, "group").items()},
    }
    for place, group in groups.items():
        for kind in _POETRY_KINDS:
            for name, said in table(group, kind).items():
                constraints = said if isinstance(said, list) else [said]
                yield from (
                    _constraint(f"{place} {kind}", name, one)
                    for one in constraints
                    if name.casefold() != "python"
                )


def _constraint(place: str, name: str, said: Any) -> Dependency:
    fields = {"version": said} if isinstance(said, str) else as_table(said)
    origins = (
        ("git", Origin.GIT),
        ("url", Origin.URL),
        ("path", Origin.PATH),
        ("file", Origin.PATH),
    )
    origin = next((origin for key, origin in origins if key in fields), Origin.REGISTRY)
    spec = text_of(fields, "version") if set(fields) == {"version"} else shown(fields)
    return Dependency(place, "python", canonicalize_name(name), spec, origin)


def _builder(found: JsonObject, place: str, *, parsed: bool) -> Found:
    """The keys of a builder's table, at any depth, under which it fetches something or runs
    something."""
    for key, value in found.items():
        if parsed and key in (*_POETRY_KINDS, "group"):
            continue
        # PDM's `plugins` are installed; those of Poetry are a table of entry points.
        if (
            key in _BUILD_KEYS
            or key.endswith(_LISTS)
            or (key == "plugins" and isinstance(value, list))
        ):
            yield from options(place, "python", {key: value}, named=f"{place}.")
        elif isinstance(value, Mapping):
            yield from _builder(value, f"{place}.{key}", parsed=parsed)


# locks


def _uv_lock(content: str) -> Found:
    document = tomllib.loads(content)
    for key in ("manifest", "options"):
        yield from options(key, "python", table(document, key), named=f"{key}.")
    for package in tables(document, "package"):
        source = table(package, "source")
        yield from _index(text_of(source, "registry"))
        files = [
            *tables(package, "wheels"),
            *([table(package, "sdist")] if "sdist" in package else []),
        ]
        yield from _hosts(files)
        yield _locked(package, _uv_origin(source), _bytes(files, source))


def _uv_origin(source: JsonObject) -> Origin:
    if {"editable", "virtual", "directory", "path"} & set(source):
        return Origin.PATH
    kinds = (("git", Origin.GIT), ("url", Origin.URL), ("registry", Origin.REGISTRY))
    found = next((origin for key, origin in kinds if key in source), None)
    if source and found is None:
        raise Unparsed("a package of an unknown kind of source")
    return found or Origin.REGISTRY


def _poetry_lock(content: str) -> Found:
    origins = {
        "": Origin.REGISTRY,
        "legacy": Origin.REGISTRY,
        "git": Origin.GIT,
        "url": Origin.URL,
        "file": Origin.PATH,
        "directory": Origin.PATH,
    }
    for package in tables(tomllib.loads(content), "package"):
        source = table(package, "source")
        kind = text_of(source, "type")
        if kind not in origins:
            raise Unparsed("a package of an unknown kind of source")
        yield from _index(text_of(source, "url") if kind == "legacy" else "")
        yield _locked(package, origins[kind], _bytes(tables(package, "files"), source))


def _pylock(content: str) -> Found:
    for package in tables(tomllib.loads(content), "packages"):
        kinds = (("vcs", Origin.GIT), ("directory", Origin.PATH), ("archive", Origin.URL))
        origin = next((origin for key, origin in kinds if key in package), Origin.REGISTRY)
        files = [
            *tables(package, "wheels"),
            *(table(package, key) for key in ("sdist", "archive") if key in package),
        ]
        yield from _index(text_of(package, "index"))
        yield from _hosts(files)
        yield _locked(
            package,
            origin,
            _bytes(files, {key: package[key] for key in ("vcs", "directory") if key in package}),
        )


def _locked(package: JsonObject, origin: Origin, bytes_: str) -> Dependency:
    name = text_of(package, "name")
    if not name:
        raise Unparsed("a package without a name")
    return Dependency(
        "", "python", canonicalize_name(name), text_of(package, "version"), origin, bytes_
    )


def _index(address: str) -> Iterator[Dependency]:
    if address:
        yield Dependency("", "python", f"index {address}", "", Origin.OPTION)


def _hosts(files: list[JsonObject]) -> Iterator[Dependency]:
    for file in files:
        if address := text_of(file, "url"):
            yield Dependency(
                "", "python", f"host {urlsplit(address).netloc or address}", "", Origin.OPTION
            )


def _bytes(files: Any, source: JsonObject) -> str:
    """What is installed, whatever the order of the files: their names, addresses and hashes, and
    the source."""
    keys = ("file", "name", "url", "path", "hash", "hashes")
    listed = sorted(shown({key: file[key] for key in keys if key in file}) for file in files)
    return "\n".join((*listed, shown(source)))


BY_NAME: dict[str, Reader] = {
    "poetry.lock": _poetry_lock,
    "pylock.toml": _pylock,
    "pyproject.toml": _pyproject,
    "uv.lock": _uv_lock,
    "uv.toml": lambda content: _uv(tomllib.loads(content)),
}
