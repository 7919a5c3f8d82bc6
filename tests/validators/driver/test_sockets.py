"""Apps with web sockets under a judgement: a good one and its siblings, with all controls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tests.validators import live
from tests.validators.patience import PLANNED
from tests.validators.plans import driver
from validators.domain.evidence import FaultInjector, RunEvidence
from validators.domain.fold import verdict
from validators.domain.run_result import caught
from validators.domain.verdict import Outcome, Proof, Purpose, Sealed, Symptom
from validators.language.check import complaints
from validators.performance.evidence_json import read_evidence
from validators.performance.plan import Plan, PlannedRun, judgement_runs, plan_json

BOOK = """promise: M-BOOK
let: {guest: "{{ any.name }}", size: "{{ any.int(2, 8) }}"}
steps:
  - call: {SOCKET: /live, json: {book: "{{ guest }}", size: "{{ size }}"}, messages: 2}
  - expect: {answer: {status: 101, json: {/0: hello, /1/booked/size: "{{ size }}"}}}
  - call: {SOCKET: /board}
expect:
  - answer: {json: {/0/bookings: {contains: {name: "{{ guest }}", size: "{{ size }}"}}}}
  - answer: {text: "{{ guest }}"}
  - other_session: same
never: [{http_status: ">=500"}]
twin: {expect: [{answer: {json: {/0/bookings: {contains: {name: "{{ guest }}", size: 0}}}}}]}
"""
# Believes what the socket says of its own message.
ECHO = """promise: M-BOOK
let: {guest: "{{ any.name }}"}
steps:
  - call: {SOCKET: /echo, text: "{{ guest }}"}
expect:
  - answer: {json: {/0: "{{ guest }}"}}
twin: {expect: [{answer: {json: {/0: nobody}}}]}
"""


@dataclass(frozen=True)
class Case:
    app: Callable[[], Any]
    outcome: Outcome
    symptom: Symptom | None = None
    journey: str = BOOK
    words: str = ""


def automated(headers: list[tuple[str, str]]) -> bool:
    return "Headless" in dict(headers).get("User-Agent", "")


CASES = {
    "good": Case(live.Live, Outcome.PASSED),
    "forgets": Case(live.Forgets, Outcome.FAILED, Symptom.NOT_ANSWERED),
    "blind": Case(live.Blind, Outcome.FAILED, Symptom.NOT_ANSWERED),
    "watches": Case(lambda: live.Knows(automated), Outcome.FAILED, Symptom.DIFFERS_WHEN_WATCHED),
    "echo": Case(live.Live, Outcome.INCONCLUSIVE, journey=ECHO, words="stale went unnoticed"),
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunEvidence, ...]:
    """The evidence of all cases, performed by one driver without a browser."""
    out = tmp_path_factory.mktemp("sockets") / "out"
    with ExitStack() as open_apps:
        runs = tuple(
            PlannedRun(run, open_apps.enter_context(live.alive(case.app())))
            for name, case in CASES.items()
            for run in judgement_runs([name])
        )
        sources = tuple(f"journey: {name}\n{case.journey}" for name, case in CASES.items())
        plan = Plan(
            sources, runs, 20261124, date(2026, 11, 24), journey_seconds=300, bounds=PLANNED
        )
        ended = driver(plan_json(plan), out, runs)
    assert ended.returncode == 0, ended.stderr
    return read_evidence((out / "evidence.json").read_text())


@pytest.mark.parametrize("name", CASES)
def test_what_an_app_with_sockets_comes_to(name, judged) -> None:
    own = tuple(one for one in judged if one.run.journey == name)
    sealed = (Sealed(name, "M-BOOK", Purpose.BUG, Proof(True, "red on base")),)
    found, case = verdict(sealed, own), CASES[name]
    assert found.outcome is case.outcome, found.reason
    assert case.words in found.reason
    assert (found.findings[0].symptom if found.findings else None) is case.symptom


@pytest.mark.parametrize("injector", list(FaultInjector))
def test_every_fault_of_a_socket_touches_and_is_caught(injector, judged) -> None:
    (run,) = (one for one in judged if one.run.journey == "good" and one.run.injector is injector)
    assert run.fault is not None
    assert run.fault.changed
    assert run.fault.touched
    assert caught(run)


@pytest.mark.parametrize("name", CASES)
def test_the_language_takes_each_of_them(name) -> None:
    assert complaints(f"journey: {name}\n{CASES[name].journey}") == ()
