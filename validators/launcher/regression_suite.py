"""The regression suite: journeys of issues that have landed, which protect what was fixed.

An issue has landed when a signed verdict with the outcome `passed` names a candidate that is in the
history of base; or, where the forge or a person made the merge, a head that is. From then on its
journeys are performed for every other change, unless the landing was taken back and they are red.
Where there are more than the limit, the judgement's seed decides which."""

from __future__ import annotations

import json
import random
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validators.app.git import in_history
from validators.domain.errors import JourneyInvalid
from validators.domain.stops import Inconclusive, UsageError
from validators.domain.verdict import Outcome
from validators.launcher.context import Context
from validators.launcher.own_journeys import text_digest
from validators.signing.notary import NotVerified
from validators.signing.statement import verified_verdict
from validators.store.entries import Entry, Event
from validators.store.journeys import SealedJourney

if TYPE_CHECKING:
    from validators.domain.journeys.journey import Journey

# The issue number of a journey that was written for the mission and for no issue. It is in the
# suite from the moment it is sealed.
MISSION = 0
LONGEST_NAME = 60
# One journey in this many is performed by the plain visitor as well, and at least one.
PLAIN_EVERY = 4
_NAME = re.compile(r"^journey[ \t]*:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RegressionJourney:
    """One journey of the suite. `inject_faults`: it must notice injected faults now, because it has
    never been shown to. `plain`: the plain visitor performs it, not only the masked one."""

    entry: Entry
    journey: Journey
    inject_faults: bool
    plain: bool = True

    @property
    def promised(self) -> str:
        """What it protects: an entry of the mission, or the issue that it was written for."""
        promise = self.journey.promise
        return f"issue #{self.entry.issue}" if promise == "issue" else promise


@dataclass(frozen=True, slots=True)
class RegressionSuite:
    """The digests of the whole suite, and the journeys that are performed in this judgement."""

    digests: tuple[str, ...] = ()
    chosen: tuple[RegressionJourney, ...] = ()

    @property
    def left_out(self) -> int:
        """How many journeys the limit leaves out."""
        return len(self.digests) - len(self.chosen)


EMPTY_SUITE = RegressionSuite()


def regression_digests(context: Context) -> tuple[str, ...]:
    """The digest of every journey in the suite of the request's base, without those of the
    request's own issue."""
    return tuple(sorted(entry.digest for entry in _entries(context)))


def regression_suite(
    context: Context, *, seed: int, names: Iterable[str], controlled: int = 0
) -> RegressionSuite:
    """The suite and its choice for this seed: at most as many as the request allows. `names` are
    taken already.

    The first `controlled` of the choice, and each that has never been shown to, must notice
    injected faults in this judgement. Raises Inconclusive when one cannot be read any more."""
    entries = sorted(_entries(context), key=lambda entry: entry.digest)
    drawn = random.Random(f"standing {seed}").sample(  # noqa: S311
        entries, min(len(entries), context.request.limits.standing)
    )
    taken, chosen = set(names), list[RegressionJourney]()
    for number, entry in enumerate(drawn):
        journey = named_apart(context.journey_store.journey(entry), taken)
        taken.add(journey.name)
        inject_faults = number < controlled or not context.journey_store.was_controlled(
            entry.digest
        )
        chosen.append(
            RegressionJourney(
                entry, journey, inject_faults, plain=inject_faults or number % PLAIN_EVERY == 0
            )
        )
    return RegressionSuite(tuple(entry.digest for entry in entries), tuple(chosen))


def declined(context: Context) -> bool:
    """Whether an author's last answer for the request's issue was that no journey can be written,
    and was about its very text."""
    answers = [
        entry
        for entry in context.journey_store.entries()
        if entry.issue == context.request.issue.number
        and entry.event in (Event.SEALED, Event.DECLINED)
    ]
    last = answers[-1] if answers else None
    return (
        last is not None
        and last.event is Event.DECLINED
        and last.source == text_digest(context.request)
    )


def mended(context: Context) -> tuple[Entry, ...]:
    """The journeys in force that the request's change must make green again."""
    return tuple(
        entry for entry in context.journey_store.in_force() if entry.digest in context.request.mends
    )


def _entries(context: Context) -> tuple[Entry, ...]:
    request, in_force = context.request, context.journey_store.in_force()
    watching = request.watching
    if watching and watching.journeys:
        return tuple(entry for entry in in_force if entry.digest in watching.journeys)
    if watching and watching.own:
        return tuple(entry for entry in in_force if entry.issue == request.issue.number)
    # Where nothing is judged, no issue has journeys of its own beside the suite.
    elsewhere = {*request.mends, *request.taken_back}
    others = tuple(
        entry
        for entry in in_force
        if watching or (entry.issue != request.issue.number and entry.digest not in elsewhere)
    )
    landed = _landed(context, frozenset(entry.issue for entry in others))
    return tuple(entry for entry in others if entry.issue in landed)


def _landed(context: Context, issues: frozenset[int]) -> frozenset[int]:
    """The issues with a passed candidate or head in the history of base, and the mission."""
    passed, found = list(_passed(context, issues)), {MISSION}
    # A head is asked for only where no candidate is there: git needs a process for each.
    for judged in ("candidate", "head"):
        left = [(issue, binds[judged]) for issue, binds in passed if issue not in found]
        there = in_history(
            Path(context.request.git_dir),
            context.request.base.commit,
            (commit for _, commit in left),
        )
        found.update(issue for issue, commit in left if commit in there)
    return frozenset(found)


def _passed(context: Context, issues: frozenset[int]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The issue of every passed verdict about one of these, and what the verdict binds."""
    for file in context.journey_store.verdicts():
        envelope = file.read_bytes()
        try:
            unverified = _predicate(envelope)
            if unverified["outcome"] != Outcome.PASSED or unverified["issue"] not in issues:
                continue
            # Checked only for those that count: a store can hold thousands of verdicts.
            found = verified_verdict(envelope, context.notary.signer.public_key)
        except (NotVerified, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{file}: not a verdict of this launcher's key; restore the store from a backup"
            ) from error
        yield found["issue"], found["binds"]


def _predicate(envelope: bytes) -> Mapping[str, Any]:
    """A verdict's predicate, not verified."""
    statement: Mapping[str, Any] = json.loads(b64decode(json.loads(envelope)["payload"]))
    predicate: Mapping[str, Any] = statement["predicate"]
    return predicate


def named_apart(sealed: SealedJourney, taken: set[str]) -> Journey:
    """The journey, under another name where its own is taken: two issues may use one name."""
    from validators.language.reader import read  # the store's questions need no journey read

    try:
        journey = read(sealed.text, file=sealed.entry.journey)
        if journey.name not in taken:
            return journey
        suffix = f"-{sealed.entry.digest.removeprefix('sha256:')[:8]}"
        name = journey.name[: LONGEST_NAME - len(suffix)] + suffix
        again = read(_NAME.sub(f"journey: {name}", sealed.text, count=1), file=name)
        if replace(again, name=journey.name) == journey:
            return again
    except JourneyInvalid as invalid:
        raise Inconclusive(_unreadable(sealed.entry, "the language has changed")) from invalid
    raise Inconclusive(_unreadable(sealed.entry, "another journey has its name, too"))


def _unreadable(entry: Entry, why: str) -> str:
    whose = f"of issue {entry.issue}" if entry.issue else "of the mission"
    return (
        f"a journey {whose} that has landed cannot be performed any more ({why}): supersede or"
        f" retire {entry.digest[:19]}"
    )
