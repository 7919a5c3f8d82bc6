"""What happens to an issue, as stories. The world is faked; the pipeline is the real one."""

import dataclasses
import shutil

import pytest

from harness.domain.errors import Stopped
from harness.domain.issue import Permission
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from harness.factory.settings.limits_config import Limits
from tests.factory.world import ACCEPT, World, edits_the_rules, fixes
from tests.fakes.people import FakeAgent, FakeBroker, FakeModel, FakeSandbox, FakeValidator


def fixes_anew(worktree) -> None:
    path = worktree / "tidebook" / "store.py"
    path.write_text(path.read_text() + "\nFIXED = 'anew'\n")


def test_an_accepted_bug_is_built_judged_and_lands_as_the_tree_that_was_judged(world) -> None:
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert world.remote["main"] == history.landed.commit == history.verdict.binds.candidate
    assert world.git.tree_of(world.remote["main"]) == history.verdict.binds.tree
    assert not world.forge.issue(issue).open
    assert "factory:merged" in world.forge.issue(issue).labels


def test_a_second_tick_changes_nothing(world) -> None:
    issue = world.file()
    world.tick()
    entries, comments = len(world.ledger.written), world.forge.comments(issue)
    assert world.tick() == ()
    assert len(world.ledger.written) == entries
    assert world.forge.comments(issue) == comments


def test_what_the_mission_leaves_out_is_rejected_with_its_words_and_how_to_appeal(world) -> None:
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    history, comment = world.history(issue), world.forge.comments(issue)[0].body
    assert history.state is State.REJECTED
    assert "M-NOPAY" in comment
    assert "card payments" in comment
    assert "/factory appeal" in comment
    assert world.agent.assignments == []


def test_an_appeal_by_the_filer_reaches_a_person(world) -> None:
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    world.forge.say(issue, "/factory appeal it is for charity", author="kim")
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN


@pytest.mark.parametrize("login", ["stranger"])
def test_a_command_from_an_account_without_the_right_changes_nothing(world, login) -> None:
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    world.forge.say(issue, "/factory appeal", author=login)
    world.forge.say(issue, "/factory retry", author=login)
    world.tick()
    assert world.history(issue).state is State.REJECTED


def test_a_quote_that_is_not_in_the_issue_is_no_decision(world) -> None:
    world.model.answers = {
        "": {
            "verdict": "in",
            "cites": ["M-BOOK"],
            "quote": "words nobody wrote",
            "priority": "low",
            "kind": "bug",
            "duplicate_of": None,
            "ask": "",
            "confidence": 1.0,
        }
    }
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN


def test_a_change_that_edits_the_rules_is_stopped_and_nothing_is_pushed(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(edits_the_rules))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert set(world.remote) == {"main"}
    assert world.remote["main"] == world.base
    assert world.validator.requests[-1]["round"] == 1
    assert (
        "F-PATHS" in world.forge.comments(issue)[0].body
        or "protected" in world.forge.comments(issue)[0].body.lower()
    )


def test_a_failed_verdict_sends_the_change_back_with_the_public_finding_alone(tmp_path) -> None:
    validator = FakeValidator(VerdictOutcome.FAILED, VerdictOutcome.PASSED)

    def again(worktree) -> None:
        path = worktree / "tidebook" / "store.py"
        path.write_text(path.read_text() + "\nREALLY = True\n")

    world = World(tmp_path, agent=FakeAgent(fixes, again), validator=validator)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert history.runs_of("implement") == 2
    first, second = (assignment.task for assignment in world.agent.assignments)
    assert "it was not shown" not in first
    assert "it was not shown" in second


def test_rounds_end_with_a_person(tmp_path) -> None:
    def other(worktree) -> None:
        path = worktree / "tidebook" / "store.py"
        path.write_text(path.read_text() + "\n# again\n")

    world = World(tmp_path, agent=FakeAgent(other), validator=FakeValidator(VerdictOutcome.FAILED))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert history.rounds == 3
    assert world.remote["main"] == world.base


def test_no_answer_of_the_judge_is_a_no(tmp_path) -> None:
    world = World(tmp_path, validator=FakeValidator(VerdictOutcome.INCONCLUSIVE))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert len(history.verdicts) == Limits().judgements
    assert world.remote["main"] == world.base


def test_a_judge_that_came_to_no_answer_is_asked_again_in_full(tmp_path) -> None:
    world = World(
        tmp_path, validator=FakeValidator(VerdictOutcome.INCONCLUSIVE, VerdictOutcome.PASSED)
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert [entry.data["outcome"] for entry in history.verdicts] == ["inconclusive", "passed"]
    assert (history.attempts, history.rounds) == (0, 0), "nothing is held against the change"


def test_each_change_has_its_own_judgements(tmp_path) -> None:
    no, failed = VerdictOutcome.INCONCLUSIVE, VerdictOutcome.FAILED
    world = World(tmp_path, validator=FakeValidator(no, no, failed, no, no, VerdictOutcome.PASSED))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED


def judged_by_guards(tmp_path, *, kind, standing):
    """A world whose author finds nothing that a person could see."""
    model = FakeModel({"": {**ACCEPT, "kind": kind}})
    return World(
        tmp_path, model=model, validator=FakeValidator(authored="no-journey", standing=standing)
    )


def test_a_chore_that_nobody_can_write_a_journey_for_lands_on_those_of_what_has_landed(
    tmp_path,
) -> None:
    world = judged_by_guards(tmp_path, kind="chore", standing=2)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert history.verdict.controls.red_on_base is False
    assert (history.verdict.regression.own, history.verdict.regression.performed) == (
        0,
        2,
    )


def test_a_chore_without_a_journey_where_nothing_stands_guard_is_a_persons(tmp_path) -> None:
    world = judged_by_guards(tmp_path, kind="chore", standing=0)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "stands guard yet: a person decides" in world.history(issue).transitions[-1].data["says"]
    assert world.agent.assignments == []


@pytest.mark.parametrize("kind", ["bug", "feature"])
def test_whatever_stands_guard_a_bug_and_a_feature_need_a_journey_of_their_own(
    tmp_path, kind
) -> None:
    world = judged_by_guards(tmp_path, kind=kind, standing=9)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "no sealed journey" in world.history(issue).transitions[-1].data["says"]
    assert world.agent.assignments == []


def test_an_author_who_declined_is_not_asked_about_the_same_text_again(tmp_path) -> None:
    world = judged_by_guards(tmp_path, kind="chore", standing=1)
    world.validator.outcomes = [VerdictOutcome.FAILED, VerdictOutcome.PASSED]
    again = world.agent
    issue = world.file()
    world.tick()
    authored = [request for request in world.validator.requests if "candidate" not in request]
    assert (world.history(issue).rounds, len(authored)) == (1, 1)
    assert again.assignments


def test_without_a_journey_nothing_is_built(tmp_path) -> None:
    world = World(tmp_path, validator=FakeValidator(authored="refused"))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "no sealed journey" in world.history(issue).transitions[-1].data["says"]
    assert world.agent.assignments == []


def test_without_a_sandbox_nothing_is_merged(tmp_path) -> None:
    world = World(tmp_path, sandbox=FakeSandbox(form="unsealed"))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert "no sandbox held" in history.transitions[-1].data["says"]
    assert world.remote["main"] == world.base


def test_a_base_that_moved_after_the_verdict_is_judged_again(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    judge = world.validator.judge
    moved = []

    def judge_while_somebody_pushes(request, out):
        judged = judge(request, out)
        if not moved:
            moved.append(True)
            world.push_to_main(README__md=b"by hand")
        return judged

    world.decorate("validator", judge=judge_while_somebody_pushes)
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert history.runs_of("validate") == 2
    assert history.verdicts[0].data["binds"]["base"] != history.verdicts[1].data["binds"]["base"]


def test_a_push_by_somebody_else_to_our_branch_is_not_judged_as_ours(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    judge = world.validator.judge

    def judge_while_somebody_pushes(request, out):
        judged = judge(request, out)
        branch = f"factory/issue-{issue}"
        tree = {
            **world.git.trees[world.git.tree_of(world.remote[branch])],
            "tidebook/store.py": b"evil",
        }
        world.remote[branch] = world.git.commit(
            world.git.tree(tree), [world.remote[branch]], message="evil"
        )
        return judged

    world.decorate("validator", judge=judge_while_somebody_pushes)
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.remote["main"] == world.base


def test_an_edit_after_triage_voids_what_was_decided(world) -> None:
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.history(issue).state is State.ACCEPTED
    world.forge.edit_issue(issue, body="Now add card payments, please.")
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.history(issue).state is State.REJECTED


@pytest.mark.parametrize(("port", "method"), [("validator", "judge"), ("agent", "work")])
def test_a_run_that_an_edit_overtook_is_never_taken_up_again(world, port, method) -> None:
    """A validation that a killed factory left open was gone on with after the text was edited,
    with what its first steps had found on the head before."""
    whole = getattr(getattr(world, port), method)

    def killed(*_, **__):
        raise KeyboardInterrupt

    issue = world.file()
    world.agent.works = [fixes, fixes_anew]
    world.decorate(port, **{method: killed})
    with pytest.raises(KeyboardInterrupt):
        world.tick()
    left = world.history(issue).open_run.run
    world.decorate(port, **{method: whole})
    before = len(world.ledger.written)
    world.forge.edit_issue(issue, body="The places are gone, on the Eider too.")
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert history.verdict.binds.head == history.pushed_head
    went_on = [e for e in world.ledger.written[before:] if e.run == left and e.kind != "run-ended"]
    assert went_on == []


def test_a_run_that_was_held_goes_on_when_the_hold_is_lifted(world) -> None:
    judge, maya = world.validator.judge, world.forge.person("maya", Permission.WRITE)

    def killed(*_):
        raise KeyboardInterrupt

    issue = world.file()
    world.decorate("validator", judge=killed)
    with pytest.raises(KeyboardInterrupt):
        world.tick()
    left = world.history(issue).open_run.run
    world.decorate("validator", judge=judge)
    for command, state in (("hold", State.PAUSED), ("resume", State.MERGED)):
        world.forge.say(issue, f"/factory {command}", author=maya)
        world.tick()
        assert world.history(issue).state is state
    assert {entry.run for entry in world.ledger.entries(kind="verdict")} == {left}


def test_a_spent_budget_ends_the_issue_and_three_restarts_run_nothing(tmp_path) -> None:
    world = World(tmp_path, broker=FakeBroker(exhausted=True))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    entries = len(world.ledger.written)
    for _ in range(3):
        assert world.tick() == ()
    assert len(world.ledger.written) == entries


def test_the_owners_stop_is_honoured_before_anything_is_written(world) -> None:
    issue = world.file()
    (world.work / "STOP").write_text("")
    with pytest.raises(Stopped):
        world.tick()
    assert world.forge.comments(issue) == ()
    assert world.forge.issue(issue).labels == ()


def test_tests_that_fail_on_the_change_are_an_attempt_not_a_proposal(tmp_path) -> None:
    def breaks(worktree) -> None:
        (worktree / "tidebook" / "store.py").write_text("FAILS-ITS-TESTS")

    world = World(tmp_path, agent=FakeAgent(breaks))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert history.attempts == 3
    assert set(world.remote) == {"main"}


def test_an_agent_that_changes_nothing_is_not_believed(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(lambda worktree: ("finished", "all done!")))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert set(world.remote) == {"main"}


def test_a_worktree_that_went_with_its_machine_is_a_failed_attempt_and_the_change_is_made_again(
    tmp_path,
) -> None:
    """A hosted runner vanishes after the agent's last step: the next one has its result, and not
    its files."""

    def vanishes(worktree) -> None:
        shutil.rmtree(worktree)

    world = World(tmp_path, agent=FakeAgent(vanishes, fixes))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, history.runs_of("implement")) == (State.MERGED, 2)


def test_giving_up_honestly_asks_a_person(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(lambda worktree: ("gave-up", "cannot reproduce it")))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert history.runs_of("implement") == 1


def test_every_context_begins_with_the_three_files_to_the_byte(world) -> None:
    world.file()
    world.tick()
    system = world.agent.assignments[0].system[0]
    for name in ("mission.md", "factory_rules.md", "CLAUDE.md"):
        assert world.git.read(world.base, name).decode() in system
    assert world.model.asked[0][0][0] == system


def test_a_verdict_of_another_key_does_not_merge(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    validator = world.validator

    def judge_with_another_key(request, out):
        judged = validator.judge(request, out)
        verdict = dataclasses.replace(judged.verdict, key_id="stolen")
        validator.kept = dict.fromkeys(validator.kept, verdict)
        return judged

    world.decorate("validator", judge=judge_with_another_key)
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.remote["main"] == world.base
