"""`python -m validators.driver.explore OUT`: an outing as a line of JSON on standard input, a
transcript in the folder OUT.

    OUT/transcript.json    what `validators.domain.exploring.exploration.read_transcript` reads
    OUT/…                  page.png, aria.txt, console.json, network.json, trace.zip of the one who
    explored

Exit 0 = the transcript tells what happened, whatever it was. The box is the driver's: a browser,
one app, and the line to the actor in place of the plan; no model, no key, no repository."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

from validators.browser.chromium import browsers
from validators.browser.page_viewer import PageViewer
from validators.browser.stage import Setting, stage
from validators.domain.errors import ValidatorsError
from validators.domain.evidence import Identity
from validators.domain.exploring.exploration import Ending, Transcript, transcript_json
from validators.driver.actor_line import ActorGone, ActorLine, open_actor_line
from validators.driver.explorer import Explorer
from validators.performance.exploration_plan import ExplorationPlan, read_exploration_plan


def main(arguments: list[str]) -> int:
    """Go on the outing. Exit 2 when it cannot be read or the browser fails."""
    from playwright.async_api import Error

    if len(arguments) != 1:
        print("usage: python -m validators.driver.explore OUT < outing.json", file=sys.stderr)
        return 2
    try:
        asyncio.run(explored(Path(arguments[0]), os.environ.get("LOF_BROWSER", "")))
    except (ValidatorsError, Error) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def explored(out: Path, executable: str) -> None:
    """Go on the outing that comes in, and write down what happened."""
    async with browsers(executable) as opened:
        outing = read_exploration_plan(await asyncio.to_thread(sys.stdin.readline))
        opened.bounds = outing.bounds
        setting = Setting(
            identity=Identity.PLAIN,
            host=outing.hostname,
            locale=outing.locale,
            timezone=outing.timezone,
            viewport=outing.viewport,
            traced=True,
            bounds=outing.bounds,
        )
        async with stage(await opened.of(Identity.PLAIN), setting, port=outing.app_port) as on:
            person = await on.person("")
            glances = PageViewer(person.page, outing.bounds)
            transcript = await _transcript(
                outing, lambda line: Explorer(outing.persona, person, glances, line)
            )
            await on.kept(out)
    (out / "transcript.json").write_text(transcript_json(transcript))


async def _transcript(
    outing: ExplorationPlan, explorer: Callable[[ActorLine], Explorer]
) -> Transcript:
    try:
        async with open_actor_line(
            outing.line_port, word=outing.word, seconds=outing.bounds.line_seconds
        ) as line:
            return await explorer(line).explored()
    except ActorGone:
        return Transcript(outing.persona.name, (), Ending.ACTOR_SILENT)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
