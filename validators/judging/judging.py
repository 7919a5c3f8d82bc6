"""Judging one candidate: what is sealed is performed on fresh apps, the evidence is folded, and the
verdict is signed.

What is sealed are the journeys of the issue, and those that guard what has landed. A chore for
which no journey can be written is judged by the guards alone, and the verdict says so; anything
else without a journey of its own is not judged.

Whatever stops a judgement on the way becomes an inconclusive verdict with the reason. A launcher
that is killed leaves no verdict at all: it is the last file written, and it is written whole. What
it had found out stays in the store."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.domain.evidence import RunEvidence
from validators.domain.exploring.explored import Exploration, with_exploration
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive
from validators.domain.verdict import Counts, Outcome, Purpose, Verdict
from validators.exploration.exploring import explorer
from validators.language.reader import read
from validators.launcher.context import Context, checked_candidate
from validators.launcher.perform import PerformanceBench
from validators.launcher.proving import Trial, new_trial
from validators.launcher.regression_suite import (
    EMPTY_SUITE,
    RegressionJourney,
    RegressionSuite,
    declined,
    regression_suite,
)
from validators.launcher.workplace import work_folder

UNSEALED = "unsealed"
ALL_BROKEN = (
    "every journey that was to judge this change is red on the base already: mend, supersede or"
    " retire them"
)
CONTROLLED = 3
"""Where no journey is the change's own, so many of the guards must notice saboteurs in this very
judgement."""


@dataclass(slots=True)
class Judgement:
    """One judgement as it grows. `journeys`, the issue's own, by digest; `guards` stand for what
    has landed, and `broken` are those of them that base breaks already. `compiled` are the journeys
    of what personas did. `verdict` is inconclusive until evidence says otherwise."""

    context: Context
    journeys: dict[str, Journey]
    purposes: dict[str, Purpose]
    seed: int
    began: datetime
    verdict: Verdict
    suite: RegressionSuite = EMPTY_SUITE
    broken: tuple[RegressionJourney, ...] = ()
    evidence: tuple[RunEvidence, ...] = ()
    sandboxes: tuple[SandboxResult, ...] = ()
    exploration: Exploration | None = None
    compiled: tuple[Journey, ...] = ()

    @property
    def bound(self) -> tuple[str, ...]:
        """The digest of every journey that binds this change: its own, and all that stand guard,
        performed or left out."""
        return (*self.journeys, *self.suite.digests)

    @property
    def regression_promises(self) -> dict[str, str]:
        """What the journeys that stand guard for issues promise: the titles of those issues."""
        return {
            f"issue #{guard.entry.issue}": guard.entry.title
            for guard in self.suite.chosen
            if guard.entry.title
        }

    @property
    def performed(self) -> tuple[Journey, ...]:
        """Every journey of this judgement, the issue's own first and those of personas last."""
        return (
            *self.journeys.values(),
            *(guard.journey for guard in self.suite.chosen),
            *self.compiled,
        )


def judgement_of(context: Context, *, keep: Path) -> Judgement:
    """The judgement that the desk's request asks for; every file of its evidence is kept below
    `keep`."""
    request = context.request
    standing = context.journey_store.journeys(request.issue.number)
    journeys = {one.entry.digest: read(one.text, file=one.entry.journey) for one in standing}
    purposes = {one.entry.digest: one.entry.purpose for one in standing}
    seed = secrets.randbits(31) if request.seed is None else request.seed
    nothing = Verdict(Outcome.INCONCLUSIVE, "nothing was judged", Counts(sealed=len(journeys)))
    judgement = Judgement(context, journeys, purposes, seed, context.now(), nothing)
    try:
        judgement.verdict = without_unsealed_pass(
            _performed(judgement, keep=keep), judgement.sandboxes
        )
    except Inconclusive as stop:
        judgement.verdict = replace(nothing, reason=str(stop))
    _remembered(judgement)
    context.phases("sign and write")
    return judgement


def _performed(judgement: Judgement, *, keep: Path) -> Verdict:
    context, names = judgement.context, [journey.name for journey in judgement.journeys.values()]
    checked_candidate(context.request)
    controlled = 0 if judgement.journeys else CONTROLLED
    judgement.suite = regression_suite(
        context, seed=judgement.seed, names=names, controlled=controlled
    )
    _refuse_nothing(judgement)
    with work_folder(heir=keep) as folder:
        trial = new_trial(
            judgement.context,
            judgement.journeys,
            folder=folder,
            keep=keep,
            seed=judgement.seed,
            purposes=judgement.purposes,
            regression=judgement.suite.chosen,
        )
        return after_exploring(_told(trial, judgement), judgement, bench=trial.bench)


def after_exploring(found: Verdict, judgement: Judgement, *, bench: PerformanceBench) -> Verdict:
    """The verdict after the personas have been out, if there are any and it is green: exploring
    makes none better."""
    exploring = judgement.context.request.exploring
    if exploring is None or found.outcome is not Outcome.PASSED:
        return found
    gone = explorer(judgement.context, bench, exploring=exploring)
    judgement.exploration = gone.explored(tuple(told.persona() for told in exploring.personas))
    judgement.compiled, judgement.sandboxes = (
        tuple(gone.journeys),
        (*judgement.sandboxes, *gone.sandboxes),
    )
    return with_exploration(found, judgement.exploration)


def _refuse_nothing(judgement: Judgement) -> None:
    """Raises Inconclusive where there is nothing that could be red: a journey is missing, or stands
    guard nowhere."""
    issue = judgement.context.request.issue
    if judgement.journeys:
        return
    if issue.kind != "chore" or not declined(judgement.context):
        raise Inconclusive(f"no journey is sealed for issue {issue.number}: have one authored")
    if not judgement.suite.chosen:
        raise Inconclusive(
            f"issue {issue.number} has no journey of its own, and none guards what has landed: a"
            " person decides"
        )


def _told(trial: Trial, judgement: Judgement) -> Verdict:
    try:
        found = trial.on_candidate()
        return found if found.journeys.sealed else replace(found, reason=ALL_BROKEN)
    finally:
        judgement.evidence, judgement.sandboxes = trial.evidence, trial.sandboxes
        judgement.broken = tuple(trial.regression[name] for name in sorted(trial.broken()))


def _remembered(judgement: Judgement) -> None:
    """Whoever noticed the saboteurs in a judgement that passed need not do so again when it stands
    guard."""
    if judgement.verdict.outcome is not Outcome.PASSED:
        return
    request = judgement.context.request
    shown = (
        guard.entry.digest
        for guard in judgement.suite.chosen
        if guard.with_faults and guard not in judgement.broken
    )
    assert request.candidate is not None
    for digest in (*judgement.journeys, *shown):
        judgement.context.journey_store.keep_controls(
            digest, tree=request.candidate.tree, run=request.run
        )


def without_unsealed_pass(found: Verdict, sandboxes: Iterable[SandboxResult]) -> Verdict:
    """Green without a box is not green: whoever wrote the app could have read the journeys, or
    written the evidence."""
    if found.outcome is Outcome.PASSED and any(box.form == UNSEALED for box in sandboxes):
        return replace(
            found,
            outcome=Outcome.INCONCLUSIVE,
            reason="no box holds on this machine, so a pass proves nothing",
        )
    return found
