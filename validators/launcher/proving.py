"""Performing journeys on a base tree and on a candidate, and folding what they showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from validators.app.boxes import BoxResult
from validators.app.side import Side, prepared_side, seeded_side
from validators.domain.evidence import Kind, RunEvidence, RunId
from validators.domain.fold import verdict
from validators.domain.journey import Journey
from validators.domain.proof import proof
from validators.domain.stops import UsageError
from validators.domain.verdict import Purpose, Sealed, Symptom, Verdict
from validators.judge.plan import base_runs, judgement_runs, retry_runs
from validators.launcher.bases import BaseProofs
from validators.launcher.desk import Desk
from validators.launcher.perform import FIRST, Scene, Theatre
from validators.store.shelf import purpose_of

BASE, CANDIDATE = "base", "candidate"
PROOF = "proof"


@dataclass(slots=True)
class Trial:
    """Journeys of one issue on trial: what is known so far, run by run. `proofs` is what the store knows of the base."""

    desk: Desk
    journeys: Mapping[str, Journey]
    theatre: Theatre
    proofs: BaseProofs
    evidence: tuple[RunEvidence, ...] = ()
    boxes: tuple[BoxResult, ...] = ()
    sides: dict[tuple[str, str | None], Side] = field(default_factory=dict)

    def on_base(self) -> tuple[Sealed, ...]:
        """Each journey with what it has shown on the base tree, performed now if it was not known."""
        self._perform(FIRST, self._missing_base())
        return self.sealed()

    def on_candidate(self) -> Verdict:
        """The verdict on the candidate: base runs not yet known, then all of the judgement's.

        Each side has a driver and browsers of its own: what a candidate may do to a browser never touches the proof.
        A failure that both identities met, each on an app of its own, needs no retry. One that only one of them met is
        tried once more, so that an app which is merely flaky is not accused of watching.
        """
        self._perform(PROOF, self._missing_base())
        self._perform(FIRST, judgement_runs(self.journeys))
        found = self._verdict()
        if torn := {one.journey for one in found.findings if one.symptom is Symptom.DIFFERS_WHEN_WATCHED}:
            self._perform("retry", retry_runs(torn))
            found = self._verdict()
        return found

    def sealed(self) -> tuple[Sealed, ...]:
        """Every journey with its purpose and its proof, as the fold wants them."""
        purpose = purpose_of(self.desk.request.issue.kind)
        return tuple(self._sealed(journey, purpose) for journey in self.journeys.values())

    def _sealed(self, journey: Journey, purpose: Purpose) -> Sealed:
        shown = tuple(run for run in self.evidence if run.run.journey == journey.name and run.run.kind is Kind.BASE)
        return Sealed(journey.name, journey.promise, purpose, proof(journey.name, purpose, shown))

    def _verdict(self) -> Verdict:
        return verdict(self.sealed(), tuple(run for run in self.evidence if run.run.kind is not Kind.BASE))

    def _missing_base(self) -> tuple[RunId, ...]:
        self.evidence += self.proofs.known(into=self.theatre.keep)
        known = {run.run.journey for run in self.evidence}
        return base_runs(name for name in self.journeys if name not in known)

    def _perform(self, label: str, runs: Sequence[RunId]) -> None:
        if not runs:
            return
        texts = [journey.source for journey in self.journeys.values()]
        left = self.theatre.performed(label, runs, journeys=texts, side=self._side)
        self.evidence += left.evidence
        self.boxes += left.boxes
        self.proofs.keep(left.evidence, source=self.theatre.keep)

    def _seeded(self, name: str, seed: str | None) -> Side:
        app, boxes = self.desk.request.app, self.theatre.boxes
        bare = next((side for (other, _), side in self.sides.items() if other == name), None) or self._exported(name)
        return seeded_side(bare, app, seed=seed, boxes=boxes)

    def _exported(self, name: str) -> Side:
        request = self.desk.request
        revision = request.base if name == BASE else request.candidate
        assert revision is not None
        return prepared_side(
            name,
            request.app,
            git_dir=Path(request.git_dir),
            tree=revision.tree,
            boxes=self.theatre.boxes,
            stores=self.desk.stores,
            folder=self.theatre.folder / name,
        )

    def _side(self, run: RunId) -> Side:
        key = (BASE if run.kind is Kind.BASE else CANDIDATE, self.journeys[run.journey].seed)
        if key not in self.sides:
            self.theatre.phase(f"{key[0]}: export, packages, data")
            self.sides[key] = self._seeded(*key)
        return self.sides[key]


def trial(desk: Desk, journeys: Mapping[str, Journey], *, folder: Path, keep: Path, seed: int) -> Trial:
    """The trial of these journeys (by digest), performing below `folder` and keeping every file below `keep`."""
    scene = Scene(seed, desk.now().date(), desk.start(), desk.request.limits.journey_seconds, desk.deadline)
    keep.mkdir(parents=True, exist_ok=True)
    named = {journey.name: journey for journey in journeys.values()}
    if len(named) != len(journeys):
        raise UsageError("two journeys of this issue have the same name; give each its own")
    digests = {journey.name: digest for digest, journey in journeys.items()}
    theatre = Theatre(scene, desk.boxes(folder / "papers"), folder, keep, desk.phases)
    return Trial(desk, named, theatre, BaseProofs(desk.shelf, desk.request.base.tree, digests))
