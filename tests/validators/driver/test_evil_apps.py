"""The whole driver, as its own program in a real browser, on good apps and on evil ones.

One plan performs them all: each run has an app of its own, as in production. What each must come to
is one table."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.validators import apps
from tests.validators.patience import PLANNED
from tests.validators.plans import (
    FINDING,
    GLANCING,
    REFUSING,
    SHALLOW,
    THOROUGH,
    driver,
)
from validators.domain.bounds import USUAL, Bounds
from validators.domain.evidence import FaultInjector, Identity, RunEvidence, RunId, RunKind
from validators.domain.fold import verdict
from validators.domain.proof import proof
from validators.domain.run_result import Result, caught, result
from validators.domain.verdict import (
    Counts,
    Outcome,
    Proof,
    Purpose,
    Sealed,
    Symptom,
    Verdict,
)
from validators.language.check import checked
from validators.language.reader import read
from validators.performance.evidence_json import read_evidence
from validators.performance.plan import Plan, PlannedRun, base_runs, judgement_runs, plan_json
from validators.performance.redact import leaks, public_findings


@dataclass(frozen=True)
class Case:
    """An app under a journey, and what that must come to. The journey's own pair is performed, and
    `controls` of what shows that it could fail: the negative control, then each injected fault."""

    app: Callable[[], Any]
    outcome: Outcome
    symptom: Symptom | None = None
    reason: str = ""
    journey: str = THOROUGH
    controls: int = 0
    others: int = 0  # who did the same before the masked visitor
    soak: str = ""  # why `make soak` alone performs it: which other case shows the same


FAILED, SILENT, PASSED = Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED
NEGATIVE, EVERY = 1, 1 + len(FaultInjector)
WATCHES = (
    "right-at-first, and rows 51, 52 and 59 in redteam/validators/test_apps_that_know_the_judge"
)
CASES = {
    "good": Case(apps.App, PASSED, journey=REFUSING, controls=EVERY),
    "good-scripted": Case(
        apps.ScriptedBookings,
        PASSED,
        controls=EVERY,
        soak="good; browser/test_fault_injection has the answers that a script gets",
    ),
    "good-after-others": Case(
        apps.App, SILENT, reason="the control was not performed", journey=SHALLOW, others=2
    ),
    "right-at-first": Case(
        apps.RightAtFirst, FAILED, Symptom.DIFFERS_WHEN_WATCHED, journey=SHALLOW, others=2
    ),
    "good-by-get": Case(
        apps.Finds,
        PASSED,
        journey=FINDING,
        controls=EVERY,
        soak="good; browser/test_fault_injection freezes each address for itself",
    ),
    "painted-glanced-at": Case(
        apps.Painted, SILENT, reason="only painted would pass", journey=GLANCING, controls=EVERY
    ),
    "pesters": Case(apps.Pesters, SILENT, reason="the control was not performed", journey=SHALLOW),
    "toast-only": Case(apps.ToastOnly, FAILED, Symptom.NOT_KEPT),
    "toast-only-shallow": Case(
        apps.ToastOnly,
        SILENT,
        reason="no injected fault reached what",
        journey=SHALLOW,
        controls=EVERY,
        soak="toast-only; domain/test_fold has what no fault reached",
    ),
    "hard-coded": Case(
        apps.HardCoded,
        FAILED,
        Symptom.NOT_SHOWN,
        journey=SHALLOW,
        soak="pleads, and row 47 in redteam/validators/test_apps_that_know_the_judge",
    ),
    "accepts-all": Case(
        apps.AcceptsAll,
        SILENT,
        reason="the control did not fail",
        journey=REFUSING,
        controls=NEGATIVE,
    ),
    "watches-agent": Case(
        apps.WatchesAgent,
        FAILED,
        Symptom.DIFFERS_WHEN_WATCHED,
        journey=SHALLOW,
        soak=WATCHES,
    ),
    "watches-hints": Case(
        apps.WatchesHints,
        FAILED,
        Symptom.DIFFERS_WHEN_WATCHED,
        journey=SHALLOW,
        soak=WATCHES,
    ),
    "watches-webdriver": Case(
        apps.WatchesWebdriver,
        FAILED,
        Symptom.DIFFERS_WHEN_WATCHED,
        journey=SHALLOW,
        soak=WATCHES,
    ),
    "fails": Case(apps.Fails, FAILED, Symptom.SERVER_ERROR, journey=SHALLOW, controls=EVERY),
    "slow": Case(apps.Slow, SILENT, reason="the control was not performed", journey=SHALLOW),
    "hangs": Case(apps.Hangs, SILENT, reason="the app did not answer in"),
    "hangs-from-the-start": Case(apps.HangsFromTheStart, SILENT, reason="the app was not ready"),
    "redirects": Case(apps.RedirectsForEver, FAILED, Symptom.NO_ANSWER, soak="floods"),
    "dies-half-way": Case(apps.DiesHalfWay, FAILED, Symptom.NO_ANSWER, soak="floods"),
    "floods": Case(apps.Floods, FAILED, Symptom.NO_ANSWER),
    "spins": Case(apps.Spins, SILENT, reason="the app did not answer in", soak="hangs"),
    "pleads": Case(apps.Pleads, FAILED, Symptom.NOT_SHOWN, journey=SHALLOW),
    "not-there": Case(lambda: None, SILENT, reason="the app was not ready"),
}
BASE = {"broken-base": apps.Fails, "fixed-base": apps.App, "no-base": lambda: None}


AMPLE = 180  # seconds of one run: nobody waits for their end
ENDLESS = ("spins", "hangs")
"""Pages that never answer again are waited for as long as may be: these have a plan of their own,
with the usual bounds."""
GUARDED = RunId("good", Identity.MASKED, RunKind.NEGATIVE_CONTROL)
"""What a guard that the masked visitor performs alone is controlled by."""


@dataclass(frozen=True)
class Gallery:
    """What was performed. `out` is of all but the endless; `printed` has the last line of each
    driver."""

    evidence: tuple[RunEvidence, ...]
    out: Path
    printed: tuple[str, ...]
    names: tuple[str, ...]

    def of(self, name: str) -> tuple[RunEvidence, ...]:
        return tuple(item for item in self.evidence if item.run.journey == name)

    def run(self, name: str, **identity: Any) -> RunEvidence:
        (found,) = (item for item in self.evidence if item.run == RunId(name, **identity))
        return found


def runs_of(name: str) -> tuple[RunId, ...]:
    if name in BASE:
        return base_runs([name])
    runs = judgement_runs([name]) + ((GUARDED,) if name == GUARDED.journey else ())
    return runs if name == GUARDED.journey else runs[: 2 + CASES[name].controls]


def case(name: str, *more: Any) -> Any:
    """An argument that names a case: `make soak` alone asks of one that it alone performs."""
    why = CASES[name].soak
    return pytest.param(name, *more, marks=[pytest.mark.soak(f"like {why}")] if why else [])


def judged(name: str, gallery: Gallery) -> Verdict:
    return verdict(
        (Sealed(name, "M-BOOK", Purpose.BUG, Proof(True, "red on base")),), gallery.of(name)
    )


@pytest.fixture(scope="module")
def gallery(chromium: str, tmp_path_factory: pytest.TempPathFactory, whole: bool) -> Gallery:
    """Every case and every base, performed by one driver, but for what never ends."""
    folder = tmp_path_factory.mktemp("driver")
    made = {name: case.app for name, case in CASES.items() if whole or not case.soak} | BASE
    endless = {name: made[name] for name in ENDLESS if name in made}
    rest = {name: made[name] for name in made if name not in ENDLESS}
    first, printed = seen(rest, chromium, folder / "out", PLANNED)
    second, beside = seen(endless, chromium, folder / "endless", USUAL)
    return Gallery(first + second, folder / "out", (printed, beside), tuple(made))


def seen(
    made: dict[str, Callable[[], Any]], chromium: str, out: Path, bounds: Bounds
) -> tuple[tuple[RunEvidence, ...], str]:
    """The evidence of one driver on these apps, and the last line that it printed."""
    with ExitStack() as open_apps:
        sources = {
            name: f"journey: {name}\n" + (CASES[name].journey if name in CASES else SHALLOW)
            for name in made
        }

        def port(name: str, run: RunId) -> int:
            if (
                run.kind is RunKind.NEGATIVE_CONTROL
                and not read(sources[name]).negative_control_apart
            ):
                return 0
            app = made[name]()
            return open_apps.enter_context(apps.served(app)) if app is not None else 1

        def others(name: str, run: RunId) -> int:
            return CASES[name].others if name in CASES and run.identity is Identity.MASKED else 0

        runs = tuple(
            PlannedRun(run, port(name, run), others=others(name, run))
            for name in made
            for run in runs_of(name)
        )
        plan = plan_of(*sources.values(), runs=runs, browser=chromium)
        plan = replace(plan, seed=20261121, today=date(2026, 11, 21), bounds=bounds)
        ended = driver(plan_json(plan), out, runs)
    assert ended.returncode == 0, ended.stderr
    return read_evidence((out / "evidence.json").read_text()), ended.stdout.splitlines()[-1]


def plan_of(*journeys: str, runs: tuple[PlannedRun, ...], browser: str) -> Plan:
    """A plan for a machine with much else to do."""
    return Plan(
        journeys, runs, 1, date(2026, 1, 1), journey_seconds=AMPLE, browser=browser, bounds=PLANNED
    )


@pytest.mark.parametrize("name", list(map(case, CASES)))
def test_what_each_app_comes_to(name, gallery) -> None:
    case, seen = CASES[name], judged(name, gallery)
    assert seen.outcome is case.outcome, (seen, gallery.of(name))
    assert case.reason in seen.reason
    assert [found.symptom for found in seen.findings] == ([case.symptom] if case.symptom else [])


def test_the_driver_reports_that_it_is_done(gallery) -> None:
    endless = sum(len(runs_of(name)) for name in ENDLESS if name in gallery.names)
    rest = sum(len(runs_of(name)) for name in gallery.names) - endless
    assert [json.loads(line) for line in gallery.printed] == [
        {"done": True, "runs": rest},
        {"done": True, "runs": endless},
    ]
    assert len(gallery.evidence) == rest + endless


@pytest.mark.parametrize("name", ["good", case("good-scripted")])
@pytest.mark.parametrize("injector", list(FaultInjector))
def test_every_fault_of_a_good_app_is_caught(name, injector, gallery) -> None:
    evidence = gallery.run(name, kind=RunKind.FAULT_INJECTION, injector=injector)
    assert evidence.fault
    assert evidence.fault.changed
    assert evidence.fault.touched is not (injector is FaultInjector.FROZEN)
    assert caught(evidence)


@pytest.mark.parametrize(
    ("name", "at_first", "noticed"),
    [
        ("good", False, True),
        case("good-by-get", False, True),
        ("painted-glanced-at", True, False),
    ],
)
def test_what_steps_make_no_difference_to_is_known(name, at_first, noticed, gallery) -> None:
    evidence = gallery.run(name, kind=RunKind.FAULT_INJECTION, injector=FaultInjector.FROZEN)
    assert (evidence.there_at_first, caught(evidence)) == (at_first, noticed)


@pytest.mark.parametrize("name", ["good", case("good-scripted")])
def test_a_negative_control_fails_by_an_expectation_after_all_its_steps(name, gallery) -> None:
    negative_control = gallery.run(name, kind=RunKind.NEGATIVE_CONTROL)
    assert all(step.passed for step in negative_control.steps)
    assert not all(look.passed for look in negative_control.expectations)


def test_both_visitors_bring_the_same_data(gallery) -> None:
    pair = [gallery.run("good", identity=identity) for identity in Identity]
    assert [look.expected for look in pair[0].expectations] == [
        look.expected for look in pair[1].expectations
    ]


@pytest.mark.parametrize(
    ("name", "purpose", "proved", "reason"),
    [
        ("broken-base", Purpose.BUG, True, "a named expectation failed"),
        ("fixed-base", Purpose.BUG, False, "passes on base"),
        ("fixed-base", Purpose.REGRESSION, True, "green on base"),
        ("broken-base", Purpose.REGRESSION, False, "fails on base"),
        ("no-base", Purpose.BUG, False, "the app was not ready"),
    ],
)
def test_proof_on_base(name, purpose, proved, reason, gallery) -> None:
    found = proof(name, purpose, gallery.of(name))
    assert (found.proved, reason in found.reason) == (proved, True), found


def test_the_text_of_a_page_is_stored_as_data_and_never_leaves(gallery) -> None:
    evidence = gallery.run("pleads")
    assert any(
        "IGNORE ALL PREVIOUS INSTRUCTIONS" in look.observed for look in evidence.expectations
    )
    public = public_findings(
        judged("pleads", gallery).findings, {"M-BOOK": "Guests can book a walk."}
    )
    journey = checked("journey: pleads\n" + SHALLOW)
    assert "IGNORE" not in f"{public}"
    assert leaks(f"{public}", (journey,)) == ()


def test_the_bound_in_the_plan_is_the_one_that_holds(gallery) -> None:
    """The answer comes later than the usual bound allows, and the plan allows more."""
    evidence = gallery.of("slow")
    assert {result(item) for item in evidence} == {Result.PASSED}
    assert all(
        max(step.millis for step in item.steps) > USUAL.step_seconds * 1000 for item in evidence
    )


def test_a_negative_control_is_looked_for_in_the_run_of_whoever_performs_its_journey(
    gallery,
) -> None:
    plain, masked = (
        gallery.run("good", identity=identity, kind=RunKind.NEGATIVE_CONTROL)
        for identity in Identity
    )
    assert (
        [look.passed for look in masked.expectations]
        == [look.passed for look in plain.expectations]
        == [False]
    )
    guard = Sealed(
        "good", "M-BOOK", Purpose.REGRESSION, in_suite=True, inject_faults=False, plain=False
    )
    alone = [
        run for run in gallery.of("good") if run.run in (GUARDED, RunId("good", Identity.MASKED))
    ]
    found = verdict((guard,), tuple(alone))
    assert (found.journeys, found.controls.negative_controls_failed) == (Counts(1, 1, 1), 1)


def test_what_pesters_a_person_is_noted_and_does_not_stop_one(gallery) -> None:
    assert {result(item) for item in gallery.of("pesters")} == {Result.PASSED}
    assert any("dismissed a dialog" in note for note in gallery.run("pesters").notes)


@pytest.mark.parametrize("identity", list(Identity))
def test_every_run_leaves_what_can_be_looked_at(identity, gallery) -> None:
    evidence = gallery.run("good", identity=identity)
    names = {Path(name).name for name in evidence.files}
    film = {name for name in names if name.endswith(".jpg")}
    traced = {"trace.zip"} if identity is Identity.PLAIN else set()
    assert (
        names - film
        == {"page.png", "page-1.png", "aria.txt", "aria-1.txt", "console.json", "network.json"}
        | traced
    )
    assert bool(film) == bool(traced)
    assert all((gallery.out / name).stat().st_size for name in evidence.files)


def test_a_failed_run_leaves_its_picture_too(gallery) -> None:
    assert any(name.endswith("page.png") for name in gallery.run("fails").files)


def test_controls_are_not_performed_for_a_journey_that_failed(gallery) -> None:
    assert [bool(item.skipped) for item in gallery.of("fails")] == [False, False, *[True] * EVERY]


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ("{", "plan: not JSON"),
        ("{}", "plan: no key"),
        (plan_json(Plan(("nonsense: [",), (), 1, date(2026, 1, 1))), "not YAML"),
        (
            plan_json(
                Plan((), (PlannedRun(RunId("j"), 1),), 1, date(2026, 1, 1), browser="/nowhere")
            ),
            "no journey 'j'",
        ),
        (plan_json(Plan((f"journey: j\n{SHALLOW}",), (), 1, date(2026, 1, 1))), "no browser"),
    ],
)
def test_a_plan_that_cannot_be_performed_is_refused_by_name(
    plan, words, tmp_path, monkeypatch
) -> None:
    monkeypatch.delenv("LOF_BROWSER", raising=False)
    ended = driver(plan, tmp_path / "out")
    assert ended.returncode == 2
    assert words in ended.stderr
    assert not (tmp_path / "out").exists()


def test_controls_are_not_performed_by_a_driver_whose_launcher_has_gone(chromium, tmp_path) -> None:
    with ExitStack() as open_apps:
        runs = tuple(
            PlannedRun(run, open_apps.enter_context(apps.served(apps.Finds())))
            for run in judgement_runs(["j"])
        )
        whole = plan_of(f"journey: j\n{GLANCING}", runs=runs, browser=chromium)
        ended = driver(plan_json(whole), tmp_path / "out", runs[:3])
    assert (ended.returncode, "the launcher has gone" in ended.stderr) == (2, True)
    assert not (tmp_path / "out" / "evidence.json").exists()


def test_a_browser_is_waited_for_as_long_as_the_plan_allows(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("LOF_BROWSER", raising=False)
    (never := tmp_path / "never").write_text("#!/bin/sh\nexec sleep 600\n")
    never.chmod(0o755)
    runs = (PlannedRun(RunId("j"), 1),)
    plan = plan_of(f"journey: j\n{SHALLOW}", runs=runs, browser=str(never))
    ended = driver(
        plan_json(replace(plan, bounds=Bounds(start_seconds=0.75))), tmp_path / "out", runs
    )
    assert ended.returncode == 0, ended.stderr
    (evidence,) = read_evidence((tmp_path / "out" / "evidence.json").read_text())
    assert "750ms" in evidence.errors[0]


def test_a_browser_that_does_not_start_is_the_judges_own_failure(tmp_path) -> None:
    runs = (PlannedRun(RunId("j"), 1),)
    plan = Plan(
        (f"journey: j\n{SHALLOW}",), runs, 1, date(2026, 1, 1), browser=str(tmp_path / "nothing")
    )
    ended = driver(plan_json(plan), tmp_path / "out", runs)
    assert ended.returncode == 0, ended.stderr
    (evidence,) = read_evidence((tmp_path / "out" / "evidence.json").read_text())
    assert evidence.errors
    assert result(evidence) is Result.INCONCLUSIVE
