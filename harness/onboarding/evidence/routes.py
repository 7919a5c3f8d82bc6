"""The app's routes: from the syntax tree for Python, from the usual calls for
Express and similar frameworks."""

import re
from collections.abc import Iterator

from harness.onboarding.evidence.sources import Sources, is_beside
from harness.onboarding.survey import Route

MOST = 200
_EXPRESS = re.compile(
    r"\b(?:app|router|server|api|fastify)\.(?P<verb>get|post|put|patch|delete)\(\s*['\"`](?P<path>/[^'\"`\s]*)"
)


def routes_in(sources: Sources) -> tuple[Route, ...]:
    """The product's routes by file and line, at most MOST."""
    found = [route for file in sources.product for route in file.routes]
    return tuple(
        sorted([*found, *_express(sources)], key=lambda route: (route.file, route.line))[:MOST]
    )


def _express(sources: Sources) -> Iterator[Route]:
    for name in sources.contents.files:
        if name.endswith((".js", ".mjs", ".cjs", ".ts")) and not is_beside(name):
            for number, line in sources.lines(name):
                for found in _EXPRESS.finditer(line):
                    yield Route(found["path"], (found["verb"].upper(),), name, number)
