"""Which runs a judgement asks for: of the change's own journeys, and of those that stand guard.
Nobody performs them here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.validators.runs import FAILED_LOOK, performed_runs
from tests.validators.runs import run as good
from tests.validators_launcher import seaside
from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.journeys.journey import Journey
from validators.domain.standing import Standing
from validators.domain.verdict import Outcome, Purpose
from validators.language.reader import read
from validators.launcher.bases import BaseProofs
from validators.launcher.perform import PerformanceBench, PerformanceResult
from validators.launcher.proving import Trial
from validators.launcher.regression_suite import RegressionJourney
from validators.store.entries import Entry, Event


@dataclass
class Stage:
    """Stands in for the theatre: tells of a good run, but for those that are `red`, and remembers
    what it was asked for."""

    red: frozenset[str] = frozenset()
    asked: dict[str, list[str]] = field(default_factory=dict)
    keep: Path = Path("/nowhere")
    seeds: dict[RunId, int] = field(default_factory=dict)

    def performed(self, label: str, runs: Sequence[RunId], **how: Any) -> PerformanceResult:
        self.asked[label] = [f"{run.journey}-{run}" for run in runs]
        self.seeds |= how.get("seeds") or {}
        return PerformanceResult(tuple(map(self._evidence, runs)), ())

    def _evidence(self, run: RunId) -> RunEvidence:
        if run.kind is RunKind.FAULT_INJECTION:
            return next(
                replace(one, run=run)
                for one in performed_runs()
                if one.run.injector is run.injector
            )
        found = replace(good(), run=run)
        red = run.kind is RunKind.NEGATIVE_CONTROL or f"{run.journey}-{run}" in self.red
        return replace(found, expectations=FAILED_LOOK) if red else found


class Nothing:
    """Knows of no proof, and keeps none."""

    def stored(self, names: Any, *, into: Path) -> tuple[RunEvidence, ...]:
        return ()

    def keep(self, evidence: Any, *, source: Path) -> None:
        return


def journey(name: str) -> Journey:
    return replace(read(seaside.JOURNEY), name=name)


def guard(name: str, *, plain: bool) -> RegressionJourney:
    entry = Entry(
        Event.SEALED, 3, name, "sha256:1", Purpose.BUG, "sha256:0", "author", "", "2026-01-02"
    )
    return RegressionJourney(entry, journey(name), inject_faults=False, plain=plain)


def trial(*red: str) -> tuple[Trial, Stage]:
    """A change with one journey of its own and two that stand guard, one for the masked visitor
    alone."""
    stage = Stage(frozenset({"own-base-plain-1", "own-base-masked-1", *red}))
    guards = {"both": guard("both", plain=True), "alone": guard("alone", plain=False)}
    journeys = {name: journey(name) for name in ("own", *guards)}
    made = Trial(
        cast("Any", None),
        journeys,
        {"own": Purpose.BUG},
        guards,
        cast("PerformanceBench", stage),
        cast("BaseProofs", Nothing()),
    )
    return made, stage


def test_a_regression_journey_is_performed_masked_and_only_where_it_is_drawn_plain_as_well() -> (
    None
):
    made, stage = trial()
    assert made.on_candidate().outcome is Outcome.PASSED
    assert set(stage.asked) == {"proof", "runs"}
    assert [name for name in stage.asked["runs"] if not name.startswith("own")] == [
        "both-journey-plain-1",
        "both-journey-masked-1",
        "both-twin-plain-1",
        "alone-journey-masked-1",
        "alone-twin-masked-1",
    ]


def test_a_regression_journey_that_fails_is_performed_by_the_plain_visitor_and_on_base() -> None:
    made, stage = trial("alone-journey-masked-1", "alone-journey-plain-1")
    assert made.on_candidate().outcome is Outcome.FAILED
    assert stage.asked["standing"] == ["alone-journey-plain-1"]
    assert stage.asked["standing-base"] == ["alone-base-plain-1", "alone-base-masked-1"]
    assert "retry" not in stage.asked


@pytest.mark.parametrize(
    ("again", "outcome"), [(True, Outcome.FAILED), (False, Outcome.INCONCLUSIVE)]
)
def test_a_journey_that_fails_for_the_masked_visitor_alone_is_tried_again_and_watches_or_is_flaky(
    again, outcome
) -> None:
    made, stage = trial("alone-journey-masked-1", *(["alone-journey-masked-2"] if again else []))
    found = made.on_candidate()
    assert stage.asked["retry"] == ["alone-journey-plain-2", "alone-journey-masked-2"]
    assert found.outcome is outcome
    assert ("flaky" in found.reason) is not again


RED_TWICE = [f"alone-base-{visitor}-{time}" for visitor in ("plain", "masked") for time in (1, 2)]


@pytest.mark.parametrize(
    ("red", "standing"),
    [
        ((), Standing.GREEN),
        (RED_TWICE, Standing.RED),
        (RED_TWICE[::2], Standing.UNSURE),
        (RED_TWICE[:1], Standing.UNSURE),
        (RED_TWICE[:3], Standing.UNSURE),
    ],
    ids=["green", "red twice", "red, then green", "red for one visitor", "once for one visitor"],
)
def test_a_journey_is_red_on_a_commit_if_both_visitors_fail_twice_with_other_data(
    red, standing
) -> None:
    made, stage = trial(*red)
    assert made.observed(other=8)["alone"] is standing
    again = stage.asked.get("again", [])
    assert again == (["alone-base-plain-2", "alone-base-masked-2"] if red else [])
    assert set(stage.seeds.values()) == ({8} if red else set())
    assert not any(name.startswith("own") for names in stage.asked.values() for name in names)
