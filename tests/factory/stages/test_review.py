"""Reviewers in the pipeline: what they see, what they may ask for, what follows, and that they
approve nothing."""

import re

import pytest

from harness.domain.errors import AnswerError, BudgetExhausted, ConfigError, ModelError, Stopped
from harness.domain.lifecycle import Event, State
from harness.domain.verdict import VerdictOutcome
from harness.factory.models.selection import reviewers
from harness.factory.records.chain import chain
from harness.factory.records.gates import gates_of
from harness.factory.records.history import history_of
from harness.factory.records.link import LinkOutcome
from harness.factory.reporting import comments
from harness.factory.reporting.comments.change import change_comment
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.settings.config import read_config
from harness.factory.settings.model_config import LENSES
from harness.factory.stages.review import ASKS
from tests.events import event_of
from tests.factory.players import NOTHING, Players, cast_by
from tests.factory.world import World, fixes
from tests.fakes.ledger import FakeLedger
from tests.fakes.people import FakeAgent, FakeValidator

ONE = '[review]\nlenses = ["correctness"]\n'
TWO = '[review]\nlenses = ["correctness", "tests"]\n'


def finding(
    quote="FIXED = True",
    *,
    severity="major",
    says="It is a flag, and gives nobody a place back.",
    companion="",
) -> dict:
    return {
        "can_tell": True,
        "reason": "I read it.",
        "findings": [
            {
                "severity": severity,
                "file": "tidebook/store.py",
                "line": 1,
                "quote": quote,
                "says": says,
                "companion": companion,
            }
        ],
    }


def mends(worktree) -> None:
    path = worktree / "tidebook" / "store.py"
    path.write_text(path.read_text().replace("\nFIXED = True\n", "\nGIVEN_BACK = True\n"))


def world_of(tmp_path, toml=ONE, *, validator=None, agent=None, **answers) -> World:
    world = World(
        tmp_path,
        model=Players(**answers),
        agent=agent or FakeAgent(fixes, mends),
        validator=validator or FakeValidator(VerdictOutcome.PASSED),
    )
    return cast_by(world, toml)


def reviewed(world: World, issue: int) -> list[dict]:
    return [
        entry.data["result"]["output"]
        for entry in world.history(issue).entries
        if entry.kind == "node" and entry.data["node"] == "review"
    ]


# What follows


def test_a_change_that_nobody_has_anything_against_goes_on_to_the_judge(tmp_path) -> None:
    world = world_of(tmp_path, TWO)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert len(world.model.questions("reviewer")) == 2


def test_no_finding_at_all_approves_nothing(tmp_path) -> None:
    world = world_of(tmp_path, validator=FakeValidator(VerdictOutcome.FAILED))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert len(world.model.questions("reviewer")) >= 1
    assert (history.state, history.landed) == (State.NEEDS_HUMAN, None)


def test_a_finding_sends_the_change_back_before_it_is_judged_and_the_next_attempt_reads_it(
    tmp_path,
) -> None:
    world = world_of(tmp_path, reviewer=(finding(), NOTHING))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert [entry.data["event"] for entry in history.transitions][2:5] == [
        Event.CHANGE_READY,
        Event.CHANGES_REQUESTED,
        Event.DISPATCHED,
    ]
    assert (history.state, len(history.verdicts), history.rounds) == (State.MERGED, 1, 1)
    first, second = (assignment.task for assignment in world.agent.assignments)
    assert "gives nobody a place back" not in first
    assert "gives nobody a place back" in second
    assert "GIVEN_BACK" in world.git.read(world.remote["main"], "tidebook/store.py").decode()


def test_a_reviewer_who_is_never_content_ends_with_a_person(tmp_path) -> None:
    world = world_of(tmp_path, agent=FakeAgent(fixes), reviewer=finding())
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, history.transitions[-1].data["event"]) == (
        State.NEEDS_HUMAN,
        Event.ROUNDS_EXHAUSTED,
    )
    assert history.verdicts == ()
    assert (
        len(world.agent.assignments)
        <= policy_at(world.services(), world.base).config.limits.attempts
    )


@pytest.mark.parametrize(
    ("requests", "severity", "sent_back"),
    [
        ("major", "blocker", True),
        ("major", "major", True),
        ("major", "minor", False),
        ("blocker", "major", False),
        ("minor", "minor", True),
    ],
)
def test_how_grave_a_finding_has_to_be_is_the_repositorys_to_say(
    tmp_path, requests, severity, sent_back
) -> None:
    world = world_of(
        tmp_path, f'{ONE}requests = "{requests}"\n', reviewer=(finding(severity=severity), NOTHING)
    )
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.history(issue).rounds == int(sent_back)
    assert len(reviewed(world, issue)[0].get("requested", [])) == int(sent_back)


def test_a_finding_whose_words_are_not_in_the_change_is_dropped_and_counted(tmp_path) -> None:
    world = world_of(tmp_path, reviewer=finding("FIXED = False"))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    (output,) = reviewed(world, issue)
    assert output["dropped"] == [
        "correctness: its quote is not in the change to 'tidebook/store.py'"
    ]
    link = next(
        link
        for link in chain(world.history(issue), outcome="").links
        if "do not count" in link.title
    )
    assert (link.outcome, link.fact.partition(" ")[0]) == (LinkOutcome.DONE, "1")


def test_what_two_lenses_find_in_one_line_is_reported_once(tmp_path) -> None:
    world = world_of(
        tmp_path,
        TWO,
        reviewer=(finding(), finding(says="A flag gives nobody a place back."), NOTHING),
    )
    issue = world.file()
    world.tick()
    (asked_for,) = reviewed(world, issue)[0]["requested"]
    assert asked_for["lenses"] == ["correctness", "tests"]


# What is no answer


def test_who_cannot_tell_is_no_yes_and_a_person_looks(tmp_path) -> None:
    world = world_of(
        tmp_path, reviewer={**NOTHING, "can_tell": False, "reason": "The caller is not shown."}
    )
    issue = world.file()
    world.tick()
    last = world.history(issue).transitions[-1].data
    assert (last["to"], last["event"]) == (State.NEEDS_HUMAN, Event.INCONCLUSIVE)
    assert "correctness (The caller is not shown.)" in last["says"]


@pytest.mark.parametrize(
    "error", [AnswerError("it did not call `answer`"), ModelError("not found")]
)
def test_an_answer_that_never_comes_is_asked_for_again_and_then_a_person_looks(
    tmp_path, error
) -> None:
    world = world_of(tmp_path, f"{ONE}[breaker]\nfailures = 9\n", reviewer=error)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, history.verdicts) == (State.NEEDS_HUMAN, ())
    assert [entry.data["event"] for entry in history.transitions][-3:] == [
        Event.JUDGE_AGAIN,
        Event.JUDGE_AGAIN,
        Event.INCONCLUSIVE,
    ]


def test_a_change_that_cannot_be_shown_whole_is_not_reviewed_in_part(tmp_path) -> None:
    def adds_much(worktree) -> None:
        for number in range(4):
            (worktree / "tidebook" / f"much_{number}.py").write_text(
                "# all of this has to be read\n" * 1000
            )

    world = world_of(tmp_path, agent=FakeAgent(adds_much))
    text = world.git.read(world.base, "factory_rules.md").decode()
    world = cast_by(world, "")
    world.remote["main"] = world.base = world.git.commit(
        world.git.tree(
            {
                **world.git.trees[world.git.tree_of(world.base)],
                "factory_rules.md": re.sub(r"max: \d+", "max: 100000", text).encode(),
            }
        ),
        [world.base],
        message="room",
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert "nobody votes on a view that is cut" in history.transitions[-1].data["says"]
    assert world.model.questions("reviewer") == []


def test_a_cap_that_is_reached_ends_the_issue_as_everywhere(tmp_path) -> None:
    world = world_of(tmp_path, reviewer=BudgetExhausted("the cap of $2 is reached"))
    issue = world.file()
    world.tick()
    assert world.history(issue).transitions[-1].data["event"] == Event.BUDGET_EXHAUSTED


# What they see


def test_a_reviewer_sees_issue_difference_and_governance_and_nothing_of_the_seal_or_of_the_agent(
    tmp_path,
) -> None:
    sealed = FakeValidator(VerdictOutcome.FAILED, VerdictOutcome.PASSED)

    def boasts(worktree):
        fixes(worktree)
        return "finished", "THE-AGENT-SAYS-IT-IS-PERFECT"

    world = world_of(tmp_path, validator=sealed, agent=FakeAgent(boasts, mends))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    first, second = world.model.questions("reviewer")
    assert "The places are gone." in first
    assert "FIXED = True" in first
    assert "GIVEN_BACK" in second
    for question in (first, second):
        assert "it was not shown" not in question  # what the judge saw
        assert "red on base" not in question  # what the author was shown
        assert "THE-AGENT-SAYS" not in question
        assert "sha256:" + "1" * 64 not in question  # the store of journeys


def test_each_look_has_a_word_of_its_own_round_what_it_is_shown(tmp_path) -> None:
    world = world_of(tmp_path, f"[review]\nlenses = {list(LENSES)}\n")
    world.file()
    world.tick()
    words = {
        re.search(r"^(\w{32}) begin diff$", question, re.MULTILINE)[1]
        for question in world.model.questions("reviewer")
    }
    assert len(words) == len(LENSES)
    for lens, question in zip(LENSES, world.model.questions("reviewer"), strict=True):
        assert ASKS[lens] in question


def test_every_lens_asks_something() -> None:
    assert tuple(ASKS) == LENSES


def test_a_file_that_no_reviewer_may_see_is_named_and_not_shown(tmp_path) -> None:
    world = world_of(
        tmp_path,
        f'{ONE}never_sees = ["tidebook/store.py"]\n',
        agent=FakeAgent(
            lambda tree: (fixes(tree), (tree / "tidebook" / "more.py").write_text("MORE = 1\n"))[0]
        ),
    )
    world.file()
    world.tick()
    (question,) = world.model.questions("reviewer")
    assert "MORE = 1" in question
    assert "FIXED = True" not in question
    assert "tidebook/store.py" in question


# Who is asked, and when


def test_without_a_lens_nobody_is_asked(tmp_path) -> None:
    world = world_of(tmp_path, "")
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.model.questions("reviewer") == []


def test_nobody_reviews_what_its_family_may_have_written(tmp_path) -> None:
    def at(name, toml):
        world = world_of(tmp_path / name, toml)
        return policy_at(world.services(), world.base)

    own = '[models]\nimplementer = "claude-opus-5-5"\nreviewer = "claude-opus-4"\n'
    with pytest.raises(ConfigError, match="of another family than claude-opus") as error:
        at("same family", own + ONE)
    assert (error.value.file, error.value.key) == ("factory.toml", "models.reviewer")
    later = '[models]\nimplementer = ["claude-sonnet-5-5", "claude-opus-5-5"]\n'
    with pytest.raises(ConfigError, match="claude-opus, claude-sonnet"):
        at("a later tier", later + ONE)
    with pytest.raises(ConfigError, match="of another family than anthropic"):
        at("by its own table", ONE + '[families]\nclaude = "anthropic"\n')
    assert at("nothing to review", own)
    assert at("allowed by name", own + ONE + "same_family = true\n")
    assert at("another maker", later + 'reviewer = ["claude-opus-5-5", "gpt-5.5"]\n' + ONE)


def test_neither_who_wrote_an_attempt_nor_who_may_write_another_is_of_a_reviewers_family() -> None:
    """The ledger tells of a model that `factory.toml` names no more; and one that it names has
    written nothing yet."""
    ledger = FakeLedger()
    ledger.append(
        event_of("usage", {"role": "implementer", "model": "qwen-4"}), "usage/1", issue=7, run="r"
    )
    ladders = (
        'implementer = ["claude-sonnet-5-5", "gpt-5.5"]\nreviewer = ["qwen-5", "gpt-6",'
        ' "gemini-4"]\n'
    )
    left = reviewers(read_config(f"schema = 1\n[models]\n{ladders}"), history_of(ledger, 7))
    assert [tier.model for tier in left] == ["gemini-4"]


def test_the_reviewer_is_the_first_of_another_family_in_a_session_of_its_own(tmp_path) -> None:
    world = world_of(tmp_path, '[models]\nreviewer = ["claude-sonnet-4", "gpt-5.5"]\n' + ONE)
    issue = world.file()
    world.tick()
    assert world.model.models("reviewer") == ["gpt-5.5"]
    sessions = {
        entry.key: entry.data["role"]
        for entry in world.history(issue).entries
        if entry.kind == "usage"
    }
    assert list(sessions.values()).count("reviewer") == 1
    assert len(sessions) == len(set(sessions))


def test_what_was_seen_already_is_not_asked_again_and_what_changed_is(tmp_path) -> None:
    world = world_of(
        tmp_path, validator=FakeValidator(VerdictOutcome.INCONCLUSIVE, VerdictOutcome.PASSED)
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, len(history.verdicts)) == (State.MERGED, 2)
    assert len(world.model.questions("reviewer")) == 1


def test_a_factory_that_was_killed_between_two_lenses_asks_for_what_is_missing(tmp_path) -> None:
    class Killed(BaseException):
        pass

    world = world_of(tmp_path, TWO, reviewer=(NOTHING, Killed(), NOTHING))
    issue = world.file()
    with pytest.raises(Killed):
        world.tick()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert [ASKS["correctness"] in question for question in world.model.questions("reviewer")] == [
        True,
        False,
        False,
    ]
    assert [entry.data["lens"] for entry in world.ledger.entries(kind="review")] == [
        "correctness",
        "tests",
    ]
    assert [request.attempt for request in world.broker.opened if request.role == "reviewer"] == [
        1001,
        1004,
        1004,
    ]


def test_a_stop_between_two_lenses_asks_no_further_reviewer(tmp_path) -> None:
    def stops(question):
        world.services().places.stop_flag.touch()
        return NOTHING

    world = world_of(tmp_path, TWO, reviewer=stops)
    world.file()
    with pytest.raises(Stopped):
        world.tick()
    assert len(world.model.questions("reviewer")) == 1


# What people see


def test_people_read_what_reviewers_asked_for_as_words_of_models(tmp_path) -> None:
    world = world_of(
        tmp_path,
        agent=FakeAgent(fixes),
        reviewer=finding(says="@everyone ![x](http://evil.example) is broken."),
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    asked_for = [
        link
        for link in chain(history, outcome="").links
        if link.title == "A reviewer asks for a change"
    ]
    assert asked_for
    assert all(
        (link.outcome, link.quote) == (LinkOutcome.REFUSES, "FIXED = True") for link in asked_for
    )
    said = change_comment(
        history, gates_of(history, rule_texts={}), lambda path: f"http://forge/{path}"
    )
    assert "**What reviewers said:** 1 change asked for." in said
    outside = "".join(
        part
        for number, part in enumerate(re.split(r"^`{3,}.*$", said, flags=re.MULTILINE))
        if number % 2 == 0
    )
    assert "evil.example" not in outside
    assert "evil.example" not in comments.issue_comment(
        history, lambda path: f"http://forge/{path}"
    )


def test_the_filer_learns_that_reviewers_asked_and_not_that_a_browser_did(tmp_path) -> None:
    world = world_of(tmp_path, reviewer=(finding(), NOTHING))
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED, State.ACCEPTED, State.VALIDATING}))
    history = world.history(issue)
    assert history.state is State.CHANGES_REQUESTED
    assert "Reviewers looked at a first change" in comments.issue_comment(
        history, lambda path: path
    )
