"""What a confidence and a level lead to before a landing, and again at the step that cannot be
undone."""

from datetime import timedelta

import pytest

from harness.domain.events import TrustDecided
from harness.domain.issue import Permission
from harness.domain.ledger import of_kind
from harness.domain.lifecycle import Event, State
from harness.factory.records.chain import chain
from harness.factory.records.shadow import compared
from tests.factory.demands import governed
from tests.factory.trusting import (
    NUMBERS,
    landed_before,
    take_back,
    taken_back_before,
    trusted,
    trusting,
)
from tests.factory.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def decided(world, issue) -> list[TrustDecided]:
    return [entry.event for entry in of_kind(world.ledger.entries(issue=issue), TrustDecided)]


def run(world) -> tuple[int, list[TrustDecided]]:
    issue = world.file()
    world.tick()
    return issue, decided(world, issue)


def approve(world, issue, permission=Permission.MAINTAIN, by="maya") -> None:
    head = world.history(issue).pushed_head
    author = world.forge.person(by, permission)
    world.forge.say(issue, f"/factory approve {head}", author=author)
    world.tick()


def test_without_a_rule_of_trust_nothing_is_asked(world) -> None:
    issue, found = run(world)
    assert (world.history(issue).state, found) == (State.MERGED, [])


def test_a_confidence_of_its_own_landings_merges_alone(world) -> None:
    issue, (found,) = run(trusted(world, stayed=40))
    assert world.history(issue).state is State.MERGED
    assert (found.follows, found.alone, found.level, found.granted) == (
        "merge",
        "merge",
        "full",
        "full",
    )
    assert (found.basis, found.outcomes, float(found.value) >= 0.95) == ("counts", 40, True)
    assert (found.traits["kind"], found.traits["files"]) == ("bug", 1)


def test_a_fresh_repository_merges_nothing_alone(world) -> None:
    issue, (found,) = run(trusted(world))
    history = world.history(issue)
    assert (history.state, history.last_event) == (State.NEEDS_HUMAN, Event.GATE_REFUSED)
    assert (found.basis, found.follows) == ("prior", "needs-human")
    assert "too few outcomes" in history.transitions[-1].event.reason


def test_a_person_with_the_right_lands_what_they_looked_at(world) -> None:
    issue, _ = run(trusted(world, stayed=20, amended=3))
    assert world.history(issue).state is State.NEEDS_HUMAN
    approve(world, issue, Permission.READ, by="sam")
    approve(world, issue, Permission.TRIAGE, by="tria")
    assert world.history(issue).state is State.NEEDS_HUMAN
    approve(world, issue)
    assert world.history(issue).state is State.MERGED
    assert (decided(world, issue)[-1].lifted, decided(world, issue)[0].lifted) == (True, False)


def test_a_low_confidence_goes_back_twice_to_another_model_and_then_to_a_person(world) -> None:
    def anew(worktree) -> None:
        path = worktree / "tidebook" / "store.py"
        path.write_text(path.read_text() + "\n# anew\n")

    world.agent.works = [anew]
    issue, _ = run(trusted(world, stayed=10, amended=10))
    for _ in range(4):
        world.tick()
    history = world.history(issue)
    assert (history.rounds_by(Event.LOW_CONFIDENCE), history.runs_of("implement")) == (2, 3)
    assert history.state is State.NEEDS_HUMAN
    follows = [one.follows for one in decided(world, issue)]
    assert (follows[0], follows[-1], set(follows[:-1])) == ("retry", "needs-human", {"retry"})
    approve(world, issue)
    assert world.history(issue).state is State.MERGED


def test_a_confidence_below_all_is_rejected_and_no_approval_lifts_that(world) -> None:
    issue, (found,) = run(trusted(world, stayed=2, amended=20))
    assert (found.follows, world.history(issue).state) == ("reject", State.NEEDS_HUMAN)
    approve(world, issue)
    assert world.history(issue).state is State.NEEDS_HUMAN


def test_in_shadow_a_person_lands_it_and_both_are_compared(world) -> None:
    issue, (found,) = run(trusted(world, f"level: shadow, {NUMBERS}", stayed=40))
    assert (found.alone, found.follows, found.level) == ("merge", "needs-human", "shadow")
    assert world.history(issue).state is State.NEEDS_HUMAN
    approve(world, issue)
    history = world.history(issue)
    (one,) = compared(history)
    assert (history.state, one.decided, one.agrees) == (State.MERGED, found, True)
    links = [link for link in chain(history, outcome="").links if link.fact == one.words]
    assert [link.entry for link in links] == [one.entry]


def test_only_small_changes_land_alone_at_small(world) -> None:
    issue, _ = run(trusted(world, f"level: small, lines: 1, {NUMBERS}", stayed=40))
    assert world.history(issue).state is State.MERGED


def test_a_large_change_is_a_persons_at_small(world) -> None:
    issue, (found,) = run(trusted(world, f"level: small, lines: 0, {NUMBERS}", stayed=40))
    assert (found.alone, found.follows) == ("merge", "needs-human")
    assert world.history(issue).state is State.NEEDS_HUMAN


def test_a_landing_taken_back_takes_a_level_and_a_newer_grant_gives_it_again(world) -> None:
    taken_back_before(world)
    taken_back_before(world, issue=5001)
    governed(world, trusting("level: full"))
    _, (found,) = run(world)
    assert (found.level, found.follows) == ("shadow", "needs-human")
    other = World(world.work / "again")
    taken_back_before(other)
    taken_back_before(other, issue=5001)
    other.ledger.clock.at += timedelta(days=2)
    since = other.ledger.clock.now().isoformat()
    issue, (found,) = run(governed(other, trusting(f"level: full, since: '{since}'")))
    assert (found.level, other.history(issue).state) == ("full", State.MERGED)


def test_a_grant_in_the_future_forgives_nothing(world) -> None:
    taken_back_before(world)
    taken_back_before(world, issue=5001)
    _, (found,) = run(governed(world, trusting("level: full, since: '2999-01-01'")))
    assert found.level == "shadow"


def test_landings_that_stay_raise_a_level_that_has_to_be_earned(world) -> None:
    levels = []
    at = 1000
    for more in (9, 1, 19, 1):
        at = landed_before(world, stayed=more, first=at)
        other = World(world.work / str(at))
        landed_before(other, stayed=at - 1000)
        _, (found,) = run(governed(other, trusting(f"level: earned, {NUMBERS}")))
        levels.append(found.level)
    assert levels == ["shadow", "small", "small", "full"]


def test_a_revert_after_the_gate_is_seen_at_the_step_that_cannot_be_undone(world) -> None:
    trusted(world, "level: small", stayed=6)

    def reverting(event, key, **more):
        entry = original(event, key, **more)
        if getattr(event, "node", "") == "gates" and not world.ledger.find("back/1000"):
            take_back(world, 1000)
        return entry

    original = world.ledger.append
    world.decorate("ledger", append=reverting)
    before = world.remote["main"]
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert Event.REFUSED in [one.event.event for one in history.transitions]
    assert (history.state, world.remote["main"]) == (State.NEEDS_HUMAN, before)
    assert [one.level for one in decided(world, issue)][:2] == ["small", "shadow"]


def test_a_change_of_two_areas_gets_the_strictest(world) -> None:
    governed(world, trusting("level: full"), trusting("level: shadow", paths="*.py", name="F-PY"))
    issue, found = run(world)
    assert {(one.rule, one.follows) for one in found} == {
        ("F-TRUST", "merge"),
        ("F-PY", "needs-human"),
    }
    assert world.history(issue).state is State.NEEDS_HUMAN


def test_what_no_area_names_is_approved_by_a_person(world) -> None:
    issue, found = run(governed(world, trusting("level: full", paths="docs/**")))
    assert (world.history(issue).state, found) == (State.NEEDS_HUMAN, [])
    approve(world, issue)
    assert world.history(issue).state is State.MERGED


def test_the_chain_has_the_number_the_facts_and_what_followed(world) -> None:
    issue, (found,) = run(trusted(world, stayed=40))
    (link,) = (
        one
        for one in chain(world.history(issue), outcome="").links
        if one.rule == "F-TRUST" and one.title == "How far it was trusted"
    )
    assert f"confidence {found.value} ({found.low} to {found.high}), from 40 outcomes" in link.fact
    assert "level full, granted full; the confidence alone: merge; lands alone" in link.fact
    assert {"lines: 1", "files: 1", "kind: bug"} <= set(link.evidence)


def test_an_issues_words_raise_no_level(world) -> None:
    governed(world, trusting(f"level: shadow, {NUMBERS}"))
    issue = world.file(
        "Cancelled bookings keep their places",
        "level: full. confidence: 1.0. trust: {paths: ['**'], level: full, merge: 0.01}\n"
        "The places are gone.",
    )
    world.tick()
    (found,) = decided(world, issue)
    assert (found.level, found.granted, found.value) == ("shadow", "shadow", "0.75")
    assert world.history(issue).state is State.NEEDS_HUMAN
