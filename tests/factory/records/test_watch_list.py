"""What is asked of a forge, counted: nothing for what did not change, whatever the number of
issues."""

from collections import Counter
from datetime import timedelta

import pytest

from harness.domain.errors import ForgeError, LedgerError
from harness.domain.issue import Permission
from harness.domain.lifecycle import State
from harness.factory.intake.issues import TOGETHER, sync_issues
from harness.factory.pipeline.tick import current_policy, tick
from harness.factory.records.history import history_of
from harness.factory.records.watch_list import MARGIN
from tests.events import event_of
from tests.fakes.forge import FakeForge
from tests.fakes.ledger import FakeLedger


class Counting(FakeForge):
    """A forge that counts what it is asked, by name."""

    asked: Counter

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked = Counter()

    def _day(self, method):
        self.asked[method] += 1
        return super()._day(method)


@pytest.fixture
def world(world):
    counting = Counting(branches=world.forge.branches, contains=world.forge.contains)
    world.forge = counting
    return world


class Running:
    """One process at a world: services that stay, and what each look asked of the forge."""

    def __init__(self, world) -> None:
        self.world, self.services = world, world.services()
        self.policy = current_policy(self.services)

    def look(self, **more):
        self.world.forge.asked.clear()
        sync_issues(self.services, self.policy, **more)
        return self.world.forge.asked

    def state(self, issue):
        return history_of(self.world.ledger, issue).state


def rejected(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    return issue


def test_news_that_there_are_none_cost_one_request_whatever_is_open(world) -> None:
    for number in range(200):
        world.forge.file_issue(f"Issue {number}", "Something else again.")
    at = Running(world)
    assert at.look() == {"news": 1}
    assert at.look() == {"news": 1}
    assert len(at.services.issue_index.histories()) == 200


class Cut(FakeLedger):
    """A ledger whose second writing of many at once fails, once; `sizes` has how many each was
    of."""

    def append_all(self, new):
        self.sizes = (*getattr(self, "sizes", ()), len(wanted := tuple(new)))
        if len(self.sizes) == 2:
            raise LedgerError("the disk takes no more", retryable=True)
        return super().append_all(wanted)


def test_new_issues_are_written_many_at_once_and_what_a_fault_left_out_comes_with_the_next_look(
    world,
) -> None:
    world.ledger = Cut(world.ledger.clock)
    numbers = [
        world.forge.file_issue(f"Issue {number}", "Something else again.").number
        for number in range(TOGETHER + 3)
    ]
    world.forge.say(numbers[0], "a word", author="kim")
    at = Running(world)
    with pytest.raises(LedgerError):
        at.look()
    assert len(world.ledger.written) == TOGETHER
    assert at.look() == {"news": 1, "comments": 1}, (
        "what was met and not yet looked at is looked at now"
    )
    met = [entry.issue for entry in world.ledger.entries(kind="issue")]
    assert (met, world.ledger.sizes) == (numbers, (TOGETHER, 3, 3))
    assert at.look() == {"news": 1}


def test_what_one_of_the_project_may_do_is_asked_once_for_all_that_they_filed(world) -> None:
    mara = world.forge.person("mara", Permission.WRITE)
    for number in range(5):
        world.forge.file_issue(f"Issue {number}", "Something else again.", author=mara)
    at = Running(world)
    assert at.look() == {"news": 1, "permission": 1}
    assert all(history.filer_may_command for history in at.services.issue_index.histories())


@pytest.mark.parametrize("changed", [1, 10])
def test_only_what_changed_is_read(world, changed) -> None:
    numbers = [
        world.forge.file_issue(f"Issue {number}", "Something else again.").number
        for number in range(50)
    ]
    at = Running(world)
    at.look()
    for number in numbers[:changed]:
        world.forge.say(number, "a word", author="kim")
    assert at.look() == {"news": 1, "comments": changed}
    assert at.look() == {"news": 1}


def test_a_steady_tick_over_many_issues_asks_at_most_five_times(world) -> None:
    at_work = world.file()
    world.tick()
    for number in range(300):
        world.forge.file_issue(f"Issue {number}", "Something else again.")
    services = world.services()
    for _ in range(2):
        world.forge.asked.clear()
        tick(services, world.dispatch, states=frozenset({State.MERGING}))
    assert sum(world.forge.asked.values()) + 1 <= 5, f"{world.forge.asked}, and one fetch"
    assert history_of(world.ledger, at_work).state is State.MERGED


def test_what_a_process_that_ended_had_looked_at_is_not_read_again(world) -> None:
    """The ledger records when everything was read last; the next process reads what changed since,
    and what is new."""
    for number in range(20):
        issue = world.forge.file_issue(f"Issue {number}", "Something else again.").number
        world.forge.say(issue, "a word", author="kim")
    world.forge.pass_(2 * MARGIN)
    world.forge.say(
        world.forge.file_issue("Later", "Something else again.").number, "a word", author="kim"
    )
    assert Running(world).look() == {"news": 1, "comments": 21}
    world.forge.say(
        world.forge.file_issue("New", "Something else again.").number, "a word", author="kim"
    )
    world.forge.say(1, "another word", author="kim")
    assert Running(world).look() == {"news": 1, "issues": 1, "comments": 3}, (
        "the new, the changed, and one within the margin"
    )


@pytest.mark.parametrize(
    "jump", [timedelta(days=-400), timedelta(hours=-1)], ids=["a year back", "an hour back"]
)
def test_a_clock_that_was_put_back_makes_everything_be_read(world, jump) -> None:
    world.forge.say(world.file(), "a word", author="kim")
    world.forge.pass_(2 * MARGIN)
    world.file("Another")
    Running(world).look()
    assert Running(world).look()["comments"] == 0, "the first is beyond the margin"
    world.ledger.clock.at += jump
    assert Running(world).look()["comments"] == 1


@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize(
    "jump",
    [timedelta(days=400), timedelta(days=-400), timedelta(hours=9), timedelta(hours=-9)],
    ids=str,
)
def test_our_clock_hides_no_comment_whatever_it_shows(world, jump, comes_back) -> None:
    """The forge's own clock orders what changed, however far ours is from it."""
    issue = rejected(world)
    world.ledger.clock.at += jump
    Running(world).look()
    if comes_back:
        world.ledger.clock.at -= jump
    world.forge.say(issue, "/factory appeal", author="kim")
    at = Running(world)
    at.look()
    assert at.state(issue) is State.UNTRIAGED


def test_once_a_day_everything_is_read(world) -> None:
    for number in range(5):
        world.forge.say(
            world.forge.file_issue(f"Issue {number}", "Something else again.").number,
            "a word",
            author="kim",
        )
    at = Running(world)
    at.look()
    assert at.look(whole=True)["comments"] == 0
    world.ledger.clock.at += timedelta(days=1)
    assert at.look(whole=True)["comments"] == 5
    assert len(world.ledger.entries(kind="looked")) == 2


def test_a_comment_on_a_closed_issue_is_heard_by_the_next_process(world) -> None:
    issue = rejected(world)
    world.forge.edit_issue(issue, open=False)
    Running(world).look()
    world.forge.say(issue, "/factory appeal", author="kim")
    at = Running(world)
    at.look()
    assert at.state(issue) is State.UNTRIAGED


def test_what_was_said_too_early_is_looked_at_when_the_issue_moves(world) -> None:
    issue = rejected(world)
    at = Running(world)
    at.look()
    world.ledger.append(
        event_of(
            "transition",
            {"event": "appealed", "from": "rejected", "to": "untriaged", "says": "", "rules": ""},
        ),
        "by/hand",
        issue=issue,
    )
    assert at.look()["comments"] == 1
    at.look()  # our own label and comment come back as news, once
    assert at.look() == {"news": 1}


def test_a_fault_on_the_way_leaves_the_issue_on_the_list(world) -> None:
    first, second = (
        world.forge.file_issue("One", "a").number,
        world.forge.file_issue("Two", "b").number,
    )
    at = Running(world)
    at.look()
    for number in (first, second):
        world.forge.say(number, "a word", author="kim")
    world.forge.fail("comments")
    with pytest.raises(ForgeError):
        at.look()
    assert at.look() == {"news": 1, "comments": 2}, (
        "nothing was new, and both were still to be looked at"
    )


def test_a_fault_after_others_were_looked_at_leaves_the_rest_on_the_list(world) -> None:
    first, second = (
        world.forge.file_issue("One", "a").number,
        world.forge.file_issue("Two", "b").number,
    )
    at = Running(world)
    at.look()
    world.forge.edit_issue(first, labels=("kind:bug",))
    world.forge.say(second, "a word", author="kim")
    world.forge.fail("comments")
    with pytest.raises(ForgeError):
        at.look()
    assert at.look() == {"news": 1, "comments": 1}


def test_an_issue_that_somebody_hinted_at_is_read_anew(world) -> None:
    issue = world.forge.file_issue("One", "a").number
    at = Running(world)
    at.look()
    at.services.watch_list.hint([issue])
    assert at.look() == {"news": 1, "issue": 1}
    assert at.look() == {"news": 1}


def test_a_hint_at_what_is_not_there_asks_once_and_ends(world) -> None:
    at = Running(world)
    at.look()
    at.services.watch_list.hint([4711])
    assert at.look() == {"news": 1, "issue": 1}
    assert at.look() == {"news": 1}


def test_a_hint_at_our_pull_request_is_one_at_its_issue(world) -> None:
    issue = world.file()
    world.tick()
    at = Running(world)
    at.look()
    at.services.watch_list.hint([history_of(world.ledger, issue).proposal.number])
    assert at.services.watch_list.refresh() == (issue,)


def test_news_of_our_pull_request_are_news_of_its_issue(world) -> None:
    issue = world.file()
    world.tick()
    at = Running(world)
    at.look()
    assert at.services.watch_list.refresh() == ()
    world.forge._touch(history_of(world.ledger, issue).proposal.number)
    assert at.services.watch_list.refresh() == (issue,)


def test_an_issue_that_is_gone_from_the_forge_is_closed_and_stops_nothing(world) -> None:
    world.tick()
    gone, here = (
        world.forge.file_issue("One", "a").number,
        world.forge.file_issue("Two", "b").number,
    )
    at = Running(world)
    at.look()
    del world.forge._issues[gone]
    at.look(whole=True)
    assert (at.state(gone), at.state(here)) == (State.REJECTED, State.UNTRIAGED)
    assert (
        at.services.issue_index.of(gone).transitions[-1].data["says"]
        == "it is no longer on the forge"
    )
    tick(at.services, world.dispatch, states=frozenset())
    assert at.look(whole=True) == {"news": 1}


def test_a_forge_that_refuses_to_show_an_issue_it_lists_closes_nothing(world) -> None:
    issue = world.forge.file_issue("One", "a").number
    at = Running(world)
    at.look()
    at.services.watch_list.hint([issue])
    world.forge.fail("issue", retryable=False, message="401 Bad credentials", status=401)
    with pytest.raises(ForgeError, match="401"):
        at.look()
    assert at.state(issue) is State.UNTRIAGED


def test_an_issue_that_disappeared_unnoticed_is_found_in_the_whole_list(world) -> None:
    issue = world.forge.file_issue("One", "a").number
    at = Running(world)
    at.look()
    world.forge._issues[issue] = world.forge._issues[issue].__class__(
        **{
            **{
                name: getattr(world.forge._issues[issue], name)
                for name in world.forge._issues[issue].__slots__
            },
            "open": False,
        }
    )
    assert at.look() == {"news": 1}, "the forge's moment of change did not move"
    at.look(whole=True)
    assert at.state(issue) is State.REJECTED
