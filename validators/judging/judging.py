"""Judge one candidate: perform sealed journeys on fresh apps and fold the evidence into a verdict.

The journeys are those of the issue, and the regression suite: journeys of issues that have landed.
A chore for which no journey can be written is judged by the regression suite alone, and the verdict
states that. Any other change without a journey of its own is not judged.

Properties:
- Whatever stops a judgement becomes an inconclusive verdict with the reason.
- A launcher that is killed leaves no verdict, because the verdict is written last and whole. The
  evidence so far stays in the store."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.domain.evidence import RunEvidence, RunId
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
    mended,
    named_apart,
    regression_suite,
)
from validators.launcher.workplace import work_folder

UNSEALED = "unsealed"
ALL_BROKEN = (
    "every journey that was to judge this change is red on the base already: mend, supersede or"
    " retire them"
)
# Where the change has no journey of its own, this many journeys of the regression suite must notice
# injected faults in this very judgement.
CONTROLLED = 3


@dataclass(slots=True)
class Judgement:
    """One judgement as it grows.

    `journeys` and `purposes`: the issue's own, by digest. `suite`: the regression suite. `broken`:
    its journeys that are red on base already. `compiled`: the journeys compiled from what personas
    did. `beside`: the run on base with the data of this judgement, by the name of its journey.
    `verdict` is inconclusive until evidence shows otherwise."""

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
    beside: dict[str, RunId] = field(default_factory=dict)

    @property
    def bound(self) -> tuple[str, ...]:
        """The digest of every journey that binds this change: its own and the whole regression
        suite, performed or not."""
        return (*self.journeys, *self.suite.digests)

    @property
    def regression_promises(self) -> dict[str, str]:
        """The titles of the issues whose journeys are in the regression suite, by promise."""
        entries = (*(one.entry for one in self.suite.chosen), *mended(self.context))
        return {f"issue #{entry.issue}": entry.title for entry in entries if entry.title}

    @property
    def performed(self) -> tuple[Journey, ...]:
        """Every journey of this judgement: the issue's own first, those of personas last."""
        return (
            *self.journeys.values(),
            *(one.journey for one in self.suite.chosen),
            *self.compiled,
        )


def judgement_of(context: Context, *, keep: Path) -> Judgement:
    """The judgement of the request's candidate. Every file of its evidence is kept below `keep`."""
    request = context.request
    journeys, purposes = _own(context)
    seed = secrets.randbits(31) if request.seed is None else request.seed
    nothing = Verdict(Outcome.INCONCLUSIVE, "nothing was judged", Counts(sealed=len(journeys)))
    judgement = Judgement(context, journeys, purposes, seed, context.now(), nothing)
    try:
        found = _perform(judgement, keep=keep)
        judgement.verdict = without_unsealed_pass(found, judgement.sandboxes)
    except Inconclusive as stop:
        judgement.verdict = replace(nothing, reason=str(stop))
    _record_controls(judgement)
    context.phases("sign and write")
    return judgement


def _own(context: Context) -> tuple[dict[str, Journey], dict[str, Purpose]]:
    """The journeys that the change answers for, and their purposes, by digest.

    Those of its issue; and where it mends what has landed, the journeys that are red for that, and
    must be green with it. The issue's own were red before an earlier landing, so they only guard
    then."""
    sealed = context.journey_store.journeys(context.request.issue.number)
    journeys = {one.entry.digest: read(one.text, file=one.entry.journey) for one in sealed}
    purposes = {one.entry.digest: one.entry.purpose for one in sealed}
    mends = mended(context)
    if mends:
        purposes = dict.fromkeys(purposes, Purpose.REGRESSION)
    for entry in mends:
        taken = {one.name for digest, one in journeys.items() if digest != entry.digest}
        journey = named_apart(context.journey_store.journey(entry), taken)
        if journey.promise == "issue" and entry.issue != context.request.issue.number:
            # Its findings are in the words of the issue that it was written for.
            journey = replace(journey, promise=f"issue #{entry.issue}")
        journeys[entry.digest], purposes[entry.digest] = journey, Purpose.MEND
    return journeys, purposes


def _perform(judgement: Judgement, *, keep: Path) -> Verdict:
    context, names = judgement.context, [journey.name for journey in judgement.journeys.values()]
    checked_candidate(context.request)
    controlled = 0 if judgement.journeys else CONTROLLED
    judgement.suite = regression_suite(
        context, seed=judgement.seed, names=names, controlled=controlled
    )
    _refuse_unjudgeable(judgement)
    with work_folder(rescue_to=keep) as folder:
        trial = new_trial(
            judgement.context,
            judgement.journeys,
            folder=folder,
            keep=keep,
            seed=judgement.seed,
            purposes=judgement.purposes,
            regression=judgement.suite.chosen,
        )
        found = _perform_on_candidate(trial, judgement)
        return after_exploring(found, judgement, bench=trial.bench)


def after_exploring(found: Verdict, judgement: Judgement, *, bench: PerformanceBench) -> Verdict:
    """The verdict after personas have explored the candidate. They do so only when it is green:
    exploring can make no verdict better."""
    exploring = judgement.context.request.exploring
    if exploring is None or found.outcome is not Outcome.PASSED:
        return found
    explores = explorer(judgement.context, bench, exploring=exploring)
    judgement.exploration = explores.explored(tuple(one.persona() for one in exploring.personas))
    judgement.compiled = tuple(explores.journeys)
    judgement.sandboxes = (*judgement.sandboxes, *explores.sandboxes)
    return with_exploration(found, judgement.exploration)


def _refuse_unjudgeable(judgement: Judgement) -> None:
    """Raises Inconclusive when there is no journey that could be red."""
    issue = judgement.context.request.issue
    if judgement.journeys:
        return
    if issue.kind != "chore" or not declined(judgement.context):
        raise Inconclusive(f"no journey is sealed for issue {issue.number}: have one authored")
    if not judgement.suite.chosen:
        raise Inconclusive(
            f"issue {issue.number} has no journey of its own, and the regression suite is empty: a"
            " person decides"
        )


def _perform_on_candidate(trial: Trial, judgement: Judgement) -> Verdict:
    try:
        found = trial.on_candidate()
        return found if found.journeys.sealed else replace(found, reason=ALL_BROKEN)
    finally:
        # An inconclusive judgement keeps what it has shown until then, too.
        judgement.evidence, judgement.sandboxes = trial.evidence, trial.sandboxes
        judgement.beside = trial.beside
        judgement.broken = tuple(trial.regression[name] for name in sorted(trial.broken()))


def _record_controls(judgement: Judgement) -> None:
    """Record which journeys noticed the injected faults: they need not do so again in the
    regression suite."""
    if judgement.verdict.outcome is not Outcome.PASSED:
        return
    request = judgement.context.request
    shown = (
        one.entry.digest
        for one in judgement.suite.chosen
        if one.inject_faults and one not in judgement.broken
    )
    assert request.candidate is not None
    for digest in (*judgement.journeys, *shown):
        judgement.context.journey_store.keep_controls(
            digest, tree=request.candidate.tree, run=request.run
        )


def without_unsealed_pass(found: Verdict, sandboxes: Iterable[SandboxResult]) -> Verdict:
    """The verdict, where a pass outside of a sandbox becomes inconclusive: the app could have read
    the journeys, or written the evidence."""
    if found.outcome is Outcome.PASSED and any(one.form == UNSEALED for one in sandboxes):
        reason = "no sandbox works on this machine, so a pass proves nothing"
        return replace(found, outcome=Outcome.INCONCLUSIVE, reason=reason)
    return found
