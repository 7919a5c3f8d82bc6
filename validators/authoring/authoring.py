"""Seal journeys for an issue: an author writes them in a sandbox, base proves them, the store
keeps them.

Each journey is proved alone. Those that hold are sealed if at least one of them shows the change:
red on base by a named expectation for a bug or a feature, green and able to fail for a chore. Those
that do not hold go back to the author once, with the reason. What does not hold then either is
dropped, and the store records that and why.

The result holds counts and fixed words only. A journey's name is its author's text, and the author
has read a stranger's issue."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path

from validators.authoring.author_client import ask_author, parse_answer
from validators.authoring.base_view import BaseLook
from validators.authoring.drafts import Draft, deduplicated, draft, proved_on_base
from validators.domain.stops import Inconclusive
from validators.domain.verdict import Purpose
from validators.judging.predicate import stamp
from validators.launcher.context import Context, checked_base
from validators.launcher.own_journeys import AUTHOR, text_digest, up_to_date
from validators.launcher.regression_suite import regression_digests
from validators.launcher.request import Request
from validators.launcher.workplace import work_folder
from validators.roles.author import AuthorAnswer, ReturnedJourney
from validators.store.entries import Entry, Event
from validators.store.journeys import SealedJourney, purpose_of, set_digest

SEALED, REFUSED, NO_JOURNEY = "sealed", "refused", "no-journey"
NOTHING_TO_SEE = (
    "the author found nothing in the issue that a person could see in a browser, or wrote nothing"
    " that holds"
)
NEW_TEXT = "the issue or the governance files were changed"
NONE_RED = "none of the journeys shows the change: all of them pass on base"
NONE_ACCEPTED = "no journey that the checker accepts was written"
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class AuthoringResult:
    """What the caller may know: that journeys exist, what they hash to, and that they can fail.

    `regression` counts those that are green on base, `dropped` those that did not hold, `standing`
    the journeys of other issues that apply too."""

    outcome: str
    reason: str
    journeys: int = 0
    digest: str = ""
    red_on_base: bool = False
    regression: int = 0
    dropped: int = 0
    standing: int = 0


def authored(context: Context) -> AuthoringResult:
    """Journeys for the request's issue: those sealed for this very text before, or new ones. Raises
    Inconclusive."""
    checked_base(context.request)
    number = context.request.issue.number
    with context.journey_store.authoring(number), work_folder() as folder:
        in_force = context.journey_store.journeys(number)
        if current := up_to_date(context.request, in_force):
            return _already_sealed(current)
        drafts, first = _drafts(context, folder)
        result = (
            _declined(context, first.reason)
            if first.declined
            else _seal(context, drafts, replacing=in_force)
        )
        context.journey_store.pending_answers.forget(number)
        return result


def language_page() -> str:
    """The page that explains the journey language, as people and models read it."""
    return files("validators.language").joinpath("page.md").read_text()


def _drafts(context: Context, folder: Path) -> tuple[tuple[Draft, ...], AuthorAnswer]:
    """The author's drafts after at most two attempts, and its first answer."""
    context.phases("author")
    look = BaseLook(context, folder / "looked")
    first = _answer(context, folder / "first", look)
    fresh = deduplicated(_read(context, first))
    drafts = proved_on_base(context, fresh, folder=folder / "proving", base=look.side)
    held, failed = _split(drafts)
    if not failed:
        return drafts, first
    context.phases("author, again")
    returned = tuple(ReturnedJourney(one.yaml, one.why) for one in failed)
    try:
        again = _answer(context, folder / "again", look, returned=returned, held=len(held))
        fresh = deduplicated(_read(context, again), beside=held)
        second = proved_on_base(context, fresh, folder=folder / "proving again", base=look.side)
    except Inconclusive:
        # A failed second attempt takes nothing from what was proved in the first.
        if not _shows_the_change(context.request, held):
            raise
        return drafts, first
    return (*held, *(second or failed)), first


def _split(drafts: Iterable[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The drafts that hold, and those that do not."""
    held, failed = list[Draft](), list[Draft]()
    for one in drafts:
        (held if one.holds else failed).append(one)
    return held, failed


def _answer(
    context: Context,
    folder: Path,
    look: BaseLook,
    *,
    returned: tuple[ReturnedJourney, ...] = (),
    held: int = 0,
) -> AuthorAnswer:
    """The author's answer: from an earlier attempt that could not be proved, or asked for now, with
    what the running base shows."""
    language, number = language_page(), context.request.issue.number
    brief = brief_digest(text_digest(context.request), language, returned, held)
    if pending := context.journey_store.pending_answers.take(number, brief):
        # An answer that cannot be parsed any more is asked for again.
        with suppress(ValueError):
            return parse_answer(pending)
    folder.mkdir()
    shown = look.view()
    context.phases("author, again" if returned else "author")
    answer = ask_author(
        context.request,
        language=language,
        sandboxes=context.sandboxes(folder / "sandboxes"),
        folder=folder,
        seconds=context.deadline.seconds_left(),
        returned=returned,
        held=held,
        app=shown,
    )
    document = json.dumps(asdict(answer)).encode()
    context.journey_store.pending_answers.keep(number, brief, document)
    return answer


def brief_digest(text: str, language: str, returned: Sequence[ReturnedJourney], held: int) -> str:
    """The hash of all that one question to the author depends on: an equal question has an equal
    answer."""
    question = json.dumps([text, language, [asdict(one) for one in returned], held])
    return hashlib.sha256(question.encode()).hexdigest()


def _read(context: Context, answer: AuthorAnswer) -> tuple[Draft, ...]:
    kind, clock_env = context.request.issue.kind, context.request.app.clock_env
    return tuple(
        draft(one.yaml, passes=one.passes, kind=kind, clock_env=clock_env)
        for one in answer.journeys
    )


def _shows_the_change(request: Request, held: Sequence[Draft]) -> bool:
    """Whether these drafts are enough for the issue. A chore has no change to show: any draft that
    holds will do."""
    if purpose_of(request.issue.kind) is Purpose.REGRESSION:
        return bool(held)
    return any(one.is_red for one in held)


def _declined(context: Context, reason: str) -> AuthoringResult:
    """The author found nothing to write. The store records it, because only then may a chore be
    judged without a journey of its own."""
    context.journey_store.seal((), [entry_of(context, Event.DECLINED, None, reason=reason)])
    return AuthoringResult(NO_JOURNEY, NOTHING_TO_SEE, standing=len(regression_digests(context)))


def _seal(
    context: Context, drafts: Sequence[Draft], *, replacing: Sequence[SealedJourney]
) -> AuthoringResult:
    held, failed = _split(drafts)
    context.phases("seal")
    dropped = [entry_of(context, Event.DROPPED, one, reason=one.why) for one in failed]
    if not _shows_the_change(context.request, held):
        why = "none of the journeys with it shows the change"
        dropped += [entry_of(context, Event.DROPPED, one, reason=why) for one in held]
        if drafts:
            context.journey_store.seal((), dropped)
        return AuthoringResult(REFUSED, _refusal(drafts), dropped=len(drafts))
    why = f"proved on {context.request.base.commit}"
    new = [entry_of(context, Event.SEALED, one, reason=why) for one in held]
    old = superseded_entries(context, replacing, actor=AUTHOR, reason=NEW_TEXT)
    context.journey_store.seal([one.text for one in held], [*old, *new, *dropped])
    for one in held:
        if not one.is_red:
            context.journey_store.keep_controls(
                one.digest, tree=context.request.base.tree, run=context.request.run
            )
    red = sum(one.is_red for one in held)
    return sealed_result([one.digest for one in held], red=red, dropped=len(failed))


def _already_sealed(current: Sequence[SealedJourney]) -> AuthoringResult:
    """The result for journeys that were sealed before: one text is authored only once."""
    red = sum(one.entry.purpose is not Purpose.REGRESSION for one in current)
    return sealed_result([one.entry.digest for one in current], red=red)


def sealed_result(digests: Sequence[str], *, red: int, dropped: int = 0) -> AuthoringResult:
    """The public facts about sealed journeys, of which `red` are red on base."""
    digest, green = set_digest(digests), len(digests) - red
    shown = (
        f"{red} red on base" if red else "",
        f"{green} green on base and able to fail" if green else "",
    )
    reason = ", ".join(filter(None, shown))
    return AuthoringResult(SEALED, reason, len(digests), digest, red > 0, green, dropped)


def _refusal(drafts: Sequence[Draft]) -> str:
    """Why nothing was sealed, without a word of a journey."""
    # The language's complaints quote the journey, so they are only counted.
    why = Counter(one.why if one.journey else "the checker refuses it" for one in drafts if one.why)
    words = "; ".join(f"{times} of {len(drafts)}: {reason}" for reason, times in why.most_common())
    return words or (NONE_RED if drafts else NONE_ACCEPTED)


def entry_of(
    context: Context, event: Event, one: Draft | None, *, reason: str, actor: str = AUTHOR
) -> Entry:
    """The store's entry for what happened to a draft; None where there is no draft."""
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


def superseded_entries(
    context: Context, journeys: Iterable[SealedJourney], *, actor: str, reason: str
) -> list[Entry]:
    """The entries that take these journeys out of force."""
    at = stamp(context.now())
    return [
        replace(one.entry, event=Event.SUPERSEDED, actor=actor, reason=reason, at=at)
        for one in journeys
    ]
