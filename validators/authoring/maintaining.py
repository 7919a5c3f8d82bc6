"""What a maintainer may do with journeys: seal one of their own, or put it in the place of one that
stands.

Theirs is proved like an author's. Which of the two it shows is seen on base: red there, it waits
for a change; green there and able to fail, it guards. So a change that is meant can be made in
either order, before it lands or after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from validators.authoring.authoring import REFUSED, AuthoringResult, entry_of, gone, told
from validators.authoring.drafts import SAME_NAME, Draft, draft, proved
from validators.domain.proof import PASSES
from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose
from validators.judging.promise import promise_words
from validators.launcher.context import Context, checked_base
from validators.launcher.regression_suite import MISSION
from validators.launcher.workplace import work_folder
from validators.store.entries import Event
from validators.store.journeys import SealedJourney


def added(
    context: Context, text: str, *, actor: str, reason: str, replacing: str | None = None
) -> AuthoringResult:
    """A journey that a maintainer wrote, sealed once it is proved; `replacing` is the digest of one
    that goes at that moment.

    Raises UsageError when none that stands for the issue has that digest, and Inconclusive when
    base cannot be performed on."""
    checked_base(context.request)
    issue = context.request.issue.number
    with context.journey_store.authoring(issue), work_folder() as folder:
        standing = {one.entry.digest: one for one in context.journey_store.journeys(issue)}
        if replacing is not None and replacing not in standing:
            raise UsageError(
                f"no journey of {_whose(issue)} that stands has the digest {replacing}; `store"
                " list` shows them"
            )
        old = [standing.pop(replacing)] if replacing else []
        one = _proved(context, text, beside=tuple(standing.values()), folder=folder)
        if not one.holds:
            return AuthoringResult(REFUSED, one.why)
        sealed = entry_of(context, Event.SEALED, one, reason=reason, actor=actor)
        context.journey_store.seal(
            [one.text], [*gone(context, old, actor=actor, reason=reason), sealed]
        )
        if not one.is_red:
            context.journey_store.keep_controls(
                one.digest, tree=context.request.base.tree, run=context.request.run
            )
        return told([one.digest], red=int(one.is_red))


def _proved(
    context: Context, text: str, *, beside: tuple[SealedJourney, ...], folder: Path
) -> Draft:
    issue = context.request.issue
    one = draft(
        text,
        passes=issue.number == MISSION,
        kind=issue.kind,
        clock_env=context.request.app.clock_env,
    )
    if one.journey is None:
        return one
    if one.name in {other.entry.journey for other in beside}:
        return replace(one, why=SAME_NAME)
    promises = promise_words(context.request.governance.files, issue.title)
    if issue.number == MISSION and (
        one.journey.promise == "issue" or one.journey.promise not in promises
    ):
        return replace(one, why=f"its promise {one.journey.promise!r} is no entry of the mission")
    (found,) = proved(context, (one,), folder=folder / "proving")
    if found.why != PASSES:
        return found
    (guarding,) = proved(
        context, (replace(one, purpose=Purpose.REGRESSION),), folder=folder / "proving as a guard"
    )
    return guarding


def _whose(issue: int) -> str:
    return f"issue {issue}" if issue else "the mission"
