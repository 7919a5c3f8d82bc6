"""Somebody who explores by a script, and where they do it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.validators.house import PATIENCE, House
from tests.validators.patience import PATIENT, VAIN
from validators.browser.page_viewer import PageViewer
from validators.browser.stage import BrowserStage
from validators.domain.evidence import Identity, RunEvidence, RunId
from validators.domain.exploring.exploration import Transcript, compiled
from validators.domain.exploring.persona import Persona
from validators.domain.journeys.values import Draw, Values
from validators.driver.actor_line import ActorGone
from validators.driver.explorer import Explorer
from validators.language.check import checked
from validators.performance.journey_run import Patience, performed

PERSONA = Persona(
    "guest", "a guest", "book a walk for four", "M-BOOK", shown=("Name",), kept_at="/"
)
Script = list[Any]


class ScriptedActor:
    """Plays acts in turn, looking references up in the view by role and name; keeps what it was
    shown."""

    def __init__(self, *script: Any) -> None:
        self.script, self.seen = list(script), list[dict[str, Any]]()

    async def asked(self, seen: dict[str, Any], *, seconds: float) -> str:
        self.seen.append(seen)
        if not self.script:
            raise ActorGone
        act = (
            self.script.pop(0)
            if len(self.script) > 1 or not callable(self.script[0])
            else self.script[0]
        )
        answer = act(seen["view"]) if callable(act) else act
        return answer if isinstance(answer, str) else json.dumps(answer)


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
    """Where somebody explores: the browsers of the house."""

    house: House

    def explored(
        self, app: Any, *script: Any, persona: Persona = PERSONA
    ) -> tuple[Transcript, ScriptedActor]:
        actor = ScriptedActor(*script)

        async def play(on: BrowserStage) -> Transcript:
            person = await on.person("")
            return await Explorer(
                persona, person, PageViewer(person.page, PATIENT), actor
            ).explored()

        return self.house.on_stage(app, play), actor

    def replayed(
        self, app: Any, transcript: Transcript, *, identity: Identity = Identity.PLAIN
    ) -> RunEvidence:
        """What the compiled journey shows of a fresh app, performed without any actor."""
        journey = checked(compiled(PERSONA, transcript))

        async def play(on: BrowserStage) -> RunEvidence:
            patience = Patience(PATIENCE, VAIN)
            values, run = (
                Values(Draw(1, journey.name, date(2026, 1, 2))),
                RunId(journey.name, identity),
            )
            return (
                await performed(
                    run, journey, on, values=values, patience=patience, seconds=10 * PATIENCE
                )
            )[0]

        evidence: RunEvidence = self.house.on_stage(app, play, identity=identity)
        return evidence
