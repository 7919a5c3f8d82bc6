"""What the ports promise, asked of the real thing and of what other tests stand on instead."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.domain.ledger import Head, NewEntry
from harness.domain.workflow_run import RunStatus
from harness.ports.engine import Engine
from harness.ports.ledger import Ledger
from harness.store.clock import SystemClock
from harness.store.durable.engine import Durable
from harness.store.in_memory import DirectEngine
from harness.store.ledger.postgres import PostgresLedger
from harness.store.ledger.sqlite import SqliteLedger
from harness.workflow import EngineExecutor, run
from tests.events import event_of
from tests.fakes.ledger import FakeLedger
from tests.workflow.doubles import nodes, produced

Launch = Callable[..., Engine]
SECONDS = 300
"""Longer than any work here takes, however busy the machine is."""


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def launch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Launch]:
    """An engine with these actions; each one after the first stands on what the one before left."""
    live: list[Any] = []
    kept: dict[str, Any] = {}
    address = request.getfixturevalue("postgres").database() if request.param == "postgres" else ""

    def start(**actions: Callable[[Any], Any]) -> Engine:
        while live:
            live.pop().close()
        in_memory = request.param == "memory"
        made = DirectEngine(kept) if in_memory else Durable(tmp_path, address=address)
        for name, action in actions.items():
            made.register(name, action)
        made.launch()
        live.append(made)
        return made

    yield start
    while live:
        live.pop().close()


@pytest.fixture(params=["sqlite", "postgres", "fake"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Ledger:
    if request.param == "postgres":
        return PostgresLedger(
            tmp_path, SystemClock(), request.getfixturevalue("postgres").database()
        )
    return SqliteLedger(tmp_path, SystemClock()) if request.param == "sqlite" else FakeLedger()


def test_work_has_one_result_under_its_key_also_after_a_restart(launch) -> None:
    calls: list[Any] = []

    def count(payload: Any) -> Any:
        calls.append(payload)
        return {"n": len(calls), "got": payload}

    first = launch(count=count)
    first.start("k", "count", {"pair": (1, 2)})
    expected = ("k", {"n": 1, "got": {"pair": [1, 2]}})
    assert first.wait_any(frozenset({"k"}), seconds=SECONDS) == expected
    assert first.wait_any(frozenset({"k", "another"}), seconds=SECONDS) == expected
    again = launch(count=count)
    again.start("k", "count", {"pair": (1, 2)})
    assert again.wait_any(frozenset({"k"}), seconds=SECONDS) == expected
    assert len(calls) == 1


def test_after_a_doze_what_was_done_is_known_and_more_is_done(launch) -> None:
    calls: list[Any] = []
    engine = launch(count=lambda payload: {"n": len(calls), "was": calls.append(payload)})
    engine.start("k", "count", {})
    first = engine.wait_any(frozenset({"k"}), seconds=SECONDS)
    for _ in range(2):
        engine.doze()
    assert engine.wait_any(frozenset({"k"}), seconds=SECONDS) == first
    engine.start("k", "count", {})
    engine.start("l", "count", {})
    assert engine.wait_any(frozenset({"l"}), seconds=SECONDS) == ("l", {"n": 1, "was": None})
    engine.doze()
    engine.cancel("l")
    assert engine.wait_any(frozenset({"l"}), seconds=SECONDS) == ("l", {"n": 1, "was": None})
    assert len(calls) == 2


def test_what_nobody_started_is_not_waited_for_longer_than_asked(launch) -> None:
    engine = launch()
    assert engine.wait_any(frozenset({"nothing"}), seconds=0.01) is None
    assert engine.wait_any(frozenset(), seconds=0.01) is None


def test_a_wait_for_nothing_takes_its_time_so_a_run_does_not_spin_until_a_retry_is_due(
    launch,
) -> None:
    engine, began = launch(), time.monotonic()
    assert engine.wait_any(frozenset(), seconds=0.05) is None
    assert time.monotonic() - began >= 0.05


def test_a_result_outlives_a_cancellation_that_comes_too_late(launch) -> None:
    engine = launch(quick=lambda payload: {"n": 1})
    engine.start("k", "quick", {})
    assert engine.wait_any(frozenset({"k"}), seconds=SECONDS) == ("k", {"n": 1})
    engine.cancel("k")
    assert engine.wait_any(frozenset({"k"}), seconds=SECONDS) == ("k", {"n": 1})


def test_a_run_is_driven_over_the_port(launch) -> None:
    engine = launch(act=lambda payload: produced(by=payload["node"], saw=payload["saw"]).as_json())
    hands = EngineExecutor(
        engine, "r1", lambda call: ("act", {"node": call.node.id, "saw": sorted(call.inputs)})
    )
    found = run(nodes("a", "b < a", "c < a", "d < b c"), hands, concurrency=2)
    assert found.status is RunStatus.SUCCEEDED
    assert all(result.output["by"] == name for name, result in found.results.items())
    assert found.results["d"].output["saw"] == ["a", "b", "c"]


def test_a_ledger_keeps_its_entries_in_order_and_each_key_once(ledger) -> None:
    assert (ledger.entries(), ledger.find("k"), ledger.fault()) == ((), None, None)
    first = ledger.append(event_of("note", {"n": 1}), "k", issue=1, run="r")
    second = ledger.append(event_of("done", {}), "l", issue=2)
    assert ledger.append(event_of("note", {"n": 9}), "k", issue=9) == first
    assert ledger.entries() == (first, second)
    assert (first.seq, second.seq, second.prev) == (1, 2, first.hash)
    assert (ledger.entries(issue=2), ledger.entries(kind="note"), ledger.entries(issue=3)) == (
        (second,),
        (first,),
        (),
    )
    assert (ledger.find("l"), ledger.fault()) == (second, None)


def test_what_is_written_together_is_what_is_written_one_by_one(ledger) -> None:
    first = ledger.append(event_of("note", {"n": 1}), "k", issue=1)
    new = (
        NewEntry(event_of("note", {"n": [2]}), "l", 2, "r"),
        NewEntry(event_of("done", {}), "k", 9),
        NewEntry(event_of("done", {}), "m"),
        NewEntry(event_of("note", {}), "l", 3),
    )
    second, again, third, twice = ledger.append_all(new)
    assert (again, twice) == (first, second), "each key once"
    assert ledger.entries() == (first, second, third)
    assert (second.kind, second.key, second.issue, second.run, second.data) == (
        "note",
        "l",
        2,
        "r",
        {"n": [2]},
    )
    assert (second.prev, third.prev, third.seq) == (first.hash, second.hash, 3)
    assert (ledger.append_all(new), ledger.append_all(())) == ((second, first, third, second), ())
    fourth = ledger.append(event_of("note", {}), "n")
    assert (fourth.prev, ledger.fault(), ledger.fault_after(Head(1, first.hash))) == (
        third.hash,
        None,
        None,
    )


def test_a_ledger_gives_what_follows_an_entry_and_verifies_that_alone(ledger) -> None:
    entries = [
        ledger.append(event_of("note", {}), f"k{number}", issue=number % 2)
        for number in range(1, 5)
    ]
    assert ledger.entries(after=2) == tuple(entries[2:])
    assert ledger.entries(issue=1, after=1) == (entries[2],)
    assert ledger.entries(after=4) == ()
    assert ledger.fault_after(Head(4, entries[3].hash)) is None
    assert ledger.fault_after(Head(2, entries[1].hash)) is None
    assert ledger.fault_after(Head(2, entries[3].hash)) is not None, (
        "the second entry is not the one that was read"
    )
    assert ledger.fault_after(Head(5, entries[3].hash)) is not None, "there is no fifth"
