"""Explores an app as a persona: send a view, receive an act, do it, record it; until the actor
stops or the budget is spent.

The actor is at the other end of a connection and is not trusted. What it sends is read strictly.
What is not an act is refused and counted. The driver itself looks up the element of an act on the
page. The transcript records whatever happens."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol, assert_never

from validators.browser.page_viewer import PageViewer
from validators.browser.session import BrowserSession
from validators.domain.errors import DocumentInvalid, Unable
from validators.domain.evidence import Trouble, observed
from validators.domain.exploring.acts import ENDS, Act, ActKind, Aspect, read_act
from validators.domain.exploring.exploration import STEPS, Ending, Made, Transcript, put_in
from validators.domain.exploring.persona import Persona
from validators.domain.exploring.view import tokens, view
from validators.domain.journeys.spot import Spot
from validators.domain.journeys.values import slug
from validators.domain.journeys.wording import whole_words
from validators.driver.actor_line import ActorGone

MOST_REFUSED = 5


class Line(Protocol):
    """The connection to an actor."""

    async def asked(self, seen: dict[str, Any], *, seconds: float) -> str:
        """The actor's answer to one document. Raises ActorGone if none comes in time."""


@dataclass(slots=True)
class Explorer:
    """One exploration in progress. `clock` gives seconds; `last` is the result of the actor's last
    act, as the actor reads it."""

    persona: Persona
    person: BrowserSession
    viewer: PageViewer
    line: Line
    clock: Callable[[], float] = monotonic
    acts: list[Made] = field(default_factory=list)
    refused: int = 0
    tokens: int = 0
    last: str = "the page is open"
    aspect: Aspect = Aspect.CONTROLS
    part: int = 1

    async def explored(self) -> Transcript:
        """Explore until the end, and return the transcript."""
        ending = await self._ended()
        try:
            shown = await self._shown()
        except Unable:
            shown = ()
        return Transcript(
            self.persona.name, tuple(self.acts), ending, shown, self.refused, self.tokens
        )

    async def _ended(self) -> Ending:
        until = self.clock() + self.persona.allowance.seconds
        try:
            await self.person.open(self.persona.starts_at, patience=self.person.bounds.act_seconds)
            while (ending := self._spent(until)) is None:
                act = await self._next(until)
                if act is None:
                    continue
                self.acts.append(await self._made(act))
                if act.kind in ENDS:
                    return Ending.DONE if act.kind is ActKind.DONE else Ending.GAVE_UP
        except Unable:
            return Ending.APP_SILENT
        except ActorGone:
            return Ending.OUT_OF_TIME if self.clock() >= until else Ending.ACTOR_SILENT
        return ending

    def _spent(self, until: float) -> Ending | None:
        if self.clock() >= until:
            return Ending.OUT_OF_TIME
        if len(self.acts) + self.refused >= self.persona.allowance.acts:
            return Ending.OUT_OF_ACTS
        if self.refused >= MOST_REFUSED:
            return Ending.ACTOR_SILENT
        return Ending.OUT_OF_TOKENS if self.tokens >= self.persona.allowance.tokens else None

    async def _next(self, until: float) -> Act | None:
        """The actor's next act; None if its line is no act. `last` then has the reason."""
        page = await self.viewer.glance()
        shown = view(page, nonce=secrets.token_hex(8), aspect=self.aspect, part=self.part)
        left = self.persona.allowance.acts - len(self.acts) - self.refused
        self.tokens += tokens(shown)
        # A view of another aspect or part holds for one answer; then the controls are shown again.
        answer = await self.line.asked(
            {"result": self.last, "view": shown, "acts_left": left}, seconds=until - self.clock()
        )
        self.aspect, self.part = Aspect.CONTROLS, 1
        try:
            return read_act(answer)
        except DocumentInvalid as invalid:
            self.refused += 1
            self.last = f"refused: {observed(str(invalid))}"
            return None

    async def _made(self, act: Act) -> Made:
        spot = None
        try:
            spot = await self.viewer.spot(act.ref) if act.ref else None
            if act.kind in STEPS:
                await done(act, self.person, spot)
        except Unable as unable:
            self.last = f"{act.kind} was not done: {observed(str(unable))}"
            return Made(act, spot, Trouble(unable.trouble))
        self.aspect, self.part = act.aspect, act.part
        self.last = f"{act.kind} was done"
        return Made(act, spot)

    async def _shown(self) -> tuple[str, ...]:
        """The labels of the persona whose text is on the page now."""
        filled, page = put_in(self.acts), await self.person.text(None)
        return tuple(
            label
            for label in self.persona.shown
            if (text := filled.get(slug(label))) and whole_words(text).search(page)
        )


async def done(act: Act, person: BrowserSession, spot: Spot | None) -> None:
    """Do an act in the same way as the step of the compiled journey will do it again. Raises
    Unable."""
    where, patience = spot or Spot(), person.bounds.act_seconds
    doing: Awaitable[None]
    match act.kind:
        case ActKind.OPEN:
            doing = person.open(act.text, patience=patience)
        case ActKind.CLICK:
            doing = person.click(where, patience=patience)
        case ActKind.FILL:
            doing = person.fill(where, act.text, patience=patience)
        case ActKind.SELECT:
            doing = person.select(where, act.text, patience=patience)
        case ActKind.CHECK | ActKind.UNCHECK:
            doing = person.tick(where, on=act.kind is ActKind.CHECK, patience=patience)
        case ActKind.PRESS:
            doing = person.press(act.text, None, patience=patience)
        case ActKind.RELOAD:
            doing = person.reload(patience=patience)
        case ActKind.BACK:
            doing = person.back(patience=patience)
        case ActKind.LOOK | ActKind.DONE | ActKind.GIVE_UP:
            return
        case _:
            assert_never(act.kind)
    await doing
