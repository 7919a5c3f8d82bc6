"""What an exploration is worth, folded from its transcript and from the journey's two runs without
any model.

An actor's word is worth nothing, in either direction. Satisfied means: it said that it was done,
and what it did, performed again plain and masked, met every demand of the persona. A failure is
only one that was replayed, by both visitors, where the explorer's own page had shown what was
demanded, or where the app broke what must never happen: else an actor that types nonsense could
accuse an app that is right to refuse it. Everything between is unsatisfied, is told, and blocks
nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from validators.domain.evidence import Identity, RunEvidence
from validators.domain.exploring.exploration import Ending, Transcript, journey_name
from validators.domain.exploring.persona import Persona
from validators.domain.exploring.satisfaction import Satisfaction
from validators.domain.fold import Result, result, symptom
from validators.domain.verdict import Finding, Outcome, Verdict


class GoalOutcome(StrEnum):
    SATISFIED = "satisfied"
    FAILED = "failed"
    UNSATISFIED = "unsatisfied"


ENDED = {
    Ending.DONE: "the goal was said to be reached, but what was done does not show it",
    Ending.GAVE_UP: "the goal was given up",
    Ending.OUT_OF_ACTS: "the acts of its allowance were used up",
    Ending.OUT_OF_TIME: "the time of its allowance was used up",
    Ending.OUT_OF_TOKENS: "the tokens of its allowance were used up",
    Ending.ACTOR_SILENT: "the actor did not answer, or with nothing that is an act",
    Ending.APP_SILENT: "the app stopped answering",
}


@dataclass(frozen=True, slots=True)
class Explored:
    """One persona's exploration. `reason` is one of our own sentences; `finding` is set exactly
    when it failed."""

    persona: str
    standing: GoalOutcome
    reason: str
    replayed: bool = False
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Exploration:
    """All of a judgement's explorations, in the order of its personas."""

    explored: tuple[Explored, ...] = ()

    @property
    def satisfaction(self) -> Satisfaction:
        return Satisfaction(
            sum(one.standing is GoalOutcome.SATISFIED for one in self.explored), len(self.explored)
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The replayed failures."""
        return tuple(one.finding for one in self.explored if one.finding)


def explored(persona: Persona, transcript: Transcript, runs: Iterable[RunEvidence]) -> Explored:
    """What the exploration of a persona is worth; `runs` are those of its compiled journey, plain
    and masked."""
    told = tuple(runs)
    results = {run.run.identity: result(run) for run in told}
    if (
        len(told) != len(Identity)
        or set(results) != set(Identity)
        or Result.NOTHING in results.values()
    ):
        return Explored(
            persona.name, GoalOutcome.UNSATISFIED, "what was done could not be performed again"
        )
    if set(results.values()) == {Result.PASSED} and transcript.ending is Ending.DONE:
        return Explored(
            persona.name,
            GoalOutcome.SATISFIED,
            "the goal was reached, and again without a model",
            replayed=True,
        )
    if set(results.values()) == {Result.FAILED} and (
        _was_shown(persona, transcript) or all(run.breaches for run in told)
    ):
        finding = Finding(journey_name(persona), persona.promise, symptom(told[0]))
        return Explored(
            persona.name,
            GoalOutcome.FAILED,
            "a failure was found, and again without a model",
            True,
            finding,
        )
    return Explored(persona.name, GoalOutcome.UNSATISFIED, ENDED[transcript.ending], replayed=True)


def with_exploration(verdict: Verdict, exploration: Exploration) -> Verdict:
    """The verdict after exploring: a green one turns red by a replayed failure, and nothing else
    about it changes."""
    if verdict.outcome is not Outcome.PASSED or not exploration.findings:
        return verdict
    count = len(exploration.findings)
    reason = (
        f"{count} of {len(exploration.explored)} personas met a failure that was found again"
        " without a model"
    )
    return replace(
        verdict,
        outcome=Outcome.FAILED,
        reason=reason,
        findings=(*verdict.findings, *exploration.findings),
    )


def _was_shown(persona: Persona, transcript: Transcript) -> bool:
    return transcript.ending is Ending.DONE and set(persona.shown) <= set(transcript.shown)
