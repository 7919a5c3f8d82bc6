"""Facts and outcomes of landings, from the ledger alone."""

from dataclasses import replace

import pytest

from harness.domain.events import LandingFollowed, RegressionTraced, Reverted
from harness.domain.events.watching import RedJourney
from harness.domain.facts import UNKNOWN, FileChange
from harness.domain.landing import Outcome
from harness.domain.lifecycle import Event
from harness.factory.trust.outcomes import followed, main_area
from tests.events import event_of
from tests.factory.trust.recorded import Life, random_ledger
from tests.fakes.ledger import FakeLedger

RED = RedJourney("sha256:j", 1, "booking", "")


@pytest.fixture
def life():
    found = Life(FakeLedger(), 1)
    found.accept("feature")
    return found


def one(life):
    (found,) = followed(life.ledger.entries())
    return found


def test_the_facts_are_those_from_before_the_landing(life) -> None:
    life.move(Event.DISPATCHED, Event.RUN_FAILED, Event.DISPATCHED, Event.CHANGE_READY)
    life.write(event_of("verdict", {"outcome": "failed", "findings": [{"words": "a"}]}))
    life.move(Event.CHANGES_REQUESTED)
    commit = life.land()
    before = one(life)
    traits = before.traits
    assert (traits.area, traits.kind, traits.lines, traits.files) == ("app", "feature", 12, 1)
    assert (traits.rounds, traits.retries, traits.tier, traits.findings) == (1, 1, 0, 1)
    assert (traits.controls_held, traits.red_on_base, traits.unknown) == (True, True, ())
    life.write(RegressionTraced(RED, commit, culprit=commit))
    life.move(Event.REGRESSED, Event.DISPATCHED, Event.RUN_FAILED)
    assert one(life).traits == traits
    assert one(life).outcome is Outcome.REGRESSED


def test_without_recorded_files_or_verdict_a_fact_is_unknown(life) -> None:
    life.move(Event.DISPATCHED, Event.CHANGE_READY, Event.VERDICT_PASSED, Event.GATES_OPEN)
    life.write(
        event_of(
            "done",
            {"effect": "land", "result": {"commit": "c" * 40, "tree": "d" * 40, "branch": "main"}},
        )
    )
    missing = {"area", "lines", "files", "controls_held", "red_on_base"}
    assert {*one(life).traits.unknown} == missing


def test_a_landing_is_open_until_something_is_known_and_then_the_worst_counts(life) -> None:
    commit = life.land()
    assert one(life).outcome is Outcome.OPEN
    for event, outcome in (
        (LandingFollowed(commit, Outcome.STAYED), Outcome.STAYED),
        (RegressionTraced(RED, commit, culprit=commit), Outcome.REGRESSED),
        (Reverted("d" * 40, of=commit, branch="main"), Outcome.REVERTED),
    ):
        life.write(event)
        assert one(life).outcome is outcome
        assert one(life).known.isoformat() == life.ledger.entries()[-1].at


def test_a_regression_without_a_culprit_blames_nobody(life) -> None:
    life.land()
    life.write(RegressionTraced(RED, "c" * 40, message="nobody knows"))
    assert one(life).outcome is Outcome.OPEN


def test_the_same_ledger_gives_the_same_past() -> None:
    ledger = FakeLedger()
    random_ledger(ledger, ledger.clock, seed=1, issues=60)
    assert followed(ledger.entries()) == followed(list(ledger.entries()))
    assert {found.outcome for found in followed(ledger.entries())} == {*Outcome}


CHANGE = FileChange(b"app/a.py", UNKNOWN, UNKNOWN, UNKNOWN, None, None, added=5, deleted=0)


@pytest.mark.parametrize(
    ("files", "area"),
    [
        ({"app/a.py": 5, "docs/b.md": 4}, "app"),
        ({"app/a.py": 5, "docs/b.md": 6}, "docs"),
        ({"app/a.py": 5, "tests/test_a.py": 900}, "app"),
        ({"tests/test_a.py": 9}, "tests"),
        ({"README.md": 9}, "."),
        ({"b/x": 1, "a/x": 1}, "a"),
        ({}, ""),
    ],
)
def test_the_area_is_where_most_lines_change_tests_aside(files, area) -> None:
    changes = [replace(CHANGE, path=path.encode(), added=lines) for path, lines in files.items()]
    assert main_area(changes) == area
