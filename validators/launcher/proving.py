"""Performing journeys on a base tree and on a candidate, and folding what they showed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.app.side import Side, prepared_side, seeded_side
from validators.domain.evidence import Identity, Kind, RunEvidence, RunId
from validators.domain.fold import Result, result, verdict
from validators.domain.journeys.journey import Journey
from validators.domain.proof import broken, proof
from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose, Sealed, Symptom, Verdict
from validators.launcher.bases import BaseProofs
from validators.launcher.context import Context
from validators.launcher.pacing import scene_of
from validators.launcher.perform import FIRST, PerformanceBench
from validators.launcher.regression_suite import RegressionJourney
from validators.performance.plan import base_runs, judgement_runs, retry_runs, standing_runs
from validators.store.journeys import purpose_of

BASE, CANDIDATE = "base", "candidate"
PROOF, AGAIN, STANDING = "proof", "again", "standing"
MOST_APPS = 40
"""All apps of a performance are up at once, and a machine has an end: twenty journeys would be 160
of them."""


@dataclass(slots=True)
class Trial:
    """Journeys on trial, by name: what is known so far, run by run. `proofs` is what the store
    knows of the base.

    `purposes` of those that are of the change's own issue, `guards` those that stand guard for what
    has landed."""

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

    def on_base(self) -> tuple[Sealed, ...]:
        """Each journey with what it has shown on the base tree, performed now if it was not
        known."""
        self._perform(FIRST, self._missing_base(self._own))
        return self.sealed()

    def on_base_with_other_data(self, *, seed: int) -> tuple[Sealed, ...]:
        """Each journey with what it has shown on base, where the masked visitor has the data of
        `seed`: what both then say is due neither to one visitor nor to one set of data. Those that
        are to be green there are performed with all their controls as well, as if base were the
        candidate, with the data of `seed`.

        All of it is one performance: a driver and two browsers are as dear as two runs."""
        self.candidate = BASE
        first = self._missing_base(self._own)
        green = judgement_runs(
            name for name in self._own if self.purposes[name] is Purpose.REGRESSION
        )
        seeds = {
            run: seed
            for run in (*first, *green)
            if run.kind is not Kind.BASE or run.identity is Identity.MASKED
        }
        self._perform(FIRST, (*first, *green), seeds=seeds)
        return self.sealed()

    def on_candidate(self) -> Verdict:
        """The verdict on the candidate: base runs not yet known, then all of the judgement's.

        Each side has a driver and browsers of its own: what a candidate may do to a browser never
        touches the proof. A failure that both identities met, each on an app of its own, needs no
        retry. One that only one of them met is tried once more, so that an app which is merely
        flaky is not accused of watching. A standing journey that did not pass is performed by the
        plain visitor as well, if it was not, and tried on base, so that a change is not blamed for
        what was broken before it."""
        self._perform(PROOF, self._missing_base(self._own))
        self._perform(
            FIRST,
            (
                *judgement_runs(self._own),
                *(run for name in self.regression for run in self._regression_runs(name)),
            ),
        )
        self._perform(
            STANDING,
            tuple(RunId(name) for name in self._doubted() if not self.regression[name].plain),
        )
        self._perform(f"{STANDING}-{BASE}", self._missing_base(self._doubted()))
        self._perform(f"{STANDING}-{BASE}-{AGAIN}", base_runs(self._seen_once(), attempt=2))
        torn = {
            one.journey
            for one in self.verdict().findings
            if one.symptom is Symptom.DIFFERS_WHEN_WATCHED
        }
        self._perform("retry", retry_runs(sorted(torn)))
        return self.verdict()

    def sealed(self) -> tuple[Sealed, ...]:
        """Every journey with its purpose and its proof, as the fold wants them."""
        return tuple(self._sealed(journey) for journey in self.journeys.values())

    def verdict(self) -> Verdict:
        """What all runs until now say, without the standing journeys that base breaks already."""
        gone = self.broken()
        runs = tuple(
            run
            for run in self.evidence
            if run.run.kind is not Kind.BASE and run.run.journey not in gone
        )
        return verdict(tuple(one for one in self.sealed() if one.journey not in gone), runs)

    def broken(self) -> frozenset[str]:
        """The standing journeys that failed and that are red on base as well. They bind no change
        until somebody mends them."""
        return frozenset(name for name in self._doubted() if broken(name, self.evidence))

    @property
    def _own(self) -> tuple[str, ...]:
        return tuple(name for name in self.journeys if name not in self.regression)

    def _sealed(self, journey: Journey) -> Sealed:
        shown = tuple(
            run
            for run in self.evidence
            if run.run.journey == journey.name and run.run.kind is Kind.BASE
        )
        guard = self.regression.get(journey.name)
        if guard is None:
            purpose = self.purposes[journey.name]
            return Sealed(
                journey.name, journey.promise, purpose, proof(journey.name, purpose, shown)
            )
        told = proof(journey.name, Purpose.REGRESSION, shown) if shown else None
        plain = guard.plain or journey.name in self._doubted()
        return Sealed(
            journey.name,
            journey.promise,
            Purpose.REGRESSION,
            told,
            True,
            guard.entry.issue,
            guard.with_faults,
            plain,
        )

    def _regression_runs(self, name: str) -> tuple[RunId, ...]:
        guard = self.regression[name]
        return (
            judgement_runs((name,)) if guard.with_faults else standing_runs(name, plain=guard.plain)
        )

    def _doubted(self) -> tuple[str, ...]:
        """The standing journeys of which some own run did not pass."""
        own = [
            run
            for run in self.evidence
            if run.run.kind is Kind.JOURNEY and run.run.journey in self.regression
        ]
        return tuple(sorted({run.run.journey for run in own if result(run) is not Result.PASSED}))

    def _seen_once(self) -> tuple[str, ...]:
        """The standing journeys that one performance on base calls broken; a second must say so,
        too."""
        doubted = [name for name in self._doubted() if broken(name, self.evidence, times=1)]
        return tuple(name for name in doubted if not broken(name, self.evidence))

    def _missing_base(self, names: Sequence[str]) -> tuple[RunId, ...]:
        told = {run.run.journey for run in self.evidence if run.run.kind is Kind.BASE}
        self.evidence += self.proofs.known(
            (name for name in names if name not in told), into=self.bench.keep
        )
        known = {run.run.journey for run in self.evidence if run.run.kind is Kind.BASE}
        return base_runs(name for name in names if name not in known)

    def _perform(
        self, label: str, runs: Sequence[RunId], *, seeds: Mapping[RunId, int] | None = None
    ) -> None:
        """Perform the runs, so many journeys at a time that all their apps can be up at once."""
        for number, some in enumerate(waves(runs), start=1):
            self._perform_wave(label if number == 1 else f"{label}-{number}", some, seeds=seeds)

    def _perform_wave(
        self, label: str, runs: Sequence[RunId], *, seeds: Mapping[RunId, int] | None
    ) -> None:
        texts = [self.journeys[name].source for name in dict.fromkeys(run.journey for run in runs)]
        left = self.bench.performed(label, runs, journeys=texts, side=self._side, seeds=seeds)
        self.evidence += left.evidence
        self.sandboxes += left.sandboxes
        self.proofs.keep(left.evidence, source=self.bench.keep)

    def _seeded(self, name: str, seed: str | None) -> Side:
        app, sandboxes = self.context.request.app, self.bench.sandboxes
        bare = next(
            (side for (other, _), side in self.sides.items() if other == name), None
        ) or self._exported(name)
        return seeded_side(bare, app, seed=seed, sandboxes=sandboxes)

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
        key = (BASE if run.kind is Kind.BASE else self.candidate, self.journeys[run.journey].seed)
        if key not in self.sides:
            self.bench.phase(f"{key[0]}: export, packages, data")
            self.sides[key] = self._seeded(*key)
        return self.sides[key]


def waves(runs: Iterable[RunId], *, most: int = MOST_APPS) -> Iterator[tuple[RunId, ...]]:
    """The runs in their order, cut between journeys, so that no part has more than `most` unless
    one journey does."""
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
) -> Trial:
    """The trial of these journeys (by digest), performing below `folder` and keeping every file
    below `keep`.

    `purposes` by digest; where it names none, the issue's kind does."""
    scene = scene_of(context, seed=seed, keep=keep)
    known, usual = purposes or {}, purpose_of(context.request.issue.kind)
    digests = {journey.name: digest for digest, journey in journeys.items()}
    guards = {guard.journey.name: guard for guard in regression}
    named = {
        journey.name: journey
        for journey in (*journeys.values(), *(guard.journey for guard in regression))
    }
    if len(named) != len(journeys) + len(regression):
        raise UsageError("two journeys of this issue have the same name; give each its own")
    bench = PerformanceBench(
        scene, context.sandboxes(folder / "papers"), folder, keep, context.phases
    )
    standing = {name: guard.entry.digest for name, guard in guards.items()}
    proofs = BaseProofs(context.journey_store, context.request.base.tree, digests | standing)
    own = {name: known.get(digest, usual) for name, digest in digests.items()}
    return Trial(context, named, own, guards, bench, proofs)
