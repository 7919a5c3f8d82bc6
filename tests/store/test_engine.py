from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Never

import pytest
import sqlalchemy as sa

from harness.domain.errors import (
    BudgetExhausted,
    ConfigError,
    FactoryStop,
    ForgeError,
    Interrupted,
    PortError,
    Stopped,
)
from harness.store.durable.engine import Durable
from harness.store.durable.executors import OnThisMachine

Start = Callable[..., Durable]
SECONDS = 300
"""Longer than any work here takes, however busy the machine is."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Start]:
    """Launches an engine on the same home with these actions; the one before is closed."""
    live: list[Durable] = []

    def start(**actions: Callable[[Any], Any]) -> Durable:
        while live:
            live.pop().close()
        made = Durable(tmp_path)
        for name, action in actions.items():
            made.register(name, action)
        made.launch()
        live.append(made)
        return made

    yield start
    while live:
        live.pop().close()


def result(engine: Durable, key: str) -> dict[str, Any]:
    done = engine.wait_any(frozenset({key}), seconds=SECONDS)
    assert done is not None, f"{key} never ended"
    assert done[0] == key
    return dict(done[1])


def statuses(home: Path) -> set[str]:
    with sqlite3.connect(home / "engine.db") as store:
        return {status for (status,) in store.execute("SELECT status FROM workflow_status")}


def test_an_action_is_given_its_payload_and_its_answer_is_kept(engine) -> None:
    live = engine(echo=lambda payload: {"got": payload, "tuple": (1, 2)})
    live.start("r/n/1", "echo", {"text": "ü\u0000", "deep": [{"x": None}]})
    assert result(live, "r/n/1") == {
        "got": {"text": "ü\u0000", "deep": [{"x": None}]},
        "tuple": [1, 2],
    }


def test_the_same_key_is_the_same_work(engine) -> None:
    calls: list[int] = []
    count = lambda payload: calls.append(1) or {"n": len(calls)}  # noqa: E731
    live = engine(count=count)
    live.start("k", "count", {})
    assert result(live, "k") == {"n": 1}
    live.start("k", "count", {})
    assert result(live, "k") == {"n": 1}
    again = engine(count=count)
    again.start("k", "count", {"other": "payload"})
    assert result(again, "k") == {"n": 1}
    assert len(calls) == 1


def test_the_first_to_be_done_is_given_first(engine) -> None:
    gate = threading.Event()
    live = engine(wait=lambda payload: {"waited": gate.wait(SECONDS)}, quick=lambda payload: {})
    live.start("slow", "wait", {})
    live.start("fast", "quick", {})
    both = frozenset({"slow", "fast"})
    assert live.wait_any(both, seconds=SECONDS) == ("fast", {})
    assert live.wait_any(frozenset({"slow"}), seconds=0.01) is None
    assert live.wait_any(frozenset(), seconds=0.01) is None
    gate.set()
    assert live.wait_any(frozenset({"slow"}), seconds=SECONDS) == ("slow", {"waited": True})


def raising(error: BaseException) -> Callable[[Any], Any]:
    def action(payload: Any) -> Any:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "outcome", "retryable", "says"),
    [
        (ForgeError("no answer", retryable=True), "failed", True, "no answer"),
        (ForgeError("no"), "failed", False, "no"),
        (ConfigError("wrong", file="w.yaml", line=3), "failed", False, "w.yaml:3: wrong"),
        (KeyError("x"), "failed", False, "a bug: KeyError: 'x'"),
        (Stopped("the owner said stop"), "stopped", False, "the owner said stop"),
        (Interrupted(), "stopped", False, "Interrupted"),
        (KeyboardInterrupt(), "stopped", False, "KeyboardInterrupt: "),
        (SystemExit(3), "stopped", False, "SystemExit: 3"),
    ],
)
def test_whatever_an_action_does_there_is_a_result(
    engine, tmp_path, error, outcome, retryable, says
) -> None:
    live = engine(act=raising(error))
    live.start("k", "act", {})
    found = result(live, "k")
    assert (found["outcome"], found["retryable"], found["message"]) == (outcome, retryable, says)
    assert statuses(tmp_path) == {"SUCCESS"}


@pytest.mark.parametrize(
    "answer", [{"x": Decimal(1)}, {"x": float("nan")}, {1, 2}, None, {"x": object()}]
)
def test_an_answer_that_is_not_json_is_a_bug_of_the_action(engine, answer) -> None:
    live = engine(act=lambda payload: answer)
    live.start("k", "act", {})
    assert result(live, "k")["message"].startswith("a bug: ")


@pytest.mark.parametrize("stop", [BudgetExhausted("2 dollars are spent"), Stopped("stop")])
def test_after_a_stop_three_restarts_run_nothing(engine, tmp_path, stop: FactoryStop) -> None:
    """Seen: a stop that left the body of a DBOS workflow made it run again at each launch, past
    every budget."""
    spent: list[int] = []

    def spend(payload: Any) -> Any:
        spent.append(1)
        raise stop

    live = engine(spend=spend)
    live.start("k", "spend", {})
    first = result(live, "k")
    for _ in range(3):
        live = engine(spend=spend)
        live.start("k", "spend", {})
        assert result(live, "k") == first
        assert statuses(tmp_path) == {"SUCCESS"}, "nothing waits to be run again"
    assert len(spent) == 1
    assert first["event"] == ("budget-exhausted" if isinstance(stop, BudgetExhausted) else None)


def test_cancelled_work_stays_cancelled_whatever_its_body_still_does(engine, tmp_path) -> None:
    entered, gate, ended = threading.Event(), threading.Event(), threading.Event()
    live = engine(wait=lambda payload: (entered.set(), gate.wait(SECONDS), ended.set(), {})[3])
    live.start("k", "wait", {})
    assert entered.wait(SECONDS)
    live.cancel("k")
    assert result(live, "k")["outcome"] == "cancelled"
    gate.set()
    assert ended.wait(SECONDS)
    live = engine(wait=lambda payload: {"ran": "again"})
    live.start("k", "wait", {})
    assert result(live, "k")["outcome"] == "cancelled"
    assert statuses(tmp_path) == {"CANCELLED"}


def test_what_has_a_result_cannot_be_cancelled(engine) -> None:
    live = engine(quick=lambda payload: {"n": 1})
    live.start("k", "quick", {})
    assert result(live, "k") == {"n": 1}
    live.cancel("k")
    live.cancel("never started")
    assert result(live, "k") == {"n": 1}


def test_what_ends_while_the_engine_closes_is_done_again_and_the_first_answer_is_nobodys(
    engine, tmp_path
) -> None:
    """Ctrl-C kills the boxes, and then the nodes that drove them fail: that failure is not a
    result."""
    entered, ended = threading.Semaphore(0), threading.Semaphore(0)
    deadline = time.monotonic() + SECONDS

    def first(payload: Any) -> Any:
        entered.release()
        while (
            not live._closing and time.monotonic() < deadline
        ):  # not a moment before the engine closes
            time.sleep(0.001)
        time.sleep(payload["n"] / 1000)
        ended.release()
        raise ForgeError("the house came down", retryable=False)

    live = engine(act=first)
    for n in range(1, 11):
        live.start(f"k{n}", "act", {"n": n})
        assert entered.acquire(timeout=SECONDS)
    live.close()
    for _ in range(10):
        assert ended.acquire(timeout=SECONDS)
    assert statuses(tmp_path) == {"PENDING"}
    live = engine(act=lambda payload: {"again": payload["n"]})
    for n in range(1, 11):
        live.start(f"k{n}", "act", {"n": n})
        assert result(live, f"k{n}") == {"again": n}


def test_work_that_takes_the_factory_down_with_it_each_time_is_given_up(engine, tmp_path) -> None:
    entered, gate = threading.Event(), threading.Event()
    live = engine(act=lambda payload: (entered.set(), gate.wait(SECONDS), {})[2])
    live.start("k", "act", {})
    assert entered.wait(SECONDS)
    live.close()
    gate.set()
    with sqlite3.connect(tmp_path / "engine.db") as store:
        store.execute("UPDATE workflow_status SET recovery_attempts = 1000")
    live = engine(act=lambda payload: {"ran": "again"})
    live.start("k", "act", {})
    found = result(live, "k")
    assert (found["outcome"], found["retryable"]) == ("failed", False)
    assert "died 50 times" in found["message"]


def test_an_action_that_nobody_knows_has_failed(engine) -> None:
    live = engine()
    live.start("k", "gone", {})
    assert "no action is called `gone`" in result(live, "k")["message"]


def test_two_engines_in_one_process_are_refused_by_name(engine, tmp_path) -> None:
    engine()
    with pytest.raises(PortError, match="an engine is live in this process"):
        Durable(tmp_path).launch()


def test_the_store_is_written_ahead_and_to_the_disk(engine, tmp_path) -> None:
    live = engine(quick=lambda payload: {})
    live.start("k", "quick", {})
    result(live, "k")
    with sqlite3.connect(tmp_path / "engine.db") as store:
        assert store.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        ids = store.execute(
            "SELECT executor_id, application_version, serialization FROM workflow_status"
        ).fetchall()
    assert [(version, form) for _, version, form in ids] == [("1", "portable_json")]
    assert ids[0][0] not in ("local", "default", None)
    assert (tmp_path / "engine.db").stat().st_mode & 0o077 == 0


def test_a_store_that_is_no_store_is_refused_by_name(tmp_path) -> None:
    (tmp_path / "engine.db").write_bytes(
        b"this is not a database, and long enough to be read as one" * 100
    )
    broken = Durable(tmp_path)
    with pytest.raises(PortError, match=r"engine\.db"):
        broken.launch()
    (tmp_path / "engine.db").unlink()
    broken.launch()
    broken.close()


def test_only_the_dead_are_inherited_from(tmp_path) -> None:
    mine, another = OnThisMachine(tmp_path), OnThisMachine(tmp_path)
    name = mine.claim()
    assert not another.is_dead(name)
    assert another.is_dead("nobody-ever")
    mine.release()
    assert another.is_dead(name)
    assert list(tmp_path.iterdir()) == []


def test_told_to_refuse_it_starts_nothing_more_and_what_runs_is_finished_and_kept(engine) -> None:
    may_end = threading.Event()
    live = engine(slow=lambda payload: may_end.wait(SECONDS) and {"n": 1})
    live.start("slow", "slow", {})
    live.refuse()
    with pytest.raises(Interrupted):
        live.start("next", "slow", {})
    threading.Timer(0.2, may_end.set).start()
    live.drain()
    again = engine(slow=lambda payload: {"n": 2})
    again.start("slow", "slow", {})
    assert result(again, "slow") == {"n": 1}


def test_what_failed_because_its_ground_was_gone_is_not_a_result(tmp_path) -> None:
    """A broker that dies takes its calls with it: recorded, that would be a verdict on an issue
    that nobody looked at."""
    down = threading.Event()

    def sound() -> None:
        if down.is_set():
            raise PortError("the broker is gone", retryable=True)

    def fails(payload) -> Never:
        down.set()
        raise PortError("no answer")

    first = Durable(tmp_path, check=sound)
    first.register("ask", fails)
    first.launch()
    try:
        first.start("k", "ask", {})
        assert down.wait(SECONDS)
        with pytest.raises(PortError, match="the broker is gone"):
            first.wait_any(frozenset({"k"}), seconds=1)
    finally:
        first.close()
    second = Durable(tmp_path)
    second.register("ask", lambda payload: {"answer": 1})
    second.launch()
    try:
        second.start("k", "ask", {})
        assert result(second, "k") == {"answer": 1}
    finally:
        second.close()


def test_a_result_waits_for_the_disk_and_a_beginning_does_not(engine) -> None:
    """Whoever is told of a result may act on it: the machine must not forget it with its power.
    SQLite's word for that is 2."""
    waits: dict[str, set[int]] = {"workflow_input": set(), "workflow_output": set()}

    def look(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        for table, found in waits.items():
            if statement.startswith(f"INSERT INTO main.{table} "):
                found.add(cursor.connection.execute("PRAGMA synchronous").fetchone()[0])

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        run = engine(act=lambda payload: {"said": payload["word"]})
        for number in range(5):
            run.start(f"run/{number}", "act", {"word": number})
            assert result(run, f"run/{number}") == {"said": number}
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", look)
    assert waits == {"workflow_input": {1}, "workflow_output": {2}}


def test_it_does_not_doze_over_work_nor_over_what_was_cancelled_and_still_runs(
    engine, tmp_path
) -> None:
    goes_on, here = threading.Event(), threading.Semaphore(0)

    def act(payload: Any) -> Any:
        here.release()
        goes_on.wait(SECONDS)
        return {"n": 1}

    run = engine(act=act)
    run.start("kept", "act", {})
    run.start("given up", "act", {})
    assert here.acquire(timeout=SECONDS)
    assert here.acquire(timeout=SECONDS)
    run.cancel("given up")
    run.doze()
    assert threads_of_dbos(), "it lets go of nothing under way"
    goes_on.set()
    assert result(run, "kept") == {"n": 1}
    assert result(run, "given up")["outcome"] == "cancelled"
    while threads_of_dbos():  # as soon as the action that was given up has ended
        run.doze()
    run.start("after", "act", {})
    assert result(run, "after") == {"n": 1}


def threads_of_dbos() -> list[str]:
    return [
        thread.name for thread in threading.enumerate() if thread.name == "dbos-background-jobs"
    ]
