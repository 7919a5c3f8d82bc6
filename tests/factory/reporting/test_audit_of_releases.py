"""What the audit cannot be fooled by in releases: a whole history, cut or doubled in one place."""

import hashlib
from dataclasses import replace

import pytest

from harness.domain.errors import LedgerError
from harness.domain.events import (
    HealthSeen,
    Landed,
    ReleaseBegan,
    ReleaseIssueFiled,
    ReleaseMoved,
    SmokeSeen,
    Switched,
)
from harness.domain.release import ReleaseEvent
from harness.factory.records.releases import ReleaseIndex
from harness.factory.reporting.audit import audit
from harness.factory.reporting.audit_releases import release_faults
from harness.factory.reporting.releases import carried_words, releases_now
from tests.factory.releasing import PRODUCTION, STAGING, ReleaseWorld
from tests.fakes.ledger import FakeLedger


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One release that is done, and one that was rolled back; #5 is filed about it."""
    world = ReleaseWorld(tmp_path_factory.mktemp("released"))
    world.land("first")
    world.pass_time(9)
    bad = world.land("second")
    world.pass_time(2)
    world.health.ill.add(bad)
    world.pass_time(3)
    assert world.states == ["done", "rolled-back"]
    return world


def entries(world, change=lambda event: (event,)):
    """The ledger's entries, each replaced by what `change` makes of its event."""
    return [
        replace(entry, event=event)
        for entry in world.ledger.entries()
        for event in change(entry.event)
    ]


def faults(world, change=lambda event: (event,)):
    found = release_faults(entries(world, change), world.git, world.work)
    return [message for _, message in found]


def only(kind, make, **like):
    """A change of the one event of this kind that has these values."""

    def change(event):
        is_it = isinstance(event, kind) and all(
            getattr(event, name) == value for name, value in like.items()
        )
        return make(event) if is_it else (event,)

    return change


def gone(event):
    return ()


def twice(event):
    return (event, event)


def other(**changed):
    return lambda event: (replace(event, **changed),)


MOVED = {"number": 1, "environment": STAGING}
E = ReleaseEvent
CUTS = {
    "began twice": (only(ReleaseBegan, twice, number=2), "release 2 began twice"),
    "no landing": (
        only(ReleaseBegan, other(commit="9" * 40), number=1),
        "release 1: commit 9999999999 had not landed",
    ),
    "another tree": (
        only(ReleaseBegan, other(tree="9" * 40), number=1),
        "release 1: its tree is not the one that landed",
    ),
    "beside another": (
        only(ReleaseMoved, gone, number=1, event=E.SOAKED),
        "release 2 began while release 1 was under way",
    ),
    "a step left out": (
        only(ReleaseMoved, gone, **MOVED, event=E.LIVE),
        "a release that is deploying cannot take smoke-passed",
    ),
    "production alone": (
        only(ReleaseMoved, gone, **MOVED, event=E.STAGED),
        "it went to production, which is not the next environment",
    ),
    "no switch": (
        only(Switched, gone, number=1, environment=STAGING),
        "release 1: it is live in staging without a switch",
    ),
    "switched twice": (
        only(Switched, twice, number=1, environment=STAGING),
        "release 1 was switched twice in staging",
    ),
    "another commit": (
        only(Switched, other(commit="9" * 40), number=1, environment=STAGING),
        "release 1 brought 9999999999 to staging, which is another commit",
    ),
    "no smoke": (
        only(SmokeSeen, gone, number=1, environment=STAGING),
        "its smoke in staging passed without its sealed journeys being green",
    ),
    "a smoke of nothing": (
        only(SmokeSeen, other(green=()), number=1, environment=PRODUCTION),
        "its smoke in production passed without its sealed journeys being green",
    ),
    "a soak cut short": (
        only(HealthSeen, gone, number=1, environment=STAGING),
        "its soak in staging was cut short: 0 of 3 healthy answers",
    ),
    "taken back to nothing": (
        only(Switched, other(commit="9" * 40), is_rollback=True),
        "release 2 was taken back to 9999999999, which production never served",
    ),
    "taken back without a switch": (
        only(Switched, gone, is_rollback=True),
        "release 2: it is taken back in production without a switch",
    ),
    "two issues": (
        only(ReleaseIssueFiled, lambda event: (event, replace(event, issue=9))),
        "#5 and #9 are about one release, 2",
    ),
    "an issue about a good one": (
        only(ReleaseIssueFiled, other(release=1)),
        "#5 is about release 1, which is not red",
    ),
    "never began": (only(ReleaseBegan, gone, number=2), "release 2 never began"),
}


def test_a_whole_history_of_releases_is_sound(world) -> None:
    assert faults(world) == []
    found = audit(
        world.ledger,
        world.git,
        world.validator,
        world.work,
        evidence=world.validator,
        branch="main",
    )
    assert (found.ok, found.releases) == (True, 2)
    assert "what staging, production serve now: the audit asks no environment" in found.unchecked
    assert any(words.startswith("who signed 4 smokes") for words in found.unchecked)


@pytest.mark.parametrize("cut", CUTS)
def test_what_does_not_fit_is_named(world, cut) -> None:
    change, words = CUTS[cut]
    assert any(words in found for found in faults(world, change)), faults(world, change)


def test_a_release_that_follows_a_red_one_unasked_is_named(world) -> None:
    again = [one for one in entries(world) if isinstance(one.event, ReleaseBegan)][-1]
    unasked = replace(again, event=replace(again.event, number=3))
    found = release_faults([*entries(world), unasked], world.git, world.work)
    assert [words for _, words in found] == [
        "release 3 began after a red one that nobody had lifted"
    ]


def test_a_smoke_that_was_changed_after_it_was_recorded_is_named(world) -> None:
    (world.work / "smoke.json").write_bytes(b"changed since")
    digest = hashlib.sha256(b"as it was").hexdigest()
    change = other(envelope="smoke.json", envelope_sha256=digest)
    at = only(SmokeSeen, change, number=1, environment=STAGING)
    assert "release 1: its smoke in staging was changed after it was recorded" in faults(world, at)
    gone_file = other(envelope="none.json", envelope_sha256=digest)
    at = only(SmokeSeen, gone_file, number=1, environment=STAGING)
    assert any("its smoke in staging cannot be read" in words for words in faults(world, at))


OF_RELEASES = (
    Landed,
    ReleaseBegan,
    ReleaseMoved,
    HealthSeen,
    SmokeSeen,
    Switched,
    ReleaseIssueFiled,
)
ASKED = {
    "all": ReleaseIndex.all,
    "waiting": ReleaseIndex.waiting,
    "live": ReleaseIndex.live,
    "why_frozen": ReleaseIndex.why_frozen,
    "status": lambda index: releases_now(index).document(),
    "why": lambda index: carried_words(index, 1),
}


def refusal(entries, ask) -> str:
    """Why the index of these entries gives no answer; empty where it gives one."""
    try:
        ask(ReleaseIndex(FakeLedger(), entries))
    except LedgerError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_where_one_entry_is_missing_the_index_names_what_does_not_fit_and_so_does_the_audit(
    world, ask
) -> None:
    """Incident: every command that read a release ended in a KeyError."""
    whole = world.ledger.entries()
    assert refusal(whole, ask) == ""
    refused = []
    for missing in whole:
        if not isinstance(missing.event, OF_RELEASES):
            continue
        rest = [entry for entry in whole if entry is not missing]
        if words := refusal(rest, ask):
            refused.append(type(missing.event))
            named = {f"entry {seq} of" for seq, _ in release_faults(rest, world.git, world.work)}
            assert words.partition(" the ledger")[0] in named
            assert "run `factory audit`" in words
    assert {ReleaseBegan, ReleaseMoved} <= set(refused)
    assert (Landed in refused) is (ask in (ReleaseIndex.waiting,))
