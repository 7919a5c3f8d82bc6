"""A maintainer's own journeys: seal one, or put it in the place of one that is in force.

It is proved like an author's. Base decides its purpose: a journey that is red there waits for a
change; one that is green there and able to fail protects what works. So a maintainer may seal it
before the change lands, or after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from validators.authoring.authoring import (
    REFUSED,
    AuthoringResult,
    entry_of,
    sealed_result,
    superseded_entries,
)
from validators.authoring.drafts import SAME_NAME, Draft, draft, proved_on_base
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
    """Prove a maintainer's journey and seal it. `replacing` is the digest of a journey that is
    superseded at the same moment.

    Raises UsageError when no journey of the issue that is in force has that digest, and
    Inconclusive when journeys cannot be performed on base."""
    checked_base(context.request)
    issue = context.request.issue.number
    with context.journey_store.authoring(issue), work_folder() as folder:
        in_force = {one.entry.digest: one for one in context.journey_store.journeys(issue)}
        if replacing is not None and replacing not in in_force:
            raise UsageError(
                f"no journey of {_whose(issue)} that stands has the digest {replacing}; `store"
                " list` shows them"
            )
        old = [in_force.pop(replacing)] if replacing else []
        one = _proved(context, text, beside=tuple(in_force.values()), folder=folder)
        if not one.holds:
            return AuthoringResult(REFUSED, one.why)
        sealed = entry_of(context, Event.SEALED, one, reason=reason, actor=actor)
        superseded = superseded_entries(context, old, actor=actor, reason=reason)
        context.journey_store.seal([one.text], [*superseded, sealed])
        if not one.is_red:
            context.journey_store.keep_controls(
                one.digest, tree=context.request.base.tree, run=context.request.run
            )
        return sealed_result([one.digest], red=int(one.is_red))


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
    (found,) = proved_on_base(context, (one,), folder=folder / "proving")
    if found.why != PASSES:
        return found
    # It is green on base: prove it once more, as a regression journey.
    one = replace(one, purpose=Purpose.REGRESSION)
    (found,) = proved_on_base(context, (one,), folder=folder / "proving as regression")
    return found


def _whose(issue: int) -> str:
    return f"issue {issue}" if issue else "the mission"
