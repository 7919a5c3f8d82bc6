"""Look at the running base for its author: what it answers to GET, and the help of its commands.

Properties:
- Never the code: only what a user without it can ask for. The base runs in its own sandbox, on
  fresh data, and ends with the look.
- Nothing that comes from it is interpreted here. It is bounded in number, length and time, and the
  author's sandbox reads it."""

from __future__ import annotations

import http.client
import random
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from validators.app.commands import CommandServer
from validators.app.instances import InstanceSpec, InstanceStarter, Listener
from validators.app.side import Side, prepared_side, seeded_side
from validators.domain.journeys.command_result import shown_text
from validators.domain.stops import Inconclusive
from validators.launcher.command_worlds import PLAIN
from validators.launcher.context import Context
from validators.launcher.perform import PORTS
from validators.performance.command_json import CommandCall, Ended
from validators.roles.app_view import NO_VIEW, AppView, CommandHelp, PathAnswer

# Where frameworks put the description of an API, and where people look for one.
USUAL = (
    "/openapi.json",
    "/api/openapi.json",
    "/swagger.json",
    "/swagger/v1/swagger.json",
    "/v3/api-docs",
    "/api-docs",
    "/api",
    "/api/",
    "/api/v1",
    "/",
)
MOST_NAMED, MOST_COMMANDS = 6, 12
MOST_BYTES = 256 << 10
"""Of one answer. A description that is longer is shown from its beginning, as a text."""
GET_SECONDS, HELP_SECONDS, LOOK_SECONDS = 3.0, 8.0, 30.0
NOT_FOUND = 404
# A path with a letter in it that stands alone in the issue's text.
_PATH = re.compile(r"(?<![\w/.:~-])/[A-Za-z0-9_~.-]+(?:/[A-Za-z0-9_~.-]+)*(?:\?[\w=&%.-]+)?")
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json\b", re.ASCII)


@dataclass(slots=True)
class BaseLook:
    """A look at the request's base below the new `folder`, taken when the view is first asked for.

    `side` is the base as it was prepared for it, so that journeys are proved on the same one; None
    where nobody has looked, and where it cannot be prepared."""

    context: Context
    folder: Path
    side: Side | None = None
    _view: AppView | None = None

    def view(self) -> AppView:
        """What the base shows of itself. Empty for an app that has pages alone, and for one that
        does not start: then its proof gives the reason."""
        if self._view is None:
            self.context.phases("look at the base")
            self.folder.mkdir()
            self._view = NO_VIEW
            with suppress(Inconclusive):
                self._view = self._looked()
        return self._view

    def _looked(self) -> AppView:
        context, folder = self.context, self.folder
        request, sandboxes = context.request, context.sandboxes(folder / "sandboxes")
        bare = prepared_side(
            "base",
            request.app,
            git_dir=Path(request.git_dir),
            tree=request.base.tree,
            sandboxes=sandboxes,
            stores=context.stores,
            folder=folder / "base",
        )
        self.side = seeded_side(bare, request.app, seed=None, sandboxes=sandboxes)
        start = context.start()
        # Equal bases are looked at under equal ports, so that equal questions stay equal.
        dial, port, line = random.Random("look").sample(PORTS, 3)  # noqa: S311
        world = PLAIN if start.commands else None
        spec = InstanceSpec("looked-at", dial, port, world=world, commands=line if world else 0)
        with ExitStack() as stack:
            starter = InstanceStarter(start, sandboxes, folder, stack)
            (listener,) = starter.listeners((spec,))
            starter.until_ready([(listener, self.side)])
            answers = tuple(_answers(listener, context)) if start.argv else ()
            commands = tuple(_helps(listener.commands)) if listener.commands else ()
        return AppView(answers, commands, pages=bool(start.argv))


def named_paths(text: str) -> tuple[str, ...]:
    """The first paths that stand in an issue's text."""
    return tuple(dict.fromkeys(_PATH.findall(text)))[:MOST_NAMED]


def _answers(listener: Listener, context: Context) -> Iterator[PathAnswer]:
    """What is answered as JSON at the usual paths, and at those that the issue names."""
    issue, host = context.request.issue, f"{context.start().hostname}:{listener.spec.dial}"
    named = named_paths(f"{issue.title}\n{issue.body}")
    until, seen = monotonic() + LOOK_SECONDS, set[str]()
    for path in dict.fromkeys((*USUAL, *named)):
        if monotonic() > until or sum(map(len, seen)) > MOST_BYTES:
            return
        found = answer_at(listener.path, path, host=host)
        # One text at two addresses is shown once. A refusal tells something of a named path only.
        if found is None or found.text in seen or found.status == NOT_FOUND:
            continue
        if found.status < 400 or path in named:
            seen.add(found.text)
            yield found


def answer_at(
    socket_path: Path, path: str, *, host: str, seconds: float = GET_SECONDS
) -> PathAnswer | None:
    """The answer to GET `path` over a unix socket, as far as MOST_BYTES; None where it is no JSON,
    or does not come within `seconds`."""
    connection = http.client.HTTPConnection(host)
    with socket.socket(socket.AF_UNIX) as line:
        # A time for each read would not bound an answer that comes byte by byte.
        timer = threading.Timer(seconds, _shut, (line,))
        line.settimeout(seconds)
        try:
            line.connect(str(socket_path))
            timer.start()  # a line that is not connected yet cannot be shut
            connection.sock = line
            headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            if not _JSON.match(answer.headers.get("Content-Type", "").lower()):
                return None
            content = answer.read(MOST_BYTES)
            return PathAnswer(path, answer.status, content.decode("utf-8", "replace"))
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            timer.cancel()
            connection.close()


def _shut(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _helps(commands: CommandServer) -> Iterator[CommandHelp]:
    """What each command that the repository names prints for `--help`."""
    until = monotonic() + LOOK_SECONDS
    for name in sorted(commands.named)[:MOST_COMMANDS]:
        seconds = min(HELP_SECONDS, until - monotonic())
        if seconds <= 0:
            return
        answer = commands.answer(CommandCall((name, "--help"), seconds))
        printed = shown_text(answer.output) + shown_text(answer.errors)
        if answer.ended is Ended.NOT_RUN:
            printed = f"it cannot be run: {answer.reason}"
        yield CommandHelp(name, answer.exit_code, printed[:MOST_BYTES])
