"""Prove journeys without sealing them: red on base, green on a reference, in rounds that agree.

Each round has its own seed, and with it other data, ports, locale, time zone and viewport. Nothing
is kept from the round before. A journey without a base protects what works already: then it must
notice the injected faults."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from validators.domain.evidence import ON_BASE, RunEvidence, RunKind
from validators.domain.fold import verdict
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive, UsageError
from validators.domain.verdict import Outcome, Proof, Sealed, Verdict
from validators.judging.judging import without_unsealed_pass
from validators.launcher.context import Context, checked_base, checked_candidate
from validators.launcher.phases import Deadline, Phases
from validators.launcher.proving import Trial, new_trial
from validators.launcher.workplace import work_folder
from validators.store.journeys import JourneyStore

MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Round:
    """What one journey showed in one round: on base, and on the reference when there is one.
    `stopped` is the reason why it was not performed."""

    seed: int
    sealed: Sealed | None = None
    verdict: Verdict | None = None
    evidence: tuple[RunEvidence, ...] = ()
    sandboxes: tuple[str, ...] = ()
    stopped: str = ""

    @property
    def proof(self) -> Proof | None:
        """What its runs on base have shown."""
        return self.sealed.proof if self.sealed else None

    @property
    def trouble(self) -> str:
        """Why this round proves nothing; empty when it shows what it must."""
        if self.stopped or self.proof is None:
            return self.stopped or "it was not performed on base"
        if not self.proof.proved:
            return self.proof.reason
        if self.verdict and self.verdict.outcome is not Outcome.PASSED:
            return f"on the reference: {self.verdict.reason}"
        return ""

    @property
    def comparable(self) -> tuple[object, ...]:
        """What must be equal in every round: the outcome, and which expectations failed in which
        run."""
        failed = {
            (str(run.run), look.kind, look.index)
            for run in self.evidence
            if run.run.kind in (RunKind.BASE, RunKind.JOURNEY)
            for look in run.expectations
            if not look.passed
        }
        return self.trouble, self.verdict and self.verdict.outcome, frozenset(failed)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One journey with its rounds."""

    journey: Journey
    digest: str
    rounds: tuple[Round, ...]

    @property
    def trouble(self) -> str:
        """The first reason why the journey is not proved; empty when no round has one."""
        if not self.rounds:
            return "no round was performed"
        troubles = [one.trouble for one in self.rounds if one.trouble]
        if troubles:
            if len(troubles) == len(self.rounds):
                return troubles[0]
            return f"the rounds disagree: in {len(troubles)} of {len(self.rounds)}, {troubles[0]}"
        if len({one.comparable for one in self.rounds}) > 1:
            return "the rounds disagree about which expectations fail"
        return ""

    @property
    def proved(self) -> bool:
        """Whether every round has shown that the journey can fail and that it can pass."""
        return not self.trouble and all(one.verdict for one in self.rounds)

    @property
    def conclusion(self) -> str:
        """The result in a sentence."""
        count = "one round" if len(self.rounds) == 1 else f"{len(self.rounds)} rounds that agree"
        if self.trouble:
            return f"not proved: {self.trouble}"
        shown = self.rounds[0].proof.reason if self.rounds[0].proof else ""
        if not self.proved:
            return (
                f"half proved: {shown}, in {count}; that it can pass is shown by a reference, and"
                " none was named"
            )
        return f"proved: {shown}; green on the reference; in {count}"


def rehearsals(
    context: Context,
    journeys: Mapping[str, Journey],
    *,
    rounds: int,
    seed: int | None = None,
    keep: Path | None,
    proofs: Path | None = None,
) -> tuple[Rehearsal, ...]:
    """What each journey (by digest) shows in this number of rounds.

    `seed` is the first round's; the next rounds count up from it. With `keep`, every file of every
    round is kept below that folder. Each round performs base anew, unless `proofs` is a folder that
    keeps the results on base from one call to the next. Raises UsageError, and Inconclusive when
    the commits are not what the request names."""
    if not 1 <= rounds <= MOST_ROUNDS:
        raise UsageError(f"{rounds} rounds: expected 1 to {MOST_ROUNDS}")
    checked_base(context.request)
    if context.request.candidate is not None:
        checked_candidate(context.request)
    first = secrets.randbits(31) if seed is None else seed
    results = [
        _round(
            context,
            journeys,
            seed=first + number,
            keep=keep / f"round-{number + 1}" if keep else None,
            proofs=proofs,
        )
        for number in range(rounds)
    ]
    return tuple(
        Rehearsal(one, digest, tuple(each[one.name] for each in results))
        for digest, one in journeys.items()
    )


def _round(
    context: Context,
    journeys: Mapping[str, Journey],
    *,
    seed: int,
    keep: Path | None,
    proofs: Path | None,
) -> dict[str, Round]:
    with work_folder() as folder:
        scratch = JourneyStore(proofs or folder / "proofs", context.notary)
        scratch.folder.mkdir(mode=0o700, exist_ok=True)
        # A store, a deadline and phases of its own: a round may not learn from the one before.
        fresh = replace(
            context,
            journey_store=scratch,
            deadline=Deadline(context.request.limits.wall_seconds),
            phases=Phases(),
        )
        trial = new_trial(fresh, journeys, folder=folder, keep=keep or folder / "kept", seed=seed)
        try:
            if context.request.candidate is None:
                trial.on_base()
            else:
                trial.on_candidate()
        except Inconclusive as stop:
            return {
                one.name: Round(seed, evidence=trial.evidence, stopped=str(stop))
                for one in journeys.values()
            }
        judged = context.request.candidate is not None
        return {one.journey: _shown(one, trial, seed=seed, judged=judged) for one in trial.sealed()}


def _shown(one: Sealed, trial: Trial, *, seed: int, judged: bool) -> Round:
    own = tuple(run for run in trial.evidence if run.run.journey == one.journey)
    found = None
    if judged:
        found = without_unsealed_pass(
            verdict((one,), tuple(run for run in own if run.run.kind not in ON_BASE)),
            trial.sandboxes,
        )
    return Round(
        seed, one, found, own, tuple(sorted({sandbox.form for sandbox in trial.sandboxes}))
    )
