"""Where groups of routes are mounted: Flask's blueprints, FastAPI's routers. A route's own text is
its address only below the prefix of its group."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_GROUPS = frozenset({"Blueprint", "APIRouter", "APIBlueprint"})
_MOUNTS = frozenset({"register_blueprint", "include_router"})
_PREFIXES = ("url_prefix", "prefix")


@dataclass(frozen=True, slots=True)
class RouteGroup:
    """A group of routes by the name of its variable. `prefix` is None if it is computed."""

    name: str
    prefix: str | None


@dataclass(frozen=True, slots=True)
class Mount:
    """A place where an app takes a group: the last part of its module (empty: this file), the name
    of its variable, and the prefix that it gets there (None if it is computed)."""

    module: str
    name: str
    prefix: str | None


def groups_in(nodes: tuple[ast.AST, ...]) -> Iterator[RouteGroup]:
    """The groups that a file makes."""
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func) as call) if (
                _last(func) in _GROUPS
            ):
                yield RouteGroup(name, _prefix(call))


def mounts_in(nodes: tuple[ast.AST, ...]) -> Iterator[Mount]:
    """The groups that a file mounts, by the names that they have where they are made."""
    imported = {
        alias.asname or alias.name: ((node.module or "").rpartition(".")[2], alias.name)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in nodes:
        match node:
            case ast.Call(func=ast.Attribute(attr=called), args=[taken, *_]) if called in _MOUNTS:
                prefix = _prefix(node)
                if isinstance(taken, ast.Name):
                    yield Mount(*imported.get(taken.id, ("", taken.id)), prefix)
                elif isinstance(taken, ast.Attribute):
                    module = _last(taken.value)
                    yield Mount(imported.get(module, ("", module))[1], taken.attr, prefix)


def _prefix(call: ast.Call) -> str | None:
    given = next((one.value for one in call.keywords if one.arg in _PREFIXES), None)
    if given is None:
        return ""
    is_text = isinstance(given, ast.Constant) and isinstance(given.value, str)
    return str(given.value) if isinstance(given, ast.Constant) and is_text else None


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
