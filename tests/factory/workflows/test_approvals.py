"""An approval counts only from the forge: a person with the permission, in time, in their own
words."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from harness.domain.events.workflows import ApprovalAsked
from harness.domain.issue import Permission
from harness.factory.reporting.questions import marker_of
from tests.factory.kills import Killed
from tests.factory.sandboxes import ended
from tests.factory.workflows.own import OwnWorkflowWorld, prints, results, status

TRAIN = """
name: train
nodes:
  - {id: notes, run: [notes], output: {text: {type: string}}}
  - {id: ask, approve: write, shows: {from: notes.text}, expires: 48h, revises: notes, needs: [notes]}
  - {id: go, run: [go], needs: [ask], env: {BY: {from: ask.by}}}
"""


def world_of(tmp_path) -> OwnWorkflowWorld:
    return OwnWorkflowWorld.of(
        tmp_path, {"train": TRAIN}, commands={"notes": prints(text="1.3 is out")}
    )


def ran(world: OwnWorkflowWorld) -> list[str]:
    return [spec.argv[0] for spec in world.sandbox.commands]


def test_the_question_shows_what_it_is_about_and_is_no_issue_to_triage(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    issue = world.forge.issue(world.question())
    assert issue.title == "train asks for an approval: ask"
    for words in ("1.3 is out", "`write`", "/factory approve", "/factory revise", "UTC"):
        assert words in issue.body
    world.again(run)
    assert world.history(issue.number).entries == ()
    assert [what for what, _ in world.forge.writes].count("upsert_issue") == 1


def test_a_person_with_the_permission_lets_it_go_on(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    number = world.question()
    world.answer("/factory approve")
    run = world.again(run)
    assert (status(run), ran(world)) == ("succeeded", ["notes", "go"])
    assert world.sandbox.commands[-1].env["BY"] == "ana"
    assert not world.forge.issue(number).open


@pytest.mark.parametrize("permission", [Permission.NONE, Permission.READ, Permission.TRIAGE])
def test_nobody_with_less_lets_it_go_on(tmp_path, permission) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.answer("/factory approve", by="eve", can=permission)
    assert (status(world.again(run)), ran(world)) == ("open", ["notes"])


def test_an_app_lets_nothing_go_on(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    app = replace(world.forge.person("helper[bot]", Permission.ADMIN), bot=True)
    world.forge.say(world.question(), "/factory approve", author=app)
    assert status(world.again(run)) == "open"


def test_a_comment_that_was_edited_lets_nothing_go_on(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.answer("I am not sure")
    comment = world.forge.comments(world.question())[-1]
    world.forge.edit_comment(world.question(), comment.id, "/factory approve")
    assert status(world.again(run)) == "open"


@pytest.mark.parametrize(("least", "stands"), [("write", "succeeded"), ("admin", "open")])
def test_an_edit_within_the_same_second_is_no_answer_where_a_writer_could_give_none(
    tmp_path, least, stands
) -> None:
    train = TRAIN.replace("approve: write", f"approve: {least}")
    world = OwnWorkflowWorld.of(tmp_path, {"train": train}, commands={"notes": prints(text="1.3")})
    run = world.ask("train")
    world.answer("I am not sure", can=Permission.ADMIN)
    comment = world.forge.comments(world.question())[-1]
    world.forge.edit_comment(world.question(), comment.id, "/factory approve", at_once=True)
    assert status(world.again(run)) == stands


def test_an_administrator_answers_what_asks_for_one(tmp_path) -> None:
    train = TRAIN.replace("approve: write", "approve: admin")
    world = OwnWorkflowWorld.of(tmp_path, {"train": train}, commands={"notes": prints(text="1.3")})
    run = world.ask("train")
    world.answer("/factory approve", can=Permission.ADMIN)
    assert status(world.again(run)) == "succeeded"


@pytest.mark.parametrize(
    "words",
    ["approve", "> /factory approve", "```\n/factory approve\n```", "LGTM", "/factory approved"],
)
def test_words_that_are_no_command_let_nothing_go_on(tmp_path, words) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.answer(words)
    assert status(world.again(run)) == "open"


def test_what_a_command_prints_cannot_answer_the_question(tmp_path) -> None:
    world = OwnWorkflowWorld.of(
        tmp_path, {"train": TRAIN}, commands={"notes": prints(text="x\n```\n/factory approve")}
    )
    run = world.ask("train")
    assert status(world.again(run)) == "open"


def test_what_was_answered_to_a_question_of_another_home_answers_none_of_this_one(tmp_path) -> None:
    """Its runs have the same names, and an approval may stand on an issue that is still open."""
    world = world_of(tmp_path)
    body = f"{marker_of('workflow-train-1', '0' * 64, 'ask', 1)}\nFine?"
    other = world.forge.file_issue("Something else", body, author=world.forge.me).number
    world.forge.say(other, "/factory approve", author=world.forge.person("ana", Permission.WRITE))
    run = world.ask("train")
    assert world.question() != other
    assert (status(world.again(run)), ran(world)) == ("open", ["notes"])
    world.answer("/factory approve")
    assert status(world.again(run)) == "succeeded"


def test_an_answer_that_comes_before_the_question_is_recorded_counts(tmp_path) -> None:
    """A machine vanished in between, and another takes the run up hours later."""
    world, kept = world_of(tmp_path), []
    append = world.ledger.append

    def vanishing(event, *words, **more):
        if isinstance(event, ApprovalAsked) and not kept:
            kept.append(event)
            raise Killed
        return append(event, *words, **more)

    world.decorate("ledger", append=vanishing)
    with pytest.raises(Killed):
        world.ask("train")
    world.answer("/factory approve")
    assert status(world.again(world.last("train"))) == "succeeded"


def test_a_marker_in_what_a_workflow_shows_takes_over_no_other_question(tmp_path) -> None:
    """What a command prints may hold the words of strangers."""
    marker = marker_of("workflow-tram-1", "0" * 64, "ask", 1)
    both = {"train": TRAIN, "tram": TRAIN.replace("name: train", "name: tram")}
    world = OwnWorkflowWorld.of(tmp_path, both, commands={"notes": prints(text=marker)})
    world.ask("train")
    first = world.question()
    body = world.forge.issue(first).body
    world.ask("tram")
    assert world.question() != first
    assert world.forge.issue(first).body == body
    assert marker not in body


def test_a_rejection_ends_the_run(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.answer("/factory reject")
    run = world.again(run)
    assert (status(run), ran(world)) == ("blocked", ["notes"])
    assert run.ended is not None
    assert run.ended.reason == "rejected by ana"


def test_silence_is_a_no_when_its_time_is_over(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.ledger.clock.at += timedelta(hours=47, minutes=59)
    assert status(world.again(run)) == "open"
    world.ledger.clock.at += timedelta(minutes=1)
    assert status(world.again(run)) == "blocked"


def test_an_answer_after_its_time_is_none_though_nobody_looked_before(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.ledger.clock.at += timedelta(hours=49)
    world.forge.pass_(timedelta(hours=49))
    world.answer("/factory approve")
    assert (status(world.again(run)), ran(world)) == ("blocked", ["notes"])


def test_an_answer_in_time_counts_though_it_is_read_later(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    world.answer("/factory approve")
    world.ledger.clock.at += timedelta(hours=49)
    assert status(world.again(run)) == "succeeded"


def test_it_is_made_again_the_way_a_person_wants_it_and_asked_again(tmp_path) -> None:
    world = world_of(tmp_path)
    world.commands["notes"] = lambda spec, folder: ended(
        stdout=json.dumps({"text": f"notes, {spec.env['REVISION'] or 'first'}"}).encode()
    )
    run = world.ask("train")
    first = world.question()
    world.answer("/factory revise Name the fix\nof the tides.")
    run = world.again(run)
    second = world.question()
    assert (status(run), ran(world), second > first) == ("open", ["notes", "notes"], True)
    assert "notes, Name the fix\nof the tides." in world.forge.issue(second).body
    # An answer to what was sent back is no answer to what was made since.
    world.forge.say(first, "/factory approve", author="ana")
    assert status(world.again(run)) == "open"
    world.answer("/factory approve")
    run = world.again(run)
    assert (status(run), ran(world)) == ("succeeded", ["notes", "notes", "go"])


def test_it_is_made_again_three_times_at_most(tmp_path) -> None:
    world = world_of(tmp_path)
    run = world.ask("train")
    for _ in range(5):
        world.answer("/factory revise again")
        run = world.again(run)
    assert ran(world) == ["notes"] * 4
    assert status(run) == "open"
    assert results(run)["ask"] == "blocked"
