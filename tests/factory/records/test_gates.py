"""A gate for each question, a check run for each gate, and a place in a file where a rule names
one."""

from typing import Never

import pytest

from harness.domain.errors import ForgeError, ValidatorError
from harness.domain.events import Landed
from harness.domain.issue import AnnotationLevel, Permission
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from harness.factory.records.gates import Gate, gates_of
from harness.factory.records.history import histories
from harness.factory.records.link import Link, LinkOutcome, Stage
from harness.factory.records.rule_texts import rule_books
from harness.factory.reporting.comments.change import change_comment
from tests.factory.demands import asking_a_person, governed
from tests.factory.lives import CLAUSES, LARGE, SMALL, UNTOUCHED, Life, finding


def link(standing, *evidence, rule="F-SECRETS"):
    return Link(
        Stage.CANDIDATE,
        standing,
        rule,
        "No secrets",
        "",
        "1 found",
        "",
        evidence,
        7,
        "",
        "validate-1-1",
        "",
    )


def gate(*links, answer=False):
    return Gate("factory/law", answer, "F-SECRETS stands against it", links, 7)


def conclusions(world, issue):
    head = str(world.history(issue).pushed_head)
    return {
        name: check.conclusion for (sha, name), check in world.forge.checks.items() if sha == head
    }


def said(world, issue):
    """The answer of each gate, whether it opens, the entry that it rests on, and its number of
    links."""
    history, keys = world.history(issue), {entry.seq: entry.key for entry in world.ledger.entries()}
    return [
        (gate.name, gate.answer, gate.summary, keys[gate.entry], len(gate.links))
        for gate in gates_of(history, rule_texts=rule_books(world.ledger.entries(kind="law")))
    ]


TESTED = ("factory/tests", True, "1 tests pass, none of base's lost")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (
            [VerdictOutcome.PASSED],
            [
                ("factory/law", True, "11 rules hold", "validate-1-1/law/1", 11),
                (*TESTED, "implement-1-1/tests/1", 0),
                ("factory/seal", True, "passed: it passed", "validate-1-1/verdict", 1),
                ("factory/merge", True, "landed: LANDED", "merge-1-1/land/done", 13),
            ],
        ),
        (
            [VerdictOutcome.FAILED, VerdictOutcome.PASSED],
            [
                ("factory/law", True, "11 rules hold", "validate-1-2/law/1", 11),
                (*TESTED, "implement-1-2/tests/1", 0),
                ("factory/seal", True, "passed: it passed", "validate-1-2/verdict", 1),
                ("factory/merge", True, "landed: LANDED", "merge-1-1/land/done", 13),
            ],
        ),
        (
            [VerdictOutcome.FAILED] * 3,
            [
                ("factory/law", True, "11 rules hold", "validate-1-3/law/1", 11),
                (*TESTED, "implement-1-3/tests/1", 0),
                ("factory/seal", False, "failed: it failed", "validate-1-3/verdict", 2),
            ],
        ),
        (
            [VerdictOutcome.INCONCLUSIVE] * 3,
            [
                ("factory/law", True, "11 rules hold", "validate-1-3/law/1", 11),
                (*TESTED, "implement-1-1/tests/1", 0),
                ("factory/seal", None, "inconclusive: it inconclusive", "validate-1-3/verdict", 2),
            ],
        ),
    ],
)
def test_each_gate_shows_what_was_decided_last_and_where(world, outcomes, expected) -> None:
    world.validator.outcomes = list(outcomes)
    issue = world.file()
    world.tick()
    landed = world.history(issue).landed or Landed("", "", "")
    fact = f"commit {landed.commit:.10}; tree {landed.tree:.7} landed as judged"
    assert said(world, issue) == [
        (name, answer, words.replace("LANDED", fact), *rest)
        for name, answer, words, *rest in expected
    ]


@pytest.mark.parametrize(
    ("outcome", "seal"),
    [
        (VerdictOutcome.PASSED, "success"),
        (VerdictOutcome.FAILED, "failure"),
        (VerdictOutcome.INCONCLUSIVE, "failure"),
    ],
)
def test_every_gate_that_was_asked_has_its_check_and_unknown_is_a_failure(
    world, outcome, seal
) -> None:
    world.validator.outcomes = [outcome]
    issue = world.file()
    world.tick()
    asked = {"factory/law": "success", "factory/tests": "success", "factory/seal": seal}
    assert conclusions(world, issue) == {
        **asked,
        **({"factory/merge": "success"} if seal == "success" else {}),
    }


@pytest.mark.parametrize(
    ("times", "seal"),
    [
        (99, ("factory/seal", None, "no verdict: it is down", "validate-1-3/judge/event", 0)),
        (2, ("factory/seal", True, "passed: it passed", "validate-1-3/verdict", 1)),
    ],
)
def test_a_judge_that_is_down_gives_no_answer_until_it_gives_one(world, times, seal) -> None:
    judge, calls = world.validator.judge, []

    def down(request, out):
        calls.append(request)
        if len(calls) <= times:
            raise ValidatorError("it is down")
        return judge(request, out)

    world.decorate("validator", judge=down)
    issue = world.file()
    world.tick()
    assert said(world, issue)[2] == seal


UNSEEN = finding("F-SIZE", None, "the forge did not answer")
SCARCE = finding("F-TESTS", False, "a test went")
LIFTED = SCARCE | {"lifted": "maya"}


@pytest.mark.parametrize(
    ("proposed", "asked", "expected"),
    [
        ([SMALL], None, (True, "1 rule holds", "implement-7-1/law/1", 1)),
        ([LARGE], [], (False, "F-SIZE stands against it", "implement-7-1/law/1", 1)),
        (
            [LARGE, SCARCE, LARGE],
            [],
            (False, "F-SIZE, F-TESTS stand against it", "implement-7-1/law/1", 2),
        ),
        ([LARGE], [SMALL], (True, "1 rule holds", "validate-7-1/law/1", 1)),
        (
            [SMALL],
            [LARGE, UNTOUCHED, LARGE],
            (False, "F-SIZE stands against it", "validate-7-1/law/1", 2),
        ),
        ([SMALL], [UNSEEN, LARGE], (None, "F-SIZE stands against it", "validate-7-1/law/1", 2)),
        (
            [SMALL],
            [SMALL, LIFTED],
            (
                True,
                "F-TESTS was lifted by a maintainer, and 1 rule holds",
                "validate-7-1/law/1",
                2,
            ),
        ),
        (
            [SMALL],
            [LIFTED, UNTOUCHED, LARGE | {"lifted": "maya"}],
            (
                True,
                "F-TESTS, F-SIZE were lifted by a maintainer, and 1 rule holds",
                "validate-7-1/law/1",
                3,
            ),
        ),
    ],
)
def test_the_rules_answer_about_what_would_land_or_else_about_what_was_proposed(
    proposed, asked, expected
) -> None:
    life = Life().triaged().proposed(*proposed)
    if asked is not None:
        life.asked("validate", *asked)
    rules, *_ = gates(life)
    keys = {entry.seq: entry.key for entry in life.ledger.entries()}
    assert rules.name == "factory/law"
    assert (rules.answer, rules.summary, keys[rules.entry], len(rules.links)) == expected
    assert {link.quote for link in rules.links if link.rule == "F-SIZE"} <= {CLAUSES[0]["prose"]}


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([("implement", True)], (True, "implement-7-2")),
        ([("implement", True), ("validate", False)], (False, "validate-7-1")),
        ([("implement", False), ("validate", True)], (True, "validate-7-1")),
        ([("merge", False)], None),
    ],
)
def test_the_tests_answer_as_they_ran_last_on_what_was_proposed_or_would_land(
    runs, expected
) -> None:
    life = Life().triaged()
    earlier = life.asked("implement", tests_pass=False)
    life.move("run-failed", "implementing", "accepted", run=earlier)
    life.proposed(SMALL)
    for workflow, passed in runs:
        run = "implement-7-2" if workflow == "implement" else life.begin(workflow)
        result = {"outcome": "produced", "message": run, "event": None}
        life.add(
            "node",
            f"{run}/tests/1",
            run=run,
            node="tests",
            attempt=1,
            result={**result, "output": {"tests_pass": passed}},
        )
    found = [(one.answer, one.summary) for one in gates(life) if one.name == "factory/tests"]
    assert found == ([expected] if expected else [])


def down(life: Life) -> None:
    run = life.begin("validate")
    life.move("judge-again", "validating", "validating", run=run, says="it is down")


def moved(life: Life) -> None:
    life.move("head-or-base-moved", "approved", "validating", says="base moved")


def closed(life: Life) -> None:
    life.move("closed-by-person", "validating", "rejected")


def landed_by_hand(life: Life) -> None:
    life.move("law-refused", "validating", "needs-human")
    life.move("landed-by-person", "needs-human", "merged")


def undecided(life: Life) -> None:
    life.judged("inconclusive", reason="no browser")


VOID = "its verdict is void, because the head or the base has moved: base moved"


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ([], None),
        ([lambda life: life.judged(head="9" * 40)], None),
        ([undecided], (None, "inconclusive: no browser")),
        ([down, undecided], (None, "inconclusive: no browser")),
        ([down, Life.judged, moved, down], (None, "no verdict: it is down")),
        ([down, down, Life.judged, moved, down], (None, "no verdict: it is down")),
        ([Life.judged, moved], (None, VOID)),
        ([Life.judged, moved, closed], (None, VOID)),
        ([Life.judged, moved, landed_by_hand], (True, "passed: all 2 sealed")),
    ],
)
def test_the_seal_answers_what_was_said_last_of_this_head(happened, expected) -> None:
    life = Life().triaged().proposed(SMALL)
    for step in happened:
        step(life)
    found = [(one.answer, one.summary) for one in gates(life) if one.name == "factory/seal"]
    assert [(answer, words[: len(expected[1])]) for answer, words in found] == (
        [expected] if expected else []
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([SMALL], (True, "every gate is open")),
        ([SMALL, UNSEEN], (None, "F-SIZE: the forge did not answer")),
    ],
)
def test_a_merge_that_was_asked_about_and_not_made_says_how_its_gates_stand(
    asked, expected
) -> None:
    life = Life().triaged().proposed(SMALL).judged()
    life.asked("merge", *asked, event="gates-open")
    assert [(one.answer, one.summary) for one in gates(life) if one.name == "factory/merge"] == [
        expected
    ]


def gates(life: Life) -> tuple[Gate, ...]:
    (history,) = histories(life.ledger.entries())
    return gates_of(history, rule_texts=rule_books(life.ledger.entries(kind="law")))


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
    moved = f"base was {world.base:.7} when judged and is {world.remote['main']:.7} now"
    assert said(world, issue)[-2:] == [
        (
            "factory/seal",
            None,
            f"its verdict is void, because the head or the base has moved: freshness: {moved}",
            "merge-1-1/gates/event",
            1,
        ),
        (
            "factory/merge",
            False,
            f"What was judged is no longer what would land: freshness: {moved}",
            "merge-1-1/gates/event",
            1,
        ),
    ]
    assert (
        "its verdict is void"
        in world.forge.checks[str(world.history(issue).pushed_head), "factory/seal"].title
    )


def _is_down(request, out) -> Never:
    raise AssertionError("nothing is judged here")


def test_a_refusal_before_the_merge_is_red_and_an_approval_makes_it_green(world) -> None:
    governed(world, asking_a_person("F-STORE"))
    issue = world.file()
    world.tick()
    head = world.history(issue).pushed_head
    assert conclusions(world, issue)["factory/merge"] == "failure"
    assert said(world, issue)[-1] == (
        "factory/merge",
        False,
        "F-STORE: touches protected paths: tidebook/store.py",
        "merge-1-1/gates/1",
        12,
    )
    world.forge.say(
        issue, f"/factory approve {head}", author=world.forge.person("maya", Permission.MAINTAIN)
    )
    world.tick()
    assert conclusions(world, issue)["factory/merge"] == "success"
    assert [(entry, links) for *_, entry, links in said(world, issue)] == [
        ("validate-1-2/law/1", 11),
        ("implement-1-1/tests/1", 0),
        ("validate-1-2/verdict", 1),
        ("merge-1-2/land/done", 14),
    ]
    assert "| overridden |" in world.forge.checks[str(head), "factory/merge"].summary


def test_each_answer_is_set_once_and_not_asked_after_again(world) -> None:
    governed(world, asking_a_person("F-STORE"))
    issue = world.file()
    world.tick()
    world.forge.fail("set_check", count=99)
    world.forge.say(issue, "/factory hold", author=world.forge.person("maya", Permission.MAINTAIN))
    world.tick()
    assert world.history(issue).state is State.PAUSED


def test_a_forge_that_takes_no_checks_is_reported_and_stops_nothing(world) -> None:
    world.forge.fail(
        "set_check",
        retryable=False,
        message="403 Resource not accessible by personal access token",
        count=99,
    )
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    reported = [
        entry.message.partition(":")[0]
        for entry in world.log.of("check-failed")
        if "403" in entry.message
    ]
    assert set(reported) == {"factory/law", "factory/tests", "factory/seal", "factory/merge"}


def test_a_forge_that_is_down_is_waited_for(world) -> None:
    world.forge.fail("set_check", retryable=True)
    issue = world.file()
    with pytest.raises(ForgeError):
        world.tick()
    world.tick()
    assert conclusions(world, issue)["factory/law"] == "success"


def test_a_finding_at_a_line_is_an_annotation_there() -> None:
    found = gate(
        link(
            LinkOutcome.REFUSES,
            "app/keys.py:12: a private key",
            "vote 1: no; docs/a b.md:3 `x` (blob/abc/docs/a b.md)",
        ),
        link(LinkOutcome.WOULD_REFUSE, "app/other.py:4", rule="F-SHADOW"),
        link(LinkOutcome.HOLDS, "app/fine.py:1"),
        link(LinkOutcome.REFUSES, "app/large.py: 900", "no place at all"),
    ).annotations
    assert [(one.path, one.line, one.end_line, one.level) for one in found] == [
        ("app/keys.py", 12, 12, AnnotationLevel.FAILURE),
        ("docs/a b.md", 3, 3, AnnotationLevel.FAILURE),
        ("app/other.py", 4, 4, AnnotationLevel.WARNING),
    ]
    assert (found[0].title, found[0].message) == (
        "F-SECRETS: No secrets",
        "1 found\napp/keys.py:12: a private key",
    )


def test_the_words_of_an_annotation_are_no_longer_than_the_forge_takes() -> None:
    (found,) = gate(link(LinkOutcome.REFUSES, f"a.py:1 {'x' * 5000}", rule="F" * 300)).annotations
    assert (len(found.title), len(found.message)) == (255, 4000)


@pytest.mark.parametrize(
    ("answer", "conclusion"), [(True, "success"), (False, "failure"), (None, "failure")]
)
def test_there_is_nothing_between_yes_and_no(answer, conclusion) -> None:
    assert gate(answer=answer).conclusion == conclusion


def test_a_pull_request_has_one_comment_of_ours_however_its_gates_go(world) -> None:
    world.validator.outcomes = [VerdictOutcome.FAILED, VerdictOutcome.PASSED]
    issue = world.file()
    world.tick()
    history = world.history(issue)
    (comment,) = world.forge.ours(int(history.proposal.number))
    rule_texts = rule_books(world.ledger.entries(kind="law"))
    assert comment.body == change_comment(
        history, gates_of(history, rule_texts=rule_texts), world.services().link
    )
    assert len(history.verdicts) == 2
