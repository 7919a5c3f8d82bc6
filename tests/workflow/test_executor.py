from __future__ import annotations

import pytest

from harness.domain.errors import ConfigError, Stopped
from harness.domain.workflow import (
    Comparison,
    FieldOf,
    NodeResult,
    Outcome,
    RetryPolicy,
    UseNode,
    WhenEnded,
    WhenField,
    Workflow,
)
from harness.domain.workflow_run import Attempt, Run, RunStatus
from harness.workflow import run
from tests.workflow.doubles import Simulated, failed, nodes, produced


def drive(workflow: Workflow, executor: Simulated, *, concurrency: int = 8, **more) -> Run:
    return run(workflow, executor, concurrency=concurrency, now=executor.now, **more)


def outcomes(found: Run) -> dict[str, str]:
    return {name: result.outcome.value for name, result in found.results.items()}


def test_a_chain_runs_in_order_and_every_node_sees_all_that_came_before_it() -> None:
    seen = {}

    def note(call):
        seen[call.node.id] = {name: dict(output) for name, output in call.inputs.items()}
        return produced(by=call.node.id)

    executor = Simulated(dict.fromkeys("abc", note))
    found = drive(nodes("a", "b < a", "c < b"), executor)
    assert found.status is RunStatus.SUCCEEDED
    assert executor.order == ["a/1", "b/1", "c/1"]
    assert seen == {"a": {}, "b": {"a": {"by": "a"}}, "c": {"a": {"by": "a"}, "b": {"by": "b"}}}


def test_a_ready_node_never_waits_for_an_unrelated_one() -> None:
    executor = Simulated(seconds={"slow": 1000.0})
    drive(nodes("slow", "a", "b < a", "c < b", "last < slow c"), executor)
    began = {key: at for at, key in executor.began}
    assert (began["a/1"], began["b/1"], began["c/1"]) == (0.0, 1.0, 2.0)
    assert began["last/1"] == 1000.0


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_no_more_calls_are_under_way_than_there_are_workers(limit) -> None:
    executor = Simulated()
    drive(nodes(*"abcdef"), executor, concurrency=limit)
    assert executor.most_at_once == limit
    assert executor.order == [f"{name}/1" for name in "abcdef"]


def test_what_needs_a_failed_node_is_skipped_and_names_it() -> None:
    found = drive(nodes("a", "b < a", "c < b", "apart"), Simulated({"a": lambda call: failed()}))
    assert outcomes(found) == {"a": "failed", "b": "skipped", "c": "skipped", "apart": "produced"}
    assert found.results["b"].message == "a was failed"
    assert found.status is RunStatus.FAILED
    assert found.message == "it broke"


@pytest.mark.parametrize(
    ("outcome", "after", "instead"),
    [
        (Outcome.PRODUCED, "produced", "skipped"),
        (Outcome.NO_CHANGE, "produced", "skipped"),
        (Outcome.FAILED, "skipped", "produced"),
        (Outcome.BLOCKED, "skipped", "produced"),
    ],
)
def test_when_chooses_between_what_follows_success_and_what_follows_failure(
    outcome, after, instead
) -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a"),
            UseNode(id="after", needs=("a",), when=WhenEnded("a", True), action="test.after"),
            UseNode(id="instead", needs=("a",), when=WhenEnded("a", False), action="test.instead"),
        ),
    )
    found = drive(workflow, Simulated({"a": lambda call: NodeResult(outcome)}))
    assert (outcomes(found)["after"], outcomes(found)["instead"]) == (after, instead)


def test_a_skipped_node_neither_succeeded_nor_failed() -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a"),
            UseNode(id="b", needs=("a",), when=WhenEnded("a", False), action="test.b"),
            UseNode(id="yes", needs=("b",), when=WhenEnded("b", True), action="test.yes"),
            UseNode(id="no", needs=("b",), when=WhenEnded("b", False), action="test.no"),
        ),
    )
    found = drive(workflow, Simulated())
    assert outcomes(found) == {"a": "produced", "b": "skipped", "yes": "skipped", "no": "skipped"}
    assert found.status is RunStatus.SUCCEEDED


def test_a_cleaned_up_failure_is_still_a_failure() -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a"),
            UseNode(id="clean", needs=("a",), when=WhenEnded("a", False), action="test.clean"),
        ),
    )
    assert drive(workflow, Simulated({"a": lambda call: failed()})).status is RunStatus.FAILED


@pytest.mark.parametrize(
    ("comparison", "value", "found", "holds"),
    [
        ("==", "in", "in", True),
        ("==", "in", "out", False),
        ("!=", "in", "out", True),
        (">=", 0.8, 0.8, True),
        (">", 0.8, 0.8, False),
        ("<", 3, 2, True),
        ("<=", 3, 4, False),
        ("==", True, True, True),
        ("==", 1, True, False),
        ("<", "3", 2, False),
        ("!=", "x", 5, False),
        ("==", None, None, True),
        ("!=", None, "x", True),
        ("<", 5, None, False),
        ("==", "in", ["in"], False),
    ],
)
def test_a_comparison_is_total_and_never_true_between_two_types(
    comparison, value, found, holds
) -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a"),
            UseNode(
                id="b",
                needs=("a",),
                action="test.b",
                when=WhenField(FieldOf("a", ("field",)), Comparison(comparison), value),
            ),
        ),
    )
    results = drive(workflow, Simulated({"a": lambda call: produced(field=found)}))
    assert (outcomes(results)["b"] == "produced") is holds


def test_a_field_that_is_not_there_makes_every_comparison_false() -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a"),
            *(
                UseNode(
                    id=f"b{n}",
                    needs=("a",),
                    action="test.b",
                    when=WhenField(FieldOf("a", ("nested", "field")), comparison, "x"),
                )
                for n, comparison in enumerate(Comparison)
            ),
        ),
    )
    assert set(
        outcomes(drive(workflow, Simulated({"a": lambda call: produced(nested=1)}))).values()
    ) == {"produced", "skipped"}
    assert set(outcomes(drive(workflow, Simulated())).values()) == {"produced", "skipped"}


def test_a_node_is_tried_again_after_growing_waits_and_no_more_often_than_allowed() -> None:
    executor = Simulated({"a": lambda call: failed()})
    found = drive(nodes("a", retry={"a": RetryPolicy(4, wait_seconds=10.0, factor=3.0)}), executor)
    assert executor.began == [(0.0, "a/1"), (11.0, "a/2"), (42.0, "a/3"), (133.0, "a/4")]
    assert found.status is RunStatus.FAILED
    assert [attempt.number for attempt in found.attempts] == [1, 2, 3, 4]


def test_waiting_for_another_attempt_holds_up_nobody_else() -> None:
    executor = Simulated({"a": lambda call: failed() if call.attempt == 1 else produced()})
    drive(
        nodes("a", "b", "c < b", retry={"a": RetryPolicy(2, wait_seconds=60.0)}),
        executor,
        concurrency=1,
    )
    assert executor.order == ["a/1", "b/1", "c/1", "a/2"]


def test_the_last_attempt_is_the_result() -> None:
    executor = Simulated(
        {"a": lambda call: produced(n=call.attempt) if call.attempt == 3 else failed()}
    )
    found = drive(nodes("a", "b < a", retry={"a": RetryPolicy(5)}), executor)
    assert found.results["a"].output == {"n": 3}
    assert found.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize(
    "result",
    [
        failed(retryable=False),
        NodeResult(Outcome.BLOCKED),
        NodeResult(Outcome.STOPPED),
        NodeResult(Outcome.CANCELLED),
    ],
)
def test_only_a_failure_that_another_attempt_could_mend_is_retried(result) -> None:
    executor = Simulated({"a": lambda call: result})
    drive(nodes("a", retry={"a": RetryPolicy(5)}), executor)
    assert executor.order == ["a/1"]


def timed(seconds: float, retry: RetryPolicy | None = None) -> Workflow:
    return Workflow(
        "test",
        (
            UseNode(id="a", action="test.a", timeout_seconds=seconds, retry=retry or RetryPolicy()),
            UseNode(id="b", needs=("a",), action="test.b"),
        ),
    )


def test_a_node_that_takes_too_long_has_failed_and_is_given_up() -> None:
    executor = Simulated(seconds={"a": 100.0})
    found = drive(timed(30.0), executor)
    assert executor.time == 30.0
    assert executor.cancelled == ["a/1"]
    assert outcomes(found) == {"a": "failed", "b": "skipped"}
    assert found.message == "took longer than 30 s"


def test_a_node_that_took_too_long_may_be_tried_again() -> None:
    executor = Simulated(seconds={"a": 100.0})
    found = drive(timed(30.0, RetryPolicy(2)), executor)
    assert executor.order == ["a/1", "a/2"]
    assert found.status is RunStatus.FAILED


def test_a_node_just_in_time_has_not_failed() -> None:
    assert drive(timed(30.0), Simulated(seconds={"a": 30.0})).status is RunStatus.SUCCEEDED


def test_what_a_failed_node_reports_makes_no_condition_true() -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a"),
            UseNode(
                id="b",
                needs=("a",),
                action="test.b",
                when=WhenField(FieldOf("a", ("verdict",)), Comparison.EQUAL, "in"),
            ),
        ),
    )
    broken = NodeResult(Outcome.FAILED, {"verdict": "in"})
    assert outcomes(drive(workflow, Simulated({"a": lambda call: broken}))) == {
        "a": "failed",
        "b": "skipped",
    }


CLOSED = {
    "type": "object",
    "properties": {"verdict": {"enum": ["in", "out"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "output", [{}, {"verdict": "perhaps"}, {"verdict": "in", "more": 1}, {"verdict": None}]
)
def test_a_success_without_the_declared_output_is_a_failure(output) -> None:
    workflow = Workflow(
        "test",
        (
            UseNode(id="a", action="test.a", output=CLOSED),
            UseNode(id="b", needs=("a",), action="test.b"),
        ),
    )
    found = drive(workflow, Simulated({"a": lambda call: produced(**output)}))
    assert outcomes(found) == {"a": "failed", "b": "skipped"}
    assert "its output is not what it declares" in found.message


def test_a_refusal_needs_no_output() -> None:
    workflow = Workflow("test", (UseNode(id="a", action="test.a", output=CLOSED),))
    assert (
        drive(workflow, Simulated({"a": lambda call: NodeResult(Outcome.BLOCKED)})).status
        is RunStatus.BLOCKED
    )


def test_after_a_stop_nothing_starts_and_what_runs_ends_by_itself() -> None:
    executor = Simulated(
        {"a": lambda call: NodeResult(Outcome.STOPPED, message="no money")}, {"b": 5.0}
    )
    found = drive(nodes("a", "b", "c < b", "d < a"), executor)
    assert executor.order == ["a/1", "b/1"]
    assert executor.cancelled == []
    assert outcomes(found) == {"a": "stopped", "b": "produced", "d": "skipped"}
    assert found.status is RunStatus.STOPPED


def test_a_stop_ends_the_wait_for_another_attempt() -> None:
    executor = Simulated(
        {"a": lambda call: failed(), "b": lambda call: NodeResult(Outcome.STOPPED)}, {"b": 5.0}
    )
    drive(nodes("a", "b", retry={"a": RetryPolicy(2, wait_seconds=60.0)}), executor)
    assert executor.order == ["a/1", "b/1"]


def test_a_cancelled_run_gives_up_what_runs_after_it_is_recorded() -> None:
    recorded: list[str] = []
    executor = Simulated(seconds={"a": 100.0, "b": 100.0})
    found = drive(
        nodes("a", "b", "c < a"),
        executor,
        record=lambda attempt: recorded.append(attempt.node),
        cancelled=lambda: "the issue was edited" if executor.time > 3 else None,
    )
    assert recorded == ["a", "b"]
    assert executor.cancelled == ["a/1", "b/1"]
    assert found.status is RunStatus.CANCELLED
    assert found.message == "the issue was edited"
    assert executor.time < 5


def test_cancelling_a_run_that_is_over_changes_nothing() -> None:
    executor = Simulated()
    over = drive(nodes("a"), executor)
    assert drive(nodes("a"), executor, finished=over.attempts, cancelled=lambda: "too late") == over


def test_a_run_that_was_cancelled_stays_so() -> None:
    executor = Simulated()
    over = drive(nodes("a", "b < a"), executor, cancelled=lambda: "not wanted")
    assert executor.began == []
    again = drive(nodes("a", "b < a"), executor, finished=over.attempts)
    assert again.status is RunStatus.CANCELLED
    assert executor.began == []


def test_one_cancelled_node_takes_the_others_with_it() -> None:
    executor = Simulated({"a": lambda call: NodeResult(Outcome.CANCELLED)}, {"b": 500.0})
    found = drive(nodes("a", "b", "c < b"), executor)
    assert executor.time == 1.0
    assert outcomes(found) == {"a": "cancelled", "b": "cancelled", "c": "skipped"}


def test_a_stop_out_of_the_callers_mouth_leaves_a_run_that_goes_on_later() -> None:
    kept: list[Attempt] = []
    executor = Simulated()

    def pulse() -> None:
        if len(kept) == 2:
            raise Stopped("the owner said stop")

    with pytest.raises(Stopped):
        drive(nodes("a", "b < a", "c < b"), executor, record=kept.append, cancelled=pulse)
    found = drive(nodes("a", "b < a", "c < b"), executor, finished=kept)
    assert executor.order == ["a/1", "b/1", "c/1"]
    assert found.status is RunStatus.SUCCEEDED


def test_a_retry_goes_on_counting_where_a_dead_run_left_off() -> None:
    executor = Simulated({"a": lambda call: failed()})
    policy = {"a": RetryPolicy(3)}
    found = drive(nodes("a", retry=policy), executor, finished=[Attempt("a", 1, failed())])
    assert executor.order == ["a/2", "a/3"]
    assert found.status is RunStatus.FAILED


def test_an_attempt_recorded_twice_counts_once() -> None:
    twice = [Attempt("a", 1, produced(n=1)), Attempt("a", 1, produced(n=2))]
    executor = Simulated()
    found = drive(nodes("a"), executor, finished=twice)
    assert found.results["a"].output == {"n": 1}
    assert executor.began == []


def test_attempts_of_another_workflow_are_refused() -> None:
    with pytest.raises(ConfigError, match="has no node `gone`"):
        drive(nodes("a"), Simulated(), finished=[Attempt("gone", 1, produced())])


def test_the_event_of_a_run_is_the_one_of_its_last_node_whatever_ended_last() -> None:
    def with_event(name):
        return lambda call: NodeResult(Outcome.PRODUCED, event=name)

    executor = Simulated({"a": with_event("early"), "b": with_event("late")}, {"a": 50.0})
    found = drive(nodes("a", "b"), executor)
    assert [attempt.node for attempt in found.attempts] == ["b", "a"]
    assert found.event == "late"
