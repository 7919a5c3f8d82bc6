"""The app's routes: from the syntax tree for Python, from the usual calls for
Express and similar frameworks. A route below a prefix that nobody can tell is left out."""

import re
from collections.abc import Iterator
from dataclasses import replace

from harness.onboarding.evidence.python_source import PythonFile
from harness.onboarding.evidence.sources import Sources, is_beside
from harness.onboarding.survey import Route

MOST = 200
_EXPRESS = re.compile(
    r"\b(?P<owner>app|router|server|api|fastify)\.(?P<verb>get|post|put|patch|delete)"
    r"\(\s*['\"`](?P<path>/[^'\"`\s]*)"
)
_APP = re.compile(r"(?:^|[._(])(?:app|application|api|server|site|web|routes|self)\W*$")
"""Names of what routes are added to that is an app, wherever it was made."""
_MOUNTED = re.compile(r"\.use\(\s*(?:['\"`]/[^'\"`\s]|[\w.]+\s*,)")
"""A router that gets a prefix, such as `app.use("/users", router)`."""


def routes_in(sources: Sources) -> tuple[Route, ...]:
    """The product's routes by file and line, at most MOST."""
    found = [route for file in sources.product for route in _of_python(sources, file)]
    return tuple(
        sorted([*found, *_express(sources)], key=lambda route: (route.file, route.line))[:MOST]
    )


def _of_python(sources: Sources, file: PythonFile) -> Iterator[Route]:
    prefixes = {group.name: _prefix_of(sources, file, group.name) for group in file.groups}
    apps = {app.name for app in file.apps}
    for owner, route in file.routes:
        # What a function was handed may be a group with a prefix from elsewhere.
        is_app = owner in apps or not owner or bool(_APP.search(owner))
        prefix = prefixes.get(owner, "" if is_app else None)
        if prefix is not None:
            yield replace(route, path=prefix + route.path) if prefix else route


def _prefix_of(sources: Sources, file: PythonFile, name: str) -> str | None:
    """The prefix of a group of routes; None if it is mounted nowhere, or twice, or computed."""
    own = next(group.prefix for group in file.groups if group.name == name)
    mounted = {
        mount.prefix
        for other in sources.product
        for mount in other.mounts
        if mount.name == name
        and (mount.module == file.module.rpartition(".")[2] or (not mount.module and other is file))
    }
    if len(mounted) != 1 or own is None or None in mounted:
        return None
    given = next(iter(mounted)) or ""
    # FastAPI puts one before the other; Flask takes the one that is given last.
    is_router = any(one in file.imports for one in ("fastapi", "starlette"))
    prefix = given + own if is_router else given or own
    return prefix.rstrip("/")


def _express(sources: Sources) -> Iterator[Route]:
    names = [
        name
        for name in sources.contents.files
        if name.endswith((".js", ".mjs", ".cjs", ".ts")) and not is_beside(name)
    ]
    found = list[tuple[str, Route]]()
    has_prefixes = False
    for name in names:
        for number, line in sources.lines(name):
            has_prefixes = has_prefixes or bool(_MOUNTED.search(line))
            for match in _EXPRESS.finditer(line):
                methods = (match["verb"].upper(),)
                found.append((match["owner"], Route(match["path"], methods, name, number)))
    for owner, route in found:
        if owner != "router" or not has_prefixes:
            yield route
