"""Whose issue is looked at, when, and how many: floods, sybils, rules for issues, and the order of
the work."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import ConfigError
from harness.domain.issue import Actor, Permission
from harness.domain.lifecycle import Event, State
from harness.factory.intake.queue import TriageStart, exceeded_limit, in_queue_order
from harness.factory.pipeline.schedule import urgency
from harness.factory.records.history import History
from harness.factory.settings.config import read_config
from harness.factory.settings.limits_config import Triage
from tests.events import entry_of
from tests.factory.demands import FLOOD_RULE, LABEL_RULE, bounded, governed
from tests.factory.reports import reworded
from tests.factory.world import ACCEPT
from tests.fakes.people import FakeModel

NOW = datetime(2030, 5, 4, 12, tzinfo=UTC)
TRIAGE_ONLY = {"states": frozenset({State.UNTRIAGED})}


def waiting(number, author, *, filer_may_command=False):
    data = {"title": "t", "author": author, "login": f"a{author}", "may_command": filer_may_command}
    return History(
        number,
        (
            entry_of(
                number, NOW.isoformat(), "issue", f"issue/{number}", number, None, data, "", ""
            ),
        ),
    )


def start(author, *, hours=1.0, filer_may_command=False):
    return TriageStart(author, filer_may_command, NOW - timedelta(hours=hours))


def looked_at(world):
    return [
        number
        for number in range(1, len(world.forge.issues()) + 1)
        if world.history(number).triages
    ]


def test_the_queue_goes_round_and_the_house_comes_first() -> None:
    line = [
        waiting(1, 5),
        waiting(2, 5),
        waiting(3, 5),
        waiting(4, 6),
        waiting(5, 7, filer_may_command=True),
        waiting(6, 6),
    ]
    assert [one.issue for one in in_queue_order(line, [], now=NOW)] == [5, 1, 4, 2, 6, 3]


def test_who_had_a_turn_today_stands_behind_who_had_none() -> None:
    line = [waiting(1, 5), waiting(2, 6)]
    assert [one.issue for one in in_queue_order(line, [start(5)], now=NOW)] == [2, 1]
    assert [one.issue for one in in_queue_order(line, [start(5, hours=25)], now=NOW)] == [1, 2]


@pytest.mark.parametrize(
    ("history", "starts", "waits"),
    [
        (waiting(1, 5), [start(5)] * 2, True),
        (waiting(1, 5), [start(5), start(5, hours=25)], False),
        (waiting(1, 6), [start(5)] * 2, False),
        (
            waiting(1, 9),
            [start(n) for n in range(5, 8)],
            True,
        ),  # 4 a day, and one of them is kept for those who may command
        (waiting(1, 9, filer_may_command=True), [start(n) for n in range(5, 8)], False),
        (waiting(1, 9, filer_may_command=True), [start(9, filer_may_command=True)] * 3, False),
        (waiting(1, 9, filer_may_command=True), [start(n) for n in range(5, 9)], True),
    ],
)
def test_the_operators_bounds(history, starts, waits) -> None:
    bounds = Triage(per_author=2, per_day=4, reserved=1)
    assert (exceeded_limit(history, starts, bounds, now=NOW) is not None) == waits


@given(
    st.lists(st.integers(1, 4), max_size=30),
    st.integers(1, 6),
    st.integers(1, 20),
    st.integers(0, 20),
)
def test_no_order_of_issues_gets_past_the_bounds(authors, per_author, per_day, reserved) -> None:
    bounds, starts = Triage(per_author=per_author, per_day=per_day, reserved=reserved), []
    line = [waiting(number, author) for number, author in enumerate(authors, 1)]
    while chosen := next(
        (
            history
            for history in in_queue_order(line, starts, now=NOW)
            if exceeded_limit(history, starts, bounds, now=NOW) is None
        ),
        None,
    ):
        starts.append(TriageStart(chosen.author, False, NOW))
        line.remove(chosen)
    counts = [sum(one.author == author for one in starts) for author in range(1, 5)]
    assert len(starts) <= per_day
    assert max(counts) <= per_author
    fed = [
        count for author, count in enumerate(counts, 1) if authors.count(author) > count
    ]  # those who still wait
    assert not fed or max(counts) - min(fed) <= 1  # nobody got ahead of them by two


def test_of_a_flood_a_few_are_looked_at_and_the_owners_issue_is_first(world) -> None:
    bounded(world, per_author=3, per_day=10, reserved=2)
    for number in range(60):
        world.forge.file_issue(f"Spam {number}", f"The places are gone. {number}", author="flooder")
    owner = world.forge.person("owner", Permission.ADMIN)
    owners = world.forge.file_issue("Mine", "The places are gone.", author=owner).number
    world.tick(**TRIAGE_ONLY)
    begun = [entry.issue for entry in world.ledger.entries(kind="run")]
    assert begun[0] == owners
    assert sorted(begun) == [1, 2, 3, owners]
    assert len(world.model.asked) <= 4
    assert world.tick(**TRIAGE_ONLY) == ()


def test_a_thousand_accounts_with_one_issue_each_stay_under_the_cap_of_a_day_and_none_is_lost(
    world,
) -> None:
    bounded(world, per_day=6, reserved=2, batch=5)
    for number in range(40):
        world.forge.file_issue(
            f"Spam {number}", f"The places are gone. {number}", author=f"sybil{number}"
        )
    world.tick(**TRIAGE_ONLY)
    world.tick(**TRIAGE_ONLY)
    assert len(world.model.asked) == len(looked_at(world)) == 4
    owner = world.forge.person("owner", Permission.ADMIN)
    owners = world.forge.file_issue("Mine", "The places are gone.", author=owner).number
    world.tick(**TRIAGE_ONLY)
    assert world.history(owners).state is State.ACCEPTED
    world.ledger.clock.at += timedelta(days=1)
    world.tick(**TRIAGE_ONLY)
    assert len(looked_at(world)) == 9
    assert all(
        world.history(number).state in (State.UNTRIAGED, State.ACCEPTED) for number in range(1, 42)
    )


def test_one_pass_looks_at_one_batch(world) -> None:
    bounded(world, batch=2)
    for number in range(5):
        world.forge.file_issue(f"Issue {number}", "The places are gone.", author=f"ana{number}")
    counts = []
    for _ in range(4):
        world.tick(**TRIAGE_ONLY)
        counts.append(len(looked_at(world)))
    assert counts == [2, 4, 5, 5]


def test_who_waits_is_notified_once_and_a_flood_is_not_answered_with_a_flood(world) -> None:
    bounded(world, per_author=1, batch=3)
    for number in range(8):
        world.forge.file_issue(f"Spam {number}", f"The places are gone. {number}", author="flooder")
    world.tick(**TRIAGE_ONLY)
    notified = [number for number in range(1, 9) if world.forge.ours(number)]
    assert notified == [1, 2, 3, 4]
    assert "waits its turn" in world.forge.ours(2)[0].body
    before = list(world.forge.writes)
    world.tick(**TRIAGE_ONLY)
    world.tick(**TRIAGE_ONLY)
    world.tick(**TRIAGE_ONLY)
    comments = [
        number
        for what, (number, *_) in world.forge.writes[len(before) :]
        if what == "upsert_comment"
    ]
    assert comments == [5, 6, 7, 8]


def test_a_rule_that_wants_to_see_it_later_makes_it_wait_and_names_the_rule(world) -> None:
    governed(world, FLOOD_RULE)
    for number in range(4):
        world.forge.file_issue(f"Report {number}", f"The places are gone. {number}", author="kim")
    world.tick(**TRIAGE_ONLY)
    assert looked_at(world) == [1, 2]
    assert len(world.model.asked) == 2
    assert "F-FLOOD" in world.forge.ours(3)[0].body
    assert world.history(3).state is State.UNTRIAGED
    world.ledger.clock.at += timedelta(days=1)
    world.tick(**TRIAGE_ONLY)
    assert looked_at(world) == [1, 2, 3, 4]
    assert "waits its turn" not in world.forge.ours(3)[0].body


@pytest.mark.parametrize(
    ("on_fail", "state"),
    [
        ("reject", State.REJECTED),
        ("needs-human", State.NEEDS_HUMAN),
        ("split", State.NEEDS_HUMAN),
        ("retry", State.UNTRIAGED),
    ],
)
def test_a_rule_for_issues_takes_effect_and_no_model_is_asked(world, on_fail, state) -> None:
    governed(world, LABEL_RULE.replace("ON_FAIL", on_fail))
    issue = world.forge.file_issue(
        "Let us talk", "The places are gone.", author="kim", labels=("discussion",)
    ).number
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is state
    assert world.model.asked == []
    assert "F-TALK" in world.forge.ours(issue)[0].body
    world.forge.edit_issue(issue, labels=())
    world.tick(**TRIAGE_ONLY)
    assert (world.history(issue).state is State.ACCEPTED) == (on_fail == "retry")


def test_a_rule_about_an_author_knows_nobody_whose_name_another_account_had(world) -> None:
    """Whoever is renamed leaves a name that anybody can take."""
    rule = LABEL_RULE.replace("ON_FAIL", "reject")
    governed(world, rule.replace("check:", 'when: author != "kim"\ncheck:'))
    talk = {"body": "The places are gone.", "labels": ("discussion",)}
    trusted = world.forge.file_issue("Let us talk", author="kim", **talk).number
    world.tick(**TRIAGE_ONLY)
    assert world.history(trusted).state is State.ACCEPTED
    heir = Actor(4711, "kim")
    taken = world.forge.file_issue("Let us talk of the tides", author=heir, **talk).number
    world.tick(**TRIAGE_ONLY)
    assert world.history(taken).state is State.REJECTED


def test_a_rule_in_shadow_lets_everything_through(world) -> None:
    governed(
        world,
        LABEL_RULE.replace("ON_FAIL", "reject").replace(
            "level: enforced", "level: enforced\nstatus: shadow"
        ),
    )
    issue = world.forge.file_issue(
        "Let us talk", "The places are gone.", author="kim", labels=("discussion",)
    ).number
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.ACCEPTED


def test_an_edit_in_a_loop_uses_up_the_turns_of_its_author(world) -> None:
    bounded(world, per_author=2)
    issue = world.file()
    for number in range(4):
        world.tick(**TRIAGE_ONLY)
        world.forge.edit_issue(issue, body=f"The places are gone. {number}")
    assert len(world.model.asked) == 2
    assert world.history(issue).state is State.UNTRIAGED


def test_an_appeal_waits_for_nobody(world) -> None:
    bounded(world, per_author=1)
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick(**TRIAGE_ONLY)
    world.forge.say(issue, "/factory appeal it is for charity", author="kim")
    world.tick(**TRIAGE_ONLY)
    assert world.history(issue).state is State.NEEDS_HUMAN


def test_what_a_kill_left_unsaid_to_who_waits_is_said(world) -> None:
    bounded(world, per_author=1)
    world.file()
    second = world.file("Another", "The places are gone too.")
    forge = world.forge

    def killed(number, *rest) -> None:
        if number == second:
            raise KeyboardInterrupt
        forge.upsert_comment(number, *rest)

    world.decorate("forge", upsert_comment=killed)
    with pytest.raises(KeyboardInterrupt):
        world.tick(**TRIAGE_ONLY)
    world.forge = forge
    world.tick(**TRIAGE_ONLY)
    assert "waits its turn" in world.forge.ours(second)[0].body


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("per_author = 0", "triage.per_author"),
        ("batch = -1", "triage.batch"),
        ("close_days = -1", "triage.close_days"),
        ("per_day = 1000000", "triage.per_day"),
        ("per_autor = 1", "triage.per_autor"),
        ('per_day = "many"', "triage.per_day"),
    ],
)
def test_a_bound_that_is_none_is_named(table, key) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(f"schema = 1\n[triage]\n{table}\n")
    assert caught.value.key == key


def test_fifty_rewordings_of_one_report_lead_to_one_run(world) -> None:
    for number in range(50):
        world.forge.file_issue("Places gone", reworded(number), author=f"sybil{number}")
    world.tick()
    assert len(world.agent.assignments) == 1
    assert len(world.model.asked) <= 3
    states = [world.history(number).state for number in range(1, 51)]
    assert states.count(State.MERGED) == 1
    assert set(states) <= {State.MERGED, State.REJECTED, State.NEEDS_HUMAN}
    assert states.count(State.NEEDS_HUMAN) <= 2


def test_a_retry_by_a_person_builds_what_a_similar_issue_left(world) -> None:
    bounded(world)
    texts = [reworded(0), reworded(7)]
    first, second = (world.file(f"Places gone {number}", text) for number, text in enumerate(texts))
    world.tick()
    history = world.history(second)
    assert (world.history(first).state, history.state) == (State.MERGED, State.NEEDS_HUMAN)
    assert history.transitions[-1].data["event"] == Event.DUPLICATE_LANDED
    world.forge.person("owner", Permission.ADMIN)
    world.forge.say(second, "/factory retry", author="owner")
    world.agent.works = [
        lambda worktree: (worktree / "tidebook" / "more.py").write_text("MORE = 1\n") and None
    ]
    world.tick()
    assert world.history(second).state is State.MERGED


def accepted_at(priority, *, days):
    at = (NOW - timedelta(days=days)).isoformat()
    triage = entry_of(1, at, "triage", "t", 1, None, {"priority": priority}, "", "")
    accepted = entry_of(
        2,
        at,
        "transition",
        "a",
        1,
        None,
        {"event": Event.TRIAGE_ACCEPTED, "to": "accepted"},
        "",
        "",
    )
    return History(1, (triage, accepted))


@pytest.mark.parametrize(
    ("priority", "days", "rank"),
    [
        ("urgent", 0, 0),
        ("high", 0, 1),
        ("normal", 0, 2),
        ("low", 0, 3),
        ("low", 1, 3),
        ("low", 2, 2),
        ("low", 6, 0),
        ("low", 60, 0),
        ("urgent", 9, 0),
        ("", 0, 4),
    ],
)
def test_what_is_low_is_not_put_off_for_ever(priority, days, rank) -> None:
    assert urgency(accepted_at(priority, days=days), now=NOW, days=2) == rank


def test_what_is_urgent_is_built_first_and_what_is_equal_by_number(world) -> None:
    bounded(world)
    urgent, low = (
        {**ACCEPT, "priority": "urgent"},
        {**ACCEPT, "priority": "low"},
    )  # a question names older issues too
    world.model = FakeModel({"Dogwood": ACCEPT, "Clover": urgent, "Birch": ACCEPT, "": low})
    for title in ("Alder", "Birch", "Clover", "Dogwood"):
        world.forge.file_issue(title, "The places are gone.", author=title)
    world.tick(**TRIAGE_ONLY)
    world.tick()
    begun = [
        entry.issue
        for entry in world.ledger.entries(kind="run")
        if entry.data["workflow"] == "implement"
    ]
    assert begun == [3, 2, 4, 1]
