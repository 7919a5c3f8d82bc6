"""A gate for each question, a check run for each gate, and a place in a file where a rule names one."""

from typing import Never

import pytest

from harness.domain.errors import ForgeError
from harness.domain.issue import AnnotationLevel, Permission
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from harness.factory.comments.change import change_comment
from harness.factory.gates import Gate, gates_of
from harness.factory.lawbook import LAW, books
from harness.factory.link import Link, Stage, Standing
from tests.factory.demands import asking_a_person, governed


def link(standing, *evidence, rule="F-SECRETS"):
    return Link(Stage.CANDIDATE, standing, rule, "No secrets", "", "1 found", "", evidence, 7, "", "validate-1-1", "")


def gate(*links, answer=False):
    return Gate("factory/law", answer, "F-SECRETS stands against it", links, 7)


def conclusions(world, issue):
    head = str(world.history(issue).pushed_head)
    return {name: check.conclusion for (sha, name), check in world.forge.checks.items() if sha == head}


@pytest.mark.parametrize(("outcome", "seal"), [
    (VerdictOutcome.PASSED, "success"), (VerdictOutcome.FAILED, "failure"), (VerdictOutcome.INCONCLUSIVE, "failure")])
def test_every_gate_that_was_asked_has_its_check_and_unknown_is_a_failure(world, outcome, seal) -> None:
    world.validator.outcomes = [outcome]
    issue = world.file()
    world.tick()
    asked = {"factory/law": "success", "factory/tests": "success", "factory/seal": seal}
    assert conclusions(world, issue) == {**asked, **({"factory/merge": "success"} if seal == "success" else {})}


def test_a_change_that_was_never_proposed_has_no_check_at_all(world) -> None:
    world.agent.works = [lambda worktree: ("gave-up", "cannot reproduce it")]
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.forge.checks == {}


def test_a_verdict_whose_base_moved_is_unknown_until_the_next_one(world) -> None:
    issue = world.file()
    world.tick(states=frozenset(State) - {State.APPROVED, State.MERGING})
    assert conclusions(world, issue)["factory/seal"] == "success"
    world.push_to_main(**{"NOTES.md": b"by hand\n"})
    world.decorate("validator", judge=_is_down)
    world.tick(states=frozenset({State.APPROVED}))
    assert world.history(issue).state is State.VALIDATING
    assert conclusions(world, issue)["factory/seal"] == "failure"
    assert "its verdict is void" in world.forge.checks[str(world.history(issue).pushed_head), "factory/seal"].title


def _is_down(request, out) -> Never:
    raise AssertionError("nothing is judged here")


def test_a_refusal_before_the_merge_is_red_and_an_approval_makes_it_green(world) -> None:
    governed(world, asking_a_person("F-STORE"))
    issue = world.file()
    world.tick()
    head = world.history(issue).pushed_head
    assert conclusions(world, issue)["factory/merge"] == "failure"
    world.forge.say(issue, f"/factory approve {head}", author=world.forge.person("maya", Permission.MAINTAIN))
    world.tick()
    assert conclusions(world, issue)["factory/merge"] == "success"
    assert "| overridden |" in world.forge.checks[str(head), "factory/merge"].summary


def test_each_answer_is_set_once_and_not_asked_after_again(world) -> None:
    governed(world, asking_a_person("F-STORE"))
    issue = world.file()
    world.tick()
    world.forge.fail("set_check", count=99)
    world.forge.say(issue, "/factory hold", author=world.forge.person("maya", Permission.MAINTAIN))
    world.tick()
    assert world.history(issue).state is State.PAUSED


def test_a_forge_that_takes_no_checks_is_told_of_and_stops_nothing(world) -> None:
    world.forge.fail("set_check", retryable=False, says="403 Resource not accessible by personal access token", count=99)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    told = [what for _, what, words in world.told if "403" in words]
    assert set(told) == {"factory/law", "factory/tests", "factory/seal", "factory/merge"}


def test_a_forge_that_is_down_is_waited_for(world) -> None:
    world.forge.fail("set_check", retryable=True)
    issue = world.file()
    with pytest.raises(ForgeError):
        world.tick()
    world.tick()
    assert conclusions(world, issue)["factory/law"] == "success"


def test_a_finding_at_a_line_is_an_annotation_there() -> None:
    found = gate(link(Standing.REFUSES, "app/keys.py:12: a private key", "vote 1: no; docs/a b.md:3 `x` (blob/abc/docs/a b.md)"),
                 link(Standing.WOULD_REFUSE, "app/other.py:4", rule="F-SHADOW"), link(Standing.HOLDS, "app/fine.py:1"),
                 link(Standing.REFUSES, "app/large.py: 900", "no place at all")).annotations
    assert [(one.path, one.line, one.end_line, one.level) for one in found] == [
        ("app/keys.py", 12, 12, AnnotationLevel.FAILURE), ("docs/a b.md", 3, 3, AnnotationLevel.FAILURE),
        ("app/other.py", 4, 4, AnnotationLevel.WARNING)]


@pytest.mark.parametrize(("answer", "conclusion"), [(True, "success"), (False, "failure"), (None, "failure")])
def test_there_is_nothing_between_yes_and_no(answer, conclusion) -> None:
    assert gate(answer=answer).conclusion == conclusion


def test_a_pull_request_has_one_comment_of_ours_however_its_gates_go(world) -> None:
    world.validator.outcomes = [VerdictOutcome.FAILED, VerdictOutcome.PASSED]
    issue = world.file()
    world.tick()
    told = world.history(issue)
    (comment,) = world.forge.ours(int(told.proposal["number"]))
    law = books(world.ledger.entries(kind=LAW))
    assert comment.body == change_comment(told, gates_of(told, law=law), world.plant().link)
    assert len(told.verdicts) == 2
