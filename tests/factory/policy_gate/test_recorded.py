"""What the rules saw is in the ledger, so that the factory's own past can be put to other rules."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import ConfigError
from harness.domain.facts import UNKNOWN, AddedContent, AddedTest, ChangeFacts, OnBase
from harness.domain.facts import TestFacts as SuiteFacts
from harness.domain.issue import Permission
from harness.domain.lifecycle import Event, State
from harness.factory.policy_gate.recorded import (
    facts_that_rules_use,
    later_than,
    recorded_answers,
    recorded_changes,
    recorded_cites,
)
from harness.governance.checks.gates import TestsKept as SuiteKept
from harness.governance.checks.gates import TestsRedOnBase as RedOnBase
from harness.governance.past.coverage import Override
from harness.governance.past.factsjson import facts_as_json
from harness.governance.past.history import RecordedChange
from tests.events import event_of
from tests.factory.world import World, edits_the_rules, fixes
from tests.fakes.ledger import FakeLedger
from tests.fakes.people import FakeAgent
from tests.governance.policy_texts import touching


def test_a_merged_issue_is_one_recorded_change_with_the_facts_of_its_landing(world) -> None:
    issue = world.file()
    world.tick()
    (change,) = recorded_changes(world.ledger.entries())
    history = world.history(issue)
    assert change.number == history.proposal.number
    assert change.merged_at == next(
        entry.at for entry in history.transitions if entry.data["to"] == "merged"
    )
    assert [file.path for file in change.facts.files] == [b"tidebook/store.py"]
    assert change.facts.journeys.passed == 1
    assert (change.facts.kind, change.facts.attempts, change.title) == ("bug", 1, history.title)


def test_a_decision_is_recorded_once_for_each_commit_and_purpose(world) -> None:
    world.file()
    world.tick()
    world.tick()
    asked = [
        (entry.data["head"], entry.data["applies"]) for entry in world.ledger.entries(kind="facts")
    ]
    assert len(asked) == len(set(asked)) == 3


def test_no_byte_that_a_change_adds_is_kept(world) -> None:
    world.file()
    world.tick()
    assert not any(
        "FIXED" in json.dumps(entry.data) for entry in world.ledger.entries(kind="facts")
    )


def test_a_change_that_never_became_a_pull_request_is_known_by_its_issue(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(edits_the_rules))
    issue = world.file()
    world.tick()
    (change,) = recorded_changes(world.ledger.entries())
    assert (change.number, change.merged_at, bool(change.asked_at)) == (issue, "", True)
    refused = {answer.rule for answer in recorded_answers(world.ledger.entries()) if answer.refuses}
    assert {"LAW-PROTECTED", "F-PATHS"} <= refused


def test_a_change_done_again_is_two_and_what_people_retried_until_it_landed_is_an_override(
    tmp_path,
) -> None:
    def too_much(worktree) -> None:
        (worktree / "tidebook" / "store.py").write_text("x = 1\n" * 400)

    world = World(tmp_path, agent=FakeAgent(too_much))
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    world.agent = FakeAgent(fixes)
    world.forge.person("mara", Permission.ADMIN)
    world.forge.say(issue, "/factory retry", author="mara")
    world.tick()
    assert world.history(issue).state is State.MERGED
    first, second = recorded_changes(world.ledger.entries())
    assert (bool(first.merged_at), bool(second.merged_at), first.number) == (
        False,
        True,
        second.number,
    )
    overridden = {
        answer.rule: answer.overridden
        for answer in recorded_answers(world.ledger.entries())
        if answer.refuses
    }
    assert overridden == {"F-SIZE": Override.RETRIED}


# Folds over a ledger that is written by hand.


def asked(
    ledger: FakeLedger, head: str, *, refuses: str = "", files: str = "", issue: int = 1
) -> None:
    facts = facts_as_json(touching(files or head, attempts=1))
    ledger.append(
        event_of(
            "facts",
            {
                "base": "b",
                "head": head,
                "applies": "pr",
                "rules": "sha256:0",
                "facts": facts,
                "action": None,
                "findings": [
                    {"rule": "F-A", "status": "enforce", "says": "no", "passed": refuses != "F-A"},
                    {
                        "rule": "F-B",
                        "status": "enforce",
                        "says": "who knows",
                        "passed": None if refuses == "F-B" else True,
                    },
                ],
            },
        ),
        f"facts/{issue}/pr/{head}",
        issue=issue,
    )


def moved(ledger: FakeLedger, *events: Event, issue: int = 1) -> None:
    ends = {
        Event.LANDED: State.MERGED,
        Event.LANDED_BY_PERSON: State.MERGED,
        Event.RETRIED: State.ACCEPTED,
        Event.TRIAGE_ACCEPTED: State.ACCEPTED,
    }
    for event in events:
        ledger.append(
            event_of(
                "transition",
                {
                    "event": event.value,
                    "from": "untriaged",
                    "to": ends.get(event, State.NEEDS_HUMAN).value,
                    "says": "",
                },
            ),
            f"t/{len(ledger.written)}",
            issue=issue,
        )


def refusals(ledger: FakeLedger):
    return [
        (answer.rule, answer.change, answer.overridden)
        for answer in recorded_answers(ledger.entries())
        if answer.refuses
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), None),
        ((Event.POLICY_REFUSED,), None),
        ((Event.POLICY_REFUSED, Event.CLOSED_BY_PERSON), None),
        ((Event.POLICY_REFUSED, Event.LANDED_BY_PERSON), Override.MERGED),
        ((Event.POLICY_REFUSED, Event.RETRIED), None),
        ((Event.POLICY_REFUSED, Event.RETRIED, Event.LANDED), Override.RETRIED),
        ((Event.RUN_FAILED, Event.LANDED), None),
    ],
)
def test_an_override_is_a_person_who_went_on(events, expected) -> None:
    ledger = FakeLedger()
    asked(ledger, "one", refuses="F-A")
    moved(ledger, *events)
    assert refusals(ledger) == [("F-A", 1, expected)]


def test_a_person_who_merged_something_else_overrode_nothing() -> None:
    ledger = FakeLedger()
    asked(ledger, "one", refuses="F-A")
    asked(ledger, "two")
    moved(ledger, Event.LANDED_BY_PERSON)
    assert refusals(ledger) == [("F-A", 1, None)]
    assert [change.merged_at != "" for change in recorded_changes(ledger.entries())] == [
        False,
        True,
    ]


def test_the_same_content_asked_about_twice_counts_once_and_its_refusal_stays() -> None:
    ledger = FakeLedger()
    asked(ledger, "head", refuses="F-B", files="a")
    asked(ledger, "candidate", files="a")
    assert len(recorded_changes(ledger.entries())) == 1
    assert refusals(ledger) == [("F-B", 1, None)]
    assert len(recorded_answers(ledger.entries())) == 2


def test_a_fact_that_another_version_wrote_hides_none_of_the_others() -> None:
    ledger = FakeLedger()
    ledger.append(
        event_of(
            "facts",
            {
                "base": "b",
                "head": "h",
                "applies": "pr",
                "findings": [],
                "facts": {"attempts": 2, "moons": 3, "spend_usd": {"cents": 5}},
            },
        ),
        "k",
        issue=1,
    )
    (change,) = recorded_changes(ledger.entries())
    assert change.facts == ChangeFacts(attempts=2)


names = st.frozensets(st.sampled_from("abcdef"))


@given(names, names, names, names)
def test_no_rule_misses_what_is_not_kept_of_the_tests(
    base, candidate, base_skipped, skipped
) -> None:
    facts = ChangeFacts(
        tests=SuiteFacts(
            base, candidate, base_skipped, skipped, added=(AddedTest("a", OnBase.PASSED),)
        ),
        added=(AddedContent(b"a", b"secret"),),
    )
    kept = facts_that_rules_use(facts)
    before, after = SuiteKept().answer(facts), SuiteKept().answer(kept)
    assert (after.passed, after.evidence) == (before.passed, before.evidence)
    assert RedOnBase().answer(kept) == RedOnBase().answer(facts)
    assert kept.added is UNKNOWN
    assert len(kept.tests.base & kept.tests.candidate) <= 1 + len(base_skipped ^ skipped)


def test_a_fact_that_is_too_long_is_not_recorded_and_the_decision_stands(world) -> None:
    issue = world.file()
    world.agent = FakeAgent(
        lambda worktree: (
            [
                (worktree / "tests" / f"test_{'x' * 200}_{number}.py").write_text("\n")
                for number in range(700)
            ]
            and None
        )
    )
    world.tick()
    (change, *_) = recorded_changes(world.ledger.entries())
    assert (change.facts.files, change.facts.attempts) == (UNKNOWN, 1)
    assert "F-SIZE" in {answer.rule for answer in recorded_answers(world.ledger.entries())}
    assert world.history(issue).entries


def cited(ledger: FakeLedger, *, issue: int = 1, quote: str = "tips") -> None:
    ledger.append(
        event_of(
            "triage", {"event": "triage-rejected", "cites": [{"id": "M-NOPAY"}], "quote": quote}
        ),
        f"triage/{len(ledger.written)}",
        issue=issue,
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((Event.TRIAGE_REJECTED,), (False, False)),
        ((Event.TRIAGE_REJECTED, Event.APPEALED), (True, False)),
        (
            (Event.TRIAGE_REJECTED, Event.APPEALED, Event.TRIAGE_UNSURE, Event.CLOSED_BY_PERSON),
            (True, False),
        ),
        ((Event.TRIAGE_REJECTED, Event.APPEALED, Event.TRIAGE_UNSURE, Event.RETRIED), (True, True)),
        ((Event.TRIAGE_ACCEPTED,), (False, False)),
    ],
)
def test_an_appeal_is_accepted_when_the_issue_goes_on(events, expected) -> None:
    ledger = FakeLedger()
    cited(ledger)
    moved(ledger, *events)
    (one,) = recorded_cites(ledger.entries())
    assert (one.id, one.quote, one.appealed, one.accepted) == ("M-NOPAY", "tips", *expected)


def test_only_what_is_young_enough_is_replayed() -> None:
    changes = [
        RecordedChange(1, ChangeFacts(), merged_at="2026-04-01T00:00:00Z"),
        RecordedChange(2, ChangeFacts()),
        RecordedChange(3, ChangeFacts(), asked_at="2026-04-03T01:00:00+02:00"),
        RecordedChange(4, ChangeFacts(), merged_at="2026-04-03"),
    ]
    moment = datetime.fromisoformat("2026-04-02T00:00:00Z")
    assert [change.number for change in later_than(changes, moment)] == [3, 4]
    with pytest.raises(ConfigError, match="pull request 5"):
        later_than([RecordedChange(5, ChangeFacts(), merged_at="yesterday")], moment)
