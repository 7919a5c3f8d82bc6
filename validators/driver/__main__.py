"""The driver: `python -m validators.driver OUT` performs a plan and writes evidence.

    standard input         the plan, one line; then a line with its port for each app that answers
    OUT/evidence.json      for `validators.performance.evidence_json`
    OUT/<journey>/<run>/   page.png, aria.txt, console.json, network.json; of plain runs of a
                           journey also trace.zip; of calls calls.json, of commands terminal.txt
    standard output        a line for each app that is needed and does not answer yet, for
                           `read_needed`; if the plan asks for it, one for each step and look as it
                           is done, for `read_part`; last line: {"done": true, "runs": N}

Exit 0: evidence.json has every planned run. Any other exit proves nothing. It runs in a sandbox of
its own: no repository, and no network but the planned ports of 127.0.0.1, one for each run."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from validators.domain.errors import DocumentInvalid, ValidatorsError
from validators.domain.evidence import Part, RunId
from validators.driver.running import driven
from validators.language.reader import read
from validators.performance.evidence_json import evidence_json, part_line
from validators.performance.journey_run import unwatched
from validators.performance.plan import needed_line, read_plan

if TYPE_CHECKING:
    from validators.browser.chromium import Browsers


def main(arguments: list[str]) -> int:
    """Perform the plan. Exit 2 if the plan, or a journey in it, cannot be read."""
    if len(arguments) != 1:
        print("usage: python -m validators.driver OUT < plan.json", file=sys.stderr)
        return 2
    try:
        clocks = os.environ.get("LOF_CLOCKS", "")
        runs = asyncio.run(
            performed(
                Path(arguments[0]),
                os.environ.get("LOF_BROWSER", ""),
                clocks=Path(clocks) if clocks else None,
            )
        )
    except ValidatorsError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"done": True, "runs": runs}))
    return 0


async def performed(out: Path, executable: str, *, clocks: Path | None = None) -> int:
    """Perform the plan from standard input and write the evidence. The number of runs.

    The browser is the plan's own, or `executable`. `clocks` has a folder with the app's clock for
    each run that travels; the folder is named by the app's port."""
    # Browsers start before the plan is there. One that is late by the usual bounds is started again
    # by those of the plan.
    async with AsyncExitStack() as stack:
        # Without an executable, the plan decides whether a browser is needed at all.
        opened = await stack.enter_async_context(_browsers(executable)) if executable else None
        plan = read_plan(await asyncio.to_thread(sys.stdin.readline))
        journeys = tuple(map(read, plan.journeys))
        if opened is None and any(journey.has_pages for journey in journeys):
            if not plan.browser:
                raise DocumentInvalid("no browser: neither plan.browser nor LOF_BROWSER names one")
            opened = await stack.enter_async_context(_browsers(plan.browser))
        if opened:
            opened.executable, opened.bounds = plan.browser or executable, plan.bounds
        watch = _report if plan.progress else unwatched
        evidence = await driven(
            plan,
            journeys,
            opened=opened,
            out=out,
            clocks=clocks,
            ready=ReadyApps(_say).wait,
            watch=watch,
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / "evidence.json").write_text(evidence_json(evidence))
    return len(evidence)


def _browsers(executable: str) -> AbstractAsyncContextManager[Browsers]:
    from validators.browser.chromium import browsers

    return browsers(executable)


def _report(run: RunId, part: Part) -> None:
    _say(part_line(run, part))


def _say(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


class ReadyApps:
    """The apps that answer, by port, as the launcher reports them on standard input. `say` tells
    the launcher which are needed.

    Create it in the event loop that waits for the apps."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._apps: defaultdict[int, asyncio.Future[None]] = defaultdict(self._loop.create_future)
        self._gone = False
        # A daemon thread: a driver that has failed must end without another line from the launcher.
        threading.Thread(target=self._listen, daemon=True).start()

    async def wait(self, port: int) -> None:
        """Return when the app at this port answers. Raises DocumentInvalid if the launcher ends
        before that."""
        app = self._apps[port]
        if self._gone and not app.done():
            self._fail_waiting()
        if not app.done():
            self._say(needed_line(port))
        await app

    def _listen(self) -> None:
        # RuntimeError: the event loop has ended.
        with suppress(RuntimeError):
            for line in sys.stdin:
                self._loop.call_soon_threadsafe(self._take, line.strip())
            self._loop.call_soon_threadsafe(self._fail_waiting)

    def _take(self, line: str) -> None:
        if not line.isdecimal():
            self._fail_waiting()
        elif not (app := self._apps[int(line)]).done():
            app.set_result(None)

    def _fail_waiting(self) -> None:
        self._gone = True
        for app in self._apps.values():
            if not app.done():
                app.set_exception(
                    DocumentInvalid("the launcher has gone before every app answered")
                )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
