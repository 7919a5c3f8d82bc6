"""Performing one journey on a stage: steps, then looks from each vantage, watching for what must
never happen.

The result is evidence, never a verdict. A step that fails ends the performance; a look that fails
does not, unless the run is a control, which has nothing more to tell once it has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from time import monotonic

from validators.domain.errors import ExpressionInvalid, Unable
from validators.domain.evidence import (
    Breach,
    ExpectationOutcome,
    FaultInjector,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
    observed,
)
from validators.domain.fold import LATE
from validators.domain.journeys.journey import (
    Block,
    Forbidden,
    Journey,
    Look,
    Never,
    Open,
    Step,
    SwitchTo,
    Vantage,
)
from validators.domain.journeys.values import Values
from validators.domain.journeys.walk import positive
from validators.performance.acting import acted
from validators.performance.forbidden import occurrence
from validators.performance.look_result import LookResult
from validators.performance.looking import look_name, look_result
from validators.ports.browser import Session, Stage

POLL_SECONDS, SLOWEST_POLL_SECONDS = 0.03, 0.2
AFTER_FAILURE_SECONDS = 1.0
UNSURE = LATE | {Trouble.BROKEN}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a step and for a block of looks. `stop_early`: a control ends at its
    first failure."""

    step: float
    look: float
    stop_early: bool = False


@dataclass(slots=True)
class Performance:
    """One run in progress. `finished` turns true when it came to its own end, so a cut-off one can
    be told apart."""

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
    negative_control: list[ExpectationOutcome] = field(default_factory=list)
    finished: bool = False

    async def play(self) -> None:
        """Perform everything, to the end or to the first step that cannot be done."""
        self.prepare()
        if await self.steps_done(self._script()):
            await self._blocks(self._expected())
        if self.journey.never:  # what holds may hold before the page has asked for everything
            await self.stage.quieted(self.patience.look)
        self._overheard()
        self.finished = True

    def prepare(self) -> None:
        """Draw what has a name from the beginning."""
        for name, held in self.journey.let:
            self.values.names[name] = self.values.text(held)

    def evidence(self) -> RunEvidence:
        """What is known so far."""
        return RunEvidence(
            run=self.run,
            app_ready=self.stage.answered,
            complete=self.finished,
            steps=tuple(self.steps),
            expectations=tuple(self.expectations),
            breaches=tuple(self.breaches.values()),
            there_at_first=self.there_at_first,
        )

    def control_evidence(self) -> RunEvidence:
        """The twin that was looked for in this run: it had the same steps, and its looks at the
        same moments."""
        negative_control = RunId(
            self.run.journey, self.run.identity, RunKind.NEGATIVE_CONTROL, attempt=self.run.attempt
        )
        return RunEvidence(
            negative_control,
            self.stage.answered,
            self.finished,
            tuple(self.steps),
            tuple(self.negative_control),
        )

    def _script(self) -> tuple[Step, ...]:
        negative_control = (
            self.journey.negative_control if self.run.kind is RunKind.NEGATIVE_CONTROL else None
        )
        return (
            negative_control.steps
            if negative_control and negative_control.steps is not None
            else self.journey.steps
        )

    def _expected(self) -> tuple[Block, ...]:
        negative_control = (
            self.journey.negative_control if self.run.kind is RunKind.NEGATIVE_CONTROL else None
        )
        return negative_control.expect if negative_control else self.journey.expect

    async def steps_done(self, steps: tuple[Step, ...]) -> bool:
        """Whether all of them could be done."""
        opened = sum(1 for _ in takewhile(lambda step: isinstance(step, Open | SwitchTo), steps))
        for index, step in enumerate(steps):
            began = monotonic()
            trouble, told = await self._act(step)
            millis, verb = int((monotonic() - began) * 1000), type(step).__name__.lower()
            self.steps.append(
                StepOutcome(
                    index, step.line, verb, trouble is None, trouble, observed(told), millis
                )
            )
            await self.stage.pictured(self.actor, f"step-{index + 1:02}")
            if trouble is not None:
                return False
            await self._forbidden_text(await self.stage.person(self.actor))
            if self.run.injector is FaultInjector.FROZEN and index + 1 == opened:
                self.there_at_first = await self._all_there()
        return True

    async def _all_there(self) -> bool | None:
        """Whether every block holds already, seen from where it is looked; None when that is not
        known."""
        for block in self._expected():
            here = await self.stage.person(self.actor)
            if any(
                one.trouble is Trouble.NO_VALUE
                for one in [await _looked(look, here, self.values) for look in block.looks]
            ):
                return False  # it needs a value that a later step sets
            outcomes = await self._block(block, 0)
            if not all(one.passed for one in outcomes):
                return None if any(one.trouble in UNSURE for one in outcomes) else False
        return True

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
        """Take every block's looks. Once one has failed for good, the later ones need not be waited
        out as long."""
        first = 0
        for block in blocks:
            outcomes = await self._block(block, first)
            self.expectations += outcomes
            await self.stage.pictured(self._viewer(block), f"look-{first + 1:02}")
            if not all(outcome.passed for outcome in outcomes):
                if self.patience.stop_early:
                    return
                self.patience = replace(
                    self.patience, look=min(self.patience.look, AFTER_FAILURE_SECONDS)
                )
            first += len(block.looks)

    async def _block(self, block: Block, first: int) -> list[ExpectationOutcome]:
        began = monotonic()
        try:
            session = await self._vantage(block)
            began = monotonic()
            looked = await self._seen(session, block.looks)
            await self._forbidden_text(session)
            if (
                self.with_control
                and self.journey.negative_control
                and all(one.holds for one in looked)
            ):
                for its in (
                    its for its in self.journey.negative_control.expect if its.place == block.place
                ):
                    self.negative_control += _outcomes(
                        its,
                        await self._seen_at_once(session, its.looks),
                        len(self.negative_control),
                        began,
                    )
        except Unable as unable:
            looked = [LookResult(False, "", str(unable), Trouble(unable.trouble))] * len(
                block.looks
            )
        return _outcomes(block, looked, first, began)

    def _viewer(self, block: Block) -> str:
        """The person who looks."""
        if block.vantage is Vantage.ACTOR:
            return block.actor
        return (
            f"other session {block.line}" if block.vantage is Vantage.OTHER_SESSION else self.actor
        )

    async def _vantage(self, block: Block) -> Session:
        """The session from which a block is looked at, already at the right page."""
        if block.vantage is Vantage.ACTOR:
            return await self._actor(block)
        here = await self.stage.person(self.actor)
        if block.vantage is Vantage.AFTER_RELOAD:
            await here.reload(patience=self.patience.step)
        if block.vantage is not Vantage.OTHER_SESSION:
            return here
        path = self.values.text(block.opens) if block.opens else await here.path()
        other = await self.stage.person(self._viewer(block))
        await other.open(path, patience=self.patience.step)
        return other

    async def _actor(self, block: Block) -> Session:
        person = await self.stage.person(block.actor)
        if block.opens:
            await person.open(self.values.text(block.opens), patience=self.patience.step)
        return person

    async def _seen(self, session: Session, wanted: Sequence[Look]) -> list[LookResult]:
        """Poll until all looks hold at one moment of one page, the page is at rest, or the block's
        patience is spent.

        What must be there is looked for first: an absence is trivially true of a page that is not
        painted yet. What did not hold is looked at first the next time."""
        deadline, pause = monotonic() + self.patience.look, POLL_SECONDS
        order = sorted(range(len(wanted)), key=lambda at: not positive(wanted[at]))
        while True:
            over = monotonic() >= deadline
            rest = (
                await session.at_rest()
            )  # asked before: a look that was taken in motion is not the last
            looked, together = await self._at_once(
                session, [wanted[at] for at in order], whole=over or rest
            )
            held = len(looked) == len(wanted) and all(one.holds for one in looked)
            if (held and together) or over or (rest and together):
                told = dict(zip(order, looked, strict=True))
                return [
                    _in_time(told[at], session, together=together or not held)
                    for at in range(len(wanted))
                ]
            if not looked[-1].holds:
                order.insert(0, order.pop(len(looked) - 1))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, SLOWEST_POLL_SECONDS)

    async def _seen_at_once(self, session: Session, wanted: Sequence[Look]) -> list[LookResult]:
        """All looks at a page that has come to where it was waited for; polled only while nothing
        can be said of it."""
        looked, _ = await self._at_once(session, wanted, whole=True)
        return (
            await self._seen(session, wanted)
            if any(one.trouble in UNSURE for one in looked)
            else looked
        )

    async def _at_once(
        self, session: Session, wanted: Sequence[Look], *, whole: bool
    ) -> tuple[list[LookResult], bool]:
        """All looks in a row, up to the first that does not hold unless the `whole` is asked for;
        and whether the page was one and the same from the first to the last."""
        looked: list[LookResult] = []
        try:
            if len(wanted) > 1:
                await session.watch()
            for look in wanted:
                looked.append(await _looked(look, session, self.values))
                if not looked[-1].holds and not whole:
                    break
            return looked, len(wanted) == 1 or await session.unchanged()
        except Unable as unable:
            mute = LookResult(False, "", str(unable), Trouble(unable.trouble))
            return looked + [mute] * (len(wanted) - len(looked)), False

    async def _forbidden_text(self, session: Session) -> None:
        texts = [
            never
            for never in self.journey.never
            if never.kind is Forbidden.TEXT and never not in self.breaches
        ]
        if not texts:
            return
        try:
            page = await session.text(None)
        except Unable:
            return  # a page that cannot be read fails the next step or look by name
        for never in (never for never in texts if never.value in page):
            self.breaches[never] = Breach(str(never.kind), never.line, observed(never.value))

    def _overheard(self) -> None:
        for never in self.journey.never:
            if (found := occurrence(never, self.stage)).told:
                self.breaches[never] = Breach(
                    str(never.kind), never.line, observed(found.told), found.page
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
) -> tuple[RunEvidence, ...]:
    """Perform a journey and tell what happened, and `with_twin` what its twin would have seen, as
    evidence of its own. After `seconds` it is cut off, and its evidence says so."""
    performance = Performance(run, journey, stage, values, patience, with_control=with_control)
    try:
        async with asyncio.timeout(seconds):
            await performance.play()
    except TimeoutError:
        pass
    return (
        (performance.evidence(), performance.control_evidence())
        if with_control
        else (performance.evidence(),)
    )


async def walked(
    journey: Journey, stage: Stage, *, values: Values, patience: Patience, seconds: float
) -> None:
    """Do the steps of a journey as somebody who came before. What comes of them is nobody's
    evidence."""
    performance = Performance(RunId(journey.name), journey, stage, values, patience)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            performance.prepare()
            await performance.steps_done(journey.steps)


def _outcomes(
    block: Block, looked: Sequence[LookResult], first: int, began: float
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
        for offset, (look, one) in enumerate(zip(block.looks, looked, strict=True))
    ]


def _in_time(look_result: LookResult, session: Session, *, together: bool) -> LookResult:
    """A look as its block leaves it. What did not hold while an answer was outstanding, or not at
    one moment, says nothing."""
    if look_result.holds:
        return (
            look_result if together else replace(look_result, holds=False, trouble=Trouble.RESTLESS)
        )
    return (
        replace(look_result, trouble=Trouble.TIMED_OUT)
        if look_result.trouble in (None, Trouble.MISSING) and session.owed()
        else look_result
    )


async def _looked(look: Look, session: Session, values: Values) -> LookResult:
    try:
        return await look_result(look, session, values)
    except Unable as unable:
        return LookResult(False, "", str(unable), Trouble(unable.trouble))
    except ExpressionInvalid as unknown:
        return LookResult(False, "", str(unknown), Trouble.NO_VALUE)
