"""Explore a passed candidate: each persona has a session, its acts are compiled into a journey, and
that journey is performed twice without a model.

Nothing here can make a verdict better. A failure on the way (no broker, a sandbox that ends, a
transcript that is no journey) leaves the persona unsatisfied, with the reason, and blocks
nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.app.side import Side, prepared_side, seeded_side
from validators.domain.ballots import Answer
from validators.domain.errors import JourneyInvalid
from validators.domain.evidence import Identity, RunEvidence, RunId, RunKind
from validators.domain.exploring.exploration import NotAJourney, Transcript, compiled
from validators.domain.exploring.explored import Exploration, Explored, GoalOutcome, explored
from validators.domain.exploring.persona import Persona
from validators.domain.journeys.journey import Journey
from validators.domain.stops import Inconclusive
from validators.exploration.contrasting import judged_claims
from validators.exploration.session import run_session
from validators.language.check import checked
from validators.launcher.context import Context
from validators.launcher.perform import PerformanceBench
from validators.launcher.request import BrokerSocket, Exploring

JOURNEY = "journey.yaml"
SUMMARY = "exploration.json"
BASE, CANDIDATE = "base", "candidate"


@dataclass(slots=True)
class CandidateExplorer:
    """Explores one candidate. `journeys`, `evidence` and `sandboxes` grow as it goes. `files`
    are the governance files, which every role is shown. `prepare` makes a side at its first use."""

    bench: PerformanceBench
    actor: BrokerSocket
    contrast: BrokerSocket | None
    files: Mapping[str, str]
    prepare: Callable[[str], Side]
    sides: dict[str, Side] = field(default_factory=dict)
    journeys: list[Journey] = field(default_factory=list)
    evidence: list[RunEvidence] = field(default_factory=list)
    sandboxes: list[SandboxResult] = field(default_factory=list)

    def explored(self, personas: tuple[Persona, ...]) -> Exploration:
        """Every persona's exploration, one after the other, whatever the result of each."""
        found = tuple(
            self._explored(persona, f"persona-{n}") for n, persona in enumerate(personas, start=1)
        )
        summary = json.dumps([asdict(one) for one in found], indent=1)
        (self.bench.keep / SUMMARY).write_text(summary)
        return Exploration(found)

    def _explored(self, persona: Persona, label: str) -> Explored:
        try:
            session = run_session(
                persona,
                self.bench,
                label=label,
                side=self._side(CANDIDATE),
                broker=self.actor,
                files=self.files,
            )
            self.sandboxes += session.sandboxes
            runs = self._performed_again(persona, session.transcript, label=label)
            found = explored(persona, session.transcript, runs)
            if found.standing is GoalOutcome.SATISFIED and persona.claims:
                return with_answers(found, self._answers(persona, label))
            return found
        # A persona that fails blocks nothing: only runs without a model count in the verdict.
        except NotAJourney as reason:
            return Explored(persona.name, GoalOutcome.UNSATISFIED, str(reason))
        except JourneyInvalid as invalid:
            return Explored(
                persona.name,
                GoalOutcome.UNSATISFIED,
                f"what was done is no journey: {invalid.problems[0].message}",
            )
        except Inconclusive as stop:
            return Explored(
                persona.name, GoalOutcome.UNSATISFIED, f"it could not be explored: {stop}"
            )

    def _performed_again(
        self, persona: Persona, transcript: Transcript, *, label: str
    ) -> tuple[RunEvidence, ...]:
        """The runs of the compiled journey, plain and masked, without a model, on fresh apps."""
        text = compiled(persona, transcript)
        (self.bench.keep / label / JOURNEY).write_text(text)
        journey = checked(text, may_only_look=True)
        self.journeys.append(journey)
        runs = tuple(RunId(journey.name, identity) for identity in Identity)
        evidence = self._performed(journey, CANDIDATE, runs, label=label)
        self.evidence += evidence
        return evidence

    def _answers(self, persona: Persona, label: str) -> tuple[Answer, ...]:
        """The contrastive judge's answers to the persona's claims, from the same journey on base
        and on the candidate."""
        if self.contrast is None:
            raise Inconclusive(
                "it has claims, and no contrastive judge's socket of the model broker was given"
            )
        journey = self.journeys[-1]
        runs = {CANDIDATE: RunId(journey.name), BASE: RunId(journey.name, kind=RunKind.BASE)}
        self._performed(journey, BASE, (runs[BASE],), label=label)
        self.bench.phase(f"{label}: claims")
        result = judged_claims(
            persona.claims,
            {
                side: self.bench.keep / f"{label}-{side}" / journey.name / str(run)
                for side, run in runs.items()
            },
            broker=self.contrast,
            files=self.files,
            sandboxes=self.bench.sandboxes,
            folder=self.bench.folder / label,
            seconds=self.bench.scene.deadline.seconds_left(),
        )
        self.sandboxes.append(result.sandbox)
        return result.answers

    def _performed(
        self, journey: Journey, name: str, runs: tuple[RunId, ...], *, label: str
    ) -> tuple[RunEvidence, ...]:
        side = self._side(name)
        done = self.bench.performed(
            f"{label}-{name}", runs, journeys=(journey.source,), side=lambda _: side
        )
        self.sandboxes += done.sandboxes
        return done.evidence

    def _side(self, name: str) -> Side:
        if name not in self.sides:
            self.bench.phase(f"explore: {name}: export, packages, data")
            self.sides[name] = self.prepare(name)
        return self.sides[name]


def with_answers(found: Explored, answers: tuple[Answer, ...]) -> Explored:
    """A satisfied exploration after the vote on its claims: it stays satisfied only when every
    answer is yes."""
    if all(answer is Answer.YES for answer in answers):
        return found
    sure = sum(answer is Answer.YES for answer in answers)
    return replace(
        found,
        standing=GoalOutcome.UNSATISFIED,
        reason=f"{sure} of {len(answers)} claims were agreed on",
    )


def explorer(
    context: Context, bench: PerformanceBench, *, exploring: Exploring
) -> CandidateExplorer:
    """An explorer of the request's candidate and base. Both start with the data that the app's own
    seed command makes."""
    request = context.request

    def prepare(name: str) -> Side:
        revision = request.base if name == BASE else request.candidate
        assert revision is not None
        bare = prepared_side(
            name,
            request.app,
            git_dir=Path(request.git_dir),
            tree=revision.tree,
            sandboxes=bench.sandboxes,
            stores=context.stores,
            folder=bench.folder / f"explored-{name}",
        )
        return seeded_side(bare, request.app, seed=None, sandboxes=bench.sandboxes)

    return CandidateExplorer(
        bench, exploring.actor, exploring.contrast, request.governance.files, prepare
    )
