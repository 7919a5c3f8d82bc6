"""Workflows that call workflows: once, or once for each item, joined and bounded."""

import threading
import time
from datetime import timedelta

from harness.domain.events import WorkflowStarted
from harness.factory.records.own_runs import OwnRunIndex
from tests.factory.sandboxes import ended
from tests.factory.workflows.own import OwnWorkflowWorld, prints, results, status

CALLER = """
name: caller
nodes:
  - {id: one, call: part, with: {item: tides}, output: {size: {type: integer}}}
  - {id: use, run: [use], needs: [one], env: {SIZE: {from: one.size}}}
"""
PART = """
name: part
input: {item: {type: string}}
nodes:
  - {id: work, run: [work], env: {ITEM: {from: input.item}}, output: {size: {type: integer}}}
"""
MANY = """
name: many
nodes:
  - {id: list, run: [list], output: {items: {type: array, items: {type: string}}}}
  - {id: all, each: list.items, do: part, limit: 3, needs: [list]}
  - {id: join, run: [join], needs: [all], env: {COUNT: {from: all.count}}}
"""


def size_of(spec, folder):
    return prints(size=len(spec.env["ITEM"]))(spec, folder)


def ran(world: OwnWorkflowWorld) -> list[str]:
    return [spec.argv[0] for spec in world.sandbox.commands]


def test_a_called_workflow_gets_its_input_and_hands_its_output_back(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path, {"caller": CALLER, "part": PART}, commands={"work": size_of}
    )
    run = world.ask("caller")
    assert (status(run), ran(world)) == ("succeeded", ["work", "use"])
    assert world.sandbox.commands[0].env["ITEM"] == "tides"
    assert world.sandbox.commands[1].env["SIZE"] == "5"
    assert world.last("part").started.event.parent == run.name


def test_each_item_has_a_run_of_its_own_and_all_are_joined(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path,
        {"many": MANY, "part": PART},
        commands={"list": prints(items=["a", "bb", "a"]), "work": size_of},
    )
    run = world.ask("many")
    assert (status(run), sorted(ran(world))) == ("succeeded", ["join", "list", *["work"] * 3])
    assert ran(world)[-1] == "join"
    assert world.sandbox.commands[-1].env["COUNT"] == "3"


def test_nothing_to_do_is_a_success(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path, {"many": MANY, "part": PART}, commands={"list": prints(items=[])}
    )
    assert status(world.ask("many")) == "succeeded"


def test_more_items_than_the_limit_start_nothing(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path, {"many": MANY, "part": PART}, commands={"list": prints(items=list("abcd"))}
    )
    run = world.ask("many")
    assert (status(run), ran(world)) == ("failed", ["list"])
    assert run.ended is not None
    assert run.ended.reason == "found 4 items; the limit is 3"


def test_one_item_that_fails_is_named_and_the_join_does_not_run(tmp_path) -> None:
    def breaks(spec, folder):
        return ended(1, stdout=b"no") if spec.env["ITEM"] == "b" else size_of(spec, folder)

    world = OwnWorkflowWorld.of(
        tmp_path,
        {"many": MANY, "part": PART},
        commands={"list": prints(items=list("abc")), "work": breaks},
    )
    run = world.ask("many")
    assert (status(run), ran(world).count("work"), ran(world).count("join")) == ("failed", 3, 0)
    assert run.ended is not None
    assert run.ended.reason.startswith("1 of 3 did not succeed: workflow-part-")


def test_an_item_that_is_not_what_the_workflow_takes_starts_nothing(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path,
        {"many": MANY.replace("items: {type: string}", "items: {}"), "part": PART},
        commands={"list": prints(items=["a", 7])},
    )
    run = world.ask("many")
    assert (status(run), ran(world)) == ("failed", ["list"])
    assert run.ended is not None
    assert "item 2" in run.ended.reason


def of_many_of_many(work, outer: int, inner: int, *, when_listed=lambda: None) -> OwnWorkflowWorld:
    """A workflow that calls `outer` others, each of which would call `inner` more."""
    wide = MANY.replace("limit: 3", "limit: 50")
    inputs = "input: {item: {type: string}}"

    def lists(spec, folder):
        count = outer
        if "ITEM" in spec.env:
            when_listed()
            count = inner
        return prints(items=[f"{at}" for at in range(count)])(spec, folder)

    return OwnWorkflowWorld.of(
        work,
        {
            "outer": wide.replace("name: many", "name: outer").replace("do: part", "do: inner"),
            "inner": wide.replace("name: many", f"name: inner\n{inputs}").replace(
                "run: [list],", "run: [list], env: {ITEM: {from: input.item}},"
            ),
            "part": PART,
        },
        commands={"list": lists, "work": size_of},
    )


def test_runs_that_belong_together_are_bounded(tmp_path) -> None:
    """50 items of 50 items would be 2,551 runs."""
    world = of_many_of_many(tmp_path, 50, 50)
    assert status(world.ask("outer")) == "failed"
    assert len(OwnRunIndex(world.ledger).all()) <= 200


def test_several_that_begin_runs_at_once_do_not_pass_the_bound_together(tmp_path) -> None:
    """Each of four would call 50, when 1 + 4 + 3 * 50 may be. They come in pairs: both have their
    list before either begins any, and to record a run takes a while."""
    world = of_many_of_many(tmp_path, 4, 50, when_listed=threading.Barrier(2, timeout=60).wait)
    record = world.ledger.append

    def slowly(event, key, **of):
        time.sleep(0.002 * (event.kind == WorkflowStarted.kind))
        return record(event, key, **of)

    world.decorate("ledger", append=slowly)
    assert status(world.ask("outer")) == "failed"
    assert len(OwnRunIndex(world.ledger).all()) == 155


def test_a_call_waits_for_what_its_workflow_waits_for(tmp_path) -> None:
    slow = PART.replace("nodes:", "nodes:\n  - {id: rest, wait: 1h}").replace(
        "run: [work]", "run: [work], needs: [rest]"
    )
    world = OwnWorkflowWorld.of(
        tmp_path, {"caller": CALLER, "part": slow}, commands={"work": size_of}
    )
    run = world.ask("caller")
    assert (status(run), ran(world), results(run)) == ("open", [], {})
    world.ledger.clock.at += timedelta(hours=1)
    assert (status(world.again(run)), ran(world)) == ("succeeded", ["work", "use"])
