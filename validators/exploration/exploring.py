"""Exploring a candidate that has passed: each persona on an outing, its acts compiled into a
journey, and that performed twice.

Nothing here can make a verdict better. What goes wrong on the way (no broker, a box that ends, a
transcript that is no journey) leaves the persona unsatisfied, with the reason, and blocks nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from validators.app.sandboxes import SandboxResult
from validators.app.side import Side, prepared_side, seeded_side
from validators.domain.ballots import Answer
from validators.domain.errors import JourneyInvalid
from validators.domain.evidence import Identity, Kind, RunEvidence, RunId
from validators.domain.exploring.exploration import NotAJourney, Transcript, compiled
from validators.domain.exploring.explored import Exploration, Explored, Standing, explored
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
class Explorer:
    """Explores one candidate. `journeys`, `evidence` and `sandboxes` grow as it goes; `prepare` makes a
    side at first use."""

    bench: PerformanceBench
    actor: BrokerSocket
    contrast: BrokerSocket | None
    prepare: Callable[[str], Side]
    sides: dict[str, Side] = field(default_factory=dict)
    journeys: list[Journey] = field(default_factory=list)
    evidence: list[RunEvidence] = field(default_factory=list)
    sandboxes: list[SandboxResult] = field(default_factory=list)

    def explored(self, personas: tuple[Persona, ...]) -> Exploration:
        """Every persona's exploration, one after the other, whatever becomes of each."""
        told = tuple(
            self._explored(persona, f"persona-{n}") for n, persona in enumerate(personas, start=1)
        )
        (self.bench.keep / SUMMARY).write_text(json.dumps([asdict(one) for one in told], indent=1))
        return Exploration(told)

    def _explored(self, persona: Persona, label: str) -> Explored:
        try:
            told = run_session(
                persona, self.bench, label=label, side=self._side(CANDIDATE), broker=self.actor
            )
            self.sandboxes += told.sandboxes
            found = explored(
                persona, told.transcript, self._again(persona, told.transcript, label=label)
            )
            if found.standing is Standing.SATISFIED and persona.claims:
                return with_answers(found, self._answers(persona, label))
            return found
        except NotAJourney as reason:
            return Explored(persona.name, Standing.UNSATISFIED, str(reason))
        except JourneyInvalid as invalid:
            return Explored(
                persona.name,
                Standing.UNSATISFIED,
                f"what was done is no journey: {invalid.problems[0].message}",
            )
        except Inconclusive as stop:
            return Explored(persona.name, Standing.UNSATISFIED, f"it could not be explored: {stop}")

    def _again(
        self, persona: Persona, transcript: Transcript, *, label: str
    ) -> tuple[RunEvidence, ...]:
        """The compiled journey's runs without any model, plain and masked, each on a fresh app."""
        text = compiled(persona, transcript)
        (self.bench.keep / label / JOURNEY).write_text(text)
        journey = checked(text, may_only_look=True)
        self.journeys.append(journey)
        runs = tuple(RunId(journey.name, identity) for identity in Identity)
        told = self._performed(journey, CANDIDATE, runs, label=label)
        self.evidence += told
        return told

    def _answers(self, persona: Persona, label: str) -> tuple[Answer, ...]:
        """What the contrastive judge says of the persona's claims, the same journey performed on
        base beside it."""
        if self.contrast is None:
            raise Inconclusive(
                "it has claims, and no contrastive judge's socket of the model broker was given"
            )
        journey = self.journeys[-1]
        runs = {CANDIDATE: RunId(journey.name), BASE: RunId(journey.name, kind=Kind.BASE)}
        self._performed(journey, BASE, (runs[BASE],), label=label)
        self.bench.phase(f"{label}: claims")
        told = judged_claims(
            persona.claims,
            {
                side: self.bench.keep / f"{label}-{side}" / journey.name / str(run)
                for side, run in runs.items()
            },
            broker=self.contrast,
            sandboxes=self.bench.sandboxes,
            folder=self.bench.folder / label,
            seconds=self.bench.scene.deadline.seconds_left(),
        )
        self.sandboxes.append(told.box)
        return told.answers

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
    """A satisfied exploration after the vote on its claims: it stays so only when every answer is
    yes."""
    if all(answer is Answer.YES for answer in answers):
        return found
    sure = sum(answer is Answer.YES for answer in answers)
    return replace(
        found,
        standing=Standing.UNSATISFIED,
        reason=f"{sure} of {len(answers)} claims were agreed on",
    )


def explorer(context: Context, bench: PerformanceBench, *, exploring: Exploring) -> Explorer:
    """An explorer of the desk's candidate beside its base, each starting with the data that the
    app's own seed command makes."""
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

    return Explorer(bench, exploring.actor, exploring.contrast, prepare)
