"""The forge on tape: recorded without a change, played without a forge."""

import json

import pytest

from harness.domain.errors import ForgeError
from harness.domain.plain import plain
from harness.forge.recording import BEGINS, OPEN, ReplayedForge, recorded, recorded_writer
from tests.fakes.forge import FakeForge


class At:
    """Which node is at work."""

    def __init__(self) -> None:
        self.node = None

    def __call__(self):
        return self.node


@pytest.fixture
def at():
    return At()


@pytest.fixture
def forge():
    forge = FakeForge(branches={"main": "b" * 40}, contains=lambda tip, commit: True)
    forge.file_issue("Places are gone", "They were there ☂ before", author="kim")
    forge.say(1, "still so", author="kim")
    return forge


@pytest.fixture
def lines():
    return []


def asked(forge):
    return (
        forge.issue(1),
        forge.comments(1),
        forge.default_branch(),
        forge.check_runs("c" * 40),
        forge.required_checks("main"),
    )


def again(lines):
    return json.loads(json.dumps(lines))


def test_every_answer_comes_back_as_the_value_it_was(forge, at, lines) -> None:
    at.node = "intake"
    answers = asked(recorded(forge, node=at, note=lines.append))
    assert answers == asked(forge)
    played = ReplayedForge(again(lines), node=at, branch="main")
    assert asked(played.forge) == answers
    assert (played.off_script, played.unused) == (None, ())


def test_outside_of_a_node_nothing_is_recorded(forge, at, lines) -> None:
    asked(recorded(forge, node=at, note=lines.append))
    recorded_writer(forge, node=at, note=lines.append).upsert_comment(1, "m", "hello")
    assert lines == []


def test_an_error_of_the_forge_is_raised_again(forge, at, lines) -> None:
    at.node = "intake"
    with pytest.raises(ForgeError) as first:
        recorded(forge, node=at, note=lines.append).issue(99)
    with pytest.raises(ForgeError) as second:
        ReplayedForge(again(lines), node=at, branch="main").forge.issue(99)
    assert str(second.value) == str(first.value)
    assert second.value.retryable is first.value.retryable


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (
            lambda forge: forge.issue(2),
            "intake asked issue(2) of the forge; recorded here is issue(1)",
        ),
        (
            lambda forge: forge.comments(1),
            "intake asked comments(1) of the forge; recorded here is issue(1)",
        ),
        (
            lambda forge: (forge.issue(1), forge.issue(1)),
            "intake asked issue(1) of the forge; its recording is used up",
        ),
    ],
)
def test_a_question_that_was_not_recorded_here_is_refused_by_name(
    forge, at, lines, ask, named
) -> None:
    at.node = "intake"
    recorded(forge, node=at, note=lines.append).issue(1)
    played = ReplayedForge(again(lines), node=at, branch="main")
    with pytest.raises(ForgeError, match="of the forge"):
        ask(played.forge)
    assert played.off_script == named


def test_what_was_recorded_and_not_asked_for_is_left_over_by_name(forge, at, lines) -> None:
    at.node = "intake"
    asked(recorded(forge, node=at, note=lines.append))
    played = ReplayedForge(again(lines), node=at, branch="main")
    played.forge.issue(1)
    assert played.unused[0] == "intake: comments(1)"
    assert len(played.unused) == 4


def test_a_node_that_was_begun_again_after_a_kill_begins_its_tape_again(forge, at, lines) -> None:
    at.node = "intake"
    tape = recorded(forge, node=at, note=lines.append)
    tape.issue(1)
    lines.append({"node": "intake", BEGINS: True})
    tape.issue(1)
    played = ReplayedForge(again(lines), node=at, branch="main")
    played.forge.issue(1)
    assert played.unused == ()


def test_what_is_done_to_the_forge_in_a_node_has_to_be_what_was_done(forge, at, lines) -> None:
    at.node = "close"
    recorded_writer(forge, node=at, note=lines.append).close_issue(1, completed=True)
    played = ReplayedForge(again(lines), node=at, branch="main")
    with pytest.raises(ForgeError):
        played.writer.close_issue(1, completed=False)
    assert "completed=False" in played.off_script


def test_what_was_open_and_not_triaged_is_what_the_forge_shows(forge, at) -> None:
    issue = forge.issue(1)
    played = ReplayedForge(
        again([{"node": "intake", OPEN: plain([issue])}]), node=at, branch="trunk"
    )
    assert played.forge.news().issues == (issue,)
    assert played.forge.default_branch() == "trunk"
    played.writer.set_state_label(1, "x", among=("x", "y"))
    with pytest.raises(ForgeError, match="outside of a node"):
        played.forge.issue(1)
