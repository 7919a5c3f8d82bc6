"""The digest as a maintainer reads it in the morning, after a night over the fakes. Golden files
hold every word."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.factory.reporting.digest import digest, last_digest, open_outages
from harness.factory.reporting.digest_page import markdown, text
from harness.factory.reporting.times import span
from tests.events import event_of
from tests.factory.world import edits_the_rules

GOLDEN = Path(__file__).parents[2] / "golden"
BEGAN = datetime(2030, 5, 4, 2, 0, tzinfo=UTC)
MORNING = datetime(2030, 5, 4, 6, 30, tzinfo=UTC)
HOSTILE = "Click [here](http://x.example) @everyone \x1b[2J<img src=x> #1"


def link(path) -> str:
    return (
        f"http://forge{path}" if path.startswith("/") else f"http://forge/tidehouse/tidebook/{path}"
    )


@pytest.fixture
def night(world):
    """One issue of each kind, one after the other; then an outage that is over, and one that is
    not."""
    world.file()
    world.tick()
    world.file("Pay by card", "Please add card payments.")
    world.tick()
    world.agent.works = [edits_the_rules]
    world.file(HOSTILE, "The places are gone.")
    world.tick()
    world.ledger.clock.at = datetime(
        2030, 5, 4, 3, 0, tzinfo=UTC
    )  # however many entries the night has had until now
    world.ledger.append(event_of("outage", {"says": "the forge was not reached"}), "outage/1")
    world.ledger.append(event_of("outage-ended", {"began": "outage/1"}), "outage/1/ended")
    world.ledger.append(
        event_of("outage", {"says": "the model broker does not answer"}), "outage/2"
    )
    return world


def digest_of(world, **given):
    usual = {"since": BEGAN, "at": MORNING, "stopped": False, "frozen": ""}
    return digest(world.ledger.entries(), **(usual | given))


@pytest.mark.parametrize(("name", "render"), [("digest.txt", text), ("digest.md", markdown)])
def test_a_night_in_words(night, name, render) -> None:
    brakes = {
        "stopped": True,
        "frozen": "what landed was not what was judged",
        "fault": "entry 7 was changed after it was written",
    }
    found = render(digest_of(night, **brakes), link)
    landed = next(shown.commit for shown in digest_of(night).merged)
    assert found.replace(landed[:10], "<commit>") == (GOLDEN / name).read_text("utf-8")


def test_after_a_quiet_night_nothing_needs_anybody(world) -> None:
    found = digest_of(world)
    assert found.is_quiet
    assert text(found, link) == (
        "The factory, 2030-05-04 02:00 to 2030-05-04 06:30\n"
        "Nothing happened. Models: $0.0000 by their price list. Nothing needs you.\n"
    )


def test_each_issue_is_where_it_belongs(night) -> None:
    found = digest_of(night)
    assert [shown.issue for shown in found.merged] == [1]
    assert [shown.issue for shown in found.rejected] == [3]
    assert [shown.issue for shown in found.waiting] == [4]
    assert not found.is_quiet


def test_old_results_are_not_repeated_but_what_waits_is(night) -> None:
    found = digest_of(night, since=night.ledger.clock.at + timedelta(hours=1))
    assert (found.merged, found.rejected, found.spent.calls, found.spent_on) == ((), (), 0, ())
    assert [shown.issue for shown in found.waiting] == [4]
    assert [one.message for one in found.outages] == ["the model broker does not answer"]


def test_the_cost_is_that_of_the_time_and_adds_up(night) -> None:
    found = digest_of(night)
    whole = sum(night.history(issue).usage.cost_usd for issue in (1, 3, 4))
    assert found.spent.cost_usd == whole == sum(cost for _, cost in found.spent_on)
    assert found.spent.cost_usd > 0


def test_an_issue_on_hold_is_shown_with_the_command_that_resumes_it(world) -> None:
    number = world.file("Pay by card", "Please add card payments.")
    world.ledger.append(
        event_of("issue", {"title": "x", "text": ""}), f"issue/{number}", issue=number
    )
    world.ledger.append(
        event_of(
            "transition",
            {
                "event": "owner-hold",
                "from": "untriaged",
                "to": "paused",
                "says": "by mara",
                "rules": "",
            },
        ),
        "t",
        issue=number,
    )
    assert "comment `/factory resume` on http://forge/tidehouse/tidebook/issues/1" in text(
        digest_of(world), link
    )


def test_text_from_outside_moves_nothing_on_a_terminal_and_acts_nowhere_in_markdown(night) -> None:
    found = digest_of(night)
    assert "\x1b" not in text(found, link)
    page = markdown(found, link)
    assert "[here](" not in page
    assert "<img" not in page.replace("\\<img", "")
    assert "@everyone" not in page


def test_the_last_digest_is_the_one_that_was_written(world) -> None:
    assert last_digest(world.ledger.entries()) is None
    entry = world.ledger.append(event_of("digest", {"path": ""}), "digest/2030-05-04")
    assert last_digest(world.ledger.entries()).isoformat() == entry.at


BROKEN = {
    "journey": "sha256:" + "3f0a9c5e1b2d" + "0" * 52,
    "issue": 2,
    "promise": "M-BOOK",
    "words": "A guest books a \x1b[2J walk",
}


def seen_broken(world, *, key="1") -> None:
    world.ledger.clock.at = BEGAN.replace(hour=3)
    world.ledger.append(
        event_of("verdict", {"outcome": "passed", "broken_on_base": [BROKEN]}),
        f"validate-{key}/verdict",
        issue=9,
        run=f"validate-{key}",
    )


def test_what_is_broken_on_the_default_branch_is_shown_once_by_its_digest_and_needs_somebody(
    world,
) -> None:
    seen_broken(world)
    seen_broken(world, key="2")
    found = digest_of(world)
    assert [(one.journey, one.issue) for one in found.broken] == [(BROKEN["journey"], 2)]
    assert not found.is_quiet
    shown = text(found, link)
    assert "What landed for issue #2 is broken on the default branch: A guest books a" in shown
    assert "`factory journeys show 3f0a9c5e1b2d`" in shown
    assert "\x1b" not in shown


def test_what_a_maintainer_has_dealt_with_is_not_shown_any_more(world) -> None:
    seen_broken(world)
    world.ledger.append(
        event_of("journey", {"action": "retired", "journey": BROKEN["journey"]}),
        "journey/0/retired",
        issue=2,
    )
    assert digest_of(world).broken == ()
    assert digest_of(world, since=MORNING).broken == ()


def test_what_is_down_is_what_was_never_said_to_be_back(night) -> None:
    assert [one.key for one in open_outages(night.ledger.entries())] == ["outage/2"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a second"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (90061, "1 d 1 h"),
        (86460, "1 d 1 min"),
    ],
)
def test_how_long(seconds, words) -> None:
    assert span(timedelta(seconds=seconds)) == words
