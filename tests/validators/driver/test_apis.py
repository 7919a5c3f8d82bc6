"""APIs under a judgement: a good one and its siblings, with all controls, in a real driver."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.validators import api
from tests.validators.apps import served
from tests.validators.conftest import chromium  # noqa: F401  (the session's real browser)
from tests.validators.patience import PLANNED
from tests.validators.plans import driver
from validators.domain.evidence import FaultInjector, RunEvidence, RunKind
from validators.domain.fold import verdict
from validators.domain.run_result import caught
from validators.domain.verdict import Outcome, Proof, Purpose, Sealed, Symptom, Verdict
from validators.language.check import complaints
from validators.performance.evidence_json import read_evidence
from validators.performance.plan import Plan, PlannedRun, judgement_runs, plan_json

BOOK = """promise: M-BOOK
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ guest }}", size: "{{ size }}"}}
  - expect: {answer: {status: 201, headers: {Location: {starts_with: /api/bookings/}}}}
  - remember: {header: Location, as: place}
  - call: {GET: /api/bookings, query: {guest: "{{ guest }}"}, as: listed}
  - call: {GET: "{{ place }}"}
expect:
  - answer: {json: {/name: "{{ guest }}", /size: "{{ size }}", /paid: {type: boolean}}}
  - answer: {of: listed, json: {/bookings: {count: 1}}}
  - other_session: same
never: [{http_status: ">=500"}]
twin: {expect: [{answer: {json: {/size: 0}}}]}
"""
# Believes what the answer to its own call says.
ECHO = """promise: M-BOOK
let: {guest: "{{ any.name }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ guest }}", size: 4}}
expect:
  - answer: {json: {/name: "{{ guest }}"}}
twin: {expect: [{answer: {json: {/name: nobody}}}]}
"""
# What it looks for is the same whatever was put in.
COUNTS = """promise: M-BOOK
let: {guest: "{{ any.name }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ guest }}", size: 4}, as: booked}
  - call: {GET: /api/bookings}
expect:
  - answer: {json: {/bookings: {count: 1, each: {/size: 4, /name: {not_contains: "x {{ guest }}"}}}}}
twin: {expect: [{answer: {json: {/bookings: {count: 2}}}}]}
"""
MIXED = """promise: M-BOOK
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - call: {POST: /api/bookings, json: {name: "{{ guest }}", size: "{{ size }}"}}
  - open: /
expect:
  - row: {cells: ["{{ guest }}", "{{ size }}"], in: {table: "Bookings"}, times: 1}
  - other_session: same
twin: {expect: [{row: {cells: ["{{ guest }}", "0"], in: {table: "Bookings"}}}]}
"""


@dataclass(frozen=True)
class Case:
    app: Callable[[], Any]
    outcome: Outcome
    symptom: Symptom | None = None
    journey: str = BOOK
    words: str = ""
    controlled: bool = True


CASES = {
    "good": Case(api.Api, Outcome.PASSED),
    # Its pair alone: what controls are worth is shown by good, and in a page by test_evil_apps.
    "mixed": Case(
        api.Api,
        Outcome.INCONCLUSIVE,
        journey=MIXED,
        words="the control was not performed",
        controlled=False,
    ),
    "forgets": Case(api.Forgets, Outcome.FAILED, Symptom.NOT_ANSWERED),
    "blind": Case(api.Blind, Outcome.FAILED, Symptom.NOT_ANSWERED),
    "watches": Case(
        lambda: api.Knows(lambda asked: "Headless" in asked["HTTP_USER_AGENT"]),
        Outcome.FAILED,
        Symptom.DIFFERS_WHEN_WATCHED,
    ),
    "echo": Case(api.Api, Outcome.INCONCLUSIVE, journey=ECHO, words="stale went unnoticed"),
    "counts": Case(api.Api, Outcome.INCONCLUSIVE, journey=COUNTS, words="painted would pass"),
}


@pytest.fixture(scope="module")
def judged(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunEvidence, ...]:  # noqa: F811
    """The evidence of all cases, performed by one driver."""
    out = tmp_path_factory.mktemp("apis") / "out"
    with ExitStack() as open_apps:
        runs = tuple(
            PlannedRun(run, open_apps.enter_context(served(case.app())))
            for name, case in CASES.items()
            for run in judgement_runs([name])[: None if case.controlled else 2]
        )
        sources = tuple(f"journey: {name}\n{case.journey}" for name, case in CASES.items())
        plan = Plan(
            sources,
            runs,
            20261121,
            date(2026, 11, 21),
            journey_seconds=300,
            browser=chromium,
            bounds=PLANNED,
        )
        ended = driver(plan_json(plan), out, runs)
    assert ended.returncode == 0, ended.stderr
    return read_evidence((out / "evidence.json").read_text())


def judgement(name: str, judged: tuple[RunEvidence, ...]) -> Verdict:
    own = tuple(one for one in judged if one.run.journey == name)
    return verdict((Sealed(name, "M-BOOK", Purpose.BUG, Proof(True, "red on base")),), own)


@pytest.mark.parametrize("name", CASES)
def test_what_an_api_comes_to(name, judged) -> None:
    found, case = judgement(name, judged), CASES[name]
    assert found.outcome is case.outcome, found.reason
    assert case.words in found.reason
    assert (found.findings[0].symptom if found.findings else None) is case.symptom


@pytest.mark.parametrize("injector", list(FaultInjector))
def test_every_fault_of_an_api_applies_and_is_caught(injector, judged) -> None:
    (run,) = (one for one in judged if one.run.journey == "good" and one.run.injector is injector)
    assert run.fault is not None
    assert run.fault.changed
    assert run.fault.touched or injector is FaultInjector.ERROR_500
    assert caught(run)


def test_the_answers_are_in_the_evidence(judged) -> None:
    own = [one for one in judged if one.run.journey == "good" and one.run.kind is RunKind.JOURNEY]
    assert all(any(file.endswith("calls.json") for file in one.files) for one in own)


@pytest.mark.parametrize("name", [name for name in CASES if name != "counts"])
def test_the_language_takes_each_of_them(name) -> None:
    assert complaints(f"journey: {name}\n{CASES[name].journey}") == ()
