"""Sealing journeys for an issue: written in a box by an author who sees no other, proved on base, then kept.

A journey is sealed only once it has shown on the base tree what its purpose asks: red by a named expectation for a bug
or a feature, green for a chore. If one does not, it is refused by name, and with it all that were written beside it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from validators.domain.errors import JourneyInvalid
from validators.domain.journey import Journey
from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose, Sealed
from validators.language.check import checked
from validators.launcher.desk import Desk, checked_base
from validators.launcher.pen import asked
from validators.launcher.predicate import stamp
from validators.launcher.proving import trial
from validators.launcher.request import Request
from validators.launcher.workplace import work_folder
from validators.store.entries import Entry, Event
from validators.store.shelf import SealedJourney, journey_digest, purpose_of, set_digest, with_canary

AUTHOR = "author"
NOTHING_TO_SEE = "the author found nothing in the issue that a person could see in a browser, or wrote nothing that holds"


@dataclass(frozen=True, slots=True)
class Change:
    """Who seals, and which journeys go, for what reason, in the moment that the new ones stand."""

    actor: str
    reason: str
    superseded: tuple[SealedJourney, ...]


@dataclass(frozen=True, slots=True)
class Authored:
    """What may be known outside: that journeys exist, what they hash to, and that they can fail."""

    outcome: str
    reason: str
    journeys: int = 0
    digest: str = ""
    commitment: str = ""
    red_on_base: bool = False


def authored(desk: Desk) -> Authored:
    """Journeys for the desk's issue: those already sealed for this very text, or new ones. Raises Inconclusive."""
    checked_base(desk.request)
    with desk.shelf.authoring(desk.request.issue.number), work_folder() as folder:
        standing = desk.shelf.journeys(desk.request.issue.number)
        current = tuple(one for one in standing if one.entry.source == text_digest(desk.request))
        if current:
            return _again(desk, current, folder=folder)
        desk.phases("author")
        boxes, seconds = desk.boxes(folder / "pens"), desk.deadline.seconds_left()
        written = asked(desk.request, language=language_page(), boxes=boxes, folder=folder, seconds=seconds)
        if not written.journeys:
            return Authored("no-journey", NOTHING_TO_SEE)
        change = Change(AUTHOR, "the issue or the law was changed", standing)
        return _sealed(desk, written.journeys, folder=folder, change=change)


def replaced(desk: Desk, digest: str, text: str, *, actor: str, reason: str) -> Authored:
    """Seal a journey that a maintainer wrote, once it is proved, in the place of a standing one."""
    with desk.shelf.authoring(desk.request.issue.number), work_folder() as folder:
        standing = {one.entry.digest: one for one in desk.shelf.journeys(desk.request.issue.number)}
        if digest not in standing:
            raise UsageError(f"no journey of issue {desk.request.issue.number} that stands has the digest {digest}")
        return _sealed(desk, (text,), folder=folder, change=Change(actor, reason, (standing[digest],)))


def text_digest(request: Request) -> str:
    """What an author read, hashed: the issue's text and kind, and the law's digest."""
    issue = request.issue
    text = json.dumps([issue.title, issue.body, issue.kind, request.governance.digest])
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def language_page() -> str:
    """The page that explains the journey language, as people and models read it."""
    return files("validators.language").joinpath("page.md").read_text()


def _again(desk: Desk, standing: Sequence[SealedJourney], *, folder: Path) -> Authored:
    journeys = {one.entry.digest: checked(one.text, file=one.entry.journey) for one in standing}
    shown = _on_base(desk, journeys, folder=folder)
    return _answer(shown, journeys, desk.request)


def _sealed(desk: Desk, texts: Iterable[str], *, folder: Path, change: Change) -> Authored:
    """Journeys proved and then sealed, all or none. What came out of a box is read again here: the box is not trusted."""
    marked = [with_canary(text) for text in texts]
    try:
        journeys = {journey_digest(text): checked(text) for text in marked}
    except JourneyInvalid as invalid:
        return Authored("refused", f"a journey does not hold: {invalid.problems[0]}")
    shown = _on_base(desk, journeys, folder=folder)
    answer = _answer(shown, journeys, desk.request)
    desk.phases("seal")
    if answer.outcome == "sealed":
        new = [_entry(desk, digest, journey, actor=change.actor) for digest, journey in journeys.items()]
        desk.shelf.seal(marked, [*_superseded(desk, change), *new])
    return answer


def _on_base(desk: Desk, journeys: Mapping[str, Journey], *, folder: Path) -> tuple[Sealed, ...]:
    seed = secrets.randbits(31) if desk.request.seed is None else desk.request.seed
    ground = trial(desk, journeys, folder=folder, keep=folder / "kept", seed=seed)
    return ground.on_base()


def _answer(shown: Sequence[Sealed], journeys: Mapping[str, Journey], request: Request) -> Authored:
    for one in shown:
        if one.proof is None or not one.proof.proved:
            why = one.proof.reason if one.proof else "it was not performed on base"
            return Authored("refused", f"journey {one.journey!r} is refused: {why}")
    digest = set_digest(journeys)
    red = purpose_of(request.issue.kind) is not Purpose.REGRESSION
    reason = shown[0].proof.reason if shown[0].proof else ""
    return Authored("sealed", reason, len(journeys), digest, digest, red)


def _entry(desk: Desk, digest: str, journey: Journey, *, actor: str) -> Entry:
    request = desk.request
    return Entry(
        event=Event.SEALED,
        issue=request.issue.number,
        journey=journey.name,
        digest=digest,
        purpose=purpose_of(request.issue.kind),
        source=text_digest(request),
        actor=actor,
        reason=f"proved on {request.base.commit}",
        at=stamp(desk.now()),
    )


def _superseded(desk: Desk, change: Change) -> tuple[Entry, ...]:
    at = stamp(desk.now())
    return tuple(
        replace(one.entry, event=Event.SUPERSEDED, actor=change.actor, reason=change.reason, at=at) for one in change.superseded
    )
