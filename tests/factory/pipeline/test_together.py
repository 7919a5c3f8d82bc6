"""Issues that meet: at work side by side, one landing at a time, changes that break each other,
duplicates."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.domain.errors import ForgeError, Interrupted
from harness.domain.lifecycle import Event, State
from harness.domain.verdict import VerdictOutcome
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.records.brakes import RESUME
from harness.factory.records.history import history_of
from harness.factory.run.policy_snapshot import policy_at
from harness.store.in_memory import DirectEngine, ReplayedLedger
from tests.events import event_of
from tests.factory.kills import Killed, dies_at
from tests.factory.reports import LONG
from tests.factory.world import ACCEPT, World
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.people import FakeAgent, FakeModel, FakeSandbox, FakeValidator

APPROVED_AT_MOST = frozenset(State) - {State.APPROVED, State.MERGING}


class Meeting:
    """An agent's work that ends only when another one is at work at the same time."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=300)

    def __call__(self, worktree):
        path = worktree / "tidebook" / ("app.py" if self.barrier.wait() else "store.py")
        path.write_text(path.read_text() + "\nCHANGED = True\n")


class Watched(World):
    """A world that knows how many of each effect were under way at once."""

    most, under_way = 0, ()

    def watch(self, port, name) -> None:
        act = getattr(getattr(self, port), name)

        def watched(*args, **kwargs):
            self.under_way += (name,)
            self.most = max(self.most, len(self.under_way))
            time.sleep(0.05)
            try:
                return act(*args, **kwargs)
            finally:
                at = self.under_way.index(name)
                self.under_way = self.under_way[:at] + self.under_way[at + 1 :]

        self.decorate(port, **{name: watched})


def test_two_issues_are_worked_on_at_the_same_time_and_both_land(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(Meeting()))
    issues = [world.file(), world.file("A booking disappears", "The places are gone.")]
    world.tick()
    assert [world.history(issue).state for issue in issues] == [State.MERGED, State.MERGED]
    assert world.git.contains(world.remote["main"], world.history(issues[0]).landed.commit)
    assert world.git.contains(world.remote["main"], world.history(issues[1]).landed.commit)


def test_one_lands_at_a_time(tmp_path) -> None:
    world = Watched(tmp_path, agent=FakeAgent(Meeting()))
    world.file(), world.file("A booking disappears", "The places are gone.")
    world.watch("git", "land")
    world.tick()
    assert (world.most, len(world.git.landings)) == (1, 2)


def test_nothing_is_judged_while_another_is_judged_or_lands_and_no_verdict_is_wasted(
    tmp_path,
) -> None:
    world = Watched(tmp_path, agent=FakeAgent(Meeting()))
    issues = [world.file(), world.file("A booking disappears", "The places are gone.")]
    world.watch("git", "land")
    world.watch("validator", "judge")
    world.tick()
    assert world.most == 1
    assert [len(world.history(issue).verdicts) for issue in issues] == [1, 1]


class BreaksEachOther(FakeValidator):
    """Each change is good by itself; a tree that holds both, unless one of them knows of the other,
    is not."""

    def __init__(self, world) -> None:
        super().__init__()
        self.world = world

    def judge(self, request, out):
        tree = self.world.git.trees[request.candidate.tree]
        both = b"LEFT" in tree["tidebook/app.py"] and b"RIGHT" in tree["tidebook/store.py"]
        bad = both and b"KNOWS" not in tree["tidebook/store.py"]
        self.outcomes = [VerdictOutcome.FAILED if bad else VerdictOutcome.PASSED]
        return super().judge(request, out)


def writes_left_then_right(worktree) -> None:
    app, store = worktree / "tidebook" / "app.py", worktree / "tidebook" / "store.py"
    if "LEFT" in app.read_text():
        store.write_text(store.read_text() + "RIGHT = 'KNOWS'\n")
    elif worktree.name.endswith("1-1"):
        app.write_text(app.read_text() + "LEFT = True\n")
    else:
        store.write_text(store.read_text() + "RIGHT = True\n")


def test_of_two_changes_that_break_each_other_the_second_is_judged_again_and_reworked(
    tmp_path,
) -> None:
    world = World(tmp_path, agent=FakeAgent(writes_left_then_right))
    world.validator = BreaksEachOther(world)
    first, second = world.file(), world.file("A booking disappears", "The places are gone.")
    world.tick(states=APPROVED_AT_MOST)
    assert [world.history(issue).state for issue in (first, second)] == [
        State.APPROVED,
        State.APPROVED,
    ]
    world.tick()
    assert [world.history(issue).state for issue in (first, second)] == [State.MERGED, State.MERGED]
    outcomes = [entry.data["outcome"] for entry in world.history(second).verdicts]
    assert outcomes == ["passed", "failed", "passed"]
    tree = world.git.trees[world.git.tree_of(world.remote["main"])]
    assert b"LEFT" in tree["tidebook/app.py"]
    assert (
        b"RIGHT = True" in tree["tidebook/store.py"]
    )  # the work so far was kept, brought onto what had landed
    assert b"KNOWS" in tree["tidebook/store.py"]


class FailsTogether(FakeSandbox):
    """The project's own tests fail over a tree that holds both changes, unless one of them knows of
    the other."""

    def run(self, spec, *, stdin=b""):
        app = Path(spec.binds[0].source)
        left, store = (app / "tidebook" / "app.py").read_text(), app / "tidebook" / "store.py"
        if "LEFT" in left and "RIGHT" in store.read_text() and "KNOWS" not in store.read_text():
            store.write_text("FAILS-ITS-TESTS")
        return super().run(spec, stdin=stdin)


def test_a_change_that_fails_the_tests_of_what_landed_before_it_is_reworked_with_the_rules_words(
    tmp_path,
) -> None:
    world = World(tmp_path, agent=FakeAgent(writes_left_then_right), sandbox=FailsTogether())
    first, second = world.file(), world.file("A booking disappears", "The places are gone.")
    world.tick(states=APPROVED_AT_MOST)
    world.tick()
    assert [world.history(issue).state for issue in (first, second)] == [State.MERGED, State.MERGED]
    assert "F-TESTS" in world.agent.assignments[-1].task
    assert "tests of the base are lost" in world.agent.assignments[-1].task
    assert [entry.data["outcome"] for entry in world.history(second).verdicts] == [
        "passed",
        "passed",
    ]


def test_what_one_hand_raises_ends_the_tick_and_the_next_one_goes_on(tmp_path) -> None:
    world = World(tmp_path)
    issues = [world.file(), world.file("A booking disappears", "The places are gone.")]
    world.forge.fail("open_pull_request")
    world.forge.fail("set_state_label")
    with pytest.raises(ForgeError):
        world.tick()
    world.tick()
    assert [world.history(issue).state for issue in issues] == [State.MERGED, State.MERGED]
    assert len([what for what, _ in world.forge.writes if what == "open_pull_request"]) == 2


def test_a_run_that_is_driven_is_left_as_recorded_when_its_dispatch_is_halted(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()

    def halting(worktree) -> None:
        world.dispatch.halt.set()
        path = worktree / "tidebook" / "store.py"
        path.write_text(path.read_text() + "\nFIXED = True\n")

    world.agent.works = [halting]
    with pytest.raises(Interrupted):
        world.tick()
    assert world.history(issue).state is State.IMPLEMENTING
    world.agent.works = [lambda worktree: pytest.fail("the work was done already")]
    world.tick()
    assert world.history(issue).state is State.MERGED


def test_the_same_words_again_are_a_duplicate_and_no_model_is_asked(world) -> None:
    first = world.file(body=LONG)
    second = world.file(body=LONG + " Thanks!")
    world.tick(states=frozenset({State.UNTRIAGED}))
    history = world.history(second)
    assert (history.state, history.transitions[-1].data["duplicate_of"]) == (State.REJECTED, first)
    assert world.forge.issue(second).open  # for as long as an appeal has
    assert f"asks for what #{first} asks for" in world.forge.comments(second)[0].body
    assert (
        "Decided by" not in world.forge.comments(second)[0].body
    )  # no rule decided: an older issue did
    assert world.forge.issue(second).labels == ("factory:duplicate",)
    assert len(world.model.asked) == 1
    world.ledger.clock.at += timedelta(days=60)
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert not world.forge.issue(second).open
    assert world.forge.issue(first).open


OTHERWISE = (
    "The places are gone. Our group booked a walk and cancelled it, and the walk is still full with"
    " nobody there."
)


@pytest.mark.parametrize(
    ("answer", "is_duplicate"), [("same", True), ("not the same", False), ("yes", False)]
)
def test_whether_two_issues_ask_for_the_same_is_a_question_of_its_own(
    world, answer, is_duplicate
) -> None:
    first = world.file(body=LONG)
    world.model = FakeModel({"": ACCEPT}, same=answer)
    second = world.file("Cancelling does nothing", OTHERWISE)
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.history(second).is_duplicate is is_duplicate
    questions = [question for _, question in world.model.asked] + world.model.compared
    shown = sorted(
        (LONG[:60] in one, OTHERWISE in one) for one in questions
    )  # the two are triaged side by side
    assert shown == [(False, True), (True, False), (True, True)]
    assert world.history(first).state is State.ACCEPTED


class Beside(FakeLedger):
    """A ledger in which #1 is triaged just after #2's triage noted its first step."""

    def append(self, event, key, **said):
        entry = super().append(event, key, **said)
        if key == "triage-2-1/intake/1":
            triaged = {
                "title": "Places",
                "body": LONG,
                "event": Event.TRIAGE_ACCEPTED,
                "text": self.find("issue/1").data["text"],
            }
            moved = {"event": Event.TRIAGE_ACCEPTED, "from": State.UNTRIAGED, "to": State.ACCEPTED}
            super().append(
                event_of("triage", triaged), "triage-1-1/triage", issue=1, run="triage-1-1"
            )
            super().append(
                event_of("transition", moved), "triage-1-1/event", issue=1, run="triage-1-1"
            )
        return entry


def test_a_triage_sees_of_another_beside_it_what_its_replay_sees(world) -> None:
    world.ledger = Beside(FakeClock())
    world.file(body=LONG)
    second = world.file(
        "Cancelling fails", "The places are gone, I booked a walk and it stays full."
    )
    world.tick(only={second}, states=frozenset({State.UNTRIAGED}))
    assert [world.history(issue).state for issue in (1, second)] == [State.ACCEPTED, State.ACCEPTED]
    played = ReplayedLedger(world.ledger.written, "triage-2-1")
    services, engine = replace(world.services(), ledger=played, clock=played), DirectEngine()
    engine.register(ACTION, node_action(services))
    Dispatch(services, engine).run(
        policy_at(services, world.base), history_of(played, second), "triage"
    )
    (_, live), (_, again) = world.model.asked
    assert live == again
    compared, compared_again = world.model.compared
    assert compared == compared_again
    assert LONG[:60] in compared


def test_what_comes_back_after_it_was_merged_is_no_duplicate(world) -> None:
    first = world.file(body=LONG)
    world.tick()
    assert world.history(first).state is State.MERGED
    again = world.file(body=LONG)
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.history(again).state is State.ACCEPTED


def test_an_appeal_opens_a_duplicate_again_and_a_person_reads_it(world) -> None:
    world.file(body=LONG)
    second = world.file(body=LONG)
    world.tick(states=frozenset({State.UNTRIAGED}))
    world.forge.say(second, "/factory appeal mine is another walk", author="kim")
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.history(second).state is State.NEEDS_HUMAN
    assert world.forge.issue(second).open


def test_a_command_that_was_cut_off_by_a_kill_is_carried_out_all_the_same(world) -> None:
    world.file(body=LONG)
    second = world.file(body=LONG)
    world.tick(states=frozenset({State.UNTRIAGED}))
    world.forge.say(second, "/factory appeal mine is another walk", author="kim")
    dies_at(world, "command", after=False)
    with pytest.raises(Killed):
        world.tick(states=frozenset({State.UNTRIAGED}))
    world.tick(states=frozenset({State.UNTRIAGED}))
    events = [entry.data["event"] for entry in world.history(second).transitions]
    assert events.count(Event.APPEALED) == 1
    assert world.history(second).state is State.NEEDS_HUMAN


def test_what_a_kill_left_from_before_a_resume_is_not_done_beside_its_new_attempt(world) -> None:
    """Stopped, killed and resumed, a node was under way twice: once recovered by the engine, once
    made again."""
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    world.ledger.append(
        event_of("run", {"workflow": "implement", "number": 1, "base": world.base, "rules": ""}),
        "run/implement-1-1",
        issue=issue,
        run="implement-1-1",
    )
    prepare = {
        "issue": issue,
        "run": "implement-1-1",
        "number": 1,
        "workflow": "implement",
        "base": world.base,
        "node": "prepare",
        "inputs": {},
        "generation": 0,
    }
    act = node_action(world.services())
    assert act(prepare)["outcome"] == "produced"
    world.ledger.append(event_of("command", {"command": RESUME}), "no-room", run="implement-2-1")
    assert act(prepare)["outcome"] == "produced"  # another run's resume is not this one's
    world.ledger.append(event_of("command", {"command": RESUME}), "resume")
    assert act(prepare)["outcome"] == "stopped"
    assert act({**prepare, "generation": 1})["outcome"] == "produced"
