"""The exploring driver: `python -m validators.driver.explore OUT` explores an app as a persona.

    standard input         the exploration plan, one line of JSON
    OUT/transcript.json    for `validators.domain.exploring.exploration.read_transcript`
    OUT/…                  page.png, aria.txt, console.json, network.json, trace.zip

Exit 0: the transcript is complete, whatever happened. The sandbox has a browser, one app and the
connection to the actor; no model, no key, no repository."""

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
    """Explore. Exit 2 if the plan cannot be read or the browser fails."""
    from playwright.async_api import Error

    if len(arguments) != 1:
        print("usage: python -m validators.driver.explore OUT < plan.json", file=sys.stderr)
        return 2
    try:
        asyncio.run(explored(Path(arguments[0]), os.environ.get("LOF_BROWSER", "")))
    except (ValidatorsError, Error) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


async def explored(out: Path, executable: str) -> None:
    """Explore by the plan from standard input, and write the transcript."""
    async with browsers(executable) as opened:
        plan = read_exploration_plan(await asyncio.to_thread(sys.stdin.readline))
        opened.bounds = plan.bounds
        setting = Setting(
            identity=Identity.PLAIN,
            host=plan.hostname,
            locale=plan.locale,
            timezone=plan.timezone,
            viewport=plan.viewport,
            traced=True,
            bounds=plan.bounds,
        )
        async with stage(await opened.of(Identity.PLAIN), setting, port=plan.app_port) as on:
            person = await on.person("")
            glances = PageViewer(person.page, plan.bounds)
            transcript = await _transcript(
                plan, lambda line: Explorer(plan.persona, person, glances, line)
            )
            await on.save_evidence(out)
    (out / "transcript.json").write_text(transcript_json(transcript))


async def _transcript(
    plan: ExplorationPlan, explorer: Callable[[ActorLine], Explorer]
) -> Transcript:
    try:
        async with open_actor_line(
            plan.line_port, word=plan.word, seconds=plan.bounds.line_seconds
        ) as line:
            return await explorer(line).explored()
    except ActorGone:
        return Transcript(plan.persona.name, (), Ending.ACTOR_SILENT)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
