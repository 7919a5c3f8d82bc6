"""Somebody who explores by a script, and a browser of their own to do it in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.validators.apps import served
from validators.browser.chromium import Browsers, browsers
from validators.browser.glance import Glances
from validators.browser.stage import BrowserStage, Setting, stage
from validators.domain.evidence import Identity, RunEvidence, RunId
from validators.domain.exploration import Transcript, compiled
from validators.domain.persona import Persona
from validators.domain.values import Draw, Values
from validators.driver.exploring import Explorer
from validators.driver.line import ActorGone
from validators.judge.performance import Patience, performed
from validators.language.check import checked

PERSONA = Persona("guest", "a guest", "book a walk for four", "M-BOOK", shown=("Name",), kept_at="/")
Script = list[Any]


class ScriptedActor:
    """Plays acts in turn, looking references up in the view by role and name; keeps what it was shown."""

    def __init__(self, *script: Any) -> None:
        self.script, self.seen = list(script), list[dict[str, Any]]()

    async def asked(self, seen: dict[str, Any], *, seconds: float) -> str:
        self.seen.append(seen)
        if not self.script:
            raise ActorGone
        act = self.script.pop(0) if len(self.script) > 1 or not callable(self.script[0]) else self.script[0]
        told = act(seen["view"]) if callable(act) else act
        return told if isinstance(told, str) else json.dumps(told)


def at(kind: str, element: str, **more: Any) -> Callable[[str], dict[str, Any]]:
    """An act on the element whose line in the view has these words after its reference."""

    def act(view: str) -> dict[str, Any]:
        found = re.search(rf"^ *(e\d+) {re.escape(element)}", view, re.MULTILINE)
        return {"act": kind, "ref": found[1] if found else "e9999", **more}

    return act


BOOKS: Script = [
    at("fill", 'textbox "Name"', text="Ada Holt"),
    at("fill", 'textbox "Group size"', text="4"),
    at("click", 'button "Book"'),
    {"act": "done"},
]


@dataclass
class World:
    """One browser for all tests of this module, and the loop it lives in."""

    browsers: Browsers
    loop: asyncio.AbstractEventLoop

    def on_stage(
        self, app: Any, play: Callable[[BrowserStage], Awaitable[Any]], *, identity: Identity = Identity.PLAIN
    ) -> Any:
        async def work() -> Any:
            setting = Setting(identity, "app.localhost", "en-GB", "Asia/Tokyo", (1280, 800))
            with served(app) as port:
                async with stage(await self.browsers.of(identity), setting, port=port) as on:
                    return await play(on)

        return self.loop.run_until_complete(work())

    def explored(self, app: Any, *script: Any, persona: Persona = PERSONA) -> tuple[Transcript, ScriptedActor]:
        actor = ScriptedActor(*script)

        async def play(on: BrowserStage) -> Transcript:
            person = await on.person("")
            return await Explorer(persona, person, Glances(person.page), actor).explored()

        return self.on_stage(app, play), actor

    def replayed(self, app: Any, transcript: Transcript, *, identity: Identity = Identity.PLAIN) -> RunEvidence:
        """What the compiled journey shows of a fresh app, performed without any actor."""
        journey = checked(compiled(PERSONA, transcript))

        async def play(on: BrowserStage) -> RunEvidence:
            values, run = Values(Draw(1, journey.name, date(2026, 1, 2))), RunId(journey.name, identity)
            return await performed(run, journey, on, values=values, patience=Patience(8, 2), seconds=60)

        told: RunEvidence = self.on_stage(app, play, identity=identity)
        return told


@contextmanager
def explorers_world(chromium: str) -> Iterator[World]:
    """The world, with a browser from this executable, until the block is left."""
    loop, opening = asyncio.new_event_loop(), browsers("")
    opened = loop.run_until_complete(opening.__aenter__())
    opened.executable = chromium
    try:
        yield World(opened, loop)
    finally:
        loop.run_until_complete(opening.__aexit__(None, None, None))
        loop.close()
