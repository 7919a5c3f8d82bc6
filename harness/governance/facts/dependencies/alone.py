"""Tells a change of dependencies from one of the app, where one file may hold both.

Properties: a lock holds names, versions and hashes, so all of it is dependencies, wherever it is. A
`package.json` also names the app's program (`main`, `exports`, `bin`, `scripts`), a
`pyproject.toml` its entry points and what is packed: whatever differs there beside the tables of
dependencies, in order and in type too, is the app's. A file of requirements is known by its whole
name, at the root or in the root's folder `requirements/`, because elsewhere an app may keep data
under such a name (`web/data/packages.txt`), and by every line of it, on both sides. Every other
manifest is code, or names code, and is the app's; so is what cannot be read, is new or is gone."""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

from harness.governance.facts.dependencies import requirements

LOCKS = frozenset(
    (
        "package-lock.json",
        "npm-shrinkwrap.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "bun.lock",
        "bun.lockb",
        "deno.lock",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "pylock.toml",
        "Pipfile.lock",
        "pixi.lock",
        "conda-lock.yml",
        "go.sum",
        "go.work.sum",
        "Cargo.lock",
        "composer.lock",
        "Gemfile.lock",
        "gradle.lockfile",
        "pubspec.lock",
        "Package.resolved",
        "Podfile.lock",
        "packages.lock.json",
        "flake.lock",
    )
)
"""Not `mix.lock`: Elixir evaluates it."""

LARGEST = 1024 * 1024
"""Bytes of a manifest that is read."""

_REQUIREMENTS = re.compile(
    r"(?:[a-z0-9]+[-_.])*(?:requirements|constraints)(?:[-_.][a-z0-9]+)*\.(?:txt|in)"
    r"|requirements/(?:[\w-]+/)*[\w-]+\.(?:txt|in)"
)
# A tool's own file of settings, such as `ruff.toml`, is none of the app either.
_TOOLS = (
    "basedpyright",
    "black",
    "coverage",
    "importlinter",
    "isort",
    "mypy",
    "pylint",
    "pyright",
    "pytest",
    "ruff",
)
_TABLES: dict[str, tuple[Callable[[str], Any], tuple[str, ...]]] = {
    "package.json": (
        json.loads,
        (
            "dependencies",
            "devDependencies",
            "optionalDependencies",
            "peerDependencies",
            "overrides",
            "resolutions",
            "pnpm.overrides",
        ),
    ),
    "pyproject.toml": (
        tomllib.loads,
        (
            "build-system.requires",
            "project.dependencies",
            "project.optional-dependencies",
            "dependency-groups",
            "tool.uv.dev-dependencies",
            "tool.uv.override-dependencies",
            "tool.uv.constraint-dependencies",
            "tool.uv.build-constraint-dependencies",
            "tool.pdm.dev-dependencies",
            "tool.poetry.dependencies",
            "tool.poetry.dev-dependencies",
            "tool.poetry.group.*.dependencies",
            *(f"tool.{name}" for name in _TOOLS),
        ),
    ),
}


def changes_dependencies_alone(
    path: str,
    *,
    before: Callable[[str], bytes | None],
    after: Callable[[str], bytes | None],
) -> bool:
    """Whether a change of this file is one of dependencies and of nothing else. `before` and
    `after` give a path's bytes."""
    name = path.rpartition("/")[2]
    if name in LOCKS:
        return True
    if name not in _TABLES and not _REQUIREMENTS.fullmatch(path):
        return False
    try:
        sides = [_beside_dependencies(name, side(path)) for side in (before, after)]
    except (ValueError, RecursionError):
        return False
    return sides[0] == sides[1]


def _beside_dependencies(name: str, content: bytes | None) -> str:
    """What a manifest holds of anything else, in one spelling. Raises ValueError."""
    if content is None or len(content) > LARGEST:
        raise ValueError("no plain file, or a very large one")
    text = content.decode("utf-8")
    if name not in _TABLES:
        # comments are nothing, and of a line that is no requirement this raises
        for _ in requirements.read(text):
            pass
        return ""
    read, tables = _TABLES[name]
    document = read(text)
    for place in tables:
        _drop(document, *place.split("."))
    # For Python 1 is true, and order is nothing; for Node the order of `exports` decides.
    return repr(document)


def _drop(found: Any, first: str, *rest: str) -> None:
    """Take a table or list of dependencies out, and what held nothing else."""
    if not isinstance(found, dict):
        return
    for name in list(found) if first == "*" else [first]:
        inner = found.get(name)
        if not rest and isinstance(inner, dict | list):
            del found[name]
        elif rest and inner:
            _drop(inner, *rest)
            if not inner:
                del found[name]
