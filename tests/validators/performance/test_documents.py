"""Plans and evidence as JSON: both ways, strictly; and what surrounds a run."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validators.domain.bounds import BOUNDS, MOST_SECONDS, Bounds
from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import (
    Breach,
    ExpectationOutcome,
    FaultFacts,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
)
from validators.domain.exploring.persona import Persona
from validators.performance.evidence_json import (
    evidence_json,
    part_line,
    read_evidence,
    read_part,
)
from validators.performance.exploration_plan import (
    ExplorationPlan,
    exploration_plan_json,
    read_exploration_plan,
)
from validators.performance.plan import (
    Plan,
    PlannedRun,
    base_runs,
    comparison_runs,
    judgement_runs,
    needed_line,
    plan_json,
    read_needed,
    read_plan,
    ready_line,
    retry_runs,
    suite_runs,
)
from validators.performance.surroundings import surroundings

words, counts = st.text(max_size=8), st.integers(0, 10**6)
run_ids = st.builds(
    RunId,
    words,
    st.sampled_from(Identity),
    st.sampled_from(RunKind),
    st.none() | st.sampled_from(FaultInjector),
    counts,
)
troubles = st.none() | st.sampled_from(Trouble)
evidence = st.builds(
    RunEvidence,
    run_ids,
    st.booleans(),
    st.booleans(),
    st.lists(
        st.builds(StepOutcome, counts, counts, words, st.booleans(), troubles, words, counts),
        max_size=2,
    ).map(tuple),
    st.lists(
        st.builds(
            ExpectationOutcome,
            counts,
            counts,
            words,
            words,
            st.booleans(),
            words,
            words,
            troubles,
            counts,
        ),
        max_size=2,
    ).map(tuple),
    st.lists(st.builds(Breach, words, counts, words), max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple),
    words,
    st.none() | st.builds(FaultFacts, counts, st.booleans(), st.booleans(), st.booleans()),
    st.none() | st.booleans(),
    st.lists(words, max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple),
    counts,
)
PLAN = Plan(("journey: a",), (PlannedRun(RunId("a"), 5001),), 7, date(2026, 11, 21))


@given(st.lists(evidence, max_size=3).map(tuple))
def test_evidence_survives_the_journey_to_json_and_back(evidence) -> None:
    assert read_evidence(evidence_json(evidence)) == evidence


@given(evidence)
def test_each_step_and_look_survives_a_line_of_progress_and_back(run) -> None:
    parts = (*run.steps, *run.expectations)
    lines = [part_line(run.run, part) for part in parts]
    assert [read_part(line) for line in lines] == [(run.run, part) for part in parts]
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)


def test_the_app_that_a_driver_asks_for_is_read_from_its_line_and_from_no_other() -> None:
    assert (needed_line(5001), read_needed(needed_line(5001))) == ('{"needed": 5001}\n', 5001)
    for line in (
        *(ready_line(5001), '{"needed": "5001"}', '{"needed": 1, "done": true}', "{}"),
        *('{"needed": 0}', '{"needed": 65536}', "[" * 100_000, '{"needed": ' * 100_000),
    ):
        with pytest.raises(DocumentInvalid, match=r"^needed"):
            read_needed(line)


planned = st.builds(PlannedRun, run_ids, counts, st.none() | counts, counts, counts)


waits = st.floats(0, MOST_SECONDS, exclude_min=True)
bounds = st.builds(Bounds, *[waits] * len(BOUNDS))


@given(st.lists(planned, max_size=3).map(tuple), st.integers(), st.floats(0, 1000), bounds)
def test_a_plan_survives_the_journey_to_json_and_back(runs, seed, seconds, bounds) -> None:
    plan = Plan(
        ("journey: a",),
        runs,
        seed,
        date(2026, 1, 2),
        "b.localhost",
        "de-DE",
        "Asia/Tokyo",
        viewport=(320, 640),
        journey_seconds=seconds,
        browser="/usr/bin/x",
        bounds=bounds,
        progress=True,
    )
    assert read_plan(plan_json(plan)) == plan


@given(bounds)
def test_an_exploration_plan_survives_the_journey_to_json_and_back(bounds) -> None:
    persona = Persona("guest", "a guest", "book a walk", "M-BOOK", shown=("Name",))
    plan = ExplorationPlan(
        persona, 1, 2, "word", "app.localhost", "en-GB", "Asia/Tokyo", (1280, 800), bounds
    )
    assert read_exploration_plan(exploration_plan_json(plan)) == plan


def altered(document: str, *path: str | int, value: object) -> str:
    broken = json.loads(document)
    inner = broken
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return json.dumps(broken)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("seed",), "7", "plan.seed: expected a whole number, found str"),
        (("seed",), True, "plan.seed: expected a whole number, found bool"),
        (("today",), "tomorrow", "plan.today: expected a date"),
        (("viewport",), [1280], "plan.viewport: expected a list of 2"),
        (("surprise",), 1, "plan: unknown key 'surprise'"),
        (
            ("runs", 0, "identity"),
            "invisible",
            "plan.runs[0].identity: expected one of plain, masked",
        ),
        (("runs", 0, "extra"), 1, "plan.runs[0]: unknown key 'extra'"),
        (("journey_seconds",), None, "plan.journey_seconds: expected a number, found NoneType"),
        (("journeys",), "a", "plan.journeys: expected a list"),
        (("runs", 0), 5, "plan.runs[0]: expected an object"),
        (("bounds",), {}, "plan.bounds: no key 'start_seconds'"),
        (("bounds", "surprise"), 1, "plan.bounds: unknown key 'surprise'"),
        (("bounds", "step_seconds"), "5", "plan.bounds.step_seconds: expected a number, found str"),
        (
            ("bounds", "step_seconds"),
            -1,
            "plan.bounds.step_seconds: expected seconds above 0 and at most 600, found -1",
        ),
        (
            ("bounds", "read_seconds"),
            float("inf"),
            "plan.bounds.read_seconds: expected seconds above 0",
        ),
        pytest.param(
            ("bounds", "read_seconds"),
            10**400,
            "plan.bounds.read_seconds: expected a number",
            id="huge",
        ),
    ],
)
def test_a_plan_that_is_not_one_is_refused_by_path(path, value, words) -> None:
    with pytest.raises(DocumentInvalid) as refused:
        read_plan(altered(plan_json(PLAN), *path, value=value))
    assert words in str(refused.value)


def test_a_missing_key_and_a_broken_document_are_named() -> None:
    plan = json.loads(plan_json(PLAN))
    del plan["seed"]
    with pytest.raises(DocumentInvalid, match="no key 'seed'"):
        read_plan(json.dumps(plan))
    with pytest.raises(DocumentInvalid, match="plan: not JSON"):
        read_plan("{")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("runs", 0, "app_ready"), 1),
        (("runs", 0, "complete"), "yes"),
        (("runs", 0, "steps"), {}),
        (("runs", 0, "verdict"), "passed"),
        (("runs", 0, "run", "kind"), "bribe"),
        (("runs", 0, "sabotage"), {"changed": 1, "touched": True, "caught": True}),
    ],
)
def test_evidence_with_anything_else_in_it_is_refused(path, value) -> None:
    good = evidence_json((RunEvidence(RunId("a"), True, True),))
    assert read_evidence(good)
    with pytest.raises(DocumentInvalid):
        read_evidence(altered(good, *path, value=value))


def test_what_a_judgement_needs() -> None:
    runs = judgement_runs(["a", "b"])
    assert len(runs) == len(set(runs)) == 16
    assert [str(run) for run in runs[:7]] == [
        "journey-plain-1", "journey-masked-1", "twin-plain-1", "sabotage-drop-row-plain-1", "sabotage-stale-plain-1",
        "sabotage-error-500-plain-1", "sabotage-swap-text-plain-1",
    ]  # fmt: skip
    assert [str(run) for run in retry_runs(["a"])] == ["journey-plain-2", "journey-masked-2"]
    assert [str(run) for run in base_runs(["a"])] == ["base-plain-1", "base-masked-1"]


def test_surroundings_come_from_the_seed_and_vary() -> None:
    assert surroundings(7) == surroundings(7)
    assert len({surroundings(seed) for seed in range(100)}) > 20


def test_a_journey_of_the_suite_is_performed_masked_and_plain_where_that_was_drawn() -> None:
    plain, masked = (RunId("j", identity) for identity in Identity)
    control = RunId("j", Identity.MASKED, RunKind.NEGATIVE_CONTROL)
    assert suite_runs("j", plain=False) == (masked, control)
    assert suite_runs("j", plain=True) == (plain, masked, RunId("j", kind=control.kind))


def test_pictures_of_base_are_taken_of_each_journey() -> None:
    kind = RunKind.COMPARISON
    assert comparison_runs(["j", "k"]) == (RunId("j", kind=kind), RunId("k", kind=kind))
