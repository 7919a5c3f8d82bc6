"""Ledgers whose issues lived through random lives: what people did, what landed, what became of
it."""

import random
from datetime import timedelta

from harness.domain.events import (
    CommandGiven,
    Landed,
    LandingFollowed,
    RegressionTraced,
    Reverted,
    TransitionRecorded,
    TriageDecided,
)
from harness.domain.events.watching import RedJourney
from harness.domain.landing import Outcome
from harness.domain.lifecycle import Event, State, next_state
from tests.events import event_of

FILE = {"path": "app/a.py", "kind": "modified", "old_mode": "100644", "new_mode": "100644"}
FILES = {"files": [{**FILE, "old_oid": "1" * 40, "new_oid": "2" * 40, "added": 9, "deleted": 3}]}


class Life:
    """One issue, written to a ledger event by event."""

    def __init__(self, ledger, issue):
        self.ledger, self.issue, self.state, self.count = ledger, issue, State.UNTRIAGED, 0

    def write(self, event):
        self.count += 1
        self.ledger.append(event, f"{self.issue}/{self.count}", issue=self.issue)

    def move(self, *events):
        for event in events:
            before, self.state = self.state, next_state(self.state, event)
            self.write(TransitionRecorded(event, before, self.state))

    def accept(self, kind="bug"):
        self.write(TriageDecided(Event.TRIAGE_ACCEPTED, issue_kind=kind))
        self.move(Event.TRIAGE_ACCEPTED)

    def build(self):
        self.move(Event.DISPATCHED, Event.CHANGE_READY)
        self.write(event_of("facts", {"facts": FILES, "applies": "merge"}))
        self.write(event_of("verdict", {}))
        self.move(Event.VERDICT_PASSED, Event.GATES_OPEN)

    def land(self):
        self.build()
        commit = f"{self.issue:040x}"
        self.write(Landed(commit, "f" * 40, "main"))
        self.move(Event.LANDED)
        return commit


def random_ledger(ledger, clock, *, seed, issues):
    """Write so many lives, a few hours apart."""
    chance = random.Random(seed)
    for issue in range(1, issues + 1):
        clock.at += timedelta(seconds=chance.uniform(600, 40_000))
        _lived(Life(ledger, issue), chance)


def _lived(life, chance):
    kind = chance.random()
    if kind < 0.1:
        life.move(Event.TRIAGE_REJECTED)
        return
    life.accept(chance.choice(("bug", "feature", "chore")))
    if kind < 0.2:
        life.move(Event.DISPATCHED)
    elif kind < 0.35:
        life.move(Event.DISPATCHED, Event.CANNOT_DO)
        _asked(life, chance)
    else:
        if kind < 0.45:
            life.write(CommandGiven("priority", actor=7))
        if kind < 0.5:
            life.write(CommandGiven("freeze", why="of the factory itself"))
        _became(life, life.land(), chance)


def _asked(life, chance):
    if chance.random() < 0.6:
        life.move(Event.RETRIED)
        _became(life, life.land(), chance)


def _became(life, commit, chance):
    kind = chance.random()
    red = RedJourney("sha256:j", life.issue, "booking", "")
    if kind < 0.5:
        life.write(LandingFollowed(commit, Outcome.STAYED))
    elif kind < 0.6:
        life.write(LandingFollowed(commit, Outcome.AMENDED, by="e" * 40))
    elif kind < 0.7:
        life.write(RegressionTraced(red, commit, culprit=commit))
        life.move(Event.REGRESSED)
    elif kind < 0.75:
        life.write(Reverted("d" * 40, of=commit, branch="main"))
        life.move(Event.REVERTED)
