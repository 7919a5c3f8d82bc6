"""How production starts the app: guesses from the most to the least certain; the first match is
used."""

import re
from collections.abc import Callable, Iterable, Iterator

from harness.onboarding.evidence.sources import Sources
from harness.onboarding.evidence.starts.command_lines import start_from
from harness.onboarding.evidence.starts.other_starts import go, image_start, node, php, rails
from harness.onboarding.evidence.starts.python_starts import (
    app_objects,
    django,
    installed_commands,
    main_modules,
    scripts,
)
from harness.onboarding.survey import Evidence, Route, Start

_READY = ("/health", "/healthz", "/ready", "/readyz", "/ping", "/status", "/up")


def start_in(sources: Sources) -> Start | None:
    """The command that most likely starts the app in production; None if nothing here
    starts one."""
    guesses: tuple[Callable[[Sources], Iterable[Start]], ...] = (
        _procfile,
        image_start,
        main_modules,
        scripts,
        installed_commands,
        app_objects,
        django,
        rails,
        node,
        php,
        go,
    )
    return next((start for guess in guesses for start in guess(sources)), None)


def ready_in(routes: tuple[Route, ...]) -> tuple[str, Evidence | None]:
    """The path that answers when the app is up, and the route that shows it."""
    fixed = {
        route.path: route
        for route in reversed(routes)
        if "GET" in route.methods and not re.search(r"[<{:*(]", route.path)
    }
    named = next((path for path in (*_READY, "/") if path in fixed), None) or min(
        fixed, key=len, default=None
    )
    if named is None or not re.fullmatch(r"/[!-~]*", named):
        return "/", None
    return named, Evidence(fixed[named].file, fixed[named].line, f"answers {named}")


def _procfile(sources: Sources) -> Iterator[Start]:
    for number, line in sources.lines(sources.contents.named("Procfile")):
        if line.startswith("web:") and (
            start := start_from(
                line.removeprefix("web:").strip(),
                Evidence("Procfile", number, "starts the web process"),
            )
        ):
            yield start
