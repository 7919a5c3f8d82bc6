"""Killed before and after every effect of a workflow of your own, or its machine gone with all that it
had, and started again: one of each."""

from datetime import timedelta

from harness.domain.events import WorkflowRequested
from tests.factory.kills import Killed, Storage, killing
from tests.factory.workflows.own import OwnWorkflowWorld, prints, results, status

ALL = """
name: all
nodes:
  - {id: look, run: [look], output: {items: {type: array}, number: {type: string}}}
  - {id: rest, wait: 1h, needs: [look]}
  - {id: each, each: look.items, do: part, limit: 3, needs: [look, rest]}
  - {id: once, call: part, with: {item: c}, needs: [each]}
  - {id: ask, approve: write, shows: Shall it go on, expires: 24h, needs: [once]}
  - {id: file, use: issue.file, needs: [ask], with: {title: All, text: It is done.}}
  - {id: say, use: issue.comment, needs: [look, file], with: {issue: {from: look.number}, text: It is done.}}
  - {id: tell, use: notice.send, needs: [file], with: {text: it is done}}
  - {id: pin, run: [pin], files: [tidebook/pins.txt], needs: [ask]}
  - {id: propose, use: change.propose, needs: [pin], with: {head: {from: pin.head}, title: Pins, text: New.}}
"""
PART = """
name: part
input: {item: {type: string}}
nodes:
  - {id: work, run: [work]}
"""
SAMPLE = 8


def pins(spec, folder):
    (folder / "tidebook" / "pins.txt").write_text("flask==3.1.0\n")
    return prints()(spec, folder)


def world_of(tmp_path) -> OwnWorkflowWorld:
    world = OwnWorkflowWorld.of(
        tmp_path,
        {"all": ALL, "part": PART},
        commands={"look": prints(items=["a", "b"], number="1"), "pin": pins},
        grants={"all": "issue.file, issue.comment, notice.send, change.propose"},
    )
    # A closed one: the factory has nothing else to do with it.
    world.forge.edit_issue(world.file(), open=False)
    return world


def lives(world: OwnWorkflowWorld) -> None:
    """Ticks until it rests; hours pass, and a person approves where a question stands."""
    world.ask("all")
    world.ledger.clock.at += timedelta(hours=2)
    world.tick()
    world.answer("/factory approve")
    world.tick()


def checked(world: OwnWorkflowWorld, at: object) -> None:
    run = world.last("all")
    assert status(run) == "succeeded", (at, run.ended)
    assert set(results(run).values()) == {"produced"}, at
    writes = [what for what, _ in world.forge.writes]
    assert writes.count("open_pull_request") == 1, at
    assert sum("workflow:all" in one.body for one in world.forge.issues()) == 1, at
    assert len(world.forge.comments(1)) == 1, at
    assert len(world.ledger.entries(kind="workflow-notice")) == 1, at
    assert len(world.ledger.entries(kind="approval-asked")) == 1, at
    assert len(world.ledger.entries(kind="workflow-run")) == 4, at
    assert world.ledger.fault() is None, at


def test_killed_at_every_effect_it_comes_to_the_same_end(tmp_path, draw) -> None:
    calm = world_of(tmp_path / "calm")
    count = killing(calm, -1, after=False)
    lives(calm)
    checked(calm, "calm")
    total = next(count)
    assert total > 30
    for at in draw.of(range(2, total), SAMPLE):
        for after in (False, True):
            world = world_of(tmp_path / f"{after}-{at}")
            # Killed once, wherever in its life that is; each part is then lived again.
            killing(world, at, after=after)
            _stubborn(world)
            checked(world, (at, after))


def test_machines_vanish_at_every_effect_and_nothing_is_doubled(tmp_path, draw) -> None:
    calm = world_of(tmp_path / "calm")
    Storage(calm)
    count = killing(calm, -1, after=False)
    lives(calm)
    for at in draw.of(range(2, next(count)), SAMPLE):
        for after in (False, True):
            world = world_of(tmp_path / f"{after}-{at}")
            storage = Storage(world)
            killing(world, at, after=after)
            _stubborn(world, storage)
            checked(world, (at, after))


def test_nothing_is_done_to_the_world_before_its_intent_is_stored(tmp_path) -> None:
    world = world_of(tmp_path)
    done = Storage(world).checks_each_effect()
    lives(world)
    checked(world, "stored")
    assert {"push", "open_pull_request", "upsert_issue", "upsert_comment", "close_issue"} <= {*done}


def _stubborn(world: OwnWorkflowWorld, storage: Storage | None = None) -> None:
    def again(part) -> None:
        try:
            part()
        except Killed:
            if storage:
                storage.take_machine_away()
            part()

    again(lambda: world.ledger.append(WorkflowRequested("all", {}), "workflow-requested/0"))
    if storage:
        # A request is stored where it is made.
        storage.store()
    again(world.tick)
    # Whoever has lost with the machine that it waits, waits once more.
    for _ in range(2):
        world.ledger.clock.at += timedelta(hours=2)
        again(world.tick)
    world.answer("/factory approve")
    again(world.tick)
    world.tick()
