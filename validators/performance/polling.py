"""Polls a page until all looks of a block hold at one moment of one page.

Polling ends when they hold, when the page is at rest (nothing can change it unless somebody acts),
or when the time of the block is spent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic

from validators.domain.errors import ExpressionInvalid, Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.calls import AnswerIs
from validators.domain.journeys.commands import CommandLook
from validators.domain.journeys.journey import Look
from validators.domain.journeys.looks import FileHas
from validators.domain.journeys.values import Values
from validators.domain.journeys.walk import positive
from validators.domain.run_result import LATE
from validators.performance.look_result import LookResult
from validators.performance.looking import look_result
from validators.ports.browser import Session

POLL_SECONDS, STEADY_POLL_SECONDS, SLOWEST_POLL_SECONDS = 0.03, 0.2, 0.5
SHARE_OF_THE_WAIT = 0.1
UNSURE = LATE | {Trouble.BROKEN}
"""Troubles after which a look may yet hold."""


async def polled(
    session: Session, wanted: Sequence[Look], values: Values, *, seconds: float
) -> list[LookResult]:
    """The results of all looks, in their order, after at most so many seconds."""
    # An answer, a file or the result of a command that has come does not change any more.
    if all(isinstance(look, AnswerIs | FileHas | CommandLook) for look in wanted):
        return [await looked(look, session, values) for look in wanted]
    began, pause = monotonic(), POLL_SECONDS
    # Positive looks first: an absence is trivially true of a page that is not painted yet.
    order = sorted(range(len(wanted)), key=lambda at: not positive(wanted[at]))
    while True:
        waited = monotonic() - began
        over = waited >= seconds
        # Ask before looking: a look that was taken while the page moved must not be the last one.
        rest = await session.at_rest()
        looks = [wanted[at] for at in order]
        found, together = await _in_a_row(session, looks, values, whole=over or rest)
        held = len(found) == len(wanted) and all(one.holds for one in found)
        if (held and together) or over or (rest and together):
            by_place = dict(zip(order, found, strict=True))
            return [
                _final(by_place[at], session, together=together or not held)
                for at in range(len(wanted))
            ]
        # Begin with the look that failed: the others need not be read until it holds.
        if not found[-1].holds:
            order.insert(0, order.pop(len(found) - 1))
        await asyncio.sleep(min(pause, max(seconds - (monotonic() - began), 0)))
        pause = next_pause(pause, waited=waited)


def next_pause(last: float, *, waited: float) -> float:
    """Seconds until the page is looked at again. They grow, since each look costs the page a few
    milliseconds: to a fifth of a second, then to a tenth of what was waited, and never to more than
    half a second, so that a message which is shown for a second is seen."""
    steady = max(STEADY_POLL_SECONDS, SHARE_OF_THE_WAIT * waited)
    return min(last * 1.5, steady, SLOWEST_POLL_SECONDS)


async def looked_once(
    session: Session, wanted: Sequence[Look], values: Values, *, seconds: float
) -> list[LookResult]:
    """The results of all looks at a page that has already settled; polled only if a result is
    inconclusive."""
    found, _ = await _in_a_row(session, wanted, values, whole=True)
    if any(one.trouble in UNSURE for one in found):
        return await polled(session, wanted, values, seconds=seconds)
    return found


async def looked(look: Look, session: Session, values: Values) -> LookResult:
    """The result of one look; what it raises becomes its trouble."""
    try:
        return await look_result(look, session, values)
    except Unable as unable:
        return LookResult(False, "", str(unable), Trouble(unable.trouble))
    except ExpressionInvalid as unknown:
        return LookResult(False, "", str(unknown), Trouble.NO_VALUE)


async def _in_a_row(
    session: Session, wanted: Sequence[Look], values: Values, *, whole: bool
) -> tuple[list[LookResult], bool]:
    """All looks in a row, up to the first that fails unless `whole`; and whether the page stayed
    the same from the first to the last."""
    found: list[LookResult] = []
    try:
        # A single look is one moment by itself.
        if len(wanted) > 1:
            await session.watch()
        for look in wanted:
            found.append(await looked(look, session, values))
            if not found[-1].holds and not whole:
                break
        return found, len(wanted) == 1 or await session.unchanged()
    except Unable as unable:
        mute = LookResult(False, "", str(unable), Trouble(unable.trouble))
        return found + [mute] * (len(wanted) - len(found)), False


def _final(found: LookResult, session: Session, *, together: bool) -> LookResult:
    """The result with which polling ends: inconclusive if the looks did not hold at one moment, or
    if this one failed while the app owed an answer."""
    if found.holds:
        return found if together else replace(found, holds=False, trouble=Trouble.RESTLESS)
    # An outstanding answer could still bring what was looked for: that is no definite failure.
    if found.trouble in (None, Trouble.MISSING) and session.awaits_answer():
        return replace(found, trouble=Trouble.TIMED_OUT)
    return found
