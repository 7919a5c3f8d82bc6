"""What follows from errors, from facts alone: which landing a release is, and what came back."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.error_groups import ErrorGroup
from harness.domain.events import ErrorIssueFiled, ErrorReturned, Landed, Reverted
from harness.factory.records.error_groups import (
    ErrorFacts,
    Landing,
    landing_of,
    landings_in,
    overview_of,
    returned_groups,
)
from harness.ports.ledger import recorded
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger

AT = datetime(2030, 5, 4, tzinfo=UTC)
LANDINGS = tuple(
    Landing(seq, commit, seq, AT + timedelta(hours=seq))
    for seq, commit in enumerate(("a" * 40, "b" * 40, "b" * 39 + "c"), start=1)
)


@pytest.mark.parametrize(
    ("release", "issue"),
    [
        ("a" * 40, 1),
        ("A" * 40, 1),
        ("shop@" + "a" * 12, 1),
        ("shop@1.2+" + "a" * 12, 1),
        ("b" * 40, 2),
        # Two landings begin so.
        ("b" * 12, None),
        ("a" * 11, None),
        ("a" * 41, None),
        (" " + "a" * 40, None),
        ("refs/" + "a" * 40, None),
        ("", None),
        ("@", None),
    ],
)
def test_a_release_names_one_landing_or_none(release, issue) -> None:
    found = landing_of(release, LANDINGS)
    assert (found.issue if found else None) == issue


def facts(*, release="b" * 40, hours=9, fix=LANDINGS[1], acted=()):
    ledger = FakeLedger(FakeClock())
    ledger.append(ErrorIssueFiled(7, "g", 1), "error/g/done")
    for commit in acted:
        ledger.append(ErrorReturned("g", commit, commit), f"error/g/returned/{commit}", issue=7)
    at = (AT + timedelta(hours=hours)).isoformat()
    return ErrorFacts(
        (ErrorGroup("g", release, 1, at, at), ErrorGroup("other", release, 1, at, at)),
        recorded(ledger, ErrorIssueFiled),
        recorded(ledger, ErrorReturned),
        LANDINGS,
        {7: fix} if fix else {},
    )


def test_what_comes_from_a_release_with_the_fix_is_back() -> None:
    assert [one.issue for one in returned_groups(facts(), least=1)] == [7]
    assert [one.issue for one in returned_groups(facts(release=LANDINGS[2].commit), least=1)] == [7]


@pytest.mark.parametrize(
    "otherwise",
    [
        {"release": "a" * 40},
        {"release": "b" * 12},
        {"release": ""},
        # Seen last before the fix landed.
        {"hours": 1},
        {"fix": None},
        {"acted": ("b" * 40,)},
    ],
)
def test_what_may_be_old_or_was_acted_on_is_not(otherwise) -> None:
    assert returned_groups(facts(**otherwise), least=1) == ()


def test_what_was_seen_too_seldom_since_is_not() -> None:
    assert returned_groups(facts(), least=2) == ()


def test_another_fix_of_it_counts_anew() -> None:
    assert len(returned_groups(facts(acted=("a" * 40,)), least=1)) == 1


def test_landings_and_reverts_are_releases_in_the_ledgers_order() -> None:
    ledger = FakeLedger(FakeClock())
    ledger.append(Landed("1" * 40, "t", "main"), "land/1/done", issue=1)
    ledger.append(Reverted("2" * 40, "1" * 40, "main"), "reverted/1/done", issue=1)
    found = landings_in(ledger.entries(kind="done"))
    assert [(one.issue, one.is_revert) for one in found] == [(1, False), (1, True)]
    at = AT.isoformat()
    rows = [ErrorGroup("g", "1" * 40, 3, at, at), ErrorGroup("g", "x", 2, at, at + "1")]
    (one,) = overview_of(rows, ledger.entries(kind="done"))
    assert (one["count"], one["landed"], one["issue"]) == (5, 1, 0)
    assert one["releases"] == ["x", "1" * 40]
