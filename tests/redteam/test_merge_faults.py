"""Rows 95, 96, 99, 100, 102, 107, 109 and 110: what goes wrong between a change and its landing,
and on a bad day.

The forge is the embedded one, over HTTP, with faults where a row asks for them. What is shown in
full elsewhere is named."""

import itertools
from datetime import UTC, datetime

import pytest

from harness.domain.errors import FactoryStop, ForgeError
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import Event, State, events_from, next_state
from harness.factory.reporting.comments import ISSUE_MARKER
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.rate_limiter import RateLimiter
from harness.operations.daemon.outage import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, pause
from harness.operations.drill.scratch_factory import BEFORE_LANDING
from tests.adapters.clock import StandingClock
from tests.factory.kills import EFFECTS
from tests.factory.world import World
from tests.fakes.faulty_forge import inject


@pytest.mark.parametrize(
    "trick",
    [
        "a push within the merge",
        *(
            pytest.param(trick, marks=pytest.mark.soak(f"a whole run; {seen} sees the same"))
            for trick, seen in (
                ("a push after the verdict", "factory/test_stories"),
                ("somebody else's signature", "factory/test_stories"),
                ("another tree", "domain/test_merge"),
                ("a changed verdict", "contract/test_verdict"),
            )
        ),
    ],
)
def test_row_95_nothing_lands_but_what_was_judged_on_what_is_there(attack_results, trick) -> None:
    assert attack_results[trick]["held"], attack_results[trick]["message"]


def test_row_96_a_change_is_judged_again_on_the_base_that_moved(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    world.tick(states=BEFORE_LANDING)
    world.push_to_main(README__md=b"# moved\n")
    world.tick()
    history = world.history(issue)
    first, last = (verdict.event.binds.tree for verdict in history.verdicts)
    assert history.state is State.MERGED
    assert world.git.tree_of(world.remote["main"]) == last != first


@pytest.mark.soak("a whole run; the test above sees the same")
def test_row_96_over_http_too(attack_results) -> None:
    assert attack_results["a base that moved"]["held"], attack_results["a base that moved"][
        "message"
    ]


@pytest.mark.soak(
    "two whole runs; factory/pipeline/test_together sees the second judged on what the first became"
)
def test_row_96_two_changes_good_alone_and_broken_together_meet_the_judge_together(drill) -> None:
    """One renames what the other calls. The judge here passes everything: what it is shown is what
    a real one would see."""
    factory = drill.factory("together")
    first, second = (
        factory.file("WRITE shop.py amount=sum", title="Rename it"),
        factory.file("WRITE till.py shop.total([1,2])", title="A till that adds up"),
    )
    factory.tick(states=BEFORE_LANDING)
    alone = [factory.history(issue).verdict.binds.candidate for issue in (first, second)]
    factory.tick()
    together = factory.history(second).verdict.binds.candidate
    read = factory.services.repository.read
    assert factory.history(second).state is State.MERGED
    assert [b"total" in (read(CommitSha(commit), "shop.py") or b"") for commit in alone] == [
        False,
        True,
    ]
    assert (together not in alone, b"total" in read(CommitSha(together), "shop.py")) == (
        True,
        False,
    )
    assert read(CommitSha(together), "till.py") == b"shop.total([1,2])\n"
    assert factory.tip() == together


@pytest.mark.soak(
    "a run for each act; scenarios/test_kill_points and factory/test_kill_everywhere die before a"
    " sample of them"
)
def test_row_99_killed_at_each_act_there_is_one_of_each(attack_results) -> None:
    """Every act and every entry: `tests/factory/test_kill_everywhere.py`; real kills:
    `tests/scenarios/test_kill.py`."""
    assert attack_results["killed at every act"]["held"], attack_results["killed at every act"][
        "message"
    ]


@pytest.mark.soak(
    "a whole run; adapters/test_contract has such an error over HTTP, scenarios/test_disorder in a run"
)
def test_row_99_a_forge_that_fails_after_it_did_what_was_asked_gets_no_second_one(drill) -> None:
    factory = drill.factory("after-success")
    issue = factory.file()
    factory.tick(states=frozenset({State.UNTRIAGED}))
    for method, path in (
        ("POST", r".*/pulls"),
        ("POST", r".*/comments"),
        ("POST", r".*/labels"),
        ("PATCH", r".*/comments/.*"),
    ):
        inject(drill.forge, "error-after", method=method, path=path)
    for _ in range(5):
        try:
            factory.tick()
        except ForgeError:
            factory.done.clear()
    assert factory.history(issue).state is State.MERGED, factory.status(issue)
    ours = [
        one for one in factory.services.forge.comments(issue) if one.author.id == factory.bot.id
    ]
    assert (len(factory.request("GET", "/pulls?state=all", by=factory.owner.token)), len(ours)) == (
        1,
        1,
    )


def _shown(world, issue):
    """How many pull requests were opened, and how many of our comments say how the issue stands or
    answer somebody."""
    ours = [ISSUE_MARKER in one.body for one in world.forge.ours(issue)]
    opened = [what for what, _ in world.forge.writes].count("open_pull_request")
    return opened, ours.count(True), ours.count(False)


def test_row_100_an_event_that_comes_twice_is_handled_once(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    world.tick()
    landed = world.remote["main"]
    assert (world.history(issue).state, _shown(world, issue)) == (State.MERGED, (1, 1, 0))
    for _ in range(2):
        world.tick()
        world.forge.say(issue, "/factory retry", author="eve")
        world.tick()
    assert (world.remote["main"], _shown(world, issue)) == (landed, (1, 1, 1))


@pytest.mark.soak("a whole run; the test above sees the same")
def test_row_100_over_http_too(attack_results) -> None:
    assert attack_results["every event twice"]["held"], attack_results["every event twice"][
        "message"
    ]


def _events(world, issue):
    """What may come in any order, or late, while an issue is worked on; none of it has
    authority."""
    return {
        "a comment": lambda: world.forge.say(issue, "/factory retry", author="eve"),
        "a forged label": lambda: world.forge.edit_issue(issue, labels=("factory:merged",)),
        "a stripped label": lambda: world.forge.edit_issue(issue, labels=()),
        "another issue": lambda: world.forge.file_issue(
            "Pay by card", "Please add card payments.", author="eve"
        ),
        "a push to main": lambda: world.push_to_main(README__md=b"# moved\n"),
        "nothing new": lambda: None,
    }


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(range(6)))[::61],
    ids=lambda order: "".join(map(str, order)),
)
def test_row_100_six_events_in_any_order_come_to_one_end(tmp_path, order) -> None:
    world = World(tmp_path)
    issue = world.file()
    events = list(_events(world, issue).values())
    stages = [
        frozenset({State.UNTRIAGED}),
        frozenset({State.ACCEPTED}),
        frozenset({State.IMPLEMENTING}),
        frozenset({State.VALIDATING}),
        BEFORE_LANDING,
        frozenset(State),
    ]
    for number, states in zip(order, stages, strict=True):
        events[number]()
        world.tick(states=states)
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert world.forge.issue(issue).labels == ("factory:merged",)
    assert _shown(world, issue) == (1, 1, 1)
    assert world.ledger.fault() is None


def test_row_102_a_rate_limit_in_any_form_is_reported_at_once_and_waited_for_within_bounds(
    drill,
) -> None:
    """The adapter neither sleeps nor tries again, and nobody asks meanwhile; `factory up` waits,
    and no answer can make it wait for nothing or for ever. The table of forms is in
    `tests/adapters/test_limits.py`."""
    factory = drill.factory("limited")
    access = Access(factory._repository.full_name, factory.bot.token, drill.forge.api)
    for kind, wait in itertools.product(
        ("rate-limited", "secondary-limit"),
        ("0", "-5", "1000000000", "Wed, 21 Oct 2015 07:28:00 GMT", "", None),
    ):
        clock = StandingClock()
        forge = GitHubForge(access, rate_limiter=RateLimiter(time=clock.time))
        inject(drill.forge, kind, method="GET", path=r".*/issues", retry_after=wait)
        for _ in range(2):  # one request was turned away, and the other was not sent
            with pytest.raises(ForgeError) as told:
                forge.issues()
        assert told.value.retryable, (kind, wait)
        seconds = (told.value.again_at - datetime.fromtimestamp(clock.now, UTC)).total_seconds()
        assert 0.9 < seconds <= 3600, (kind, wait)
        clock.pass_(seconds + 0.1)
        assert forge.issues() == (), (kind, wait)
        assert clock.slept == []


def test_row_102_what_is_waited_has_a_floor_and_a_cap() -> None:
    waits = [pause(tries) for tries in range(1, 100)]
    assert (waits[0], max(waits)) == (FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) == (1.0, 120.0)
    assert waits == sorted(waits)


def test_row_102_an_answer_of_200_that_is_no_api_is_worth_a_retry_and_no_fact(drill) -> None:
    factory = drill.factory("garbled")
    inject(drill.forge, "garbled", method="GET", path=r".*/issues")
    with pytest.raises(ForgeError, match="is not the API") as told:
        factory.services.forge.issues()
    assert told.value.retryable


def test_row_107_a_full_disk_loses_nothing_that_was_written(attack_results) -> None:
    """A whole factory on one: `test_disk_full.py` of the scenarios; damage to the ledger's file:
    `tests/engine`."""
    assert attack_results["a full disk"]["held"], attack_results["a full disk"]["message"]


def test_row_109_what_landed_and_is_not_what_was_judged_halts_everything(attack_results) -> None:
    """There is no deployment in the product yet, so no revert of a deploy: what it has is the
    comparison after landing, the freeze, also on checks and canaries that turn red, one revert of
    the landing, and a regression that is a new issue."""
    assert attack_results["another tree lands"]["held"], attack_results["another tree lands"][
        "message"
    ]


def test_row_109_no_issue_goes_from_merged_back_to_merging_by_itself() -> None:
    """A loop of landing and reverting would need such a way."""
    ways = {event: next_state(State.MERGED, event) for event in events_from(State.MERGED)}
    assert ways == {
        Event.REGRESSED: State.ACCEPTED,
        Event.ERROR_RETURNED: State.UNTRIAGED,
        # Only a person's word leads on from there.
        Event.REVERTED: State.NEEDS_HUMAN,
    }


@pytest.mark.soak("a whole run; stopped after each act no other follows below")
def test_row_110_after_the_owners_stop_nothing_is_written_on_the_forge(attack_results) -> None:
    assert attack_results["stop, in the middle"]["held"], attack_results["stop, in the middle"][
        "message"
    ]


def _stopping(world, at, acts) -> None:
    """The owner's stop is set right after the `at`-th act on the world; `acts` counts them."""

    def watched(act):
        def call(*arguments, **named):
            done = act(*arguments, **named)
            acts.append(act.__name__)
            if len(acts) == at:
                (world.work / "STOP").write_text("")
            return done

        return call

    for port in ("git", "forge"):
        own = getattr(world, port)
        world.decorate(port, **{name: watched(getattr(own, name)) for name in EFFECTS[port]})


def test_row_110_stopped_after_each_act_no_other_follows(tmp_path) -> None:
    at, stopped = 0, True
    while stopped:
        at += 1
        acts, world = [], World(tmp_path / str(at))
        issue = world.file()
        _stopping(world, at, acts)
        try:
            world.tick()
            stopped = False
        except FactoryStop:
            assert len(acts) == at
        assert world.history(issue).state is State.MERGED or stopped
    assert at > 8
