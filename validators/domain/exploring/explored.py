"""The result of an exploration, folded from its transcript and from the two runs of its journey.

What an actor claims counts for nothing, in either direction:
- Satisfied: the actor said that it was done, and its acts, performed again by both visitors, met
  every demand of the persona.
- Failed: both visitors replayed the failure, and either the explorer's own page had shown what was
  demanded, or the app did what must never happen. Without this rule an actor that types nonsense
  could accuse an app that is right to refuse it.
- Unsatisfied: everything else. It is reported and blocks nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from validators.domain.evidence import Identity, RunEvidence
from validators.domain.exploring.exploration import Ending, Transcript, journey_name
from validators.domain.exploring.persona import Persona
from validators.domain.exploring.satisfaction import Satisfaction
from validators.domain.run_result import Result, result, symptom
from validators.domain.verdict import Finding, Outcome, Verdict


class GoalOutcome(StrEnum):
    SATISFIED = "satisfied"
    FAILED = "failed"
    UNSATISFIED = "unsatisfied"


ENDED = {
    Ending.DONE: "the actor said that the goal was reached, but what was done does not show it",
    Ending.GAVE_UP: "the goal was given up",
    Ending.OUT_OF_ACTS: "the acts of its allowance were used up",
    Ending.OUT_OF_TIME: "the time of its allowance was used up",
    Ending.OUT_OF_TOKENS: "the tokens of its allowance were used up",
    Ending.ACTOR_SILENT: "the actor did not answer, or with nothing that is an act",
    Ending.APP_SILENT: "the app stopped answering",
}


@dataclass(frozen=True, slots=True)
class Explored:
    """The result of one persona's exploration. `reason` is one of our own sentences, never a text
    of the page; `finding` is set exactly when it failed."""

    persona: str
    standing: GoalOutcome
    reason: str
    replayed: bool = False
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Exploration:
    """All explorations of a judgement, in the order of its personas."""

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
    """The result of a persona's exploration. `runs` are those of its compiled journey, plain and
    masked."""
    replays = tuple(runs)
    results = {run.run.identity: result(run) for run in replays}
    if (
        len(replays) != len(Identity)
        or set(results) != set(Identity)
        or Result.INCONCLUSIVE in results.values()
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
        _was_shown(persona, transcript) or all(run.breaches for run in replays)
    ):
        finding = Finding(journey_name(persona), persona.promise, symptom(replays[0]))
        return Explored(
            persona.name,
            GoalOutcome.FAILED,
            "a failure was found, and again without a model",
            True,
            finding,
        )
    return Explored(persona.name, GoalOutcome.UNSATISFIED, ENDED[transcript.ending], replayed=True)


def with_exploration(verdict: Verdict, exploration: Exploration) -> Verdict:
    """The verdict after exploring. A replayed failure turns a green verdict red; nothing else
    changes."""
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
