"""The journeys that guard what has landed, found out by looking and not on anybody's word.

An issue has landed when a verdict of ours that says `passed` speaks of a candidate in the history
of the base. From then on its journeys stand guard for every other change: "the route was fixed, and
its sibling broke" is then somebody's red. Which of them are performed, where there are more than
the limit, is drawn from the judgement's seed."""

from __future__ import annotations

import json
import random
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from validators.app.git import in_history
from validators.domain.errors import JourneyInvalid
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive, UsageError
from validators.domain.verdict import Outcome
from validators.language.reader import read
from validators.launcher.context import Context
from validators.signing.notary import NotVerified
from validators.signing.statement import verified_verdict
from validators.store.entries import Entry, Event
from validators.store.journeys import SealedJourney

MISSION = 0
"""The issue of a journey that was written for the mission and for no issue; it stands guard from
the moment it is sealed."""
LONGEST_NAME = 60
PLAIN_EVERY = 4
"""One in so many is performed by the plain visitor as well, and one at least."""
_NAME = re.compile(r"^journey[ \t]*:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RegressionJourney:
    """One journey that stands guard. `with_faults`: it must notice saboteurs now, because it was
    never seen to. `plain`: the plain visitor performs it as well as the masked one."""

    entry: Entry
    journey: Journey
    with_faults: bool
    plain: bool = True

    @property
    def promised(self) -> str:
        """What it guards: an entry of the mission, or the issue that it was written for."""
        return (
            f"issue #{self.entry.issue}"
            if self.journey.promise == "issue"
            else self.journey.promise
        )


@dataclass(frozen=True, slots=True)
class RegressionSuite:
    """All that stand guard, by digest, and those of them that are performed in this judgement."""

    digests: tuple[str, ...] = ()
    chosen: tuple[RegressionJourney, ...] = ()

    @property
    def left_out(self) -> int:
        """How many the limit leaves out this time."""
        return len(self.digests) - len(self.chosen)


EMPTY_SUITE = RegressionSuite()


def regression_digests(context: Context) -> tuple[str, ...]:
    """The digest of every journey that guards what has landed in the request's base, but for those
    of its own issue."""
    return tuple(sorted(entry.digest for entry in _entries(context)))


def regression_suite(
    context: Context, *, seed: int, names: Iterable[str], controlled: int = 0
) -> RegressionSuite:
    """Those that stand, and the choice for this seed: at most as many as the request allows.
    `names` are taken already.

    The first `controlled` of the choice, and whoever was never seen to, must notice saboteurs in
    this judgement. Raises Inconclusive when one cannot be read any more."""
    entries = sorted(_entries(context), key=lambda entry: entry.digest)
    drawn = random.Random(f"standing {seed}").sample(  # noqa: S311
        entries, min(len(entries), context.request.limits.standing)
    )
    taken, chosen = set(names), list[RegressionJourney]()
    for number, entry in enumerate(drawn):
        journey = _named_apart(context.journey_store.journey(entry), taken)
        taken.add(journey.name)
        with_faults = number < controlled or not context.journey_store.was_controlled(entry.digest)
        chosen.append(
            RegressionJourney(
                entry, journey, with_faults, plain=with_faults or number % PLAIN_EVERY == 0
            )
        )
    return RegressionSuite(tuple(entry.digest for entry in entries), tuple(chosen))


def declined(context: Context) -> bool:
    """Whether the last that an author said of the request's issue is that no journey can be written
    for it."""
    own = [
        entry.event
        for entry in context.journey_store.entries()
        if entry.issue == context.request.issue.number
    ]
    said = [event for event in own if event in (Event.SEALED, Event.DECLINED)]
    return bool(said) and said[-1] is Event.DECLINED


def _entries(context: Context) -> tuple[Entry, ...]:
    others = tuple(
        entry
        for entry in context.journey_store.in_force()
        if entry.issue != context.request.issue.number
    )
    landed = _landed(context, frozenset(entry.issue for entry in others))
    return tuple(entry for entry in others if entry.issue in landed)


def _landed(context: Context, issues: frozenset[int]) -> frozenset[int]:
    """Those of the issues whose passed candidate is in the base's history."""
    passed = list(_passed(context, issues))
    there = in_history(
        Path(context.request.git_dir), context.request.base.commit, (commit for _, commit in passed)
    )
    return frozenset({MISSION, *(issue for issue, commit in passed if commit in there)})


def _passed(context: Context, issues: frozenset[int]) -> Iterator[tuple[int, str]]:
    """Issue and candidate of every passed verdict about one of the issues. Its signature is checked
    before it counts."""
    for file in context.journey_store.verdicts():
        envelope = file.read_bytes()
        try:
            if (
                _says(envelope)["outcome"] != Outcome.PASSED
                or _says(envelope)["issue"] not in issues
            ):
                continue
            found = verified_verdict(envelope, context.notary.signer.public_key)
        except (NotVerified, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"{file}: not a verdict of this launcher's key; restore the store from a backup"
            ) from error
        yield found["issue"], found["binds"]["candidate"]


def _says(envelope: bytes) -> Mapping[str, Any]:
    """A verdict's predicate, unverified: most need not be looked at any closer."""
    statement: Mapping[str, Any] = json.loads(b64decode(json.loads(envelope)["payload"]))
    predicate: Mapping[str, Any] = statement["predicate"]
    return predicate


def _named_apart(sealed: SealedJourney, taken: set[str]) -> Journey:
    """The journey, under another name where its own is taken: two issues may have called theirs the
    same."""
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
    raise Inconclusive(_unreadable(sealed.entry, "its name is another's, too"))


def _unreadable(entry: Entry, why: str) -> str:
    whose = f"of issue {entry.issue}" if entry.issue else "of the mission"
    return (
        f"a journey {whose} that has landed cannot be performed any more ({why}): supersede or"
        f" retire {entry.digest[:19]}"
    )
