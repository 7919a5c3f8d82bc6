"""The signs of life of a factory for people and programs: one word, the facts, one sentence."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

from harness.domain.lifecycle import Event, State
from harness.domain.plain import JsonDict
from harness.domain.presence import Doing, Life, Presence, life
from harness.factory.records.history import History
from harness.factory.reporting.digest import Outage
from harness.factory.reporting.times import moment, span
from harness.factory.run.pause import Pause


class Condition(StrEnum):
    """How it is with the factory of a home, in one word."""

    AT_WORK = "at work"
    PAUSED = "paused"
    STOPPED = "stopped"
    DOWN = "down"
    STUCK = "stuck"
    LEFT = "left"
    DIED = "died"
    NOBODY = "nobody"

    @property
    def is_well(self) -> bool:
        """Whether somebody is at work, and nothing but its people holds it up."""
        return self in (Condition.AT_WORK, Condition.PAUSED, Condition.STOPPED)


_WAITING: tuple[tuple[str, Callable[[History], bool]], ...] = (
    ("a person, at", lambda one: one.state in (State.NEEDS_HUMAN, State.PAUSED)),
    ("an answer, at", lambda one: one.state is State.NEEDS_INFO),
    ("checks, for", lambda one: one.last_event is Event.CHECKS_AWAITED),
)
_WITHOUT_WORK = {
    Life.NOBODY: Condition.NOBODY,
    Life.LEFT: Condition.LEFT,
    Life.DIED: Condition.DIED,
    Life.STUCK: Condition.STUCK,
}


def condition(
    presence: Presence | None, now: datetime, *, down: bool, stopped: bool, paused: bool
) -> Condition:
    """The condition at `now`. Who does not work at all comes before what would hold it up. `down`:
    an outage has not ended, though it may try again at this very moment."""
    found = life(presence, now)
    if presence is None or found is not Life.AT_WORK:
        return _WITHOUT_WORK[found]
    if down or presence.doing is Doing.DOWN:
        return Condition.DOWN
    if stopped:
        return Condition.STOPPED
    return Condition.PAUSED if paused else Condition.AT_WORK


def facts(presence: Presence | None, now: datetime) -> JsonDict | None:
    """The last sign of life as JSON, with the `life` that it shows; None if nobody worked here."""
    if presence is None:
        return None
    shown = {"life": life(presence, now).value, **presence.document()}
    return {name: value for name, value in shown.items() if name not in ("processes", "is_gone")}


def waits_for(
    histories: Iterable[History],
    found: Condition,
    *,
    stopped: bool,
    paused: Pause | None,
    outages: Sequence[Outage],
) -> tuple[str, ...]:
    """What has to happen before the factory goes on, the most general first."""
    issues = tuple(histories)
    return (
        *(("`factory up`",) if found in _WITHOUT_WORK.values() else ()),
        *(("`factory resume`",) if stopped else ()),
        *((f"the end of an outage since {moment(outages[0].since)}",) if outages else ()),
        *((f"the end of the pause at {moment(paused.until)}",) if paused else ()),
        *_waiting_issues(issues),
        "news on the forge",
    )


def _waiting_issues(histories: tuple[History, ...]) -> Iterator[str]:
    for what, is_so in _WAITING:
        if found := [f"#{one.issue}" for one in histories if is_so(one)]:
            yield f"{what} {', '.join(found)}"


def sentence(presence: Presence | None, now: datetime, *, down: bool = False) -> str:
    """Who works here, since when, and its last and next look, for a terminal. `down`: an outage has
    not ended, so that a look was a try."""
    found = life(presence, now)
    if presence is None:
        return "NOBODY IS AT WORK: no factory has worked here yet; `factory up` starts one."
    who = f"`{presence.command}` on {presence.host} (pid {presence.pid})"
    since = f"since {moment(presence.began)}"
    match found:
        case Life.AT_WORK if presence.is_staying:
            return f"At work: {who} {since}. {_looks(presence, now, down=down)}"
        case Life.AT_WORK:
            return f"At work: {who} makes one pass, {since}."
        case Life.STUCK:
            return (
                f"STUCK: {who} has not moved {_ago(presence.moved, now)}. End it and start it"
                " again; it goes on where it was."
            )
        case Life.DIED:
            return (
                f"NOBODY IS AT WORK: {who} died; its last sign of life was"
                f" {moment(presence.beat)}{_ago(presence.beat, now, ', {} ago')}. `factory up` goes"
                " on where it was."
            )
        case _:
            return _left(presence, now, who)


def _left(presence: Presence, now: datetime, who: str) -> str:
    at = presence.left or presence.beat
    when = f"{moment(at)}{_ago(at, now, ', {} ago')}"
    if presence.is_staying:
        return (
            f"NOBODY IS AT WORK: {who} left at {when}: {presence.how}. `factory up` starts it"
            " again."
        )
    return f"Nobody is at work: the last pass, {who}, ended at {when}: {presence.how}."


def _looks(presence: Presence, now: datetime, *, down: bool) -> str:
    if presence.looked is None:
        return "It starts, and has not looked at the forge yet."
    ago = _ago(presence.looked, now, " {} ago")
    looked = f"It looked at the forge{ago}"
    match presence.doing, presence.looks_again:
        case ((Doing.WORKING | Doing.DOWN), again) if down:
            when = f"again within {span(again - now)}" if again and again > now else "now"
            return f"What it needs is down: it tried{ago}, and tries {when}."
        case Doing.WORKING, _:
            return f"{looked}, and works on what it found."
        case Doing.STOPPED, _:
            return f"{looked}, and does nothing before `factory resume`."
        case _, None:
            return f"{looked}, and nobody knows when it looks again."
        case _, again:
            when = f" within {span(again - now)}" if again > now else ""
            return f"{looked}, and looks again{when or ' now'}."


def _ago(at: datetime, now: datetime, words: str = "for {}") -> str:
    """How long ago that was, in these words. A clock that was set back shows no time at all."""
    return words.format(span(max(now - at, now - now)))
