"""`python -m validators.driver OUT`: a plan and a line for each app on standard input, evidence in
the folder OUT.

    OUT/evidence.json               what `validators.performance.evidence_json` reads
    OUT/<journey>/<run>/            page.png, aria.txt, console.json, network.json, trace.zip (plain
    runs of a journey) last line of standard output    {"done": true, "runs": N}

Exit 0 = every planned run is told in evidence.json. Anything else tells nothing. It runs in a box
of its own: no repository, no network but the planned ports of 127.0.0.1, one per run, each a fresh
app."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from validators.browser.chromium import browsers
from validators.domain.errors import DocumentInvalid, ValidatorsError
from validators.driver.running import driven
from validators.language.reader import read
from validators.performance.evidence_json import evidence_json
from validators.performance.plan import read_plan


def main(arguments: list[str]) -> int:
    """Perform the plan. Exit 2 when it, or a journey in it, cannot be read."""
    if len(arguments) != 1:
        print("usage: python -m validators.driver OUT < plan.json", file=sys.stderr)
        return 2
    try:
        clocks = os.environ.get("LOF_CLOCKS", "")
        told = asyncio.run(
            performed(
                Path(arguments[0]),
                os.environ.get("LOF_BROWSER", ""),
                clocks=Path(clocks) if clocks else None,
            )
        )
    except ValidatorsError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"done": True, "runs": told}))
    return 0


async def performed(out: Path, executable: str, *, clocks: Path | None = None) -> int:
    """Perform the plan that comes in, with its own browser or `executable`; how many runs the
    evidence tells of.

    `clocks` has a folder, named for its port, with the clock of the app of each run that travels.

    Browsers start at once. One that did not within the usual bound is started again within the
    plan's."""
    async with browsers(executable) as opened:
        plan = read_plan(await asyncio.to_thread(sys.stdin.readline))
        journeys = tuple(map(read, plan.journeys))
        opened.executable, opened.bounds = plan.browser or executable, plan.bounds
        if not opened.executable:
            raise DocumentInvalid("no browser: neither plan.browser nor LOF_BROWSER names one")
        told = await driven(
            plan, journeys, opened=opened, out=out, clocks=clocks, ready=Answering().wait
        )
    out.mkdir(parents=True, exist_ok=True)
    (out / "evidence.json").write_text(evidence_json(told))
    return len(told)


class Answering:
    """The apps that answer, by their ports, as the launcher tells of them. Made in the loop that
    waits for them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._apps: defaultdict[int, asyncio.Future[None]] = defaultdict(self._loop.create_future)
        self._gone = False
        # A daemon: what failed needs no more apps, and nobody waits for the launcher to say that
        # there are none.
        threading.Thread(target=self._listen, daemon=True).start()

    async def wait(self, port: int) -> None:
        """Return when the app at this port answers. Raises DocumentInvalid when the launcher went
        before."""
        app = self._apps[port]
        if self._gone and not app.done():
            self._leave()
        await app

    def _listen(self) -> None:
        with suppress(RuntimeError):  # the loop has ended
            for line in sys.stdin:
                self._loop.call_soon_threadsafe(self._told, line.strip())
            self._loop.call_soon_threadsafe(self._leave)

    def _told(self, line: str) -> None:
        if not line.isdecimal():
            self._leave()
        elif not (app := self._apps[int(line)]).done():
            app.set_result(None)

    def _leave(self) -> None:
        self._gone = True
        for app in self._apps.values():
            if not app.done():
                app.set_exception(
                    DocumentInvalid("the launcher has gone before every app answered")
                )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
