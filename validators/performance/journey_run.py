"""Performs one journey on a stage: its steps, then its looks from each vantage.

Meanwhile it watches for what must never happen. The result is evidence, never a verdict. A step
that fails ends the performance. A look that fails does not, except in a control, which has nothing
more to show once it has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from time import monotonic

from validators.domain.errors import ExpressionInvalid, Unable
from validators.domain.evidence import (
    UNREAD,
    UNRECORDED,
    Breach,
    ExpectationOutcome,
    FaultInjector,
    Part,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
    observed,
)
from validators.domain.journeys.calls import AnswerIs
from validators.domain.journeys.command_result import Stream
from validators.domain.journeys.commands import CommandLook
from validators.domain.journeys.journey import (
    Block,
    Expect,
    Forbidden,
    Journey,
    NegativeControl,
    Never,
    Open,
    Step,
    SwitchTo,
    Vantage,
)
from validators.domain.journeys.values import Values
from validators.performance.acting import acted
from validators.performance.command_looks import ending_breaches
from validators.performance.forbidden import is_known, occurrence
from validators.performance.look_result import LookResult
from validators.performance.looking import look_name
from validators.performance.polling import UNSURE, looked, looked_once, polled
from validators.ports.browser import Session, Stage

Watch = Callable[[RunId, Part], None]
"""Called with each step and look of a run as soon as it is done."""


def unwatched(run: RunId, part: Part) -> None:
    """The Watch of a run that nobody follows."""


AFTER_FAILURE_SECONDS = 1.0
"""How long later blocks are polled once one has failed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a step and for a block of looks. `stop_early`: a control ends at its
    first failure."""

    step: float
    look: float
    stop_early: bool = False


@dataclass(slots=True)
class Performance:
    """One run in progress. `finished` becomes true when it has come to its own end; it stays false
    if the run is cut off. `unread`: a forbidden text may stand on the page that was read last."""

    run: RunId
    journey: Journey
    stage: Stage
    values: Values
    patience: Patience
    actor: str = ""
    steps: list[StepOutcome] = field(default_factory=list)
    expectations: list[ExpectationOutcome] = field(default_factory=list)
    breaches: dict[Never, Breach] = field(default_factory=dict)
    there_at_first: bool | None = None
    with_control: bool = False
    control_looks: list[ExpectationOutcome] = field(default_factory=list)
    watch: Watch = unwatched
    unread: bool = False
    finished: bool = False

    async def play(self) -> None:
        """Perform everything, to the end or to the first step that cannot be done."""
        self.prepare()
        if await self.steps_done(self._script()):
            await self._blocks(self._expected())
        # The looks may hold before the page has sent all its requests, and one may be forbidden.
        if self.journey.never:
            await self.stage.wait_until_quiet(self.patience.look)
        self._note_occurrences()
        self.finished = True

    def prepare(self) -> None:
        """Draw the values that `let` names."""
        for name, template in self.journey.let:
            self.values.names[name] = self.values.text(template)
            if self.values.is_number(template):
                self.values.numbers.add(name)

    def evidence(self) -> RunEvidence:
        """What is known so far."""
        return RunEvidence(
            run=self.run,
            app_ready=self.stage.answered,
            complete=self.finished,
            steps=tuple(self.steps),
            expectations=tuple(self.expectations),
            breaches=tuple(self.breaches.values()),
            errors=self._unknown(),
            there_at_first=self.there_at_first,
        )

    def _unknown(self) -> tuple[str, ...]:
        """Why a run in which all holds is not green. One that is red is so whatever else it did."""
        parts: tuple[Part, ...] = (*self.steps, *self.expectations)
        if self.breaches or not all(part.passed for part in parts):
            return ()
        recorded = all(is_known(never, self.stage) for never in self.journey.never)
        return (*([] if recorded else [UNRECORDED]), *([UNREAD] if self.unread else []))

    def control_evidence(self) -> RunEvidence:
        """The evidence of the negative control that was looked for in this run: the same steps, and
        its own looks at the same moments."""
        run = self.run
        return RunEvidence(
            RunId(run.journey, run.identity, RunKind.NEGATIVE_CONTROL, attempt=run.attempt),
            self.stage.answered,
            self.finished,
            tuple(self.steps),
            tuple(self.control_looks),
        )

    @property
    def _control(self) -> NegativeControl | None:
        """The negative control, if this run is one."""
        is_control = self.run.kind is RunKind.NEGATIVE_CONTROL
        return self.journey.negative_control if is_control else None

    def _script(self) -> tuple[Step, ...]:
        own = self._control.steps if self._control else None
        return self.journey.steps if own is None else own

    def _expected(self) -> tuple[Block, ...]:
        return self._control.expect if self._control else self.journey.expect

    async def steps_done(self, steps: tuple[Step, ...]) -> bool:
        """Do the steps, up to the first that fails. Whether all were done."""
        opening = (Open, SwitchTo, Expect)
        opened = sum(1 for _ in takewhile(lambda step: isinstance(step, opening), steps))
        for index, step in enumerate(steps):
            if isinstance(step, Expect):
                if not await self._looks_hold(Block(step.line, Vantage.HERE, step.looks)):
                    return False
                continue
            began = monotonic()
            trouble, why = await self._act(step)
            millis, verb = int((monotonic() - began) * 1000), type(step).__name__.lower()
            outcome = StepOutcome(
                index, step.line, verb, trouble is None, trouble, observed(why), millis
            )
            self.steps.append(outcome)
            self.watch(self.run, outcome)
            await self.stage.take_picture(self.actor, f"step-{index + 1:02}")
            if trouble is not None:
                return False
            await self._note_forbidden_text(await self.stage.person(self.actor))
            if self.run.injector is FaultInjector.FROZEN and index + 1 == opened:
                self.there_at_first = await self._all_there()
        return True

    async def _looks_hold(self, block: Block) -> bool:
        """Take the looks of a block, after all that were taken so far. Whether all of them hold."""
        first = len(self.expectations)
        outcomes = await self._block(block, first)
        self.expectations += outcomes
        for outcome in outcomes:
            self.watch(self.run, outcome)
        await self.stage.take_picture(self._viewer(block), f"look-{first + 1:02}")
        return all(outcome.passed for outcome in outcomes)

    async def _all_there(self) -> bool | None:
        """Whether every block holds already, seen from its vantage; None: not known."""
        beside_pages = False
        for block in self._expected():
            here = await self.stage.person(self.actor)
            # Before a call or a command, nothing can be said of it: that is no difference.
            seen = tuple(
                look for look in block.looks if not isinstance(look, CommandLook | AnswerIs)
            )
            beside_pages |= len(seen) < len(block.looks)
            if not seen:
                continue
            found = [await looked(look, here, self.values) for look in seen]
            # A look that needs a value of a later step cannot hold before that step.
            if any(one.trouble is Trouble.NO_VALUE for one in found):
                return False
            outcomes = await self._block(replace(block, looks=seen), 0)
            if not all(one.passed for one in outcomes):
                return None if any(one.trouble in UNSURE for one in outcomes) else False
        return None if beside_pages else True

    async def _act(self, step: Step) -> tuple[Trouble | None, str]:
        try:
            self.actor = await acted(
                step, self.stage, self.values, actor=self.actor, patience=self.patience.step
            )
        except Unable as unable:
            return Trouble(unable.trouble), str(unable)
        except ExpressionInvalid as unknown:
            return Trouble.NO_VALUE, str(unknown)
        return None, ""

    async def _blocks(self, blocks: tuple[Block, ...]) -> None:
        """Take the looks of every block."""
        for block in blocks:
            if not await self._looks_hold(block):
                if self.patience.stop_early:
                    return
                # The run is red already: later blocks only add detail and are polled for less time.
                shorter = min(self.patience.look, AFTER_FAILURE_SECONDS)
                self.patience = replace(self.patience, look=shorter)

    async def _block(self, block: Block, first: int) -> list[ExpectationOutcome]:
        began, seconds = monotonic(), self.patience.look
        try:
            session = await self._vantage(block)
            values = await self._answered_there(block, session)
            began = monotonic()
            found = await polled(session, block.looks, values, seconds=seconds)
            await self._note_forbidden_text(session)
            control = self.journey.negative_control
            # The page is now where the journey's own looks hold, so the control's must fail here.
            if self.with_control and control and all(one.holds for one in found):
                for its in (its for its in control.expect if its.place == block.place):
                    looks = await looked_once(session, its.looks, values, seconds=seconds)
                    self.control_looks += _outcomes(its, looks, len(self.control_looks), began)
        except Unable as unable:
            mute = LookResult(False, "", str(unable), Trouble(unable.trouble))
            found = [mute] * len(block.looks)
        return _outcomes(block, found, first, began)

    async def _answered_there(self, block: Block, session: Session) -> Values:
        """The values with which a block is looked at: from another vantage, each answer that it
        looks at is asked for again."""
        wanted = {look.of for look in block.looks if isinstance(look, AnswerIs)}
        if block.vantage is Vantage.HERE or not wanted:
            return self.values
        answers = dict(self.values.answers)
        for name in wanted & set(answers):
            request = answers[name].request
            answers[name] = await session.call(request, patience=self.patience.step)
        return replace(self.values, answers=answers)

    def _viewer(self, block: Block) -> str:
        """The name of the person who looks."""
        match block.vantage:
            case Vantage.ACTOR:
                return block.actor
            case Vantage.OTHER_SESSION:
                return f"other session {block.line}"
            case _:
                return self.actor

    async def _vantage(self, block: Block) -> Session:
        """The session from which a block is looked at, already at the right page."""
        here = await self.stage.person(self.actor)
        other = await self.stage.person(self._viewer(block))
        match block.vantage:
            case Vantage.ACTOR | Vantage.OTHER_SESSION if block.opens:
                await other.open(self.values.text(block.opens), patience=self.patience.step)
            # Nothing of a page is looked at, and there may be none.
            case _ if all(isinstance(look, AnswerIs) for look in block.looks):
                pass
            case Vantage.OTHER_SESSION:
                await other.open(await here.path(), patience=self.patience.step)
            case Vantage.AFTER_RELOAD:
                await here.reload(patience=self.patience.step)
        return other

    async def _note_forbidden_text(self, session: Session) -> None:
        texts = [
            never
            for never in self.journey.never
            if never.kind is Forbidden.TEXT and never not in self.breaches
        ]
        if not texts:
            return
        printed = "\n".join(
            result.text(stream) for result in self.values.ended for stream in Stream
        )
        try:
            page = f"{await session.text(None)}\n{printed}"
            self.unread = False
        except Unable as unable:
            # A page that has just changed is read again, after the next step or look.
            page, self.unread = printed, unable.trouble is not Trouble.MISSING
        for never in (never for never in texts if never.value in page):
            self.breaches[never] = Breach(str(never.kind), never.line, observed(never.value))

    def _note_occurrences(self) -> None:
        for breach in ending_breaches(self._script(), self._expected(), self.values):
            # A command may break both: how it ended comes under its own line.
            self.breaches[Never(breach.line, Forbidden.TEXT, breach.kind)] = breach
        for never in self.journey.never:
            if (found := occurrence(never, self.stage)).text:
                self.breaches[never] = Breach(
                    str(never.kind), never.line, observed(found.text), found.page
                )


async def performed(
    run: RunId,
    journey: Journey,
    stage: Stage,
    *,
    values: Values,
    patience: Patience,
    seconds: float,
    with_control: bool = False,
    watch: Watch = unwatched,
) -> tuple[RunEvidence, ...]:
    """Perform a journey and return its evidence; `with_control` also that of its negative control.

    After `seconds` the performance is cut off, and its evidence is not complete."""
    performance = Performance(
        run, journey, stage, values, patience, with_control=with_control, watch=watch
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await performance.play()
    if with_control:
        return performance.evidence(), performance.control_evidence()
    return (performance.evidence(),)


async def walked(
    journey: Journey, stage: Stage, *, values: Values, patience: Patience, seconds: float
) -> None:
    """Do the steps of a journey as somebody who came before. Their outcome is not evidence."""
    performance = Performance(RunId(journey.name), journey, stage, values, patience)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            performance.prepare()
            await performance.steps_done(journey.steps)


def _outcomes(
    block: Block, found: Sequence[LookResult], first: int, began: float
) -> list[ExpectationOutcome]:
    millis = int((monotonic() - began) * 1000)
    return [
        ExpectationOutcome(
            index=first + offset,
            line=look.line,
            kind=look_name(look),
            vantage=f"{block.vantage} {block.actor}".strip(),
            passed=one.holds,
            expected=observed(one.expected),
            observed=observed(one.observed),
            trouble=one.trouble,
            millis=millis,
        )
        for offset, (look, one) in enumerate(zip(block.looks, found, strict=True))
    ]
