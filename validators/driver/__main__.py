"""`python -m validators.driver OUT`: a plan as a line of JSON on standard input, evidence in the folder OUT.

    OUT/evidence.json               what `validators.judge.evidence_json` reads
    OUT/<journey>/<run>/            page.png, aria.txt, console.json, network.json, trace.zip (plain runs of a journey)
    last line of standard output    {"done": true, "runs": N}

Exit 0 = every planned run is told in evidence.json. Anything else tells nothing. It runs in a box of its own: no
repository, no network but the planned ports of 127.0.0.1, one per run, each a fresh app.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from validators.browser.chromium import browsers
from validators.domain.errors import DocumentInvalid, ValidatorsError
from validators.driver.running import driven
from validators.judge.evidence_json import evidence_json
from validators.judge.plan import READY, read_plan
from validators.language.reader import read


def main(arguments: list[str]) -> int:
    """Perform the plan. Exit 2 when it, or a journey in it, cannot be read."""
    if len(arguments) != 1:
        print("usage: python -m validators.driver OUT < plan.json", file=sys.stderr)
        return 2
    try:
        clocks = os.environ.get("LOF_CLOCKS", "")
        told = asyncio.run(
            performed(Path(arguments[0]), os.environ.get("LOF_BROWSER", ""), clocks=Path(clocks) if clocks else None)
        )
    except ValidatorsError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps({"done": True, "runs": told}))
    return 0


async def performed(out: Path, executable: str, *, clocks: Path | None = None) -> int:
    """Perform the plan that comes in, with its own browser or `executable`; how many runs the evidence tells of.

    `clocks` has a folder, named for its port, with the clock of the app of each run that travels.

    Browsers are up before the plan is: the launcher holds it back until every app answers. One that did not start within the
    usual bound is started again within the plan's.
    """
    async with browsers(executable) as opened:
        plan = read_plan(await asyncio.to_thread(sys.stdin.readline))
        journeys = tuple(map(read, plan.journeys))
        opened.executable, opened.bounds = plan.browser or executable, plan.bounds
        if not opened.executable:
            raise DocumentInvalid("no browser: neither plan.browser nor LOF_BROWSER names one")
        told = await driven(plan, journeys, opened=opened, out=out, clocks=clocks, ready=_told_once())
    out.mkdir(parents=True, exist_ok=True)
    (out / "evidence.json").write_text(evidence_json(told))
    return len(told)


def _told_once() -> Callable[[], Awaitable[None]]:
    """Returns, however many ask, when the line READY has come; it is read when somebody asks."""
    reading: list[asyncio.Task[str]] = []

    async def ready() -> None:
        if not reading:
            reading.append(asyncio.create_task(asyncio.to_thread(sys.stdin.readline)))
        if await reading[0] != READY:
            raise DocumentInvalid("the launcher has gone before every app answered")

    return ready


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
