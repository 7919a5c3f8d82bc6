"""JavaScript's manifests and locks: package.json, and what npm and pnpm make of it.

Properties: a package goes by the name it is fetched under, never by the alias it is imported by;
whatever runs when it is installed, patches it or takes its place is said, too; an entry without a
hash is no registry's."""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from urllib.parse import unquote

from harness.domain.facts import Origin
from harness.domain.plain import JsonObject
from harness.governance.facts.dependencies.manifest import (
    Dependency,
    Found,
    Reader,
    Unparsed,
    as_table,
    options,
    shown,
    table,
)
from harness.governance.facts.dependencies.manifest import text as text_of
from harness.governance.facts.dependencies.yamltext import yaml_text

_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_AT_INSTALL = re.compile(
    r"(?:pre|post)?(?:install|prepare|pack|publish|uninstall|rebuild|dependencies)"
)
_SETTINGS = (
    "workspaces",
    "packageManager",
    "devEngines",
    "dependenciesMeta",
    "gypfile",
    "bundleDependencies",
    "bundledDependencies",
    "trustedDependencies",
    "patchedDependencies",
    "catalog",
    "catalogs",
)
_RANGE = re.compile(r"[\w.^~<>=|*+\s-]*")
_PATCH = re.compile(r"(?:^|/)patches/[^/]+\.patch\Z")
_PNPM_READ = range(6, 10)
_PNPM_IGNORED_KEYS = ("lockfileVersion", "settings", "time", "snapshots", "catalogs")


def reader_of(path: str) -> Reader | None:
    """The reader for files that are known by a pattern; `path` is casefolded."""
    return _patch if _PATCH.search(path) else None


def _patch(content: str) -> Found:
    """What is applied to a package after its hash was checked."""
    yield Dependency(
        "",
        "npm",
        "a patch of a package",
        "",
        Origin.PATH,
        sha256(content.encode()).hexdigest(),
        setting=True,
    )


# package.json


def _package_json(content: str) -> Found:
    document = as_table(json.loads(content))
    for place in _KINDS:
        yield from (
            _wanted(place, name, text_of(table(document, place), name))
            for name in table(document, place)
        )
    for place in ("overrides", "resolutions"):
        yield from _overrides(place, table(document, place))
    for name, script in table(document, "scripts").items():
        if _AT_INSTALL.match(name):
            yield Dependency("scripts", "npm", f"script {name}", shown(script), Origin.OPTION)
    yield from options("", "npm", {key: document[key] for key in _SETTINGS if key in document})
    yield from _pnpm_settings(table(document, "pnpm"), "pnpm.")


def _wanted(place: str, alias: str, spec: str) -> Dependency:
    """`alias: spec` as package.json has it: the real name, and where it would come from."""
    # An alias imports one name and fetches another: the fetched one is what runs.
    if spec.startswith("npm:"):
        name, _, version = _cut(spec.removeprefix("npm:"))
        return Dependency(place, "npm", name, f"{version} as {alias}")
    return Dependency(place, "npm", alias, spec, _npm_origin(spec))


def _cut(key: str) -> tuple[str, str, str]:
    """`@scope/name@version` at the `@` that ends the name."""
    name, at, version = key[1:].partition("@")
    return key[:1] + name, at, version


def _overrides(place: str, found: JsonObject, *path: str) -> Found:
    """What takes a package's place wherever it is asked for; npm nests them, `a>b` is the place."""
    for key, value in found.items():
        if isinstance(value, Mapping):
            yield from _overrides(place, value, *path, key)
            continue
        wanted = _wanted(place, ">".join((*path, key)), text_of(found, key))
        yield Dependency(place, "npm", wanted.name, wanted.spec, wanted.origin, setting=True)


def _npm_origin(spec: str) -> Origin:
    if spec.startswith(
        ("file:", "link:", "portal:", "workspace:", "patch:", "exec:", ".", "/", "~/")
    ):
        return Origin.PATH
    if re.match(
        r"(?:git|github|gitlab|bitbucket|gist|ssh)\b[+:]|[\w.-]+/[\w.-]+(?:#|\Z)|[\w.-]+@[\w.-]+:",
        spec,
    ):
        return Origin.GIT
    return (
        Origin.REGISTRY
        if _RANGE.fullmatch(spec) or spec.startswith(("catalog:", "$"))
        else Origin.URL
    )


# npm's lock


def _package_lock(content: str) -> Found:
    """Versions 1 to 3. Version 2 states everything twice, for old readers and new ones, and both
    are read."""
    document = as_table(json.loads(content))
    packages = table(document, "packages")
    if (
        not packages
        and "dependencies" not in document
        and document.get("lockfileVersion") not in (1, 2, 3)
    ):
        raise Unparsed("a lock of an unknown version")
    for place, package in packages.items():
        if place:
            yield from _placed(place, as_table(package))
    yield from _nested(table(document, "dependencies"), "")


def _placed(place: str, package: JsonObject) -> Found:
    inner = place.rpartition("node_modules/")
    name = text_of(package, "name") or inner[2]
    # A folder of the workspace, not a package of a registry.
    if not inner[1] or package.get("link"):
        yield Dependency(
            place,
            "npm",
            name,
            text_of(package, "version"),
            Origin.PATH,
            text_of(package, "resolved"),
        )
    else:
        yield from _fetched(place, name, package)


def _nested(found: JsonObject, place: str) -> Found:
    for alias, said in found.items():
        package, inner = as_table(said), f"{place}node_modules/{alias}"
        wanted = _wanted(inner, alias, text_of(package, "version"))
        if wanted.origin is not Origin.REGISTRY:
            yield wanted
        elif wanted.name != alias:
            yield from _fetched(
                inner, wanted.name, {**package, "version": wanted.spec.partition(" as ")[0]}
            )
        else:
            yield from _fetched(inner, alias, package)
        yield from _nested(table(package, "dependencies"), f"{inner}/")


def _fetched(place: str, name: str, package: JsonObject) -> Found:
    """A package of a registry, where its address and its hash say so."""
    address, integrity, version = (
        text_of(package, key) for key in ("resolved", "integrity", "version")
    )
    registry = _registry(address, name, version)
    if registry:
        yield Dependency("", "npm", f"registry {registry}", "", Origin.OPTION)
    # Bundled packages come inside of another one, which has a hash of its own.
    brought = package.get("inBundle") or package.get("bundled")
    # A hash without a registry's address proves nothing about where the bytes come from.
    held = bool(integrity) and bool(registry or not address)
    origin = Origin.REGISTRY if held or brought else _npm_origin(address or "https:")
    hooks = " with install script" if package.get("hasInstallScript") else ""
    yield Dependency(place, "npm", name, f"{version}{hooks}", origin, f"{address} {integrity}")


def _registry(address: str, name: str, version: str) -> str:
    """The registry that this is the address of exactly this package at; empty where it is not."""
    # Another path below the registry's host may be anybody's upload.
    path = f"{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    found = re.match(r"https://[^/?#]+/", address)
    return found[0] if found and unquote(address).endswith(f"/{path}") else ""


# pnpm


def _pnpm_lock(content: str) -> Found:
    """Lockfile versions 6 to 9."""
    document = as_table(yaml_text(content))
    version = re.match(r"(\d+)\.\d+\Z", text_of(document, "lockfileVersion"))
    if version is None or int(version[1]) not in _PNPM_READ:
        raise Unparsed("a pnpm lock of an unknown version")
    # a lock of one project names it nowhere
    of_one = {key: document[key] for key in _KINDS if key in document}
    for folder, importer in ((".", of_one), *table(document, "importers").items()):
        for kind in _KINDS:
            wanted = table(as_table(importer), kind)
            yield from (
                _imported(f"importer {folder}", alias, as_table(one))
                for alias, one in wanted.items()
            )
    for key, package in table(document, "packages").items():
        yield from _resolved(key, as_table(package))
    yield from _overrides("overrides", table(document, "overrides"))
    yield from _patched(table(document, "patchedDependencies"), "pnpm.")
    known = (
        *_PNPM_IGNORED_KEYS,
        *_KINDS,
        "importers",
        "packages",
        "overrides",
        "patchedDependencies",
    )
    yield from options(
        "",
        "npm",
        {key: value for key, value in document.items() if key not in known},
        named="pnpm.",
    )


def _imported(place: str, alias: str, said: JsonObject) -> Dependency:
    """What a project of the workspace imports; `version` names a package of this lock, an address
    or a folder."""
    version = _without_peers(text_of(said, "version"))
    if _npm_origin(version) is not Origin.REGISTRY and not re.match(r"/?@?[^:]+@\d", version):
        return Dependency(place, "npm", alias, version, _npm_origin(version))
    name, at, real = _cut(version.removeprefix("/"))
    return Dependency(place, "npm", name, real) if at else Dependency(place, "npm", alias, version)


def _resolved(key: str, package: JsonObject) -> Found:
    name, _, version = _cut(_without_peers(key).removeprefix("/"))
    name, version = text_of(package, "name") or name, text_of(package, "version") or version
    resolution = table(package, "resolution")
    address, integrity = text_of(resolution, "tarball"), text_of(resolution, "integrity")
    registry = _registry(address, name, version)
    if registry:
        yield Dependency("", "npm", f"registry {registry}", "", Origin.OPTION)
    kinds = {
        "": Origin.REGISTRY if integrity and (registry or not address) else Origin.URL,
        "git": Origin.GIT,
        "directory": Origin.PATH,
    }
    kind = text_of(resolution, "type")
    # Something that a newer pnpm knows and we do not: it must not pass unread.
    if kind not in kinds or not resolution:
        raise Unparsed("a package of an unknown kind of resolution")
    hooks = " with install script" if package.get("requiresBuild") == "true" else ""
    yield Dependency("", "npm", name, f"{version}{hooks}", kinds[kind], shown(resolution))


def _without_peers(key: str) -> str:
    return key.partition("(")[0]


def _pnpm_workspace(content: str) -> Found:
    """The workspace's settings, and its catalogs: versions that its packages take by name."""
    document = as_table(yaml_text(content) if content.strip() else {})
    for name, catalog in (("", table(document, "catalog")), *table(document, "catalogs").items()):
        yield from (
            _wanted(f"catalog {name}", alias, text_of(as_table(catalog), alias))
            for alias in as_table(catalog)
        )
    yield from _pnpm_settings(
        {key: document[key] for key in document if key not in ("catalog", "catalogs")}, "pnpm."
    )


def _pnpm_settings(settings: JsonObject, named: str) -> Found:
    """What takes a package's place, what patches one, what may run when one is installed, and every
    other setting."""
    yield from _overrides("overrides", table(settings, "overrides"))
    yield from _patched(table(settings, "patchedDependencies"), named)
    built = settings.get("onlyBuiltDependencies", [])
    if not isinstance(built, list):
        raise Unparsed("onlyBuiltDependencies is not a list")
    for name in built:
        yield Dependency(
            "built", "npm", f"install script of {shown(name)}", "allowed", Origin.OPTION
        )
    known = ("overrides", "patchedDependencies", "onlyBuiltDependencies")
    yield from options(
        "", "npm", {key: value for key, value in settings.items() if key not in known}, named=named
    )


def _patched(found: JsonObject, named: str) -> Iterator[Dependency]:
    for name, patch in found.items():
        yield Dependency(
            "patches", "npm", f"{named}patch of {name}", "", Origin.PATH, shown(patch), setting=True
        )


BY_NAME: dict[str, Reader] = {
    "npm-shrinkwrap.json": _package_lock,
    "package-lock.json": _package_lock,
    "package.json": _package_json,
    "pnpm-lock.yaml": _pnpm_lock,
    "pnpm-lock.yml": _pnpm_lock,
    "pnpm-workspace.yaml": _pnpm_workspace,
}
