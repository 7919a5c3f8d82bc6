"""Perform journeys on a base tree and on a candidate, and fold what they show into a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.app.side import Side, prepared_side, seeded_side
from validators.domain.evidence import ON_BASE, Identity, RunEvidence, RunId, RunKind
from validators.domain.fold import verdict
from validators.domain.journeys.journey import Journey
from validators.domain.proof import broken_on_base, proof
from validators.domain.run_result import Result, result
from validators.domain.standing import Standing, is_green, standing
from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose, Sealed, Symptom, Verdict
from validators.launcher.bases import BaseProofs
from validators.launcher.context import Context
from validators.launcher.pacing import scene_of
from validators.launcher.perform import FIRST, PerformanceBench
from validators.launcher.regression_suite import RegressionJourney
from validators.performance.plan import (
    base_runs,
    comparison_runs,
    judgement_runs,
    retry_runs,
    suite_runs,
)
from validators.store.journeys import purpose_of

BASE, CANDIDATE = "base", "candidate"
# Labels of performances: the names of their folders in the evidence.
PROOF, AGAIN, SUITE = "proof", "again", "standing"
# All apps of a performance run at once. Twenty journeys would be 160 apps.
MOST_APPS = 40


@dataclass(slots=True)
class Trial:
    """Journeys on trial, by name, and what is known about them, run by run.

    `purposes`: of the journeys of the change's own issue. `regression`: those of the regression
    suite. `proofs`: the store's proofs for the base. `candidate`: the side that is judged.
    `proved_now`: the journeys that this trial has performed on base."""

    context: Context
    journeys: Mapping[str, Journey]
    purposes: Mapping[str, Purpose]
    regression: Mapping[str, RegressionJourney]
    bench: PerformanceBench
    proofs: BaseProofs
    evidence: tuple[RunEvidence, ...] = ()
    sandboxes: tuple[SandboxResult, ...] = ()
    sides: dict[tuple[str, str | None], Side] = field(default_factory=dict)
    candidate: str = CANDIDATE
    proved_now: frozenset[str] = frozenset()

    def on_base(self) -> tuple[Sealed, ...]:
        """Each journey with its proof on base; those that the store has no proof of are performed
        now."""
        self._perform(FIRST, self._missing_base(self._own))
        return self.sealed()

    def on_base_with_other_data(self, *, seed: int) -> tuple[Sealed, ...]:
        """Each journey with its proof on base, where the masked visitor has the data of `seed`.

        So a result that both visitors share is due neither to one visitor nor to one set of data.
        Journeys that should be green on base are performed with all their controls as well, as if
        base were the candidate."""
        self.candidate = BASE
        first = self._missing_base(self._own)
        green = judgement_runs(
            name for name in self._own if self.purposes[name] is Purpose.REGRESSION
        )
        seeds = {
            run: seed
            for run in (*first, *green)
            if run.kind is not RunKind.BASE or run.identity is Identity.MASKED
        }
        # One performance for all: a driver and two browsers cost as much as two runs.
        self._perform(FIRST, (*first, *green), seeds=seeds)
        return self.sealed()

    def on_candidate(self) -> Verdict:
        """Perform on base what the store has no proof of, then on the candidate; return the
        verdict."""
        # Each side has its own driver and browsers: what a candidate does to a browser never
        # touches the proof on base.
        missing = self._missing_base(self._own)
        self.proved_now = frozenset(run.journey for run in missing)
        self._perform(PROOF, missing)
        regression = (run for name in self.regression for run in self._regression_runs(name))
        own = sorted((*judgement_runs(self._own), *self._comparisons()), key=self._place)
        self._perform(FIRST, (*own, *regression))
        self._try_doubted_on_base()
        # A failure that both visitors met, each on its own app, needs no second attempt. One that
        # only one of them met gets it: a flaky app is not accused of watching its visitor.
        torn = {
            one.journey
            for one in self.verdict().findings
            if one.symptom is Symptom.DIFFERS_WHEN_WATCHED
        }
        self._perform("retry", retry_runs(sorted(torn)))
        return self.verdict()

    def observed(self, *, other: int) -> dict[str, Standing]:
        """What each regression journey shows on base. Those that are not green at once are
        performed again, with the data of the seed `other`. Nothing that the store has counts: what
        was green on this tree may be red today."""
        names = tuple(self.regression)
        self._perform(FIRST, base_runs(names))
        again = base_runs((name for name in names if not is_green(name, self.evidence)), attempt=2)
        self._perform(AGAIN, again, seeds=dict.fromkeys(again, other))
        return {name: standing(name, self.evidence) for name in names}

    @property
    def beside(self) -> dict[str, RunId]:
        """The runs on base with the data and the viewport of this judgement, by journey."""
        shown = (RunId(name, kind=RunKind.BASE) for name in sorted(self.proved_now))
        known = {run.run for run in self.evidence}
        return {run.journey: run for run in (*shown, *self._comparisons()) if run in known}

    def _comparisons(self) -> tuple[RunId, ...]:
        """What the evidence shows beside the candidate where base was not performed just now: a
        proof of the store has other data. Nobody votes by these runs, so they may share the
        browser with the candidate."""
        return comparison_runs(name for name in self._own if name not in self.proved_now)

    def _try_doubted_on_base(self) -> None:
        """Perform the regression journeys that did not pass as the plain visitor, and on base, so
        that no change is blamed for what was broken before it."""
        plain = (RunId(name) for name in self._doubted() if not self.regression[name].plain)
        self._perform(SUITE, tuple(plain))
        self._perform(f"{SUITE}-{BASE}", self._missing_base(self._doubted()))
        self._perform(f"{SUITE}-{BASE}-{AGAIN}", base_runs(self._red_once(), attempt=2))

    def sealed(self) -> tuple[Sealed, ...]:
        """Every journey with its purpose and its proof, for the fold."""
        return tuple(self._sealed(journey) for journey in self.journeys.values())

    def verdict(self) -> Verdict:
        """The verdict from all runs so far, without the regression journeys that base breaks."""
        gone = self.broken()
        runs = tuple(
            run
            for run in self.evidence
            if run.run.kind not in ON_BASE and run.run.journey not in gone
        )
        return verdict(tuple(one for one in self.sealed() if one.journey not in gone), runs)

    def broken(self) -> frozenset[str]:
        """The regression journeys that failed and are red on base as well. They bind no change
        until somebody repairs them."""
        return frozenset(name for name in self._doubted() if broken_on_base(name, self.evidence))

    @property
    def _own(self) -> tuple[str, ...]:
        return tuple(name for name in self.journeys if name not in self.regression)

    def _place(self, run: RunId) -> int:
        """The place of a run's journey: the runs of one journey stand together."""
        return self._own.index(run.journey)

    def _sealed(self, journey: Journey) -> Sealed:
        shown = tuple(
            run
            for run in self.evidence
            if run.run.journey == journey.name and run.run.kind is RunKind.BASE
        )
        name, promise = journey.name, journey.promise
        landed = self.regression.get(name)
        if landed is None:
            purpose = self.purposes[name]
            return Sealed(name, promise, purpose, proof(name, purpose, shown))
        return Sealed(
            name,
            promise,
            Purpose.REGRESSION,
            proof(name, Purpose.REGRESSION, shown) if shown else None,
            in_suite=True,
            issue=landed.entry.issue,
            inject_faults=landed.inject_faults,
            plain=landed.plain or name in self._doubted(),
        )

    def _regression_runs(self, name: str) -> tuple[RunId, ...]:
        one = self.regression[name]
        if one.inject_faults:
            return judgement_runs((name,))
        return suite_runs(name, plain=one.plain)

    def _doubted(self) -> tuple[str, ...]:
        """The regression journeys with a run that did not pass."""
        own = [
            run
            for run in self.evidence
            if run.run.kind is RunKind.JOURNEY and run.run.journey in self.regression
        ]
        return tuple(sorted({run.run.journey for run in own if result(run) is not Result.PASSED}))

    def _red_once(self) -> tuple[str, ...]:
        """The regression journeys that one performance on base shows as broken; a second one must
        confirm it."""
        doubted = [name for name in self._doubted() if broken_on_base(name, self.evidence, times=1)]
        return tuple(name for name in doubted if not broken_on_base(name, self.evidence))

    def _missing_base(self, names: Sequence[str]) -> tuple[RunId, ...]:
        """The base runs that neither this trial nor the store has. Those of the store are added to
        the evidence."""
        missing = self._not_on_base(names)
        self.evidence += self.proofs.stored(missing, into=self.bench.keep)
        return base_runs(self._not_on_base(names))

    def _not_on_base(self, names: Sequence[str]) -> tuple[str, ...]:
        shown = {run.run.journey for run in self.evidence if run.run.kind is RunKind.BASE}
        return tuple(name for name in names if name not in shown)

    def _perform(
        self, label: str, runs: Sequence[RunId], *, seeds: Mapping[RunId, int] | None = None
    ) -> None:
        """Perform the runs, at most MOST_APPS at a time."""
        for number, some in enumerate(waves(runs), start=1):
            self._perform_wave(label if number == 1 else f"{label}-{number}", some, seeds=seeds)

    def _perform_wave(
        self, label: str, runs: Sequence[RunId], *, seeds: Mapping[RunId, int] | None
    ) -> None:
        texts = [self.journeys[name].source for name in dict.fromkeys(run.journey for run in runs)]
        result = self.bench.performed(label, runs, journeys=texts, side=self._side, seeds=seeds)
        self.evidence += result.evidence
        self.sandboxes += result.sandboxes
        self.proofs.keep(result.evidence, source=self.bench.keep)

    def _seeded(self, name: str, seed: str | None) -> Side:
        app, sandboxes = self.context.request.app, self.bench.sandboxes
        # A tree is exported once; sides that differ in their data share it.
        exported = next((side for (other, _), side in self.sides.items() if other == name), None)
        return seeded_side(exported or self._exported(name), app, seed=seed, sandboxes=sandboxes)

    def _exported(self, name: str) -> Side:
        request = self.context.request
        revision = request.base if name == BASE else request.candidate
        assert revision is not None
        return prepared_side(
            name,
            request.app,
            git_dir=Path(request.git_dir),
            tree=revision.tree,
            sandboxes=self.bench.sandboxes,
            stores=self.context.stores,
            folder=self.bench.folder / name,
        )

    def _side(self, run: RunId) -> Side:
        key = (
            BASE if run.kind in ON_BASE else self.candidate,
            self.journeys[run.journey].seed,
        )
        if key not in self.sides:
            self.bench.phase(f"{key[0]}: export, packages, data")
            self.sides[key] = self._seeded(*key)
        return self.sides[key]


def waves(runs: Iterable[RunId], *, most: int = MOST_APPS) -> Iterator[tuple[RunId, ...]]:
    """The runs in order, in parts of at most `most`. A part ends between journeys; a journey with
    more runs is a part of its own."""
    wave: list[RunId] = []
    for _, some in groupby(runs, key=lambda run: run.journey):
        its = tuple(some)
        if wave and len(wave) + len(its) > most:
            yield tuple(wave)
            wave = []
        wave += its
    if wave:
        yield tuple(wave)


def new_trial(
    context: Context,
    journeys: Mapping[str, Journey],
    *,
    folder: Path,
    keep: Path,
    seed: int,
    purposes: Mapping[str, Purpose] | None = None,
    regression: Sequence[RegressionJourney] = (),
    base: Side | None = None,
) -> Trial:
    """A trial of these journeys (by digest). It performs below `folder` and keeps every file below
    `keep`.

    `purposes` by digest; the issue's kind decides where it has none. `base` is the base with its
    own data, where it has been prepared. Raises UsageError when two
    journeys have one name."""
    scene = scene_of(context, seed=seed, keep=keep)
    given, usual = purposes or {}, purpose_of(context.request.issue.kind)
    digests = {journey.name: digest for digest, journey in journeys.items()}
    landed = {one.journey.name: one for one in regression}
    named = {one.name: one for one in (*journeys.values(), *(one.journey for one in regression))}
    if len(named) != len(journeys) + len(regression):
        raise UsageError("two journeys of this issue have the same name; give each its own")
    sandboxes = context.sandboxes(folder / "sandboxes")
    bench = PerformanceBench(scene, sandboxes, folder, keep, context.phases)
    landed_digests = {name: one.entry.digest for name, one in landed.items()}
    proofs = BaseProofs(context.journey_store, context.request.base.tree, digests | landed_digests)
    own = {name: given.get(digest, usual) for name, digest in digests.items()}
    sides: dict[tuple[str, str | None], Side] = {(BASE, None): base} if base else {}
    return Trial(context, named, own, landed, bench, proofs, sides=sides)
