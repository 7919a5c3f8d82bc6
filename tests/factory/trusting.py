"""Rules of trust for a world, and landings that it had before."""

from harness.domain.events import (
    FactsRecorded,
    Landed,
    LandingFollowed,
    Reverted,
    TransitionRecorded,
    TriageDecided,
)
from harness.domain.facts import ChangeFacts
from harness.domain.landing import Outcome
from harness.domain.lifecycle import Event, State, next_state
from harness.governance.past.factsjson import facts_as_json
from tests.factory.demands import STORE, governed
from tests.governance.policy_texts import change

NUMBERS = "merge: 0.95, review: 0.70, retry: 0.40"
_LIFE = (
    Event.TRIAGE_ACCEPTED,
    Event.DISPATCHED,
    Event.CHANGE_READY,
    Event.VERDICT_PASSED,
    Event.GATES_OPEN,
    Event.LANDED,
)


def trusting(words: str = f"level: full, {NUMBERS}", *, paths: str = "tidebook/**", name="F-TRUST"):
    """A rule of trust for what the world's changes touch."""
    return (
        f"\n## What lands alone {{#{name}}}\n\nBy what became of it.\n\n```yaml rule\nid: {name}\n"
        f'level: enforced\ncheck: {{trust: {{paths: ["{paths}"], {words}}}}}\n```\n'
    )


def landed_before(world, *, stayed=0, amended=0, first=1000):
    """Landings of one area, each with its outcome. Gives the number after the last."""
    outcomes = [Outcome.STAYED] * stayed + [Outcome.AMENDED] * amended
    for issue, outcome in enumerate(outcomes, first):
        _landed(world, issue)
        _followed(world, issue, outcome)
    return first + len(outcomes)


def taken_back_before(world, *, issue=5000) -> None:
    """A landing that was taken back."""
    _landed(world, issue)
    take_back(world, issue)


def take_back(world, issue: int) -> None:
    """Take back what landed for an issue, as far as the ledger shows it."""
    (commit,) = (one.event.commit for one in world.history(issue).of(Landed))
    world.ledger.append(Reverted(f"b{issue}", commit, "main"), f"back/{issue}", issue=issue)


def _landed(world, issue: int) -> None:
    state = State.UNTRIAGED
    for event in _LIFE:
        if event is Event.GATES_OPEN:
            facts = facts_as_json(ChangeFacts(files=(change(STORE),)))
            asked = FactsRecorded("b", f"h{issue}", "merge", "", facts, None, ())
            world.ledger.append(asked, f"asked/{issue}", issue=issue)
        if event is Event.LANDED:
            done = Landed(f"c{issue}", f"t{issue}", "main")
            world.ledger.append(done, f"landed/{issue}", issue=issue)
        after = next_state(state, event)
        moved = TransitionRecorded(event, state, after)
        world.ledger.append(moved, f"moved/{issue}/{event}", issue=issue)
        if event is Event.TRIAGE_ACCEPTED:
            triaged = TriageDecided(event, issue_kind="bug")
            world.ledger.append(triaged, f"triaged/{issue}", issue=issue)
        state = after


def _followed(world, issue: int, outcome: Outcome) -> None:
    world.ledger.append(LandingFollowed(f"c{issue}", outcome), f"followed/{issue}", issue=issue)


def trusted(world, words: str = f"level: full, {NUMBERS}", **past):
    """The world with such a rule, and landings before."""
    landed_before(world, **past)
    return governed(world, trusting(words))
