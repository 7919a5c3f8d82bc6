"""Manifests written for tests: any set of locked packages in every format that is parsed."""

import json
from dataclasses import dataclass

from harness.domain.facts import UNKNOWN
from harness.governance import dependency_changes
from tests.governance.policy_texts import file_change


@dataclass(frozen=True)
class Locked:
    version: str
    hash: str


def moved(path: str, before: str | None, after: str | None):
    return dependency_changes(
        [file_change(path, before, after)], lambda _: before.encode(), lambda _: after.encode()
    )


def worded(path: str, before: str | None, after: str | None):
    """What moved as (name, move, origin), by name; None where nobody can tell."""
    changes = moved(path, before, after)
    return (
        None
        if changes is UNKNOWN
        else sorted((found.name, found.move, found.origin) for found in changes)
    )


def _requirements(packages):
    return "\n".join(
        f"{name}=={one.version} \\\n    --hash=sha256:{one.hash}" for name, one in packages.items()
    )


def _project(packages) -> str:
    return (
        "[project]\ndependencies ="
        f" {json.dumps([f'{name}=={one.version}' for name, one in packages.items()])}\n"
    )


def _uv(packages):
    return "version = 1\n" + "".join(
        f'[[package]]\nname = "{name}"\nversion = "{one.version}"\nsource = {{ registry ='
        ' "https://packages.example/simple" }\nwheels = [{ url ='
        f' "https://files.example/{name}.whl", hash = "sha256:{one.hash}" }}]\n'
        for name, one in packages.items()
    )


def _poetry(packages):
    return "".join(
        f'[[package]]\nname = "{name}"\nversion = "{one.version}"\n'
        f'files = [{{file = "{name}.whl", hash = "sha256:{one.hash}"}}]\n'
        for name, one in packages.items()
    )


def _pylock(packages):
    return 'lock-version = "1.0"\n' + "".join(
        f'[[packages]]\nname = "{name}"\nversion = "{one.version}"\n'
        f'wheels = [{{ name = "{name}.whl", hashes = {{ sha256 = "{one.hash}" }} }}]\n'
        for name, one in packages.items()
    )


def _package_json(packages):
    return json.dumps(
        {"name": "app", "dependencies": {name: one.version for name, one in packages.items()}}
    )


def tarball(name: str, version: str) -> str:
    return f"https://registry.example/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"


def package_lock(packages):
    """npm's lock, version 3."""
    placed = {
        f"node_modules/{name}": {
            "version": one.version,
            "resolved": tarball(name, one.version),
            "integrity": f"sha512-{one.hash}",
        }
        for name, one in packages.items()
    }
    return json.dumps({"lockfileVersion": 3, "packages": {"": {"name": "app"}, **placed}})


def _shrinkwrap(packages):
    """npm's lock, version 1."""
    nested = {
        name: {
            "version": one.version,
            "resolved": tarball(name, one.version),
            "integrity": f"sha512-{one.hash}",
        }
        for name, one in packages.items()
    }
    return json.dumps({"lockfileVersion": 1, "dependencies": nested})


def pnpm_lock(packages, *, version="9.0"):
    """pnpm's lock, 6.0 with its own spelling of keys or 9.0."""
    slash = "/" if version < "7" else ""
    lines = [f"lockfileVersion: '{version}'", "", "importers:", "", "  .:", "    dependencies:"]
    for name, one in packages.items():
        lines += [
            f"      {name}:",
            f"        specifier: ^{one.version}",
            f"        version: {one.version}",
        ]
    lines += ["", "packages:"] if packages else []
    for name, one in packages.items():
        lines += [
            "",
            f"  {slash}{name}@{one.version}:",
            f"    resolution: {{integrity: sha512-{one.hash}}}",
        ]
    text = "\n".join(lines)
    return text if packages else f"lockfileVersion: '{version}'\n"


FORMATS = {
    "requirements.txt": (_requirements, True),
    "pyproject.toml": (_project, False),
    "uv.lock": (_uv, True),
    "poetry.lock": (_poetry, True),
    "pylock.toml": (_pylock, True),
    "package.json": (_package_json, False),
    "package-lock.json": (package_lock, True),
    "npm-shrinkwrap.json": (_shrinkwrap, True),
    "pnpm-lock.yaml": (pnpm_lock, True),
    "old/pnpm-lock.yaml": (lambda packages: pnpm_lock(packages, version="6.0"), True),
}
"""A path, how to write it, and whether it holds hashes."""
