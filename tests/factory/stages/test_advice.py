"""Diagnosis, plan and steps: what is asked when, what of it counts, and where it goes."""

import json

import pytest

from harness.domain.errors import AnswerError, ModelError
from harness.domain.events import PlanStep
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from harness.factory.records.chain import chain
from harness.factory.reporting import comments
from harness.factory.stages.diagnose import CAUSES, diagnosis, diagnosis_schema
from harness.factory.stages.plan import plan_in
from tests.factory.players import DIAGNOSIS, PLAN, Players, cast_by
from tests.factory.world import World, fixes
from tests.fakes.people import FakeAgent, FakeValidator

DIAGNOSED = '[models]\ndiagnoser = "gpt-5.5"\n'
PLANNED = '[models]\nplanner = "gpt-5.5"\n'
STEPS = {
    **PLAN,
    "steps": [
        {"does": "Gives places back.", "touches": ["tidebook/store.py"], "done_when": "tests pass"},
        {
            "does": "Says so on the page.",
            "touches": ["tidebook/said.py"],
            "done_when": "the page says it",
        },
    ],
}


def does_nothing(worktree) -> None:
    pass


def shows_it(worktree) -> None:
    (worktree / "tidebook" / "said.py").write_text("SAID = True\n")


def breaks_its_tests(worktree) -> None:
    (worktree / "tidebook" / "broken.py").write_text("# FAILS-ITS-TESTS\n")


def world_of(tmp_path, toml, *works, validator=None, **answers) -> World:
    world = World(
        tmp_path,
        model=Players(**answers),
        agent=FakeAgent(*works),
        validator=validator or FakeValidator(VerdictOutcome.PASSED),
    )
    return cast_by(world, toml)


def tasks(world: World) -> list[str]:
    return [assignment.task for assignment in world.agent.assignments]


# Diagnosis


def test_what_failed_is_looked_at_before_the_next_attempt_which_reads_what_was_found(
    tmp_path,
) -> None:
    world = world_of(tmp_path, DIAGNOSED, does_nothing, fixes)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert len(world.model.questions("diagnoser")) == 1
    first, second = tasks(world)
    assert "Change the store." not in first
    assert "Change the store." in second
    found = {link.title: link for link in chain(world.history(issue), outcome="").links}
    assert found["What went wrong before, by a model"].quote == "finished without changing anything"
    assert (
        "somebody looks first at what went wrong, because 1 attempt failed"
        in found["Tried differently than before"].fact
    )


def test_without_a_failure_or_without_a_model_nobody_diagnoses(tmp_path) -> None:
    for name, toml, works in (
        ("no failure", DIAGNOSED, (fixes,)),
        ("no model", "", (does_nothing, fixes)),
    ):
        world = world_of(tmp_path / name, toml, *works)
        issue = world.file()
        world.tick()
        assert world.history(issue).state is State.MERGED
        assert world.model.questions("diagnoser") == []


@pytest.mark.parametrize(
    "answer",
    [
        {**DIAGNOSIS, "quotes": ["the tests were never run at all"]},
        {**DIAGNOSIS, "quotes": []},
        {**DIAGNOSIS, "quotes": ["the"]},
        {**DIAGNOSIS, "cause": "cannot-tell"},
    ],
)
def test_a_diagnosis_that_quotes_nothing_that_was_shown_is_dropped_and_reported(
    tmp_path, answer
) -> None:
    world = world_of(tmp_path, DIAGNOSED, does_nothing, fixes, diagnoser=answer)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert "Change the store." not in tasks(world)[1]
    assert "A diagnosis was dropped" in {
        link.title for link in chain(world.history(issue), outcome="").links
    }


@pytest.mark.parametrize("error", [AnswerError("it did not call `answer`")])
def test_without_an_answer_the_attempt_goes_on_without(tmp_path, error) -> None:
    world = world_of(tmp_path, DIAGNOSED, does_nothing, fixes, diagnoser=error)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED


def test_a_diagnoser_sees_what_the_seal_lets_out_and_no_more(tmp_path) -> None:
    judge = FakeValidator(VerdictOutcome.FAILED, VerdictOutcome.PASSED)

    def again(worktree) -> None:
        shows_it(worktree)

    world = world_of(
        tmp_path,
        DIAGNOSED,
        fixes,
        again,
        validator=judge,
        diagnoser={**DIAGNOSIS, "quotes": ["FIXED = True"]},
    )
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    (question,) = world.model.questions("diagnoser")
    assert all(
        words in question
        for words in comments.finding_for_agent(
            [{"words": "it should work", "observed": "it was not shown"}]
        )
    )
    assert "FIXED = True" in question
    for sealed in (
        "it failed",
        "red on base",
        "sha256:" + "1" * 64,
        "sha256:" + "2" * 64,
        "verdict.json",
        "twins",
        "saboteurs",
    ):
        assert sealed not in question


def test_a_diagnoser_reads_what_a_command_printed(tmp_path) -> None:
    def mends_it(worktree) -> None:
        (worktree / "tidebook" / "broken.py").write_text("OK = 1\n")

    world = world_of(
        tmp_path,
        DIAGNOSED,
        breaks_its_tests,
        mends_it,
        diagnoser={**DIAGNOSIS, "quotes": ["FAILS-ITS-TESTS"]},
    )
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    (question,) = world.model.questions("diagnoser")
    assert "tests fail on the change" in question
    assert "FAILS-ITS-TESTS" in question


def test_a_quote_is_looked_for_in_texts_and_in_the_lines_of_a_difference() -> None:
    shown = {
        "attempts": [{"in_the_words_of_that_step": "nothing was changed"}],
        "change": [
            '{"file": "a.py", "change": "modified", "lines": [\n[1, "+", "say(\\"hello\\")"]\n]}'
        ],
    }
    for quote in ("nothing was changed", 'say("hello")'):
        found, dropped = diagnosis({**DIAGNOSIS, "quotes": [quote, "not there at all"]}, shown)
        assert found is not None
        assert (found.quotes, dropped) == ((quote,), "")


def test_the_causes_are_a_closed_list() -> None:
    assert diagnosis_schema()["properties"]["cause"]["enum"] == list(CAUSES)


# Plan


def test_a_plan_is_made_before_the_work_and_goes_into_it_as_advice(tmp_path) -> None:
    world = world_of(tmp_path, PLANNED, fixes)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    (question,) = world.model.questions("planner")
    assert "tidebook/store.py" in question
    assert "def cancel" not in question  # names of files, and nothing of what is in them
    assert "Gives places back." in tasks(world)[0]
    assert "It is advice" in tasks(world)[0]
    assert len(world.agent.assignments) == 1


PATHS = (
    "app/store.py",
    "app/pages/walk.html",
    "README.md",
    "factory_rules.md",
    "tests/test_store.py",
)


def planned(*touches: str, reads=()) -> dict:
    return {
        "approach": "a",
        "reads": list(reads),
        "gaps": [],
        "steps": [{"does": "it", "touches": list(touches), "done_when": "seen"}],
    }


@pytest.mark.parametrize(
    "path", ["app/store.py", "app/new.py", "app/pages/new.html", "NEW.md", "tests/test_new.py"]
)
def test_a_step_may_touch_what_is_there_or_what_can_be_made_beside_it(path) -> None:
    found = plan_in(planned(path), paths=PATHS)
    assert (found.steps, found.dropped) == ((PlanStep("it", (path,), "seen"),), ())


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/passwd", "no path from the root"),
        ("../other/x.py", "no path from the root"),
        ("app/../app/store.py", "no path"),
        ("app//store.py", "no path"),
        ("", "no path"),
        ("elsewhere/new.py", "in no folder"),
        ("app", "in no folder"),
        ("factory_rules.md", "for a person to edit"),
        ("FACTORY_RULES.md", "for a person to edit"),
        ("workflows/implement.yaml", "for a person to edit"),
        (".github/workflows/x.yml", "for a person to edit"),
        ("app/CLAUDE.md", "for a person to edit"),
    ],
)
def test_a_step_that_touches_what_it_may_not_is_dropped_and_counted(path, why) -> None:
    found = plan_in(planned(path), paths=PATHS)
    assert found.steps == ()
    assert why in found.dropped[0]
    assert plan_in(planned(path, "app/store.py"), paths=PATHS).steps[0].touches == ("app/store.py",)


def test_what_cannot_be_read_is_dropped_and_counted() -> None:
    found = plan_in(
        planned("app/store.py", reads=("README.md", "NOWHERE.md", "README.md")), paths=PATHS
    )
    assert found.reads == ("README.md",)
    assert found.dropped == ("'NOWHERE.md' cannot be read: it is not there",)


@pytest.mark.parametrize("answer", [AnswerError("it did not call `answer`")])
def test_without_a_plan_the_work_is_done_without(tmp_path, answer) -> None:
    world = world_of(tmp_path, PLANNED, fixes, planner=answer)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED


def test_a_provider_that_is_away_is_no_plan_that_was_thought_better_of(tmp_path) -> None:
    world = world_of(tmp_path, PLANNED, fixes, planner=ModelError("overloaded", retryable=True))
    issue = world.file()
    world.tick()
    assert world.agent.assignments == []
    assert world.history(issue).state is State.NEEDS_HUMAN


# Steps


def test_after_two_failures_the_work_is_split_into_steps_on_one_worktree_and_lands_as_one_change(
    tmp_path,
) -> None:
    world = world_of(
        tmp_path, PLANNED, does_nothing, does_nothing, fixes, shows_it, planner=(PLAN, PLAN, STEPS)
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    *_, first, second = world.agent.assignments
    assert first.worktree == second.worktree
    assert [json.loads(step)["step"] for step in (_step_in(first.task), _step_in(second.task))] == [
        1,
        2,
    ]
    assert [
        request.attempt for request in world.broker.opened if request.role == "implementer"
    ] == [1, 2, 3001, 3002]
    landed = world.git.trees[world.git.tree_of(world.remote["main"])]
    assert b"FIXED" in landed["tidebook/store.py"]
    assert landed["tidebook/said.py"] == b"SAID = True\n"
    assert len(world.git.landings) == 1
    assert "the work is done in steps, because 2 attempts failed" in [
        entry.data["says"] for entry in history.entries if entry.kind == "escalation"
    ]


def _step_in(task: str) -> str:
    return task.partition("Leave the project's tests green:\n\n")[2].partition("\n\n")[0]


def test_a_step_that_does_not_end_well_ends_the_attempt(tmp_path) -> None:
    def gives_up(worktree):
        return "gave-up", "the second half cannot be done"

    world = world_of(
        tmp_path,
        PLANNED,
        does_nothing,
        does_nothing,
        gives_up,
        shows_it,
        planner=(PLAN, PLAN, STEPS),
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert len(world.agent.assignments) == 3
    assert set(world.remote) == {"main"}


def test_a_plan_of_one_step_splits_nothing(tmp_path) -> None:
    world = world_of(tmp_path, PLANNED, does_nothing, does_nothing, fixes, planner=PLAN)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert [
        request.attempt for request in world.broker.opened if request.role == "implementer"
    ] == [1, 2, 3]
