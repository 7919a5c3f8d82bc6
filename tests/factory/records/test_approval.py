"""What an approval lifts, and the whole sentence for why it lifts nothing."""

import pytest

from harness.domain.events import NodeEnded
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import State
from harness.domain.verdict import VerdictOutcome
from harness.domain.workflow import NodeResult, Outcome
from harness.factory.records.approval import Approval, approval
from harness.factory.run.policy_snapshot import policy_at
from harness.governance.decide import BY_DEFAULT
from tests.factory.demands import asking_a_person, governed, held_back

NOBODYS = CommitSha("e" * 40)
GONE = {"rule": "F-GONE", "says": "No.", "file": "factory_rules.md", "passed": False}
SAYS = "touches protected paths: tidebook/store.py"


@pytest.fixture
def refused(world):
    return world, held_back(world)


def approved(world, issue, sha=None, **other) -> Approval | str:
    """What an approval of the head comes to, or the sentence why to nothing."""
    history = world.history(issue)
    policy = policy_at(world.services(), world.remote["main"])
    head = history.pushed_head
    given = {"head_now": head, "rules": policy.digest, **other}
    found = approval(
        history, policy.governance, sha=str(head or NOBODYS) if sha is None else sha, **given
    )
    return found if isinstance(found, Approval) else found.reason


def ended(world, issue, output, *, run=None, **more) -> None:
    """One more step of the run that refused it, ended with the same event and this output."""
    history = world.history(issue)
    last = history.transitions[-1]
    result = NodeResult(Outcome.BLOCKED, output, event=more.get("event", last.event.event))
    number = len(world.ledger.written)
    world.ledger.append(
        NodeEnded("more", number, result), f"more/{number}", issue=issue, run=run or last.run
    )


def test_it_lifts_what_stood_against_this_head_word_for_word(refused) -> None:
    world, issue = refused
    found = approved(world, issue)
    assert found == Approval(world.history(issue).pushed_head, (("F-STORE", SAYS),))


def test_a_change_that_no_area_or_rule_speaks_of_is_a_persons_to_lift(refused) -> None:
    world, issue = refused
    for name, words in BY_DEFAULT:
        ended(world, issue, {"gates": [{"gate": name, "says": words}]})
        assert approved(world, issue).lifts == ((name, words),)


def test_the_rules_that_count_are_those_of_the_run_that_refused_it(world) -> None:
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    governed(world, asking_a_person("F-STORE"))
    world.tick()
    assert isinstance(approved(world, issue), Approval)


def test_each_reason_names_the_next_step(refused) -> None:
    world, issue = refused
    head = world.history(issue).pushed_head
    assert approved(world, issue, head_now=None) == (
        "there is no open pull request of the factory's for it, so there is no commit to approve"
    )
    assert approved(world, issue, head_now=NOBODYS) == (
        f"its head is {NOBODYS:.12} now, which the factory did not push; nothing of it can be"
        " approved"
    )
    assert approved(world, issue, sha=NOBODYS) == (
        f"{NOBODYS:.12} is not what stands here any more; the head is {head:.12} now. Look at that"
        " one first"
    )
    assert approved(world, issue, rules="sha256:0") == (
        "the texts that govern changed since it was refused; `/factory retry` has it looked at"
        " under them"
    )
    other = world.file("Another", "The places are gone too.")
    world.tick(states=frozenset())
    assert approved(world, other) == (
        "it is untriaged now, and only what needs a person can be approved"
    )


def test_where_no_rule_refused_there_is_nothing_to_lift(world) -> None:
    world.validator.outcomes = [VerdictOutcome.INCONCLUSIVE]
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert approved(world, issue) == (
        "nothing that a rule leaves to a person stands against it; `/factory retry` starts again"
    )
    # Nor does what another run refused, or what ended otherwise.
    gates = {"gates": [{"gate": "stop", "says": "The owner stopped it."}]}
    ended(world, issue, gates, run=f"implement-{issue}-1")
    ended(world, issue, gates, event="split")
    assert "nothing that a rule leaves" in approved(world, issue)


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ({"sent_back": [{"words": "Too slow", "observed": "It takes 2 s."}]}, "Too slow"),
        ({"gates": [{"gate": name, "says": "No."} for name in ("stop", "stop", "F")]}, "stop, F"),
        ({"gates": [{"gate": "stop", "says": "No."}], "sent_back": [{"words": "a"}]}, "stop"),
        ({"gates": [{"gate": "F-STORE", "says": SAYS}]}, "F-STORE"),
        ({"gates": [{"gate": "F-GONE", "says": "No."}], "findings": [GONE]}, "F-GONE"),
    ],
)
def test_what_no_rule_leaves_to_a_person_stands(refused, output, names) -> None:
    """The last two: F-STORE's own words, of which nothing says that the rule found them, and a rule
    that is no longer there."""
    world, issue = refused
    ended(world, issue, output)
    assert approved(world, issue) == (f"{names} stands against it, and no approval lifts that")


@pytest.mark.parametrize("passed", [True, None])
def test_what_code_could_not_establish_no_person_establishes(refused, passed) -> None:
    world, issue = refused
    (step,) = (
        one.event.result.output
        for one in world.history(issue).nodes
        if one.run == world.history(issue).transitions[-1].run
        and one.event.result.output.get("gates")
    )
    findings = [{**one, "passed": passed} for one in step["findings"]]
    ended(world, issue, {**step, "findings": findings})
    assert approved(world, issue) == "F-STORE stands against it, and no approval lifts that"


def test_the_candidate_of_the_run_that_refused_it_is_a_name_for_it_and_an_older_one_is_none(
    refused,
) -> None:
    world, issue = refused
    bound = world.history(issue).verdict.binds.candidate
    assert isinstance(approved(world, issue, sha=bound[:12].upper()), Approval)
    ended(world, issue, {"candidate": NOBODYS}, run="validate-9-9")
    assert isinstance(approved(world, issue, sha=bound), Approval)
    ended(world, issue, {"candidate": NOBODYS})
    assert isinstance(approved(world, issue, sha=NOBODYS), Approval)
    assert "is not what stands here any more" in approved(world, issue, sha=bound)
