"""The dashboard: one issue of the factory's own, found again, written when something happened, and
nobody's wish."""

import re
from datetime import timedelta

import pytest

from harness.domain.errors import ForgeError
from harness.domain.issue import Actor, Issue, Permission
from harness.domain.lifecycle import State
from harness.domain.presence import PAGE_SECONDS
from harness.factory.reporting.comments.dashboard import MARKER
from harness.factory.reporting.dashboard import is_dashboard
from harness.factory.run.signs import SignsOfLife
from harness.store.presence import FilePresence

TRIAGE_ONLY = {"states": frozenset({State.UNTRIAGED})}


def dashboards(world):
    return [issue for issue in world.forge._issues.values() if is_dashboard(issue)]


def written(world):
    return [what for what, _ in world.forge.writes].count("upsert_issue")


@pytest.fixture
def shown(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick(shows=True)
    return world, issue


def test_there_is_none_before_the_first_issue(world) -> None:
    world.tick(shows=True)
    assert dashboards(world) == []


def test_there_is_one_and_it_is_pinned(shown) -> None:
    world, _ = shown
    (dashboard,) = dashboards(world)
    assert world.forge.pinned == [dashboard.number]
    assert "Nothing needs a person." in dashboard.body


def test_it_is_written_once_for_everything_that_happened_and_not_at_all_for_nothing(shown) -> None:
    world, _ = shown
    before = written(world)
    world.forge.fail("upsert_issue", count=1)
    world.tick(shows=True)  # asks for nothing, so nothing fails
    world.forge._trouble.clear()
    for number in range(3):
        world.file(f"Report {number}", f"The places are gone. {number}")
    world.tick(shows=True)
    assert written(world) == before + 1


def test_it_is_not_taken_for_somebodys_wish(shown) -> None:
    world, issue = shown
    world.tick(shows=True)
    world.tick(shows=True)
    assert sorted({entry.issue for entry in world.ledger.entries(kind="issue")}) == [issue]
    assert len(dashboards(world)) == 1


def test_a_stranger_who_writes_its_mark_has_filed_an_issue(world) -> None:
    issue = world.file("Pay by card", f"{MARKER} Please add card payments.")
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.REJECTED
    stranger = Issue(9, "t", MARKER, Actor(5, "sam"), True)
    assert not is_dashboard(stranger)


def test_killed_after_it_was_filed_there_is_still_one(world) -> None:
    world.file("Pay by card", "Please add card payments.")
    world.forge.fail("upsert_issue", after=True)
    with pytest.raises(ForgeError):
        world.tick(shows=True)
    world.tick(shows=True)
    assert len(dashboards(world)) == 1
    assert world.forge.pinned == [dashboards(world)[0].number]


@pytest.mark.parametrize("method", ["upsert_issue", "pin_issue"])
def test_where_it_may_not_be_written_or_pinned_that_is_said_once(world, method) -> None:
    world.forge.fail(method, retryable=False, message="403", count=99)
    world.file("Pay by card", "Please add card payments.")
    world.tick(shows=True)
    world.file("Report", "The places are gone.")
    world.tick(shows=True)
    assert len(world.log.of("dashboard-failed")) == 1


def test_what_somebody_writes_into_it_is_not_read(shown) -> None:
    world, _ = shown
    held = world.file()
    world.tick(**TRIAGE_ONLY)
    (dashboard,) = dashboards(world)
    world.forge.edit_issue(
        dashboard.number, body=f"{dashboard.body}\n- [x] hold #{held}\n/factory hold"
    )
    world.forge.say(
        dashboard.number, "/factory hold", author=world.forge.person("maya", Permission.ADMIN)
    )
    world.tick(**TRIAGE_ONLY)
    assert world.history(held).state is State.ACCEPTED


def test_an_approval_is_offered_only_where_it_would_be_heard(world) -> None:
    world.agent.works = [lambda worktree: ("gave-up", "cannot reproduce it")]
    world.file()
    world.tick(shows=True)
    (dashboard,) = dashboards(world)
    assert "`/factory retry` |" in dashboard.body
    assert "/factory approve" not in dashboard.body


def test_what_landed_stays_for_a_day_and_then_goes(world) -> None:
    world.file()
    world.tick(shows=True)
    assert "Landed since 2030-05-03 (1)" in dashboards(world)[0].body
    world.ledger.clock.at += timedelta(days=3)
    world.tick(shows=True)
    assert "Landed since" not in dashboards(world)[0].body
    assert "$0.0000 today (UTC)" in dashboards(world)[0].body


def test_a_project_that_does_not_want_it_has_none(world) -> None:
    toml = world.git.read(world.remote["main"], "factory.toml")
    world.push_to_main(**{"factory.toml": toml + b"\n[forge]\ndashboard = false\n"})
    world.file()
    world.tick(shows=True)
    assert dashboards(world) == []


@pytest.fixture
def signed(world):
    """A dashboard of a factory that stays and leaves signs of life."""
    world.signs = SignsOfLife(FilePresence(world.work), world.ledger.clock, command="factory up")
    world.signs.begin()
    world.signs.looked()
    world.file("Pay by card", "Please add card payments.")
    world.tick(shows=True)
    return world


def test_it_tells_since_when_and_from_which_age_on_its_writer_is_dead(signed) -> None:
    (dashboard,) = dashboards(signed)
    sign = signed.signs.presence
    assert f"since {sign.began:%Y-%m-%d %H:%M:%S} UTC" in dashboard.body
    assert re.search(r"writes this page anew \*\*by 20\d\d-[\d :-]+ UTC\*\*", dashboard.body)
    assert sign.host not in dashboard.body, "strangers read it"


def test_a_living_writer_writes_it_twice_before_that_age_and_no_oftener(signed) -> None:
    before = written(signed), len(signed.ledger.entries(kind="dashboard"))
    signed.tick(shows=True)
    assert written(signed) == before[0]
    signed.ledger.clock.at += timedelta(seconds=PAGE_SECONDS)
    for _ in range(2):
        signed.signs.looked()
        signed.tick(shows=True)
    assert written(signed) == before[0] + 1
    assert len(signed.ledger.entries(kind="dashboard")) == before[1], "growing old is no event"


def test_a_factory_that_leaves_is_said_to_have_left(signed) -> None:
    signed.signs.leave("in good order")
    signed.tick(shows=True)
    (dashboard,) = dashboards(signed)
    assert "**Nobody is at work here.** The factory left at 2030-05-04" in dashboard.body
    assert "is at work here** since" not in dashboard.body
