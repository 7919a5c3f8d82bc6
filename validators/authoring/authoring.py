"""Sealing journeys for an issue: written in a box by an author who sees no other, proved on base,
then kept.

Each journey is proved alone, and those that hold are sealed if one of them at least shows the
change: red by a named expectation for a bug or a feature, green and able to fail for a chore. Those
that do not hold go back to their author once, with the reason; what does not hold then either is
dropped, and the store remembers that and why. What is told outside is counts and fixed words: a
journey's name is its author's text, and the author has read a stranger's."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path

from validators.authoring.author_client import asked, read_written
from validators.authoring.drafts import Draft, deduplicated, draft, proved
from validators.domain.stops import Inconclusive
from validators.domain.verdict import Purpose
from validators.judging.predicate import stamp
from validators.launcher.context import Context, checked_base
from validators.launcher.regression_suite import regression_digests
from validators.launcher.request import Request
from validators.launcher.workplace import work_folder
from validators.roles.author import AuthorAnswer, ReturnedJourney
from validators.store.entries import Entry, Event
from validators.store.journeys import SealedJourney, purpose_of, set_digest

AUTHOR = "author"
SEALED, REFUSED, NO_JOURNEY = "sealed", "refused", "no-journey"
NOTHING_TO_SEE = (
    "the author found nothing in the issue that a person could see in a browser, or wrote nothing"
    " that holds"
)
NEW_TEXT = "the issue or the law was changed"
NONE_ACCEPTED = "no journey that the checker accepts was written"
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class AuthoringResult:
    """What may be known outside: that journeys exist, what they hash to, and that they can fail.
    `regression` counts those among them that are green today, `dropped` those that did not hold,
    `standing` those of other issues that stand guard."""

    outcome: str
    reason: str
    journeys: int = 0
    digest: str = ""
    commitment: str = ""
    red_on_base: bool = False
    regression: int = 0
    dropped: int = 0
    standing: int = 0


def authored(context: Context) -> AuthoringResult:
    """Journeys for the desk's issue: those already sealed for this very text, or new ones. Raises
    Inconclusive."""
    checked_base(context.request)
    with context.journey_store.authoring(context.request.issue.number), work_folder() as folder:
        standing = context.journey_store.journeys(context.request.issue.number)
        if current := in_force(context.request, standing):
            return _again(current)
        drafts, first = _drafts(context, folder)
        told = (
            _declined(context, first.reason)
            if first.declined
            else _sealed(context, drafts, replacing=standing)
        )
        context.journey_store.pending_answers.forget(context.request.issue.number)
        return told


def in_force(request: Request, standing: Iterable[SealedJourney]) -> tuple[SealedJourney, ...]:
    """Those of an issue's journeys that were written for the very text of the request, or that a
    maintainer put there."""
    return tuple(
        one
        for one in standing
        if one.entry.source == text_digest(request) or one.entry.actor != AUTHOR
    )


def text_digest(request: Request) -> str:
    """What an author read, hashed: the issue's text and kind, and the law's digest."""
    issue = request.issue
    text = json.dumps([issue.title, issue.body, issue.kind, request.governance.digest])
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def language_page() -> str:
    """The page that explains the journey language, as people and models read it."""
    return files("validators.language").joinpath("page.md").read_text()


def _drafts(context: Context, folder: Path) -> tuple[tuple[Draft, ...], AuthorAnswer]:
    """What the author wrote, in two goes at most, and what it said first."""
    context.phases("author")
    first = _asked(context, folder / "first")
    drafts = proved(context, deduplicated(_read(context, first)), folder=folder / "proving")
    held, fallen = [one for one in drafts if one.holds], [one for one in drafts if not one.holds]
    if not fallen:
        return drafts, first
    context.phases("author, again")
    returned = tuple(ReturnedJourney(one.yaml, one.why) for one in fallen)
    try:
        again = _asked(context, folder / "again", returned=returned, held=len(held))
        second = proved(
            context,
            deduplicated(_read(context, again), beside=held),
            folder=folder / "proving again",
        )
    except Inconclusive:
        if not _enough(context.request, held):
            raise
        return (
            drafts,
            first,
        )  # what holds, holds: that the author could not be asked again takes nothing from it
    return (*held, *(second or fallen)), first


def _asked(
    context: Context, folder: Path, *, returned: tuple[ReturnedJourney, ...] = (), held: int = 0
) -> AuthorAnswer:
    """What the author wrote: now, or in an earlier attempt whose proof came to no answer."""
    language, number = language_page(), context.request.issue.number
    brief = brief_digest(text_digest(context.request), language, returned, held)
    if left := context.journey_store.pending_answers.taken(number, brief):
        with suppress(ValueError):
            return read_written(left)
    folder.mkdir()
    sandboxes, seconds = context.sandboxes(folder / "pens"), context.deadline.seconds_left()
    written = asked(
        context.request,
        language=language,
        sandboxes=sandboxes,
        folder=folder,
        seconds=seconds,
        returned=returned,
        held=held,
    )
    context.journey_store.pending_answers.keep(number, brief, json.dumps(asdict(written)).encode())
    return written


def brief_digest(text: str, language: str, returned: Sequence[ReturnedJourney], held: int) -> str:
    """All that one question to the author depends on, hashed: the same question has the same
    answer."""
    asked_for = json.dumps([text, language, [asdict(one) for one in returned], held])
    return hashlib.sha256(asked_for.encode()).hexdigest()


def _read(context: Context, found: AuthorAnswer) -> tuple[Draft, ...]:
    kind, clock_env = context.request.issue.kind, context.request.app.clock_env
    return tuple(
        draft(one.yaml, passes=one.passes, kind=kind, clock_env=clock_env) for one in found.journeys
    )


def _enough(request: Request, held: Sequence[Draft]) -> bool:
    """Whether these may stand for the issue: something must show the change, where there is one to
    be shown."""
    return any(one.is_red for one in held) or (
        bool(held) and purpose_of(request.issue.kind) is Purpose.REGRESSION
    )


def _declined(context: Context, reason: str) -> AuthoringResult:
    """There is nothing to be written. The store remembers it: only then may a chore be judged
    without a journey of its own."""
    context.journey_store.seal((), [entry_of(context, Event.DECLINED, None, reason=reason)])
    return AuthoringResult(NO_JOURNEY, NOTHING_TO_SEE, standing=len(regression_digests(context)))


def _sealed(
    context: Context, drafts: Sequence[Draft], *, replacing: Sequence[SealedJourney]
) -> AuthoringResult:
    held, fallen = [one for one in drafts if one.holds], [one for one in drafts if not one.holds]
    context.phases("seal")
    dropped = [entry_of(context, Event.DROPPED, one, reason=one.why) for one in fallen]
    if not _enough(context.request, held):
        none_red = [
            entry_of(context, Event.DROPPED, one, reason="none of its fellows shows the change")
            for one in held
        ]
        if drafts:
            context.journey_store.seal((), [*dropped, *none_red])
        return AuthoringResult(REFUSED, _refusal(drafts), dropped=len(drafts))
    new = [
        entry_of(context, Event.SEALED, one, reason=f"proved on {context.request.base.commit}")
        for one in held
    ]
    context.journey_store.seal(
        [one.text for one in held],
        [*gone(context, replacing, actor=AUTHOR, reason=NEW_TEXT), *new, *dropped],
    )
    for one in held:
        if not one.is_red:
            context.journey_store.keep_controls(
                one.digest, tree=context.request.base.tree, run=context.request.run
            )
    return told(
        [one.digest for one in held], red=sum(one.is_red for one in held), dropped=len(fallen)
    )


def _again(current: Sequence[SealedJourney]) -> AuthoringResult:
    """Sealed before: for this very text nobody is asked twice."""
    red = sum(one.entry.purpose is not Purpose.REGRESSION for one in current)
    return told([one.entry.digest for one in current], red=red)


def told(digests: Sequence[str], *, red: int, dropped: int = 0) -> AuthoringResult:
    """What may be known of journeys that are sealed, `red` of them red on base."""
    digest, green = set_digest(digests), len(digests) - red
    shown = (
        f"{red} red on base" if red else "",
        f"{green} green on base and able to fail" if green else "",
    )
    reason = ", ".join(filter(None, shown))
    return AuthoringResult(SEALED, reason, len(digests), digest, digest, red > 0, green, dropped)


def _refusal(drafts: Sequence[Draft]) -> str:
    """Why nothing was sealed, without a word of a journey. The language's complaints quote it, so
    they are only counted."""
    why = Counter(one.why if one.journey else "the checker refuses it" for one in drafts if one.why)
    words = "; ".join(f"{times} of {len(drafts)}: {said}" for said, times in why.most_common())
    return words or (
        "none of the journeys shows the change: all of them pass on base"
        if drafts
        else NONE_ACCEPTED
    )


def entry_of(
    context: Context, event: Event, one: Draft | None, *, reason: str, actor: str = AUTHOR
) -> Entry:
    """The entry that writes down what became of a draft; without one, that there is none."""
    request = context.request
    return Entry(
        event=event,
        issue=request.issue.number,
        journey=one.name if one else "",
        digest=one.digest if one else "",
        purpose=one.purpose if one else purpose_of(request.issue.kind),
        source=text_digest(request),
        actor=actor,
        reason=reason[:LONGEST_REASON],
        at=stamp(context.now()),
        title=request.issue.title,
    )


def gone(
    context: Context, standing: Iterable[SealedJourney], *, actor: str, reason: str
) -> list[Entry]:
    """The entries by which these stand no more."""
    at = stamp(context.now())
    return [
        replace(one.entry, event=Event.SUPERSEDED, actor=actor, reason=reason, at=at)
        for one in standing
    ]
