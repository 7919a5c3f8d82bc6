"""After a landing, after a push, and at night: what landed work shows on the default branch, and
what follows."""

from dataclasses import replace
from datetime import timedelta
from typing import Never

import pytest

from harness.domain.errors import GitError, Stopped
from harness.domain.events import (
    Answer,
    Cause,
    CommitObserved,
    RegressionAnswered,
    RegressionTraced,
)
from harness.domain.issue import CommitSha, Permission
from harness.domain.lifecycle import Event, State
from harness.factory.records.brakes import THAW
from harness.factory.records.regressions import (
    MOST_NAMED,
    broken,
    broken_words,
    held_files,
    is_another_wish,
    taken_back,
)
from harness.factory.records.regressions import mends as what_to_mend
from harness.factory.reporting.report import chain_of_issue, status
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.stages import merge, revert
from harness.factory.stages.validator_request import validator_request
from harness.ports.ledger import recorded
from harness.store.in_memory import ReplayedLedger
from tests.events import event_of
from tests.factory.pauses import MIDNIGHT, Purse
from tests.factory.world import World

J, K, L = "sha256:j", "sha256:k", "sha256:l"
STORE = "tidebook/store.py"


def files(world, commit):
    return world.git.trees[world.git.tree_of(commit)]


def red_where(world, mark: bytes):
    """A journey that is red wherever the store holds these bytes."""

    def stands(commit):
        return "red" if mark in files(world, commit).get(STORE, b"") else "green"

    return stands


def breaks(worktree) -> None:
    path = worktree / STORE
    path.write_text(path.read_text() + "\nBROKEN = True\n")


def mends(worktree) -> None:
    path = worktree / STORE
    path.write_text(path.read_text().replace("BROKEN = True", "WHOLE = True"))


def job_of(world, issue) -> Job:
    """One that asks the judge, by a workflow of the maintainers' own."""
    services = world.services()
    snapshot = policy_at(services, CommitSha(world.remote["main"]))
    node = snapshot.workflows["implement"].node("law")
    return Job(services, snapshot, issue, f"implement-{issue}-9", 9, node, {})


def setting(world, **keys) -> None:
    """`[watch]` in factory.toml, by a person's push."""
    text = files(world, world.remote["main"])["factory.toml"].decode()
    lines = "".join(f"{key} = {value}\n" for key, value in keys.items())
    world.push_to_main(**{"factory.toml": f"{text}\n[watch]\n{lines}".encode()})


def events(world, kind):
    return [entry.event for entry in recorded(world.ledger, kind)]


def causes(world):
    return [one.cause for one in events(world, CommitObserved)]


@pytest.fixture
def world(tmp_path):
    """A factory whose first change has landed; what it fixed has a journey."""
    world = World(tmp_path)
    world.validator.guard(J, red_where(world, b"BROKEN"), issue=1)
    world.file()
    world.tick()
    return world


def broken_by(world):
    """The number of an issue whose landing broke the journey, and was not answered yet."""
    world.agent.works = [breaks]
    issue = world.file("Another", "The places are gone.")
    world.tick()
    return issue


def test_each_new_tip_is_observed_once_and_nothing_follows_from_green(world) -> None:
    world.tick()
    (seen,) = events(world, CommitObserved)
    assert (seen.commit, seen.cause, seen.green) == (world.remote["main"], Cause.MOVED, (J,))
    world.push_to_main(NEWS=b"1\n")
    world.tick()
    world.tick()
    assert causes(world) == [Cause.MOVED, Cause.MOVED]
    assert events(world, RegressionTraced) == []


def test_where_nothing_has_landed_nothing_is_started(tmp_path) -> None:
    world = World(tmp_path)
    world.validator.guard(J, lambda commit: "red")
    world.push_to_main(NEWS=b"1\n")
    world.tick()
    assert world.validator.observed == []


def test_the_landing_that_broke_it_is_named_and_its_issue_is_worked_on_again(world) -> None:
    issue = broken_by(world)
    culprit = world.remote["main"]
    (traced,) = events(world, RegressionTraced)
    assert (traced.culprit, traced.culprit_issue, traced.files) == (culprit, issue, (STORE,))
    assert world.history(issue).state is State.ACCEPTED
    assert world.history(issue).last_event is Event.REGRESSED
    assert world.forge.issue(issue).open
    assert [one.answer for one in events(world, RegressionAnswered)] == [Answer.FIX]
    world.agent.works = [mends]
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert b"WHOLE" in files(world, world.remote["main"])[STORE]
    judged = [one for one in world.validator.requests if one["issue"]["number"] == issue]
    assert judged[-1]["mends"] == [J], "the fix is judged by what is red"
    assert "mends" not in judged[0]
    assert broken(world.ledger) == ()
    told = world.agent.assignments[-1].task
    assert "guests book walks" in told
    assert culprit[:12] in told


def test_another_wish_than_the_one_that_landed_is_no_mend_and_is_a_persons(world) -> None:
    """A mend is judged by what is red alone: whoever filed what broke it could have anything land
    that no journey was written for."""
    issue = broken_by(world)
    lands, filed = len(world.git.landings), world.forge.issue(issue)
    world.forge.edit_issue(issue, title="Show adverts", body="The places are gone. More adverts!")
    for _ in range(3):
        world.tick()
    history = world.history(issue)
    assert (is_another_wish(history), what_to_mend(world.ledger, issue)) == (True, (J,))
    assert history.state is State.NEEDS_HUMAN
    assert "file what is wished for now as a new issue" in history.transitions[-1].event.reason
    assert len(world.git.landings) == lands
    # A workflow of the maintainers' own may leave the author out: the judge is told of no mend.
    assert validator_request(job_of(world, issue)).mends == ()
    world.forge.edit_issue(issue, title=filed.title, body=filed.body)
    world.forge.person("maya", Permission.ADMIN)
    world.forge.say(issue, "/factory retry", author="maya")
    world.agent.works = [mends]
    for _ in range(3):
        world.tick()
    assert len(world.git.landings) == lands + 1
    assert broken(world.ledger) == ()


def test_a_mend_that_mends_nothing_is_tried_so_often_and_then_a_persons(world) -> None:
    setting(world, fix_runs=2)
    runs = len(world.agent.assignments)
    issue = broken_by(world)
    lands = len(world.git.landings)

    def notes(worktree) -> None:
        path = worktree / STORE
        path.write_text(path.read_text() + "\nMORE = True\n")

    world.agent.works = [notes]
    for _ in range(8):
        world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "did not mend" in world.history(issue).transitions[-1].event.reason
    assert len(world.agent.assignments) - runs == 1 + 2
    assert len(world.git.landings) - lands == 2
    assert [one.red.journey for one in broken(world.ledger)] == [J], "and it stays known"


def test_by_rule_the_prepared_revert_lands_and_no_attempt_follows(world) -> None:
    setting(world, answer='"revert"')
    before = files(world, world.remote["main"])
    issue = broken_by(world)
    agents = len(world.agent.assignments)
    assert files(world, world.remote["main"]) == before
    assert world.history(issue).state is State.NEEDS_HUMAN
    for _ in range(3):
        world.tick()
    assert broken(world.ledger) == ()
    assert [one.answer for one in events(world, RegressionAnswered)] == [Answer.REVERT]
    assert len(world.agent.assignments) == agents


def test_what_was_taken_back_is_promised_no_more_and_what_else_is_red_there_is(world) -> None:
    landed = files(world, world.remote["main"])[STORE]

    def whole(commit):
        return "green" if files(world, commit)[STORE] == landed else "red"

    world.validator.guards.clear()
    world.validator.guard(J, whole, issue=1)
    revert.land(world.services(), 1, rules="rules", reason="taken back by a maintainer")
    world.tick()
    assert events(world, CommitObserved)[-1].red[0].journey == J
    assert (broken(world.ledger), events(world, RegressionTraced)) == ((), [])
    assert validator_request(job_of(world, 1)).taken_back == (J,)
    world.validator.guard(K, whole, issue=0)
    world.validator.guard(L, whole, issue=0)
    world.push_to_main(NEWS=b"1\n")
    world.tick()
    assert [one.red.journey for one in broken(world.ledger)] == [K, L]
    (once,) = broken_words(world.ledger)
    assert once.endswith("(2 journeys)"), "what is the same of both is said once"
    assert taken_back(world.ledger) == (J,), "not the mission's"
    for number in range(MOST_NAMED):
        world.validator.guard(f"sha256:{number:064x}", whole, issue=1)
    world.push_to_main(NEWS=b"2\n")
    world.tick()
    assert len(taken_back(world.ledger)) == MOST_NAMED, "the judge takes no more"
    world.push_to_main(**{STORE: landed})
    world.tick()
    assert taken_back(world.ledger) == (), "a person brought it back"


def test_where_later_work_stands_on_it_the_revert_gives_way_to_a_fix(world) -> None:
    world.validator.guards.clear()
    issue = broken_by(world)
    text = files(world, world.remote["main"])
    setting(world, answer='"revert"')
    world.push_to_main(**{STORE: text[STORE] + b"ON_TOP = True\n"})
    world.validator.guard(J, red_where(world, b"BROKEN"), issue=1)
    world.tick()
    assert world.history(issue).last_event is Event.REGRESSED
    assert b"ON_TOP" in files(world, world.remote["main"])[STORE]


def test_by_rule_a_person_decides_and_it_is_told(world) -> None:
    setting(world, answer='"person"')
    issue = broken_by(world)
    for _ in range(3):
        world.tick()
    assert world.history(issue).state is State.MERGED
    assert [one.answer for one in events(world, RegressionAnswered)] == [Answer.PERSON]
    assert held_files(world.ledger, issue=9) != {}
    unjudged = world.history(world.file())
    assert not merge.is_held(world.services(), unjudged)


def test_a_change_too_large_to_look_at_may_touch_what_is_frozen(world) -> None:
    setting(world, answer='"person"')
    of_another = replace(world.history(broken_by(world)), issue=9)
    for _ in range(3):
        world.tick()

    def too_large(*_: object) -> Never:
        raise GitError("more than 10,000 files differ")

    world.decorate("git", changed=too_large)
    assert merge.is_held(world.services(), of_another)
    world.ledger.append(event_of("command", {"command": THAW}), "command/thaw")
    assert not merge.is_held(world.services(), of_another)


def test_a_persons_push_is_watched_and_an_issue_names_the_commit(world) -> None:
    text = files(world, world.remote["main"])[STORE]
    world.push_to_main(**{STORE: text + b"\nBROKEN = True\n"})
    culprit = world.remote["main"]
    world.push_to_main(NEWS=b"later\n")
    world.tick()
    (answered,) = events(world, RegressionAnswered)
    assert answered.answer is Answer.FILED
    filed = world.forge.issue(answered.number)
    assert culprit in filed.body
    assert STORE in filed.body
    world.agent.works = [mends]
    world.model.answers = {"": {**world.model.answers[""], "quote": "This worked before"}}
    for _ in range(3):
        world.tick()
    assert world.history(answered.number).state is State.MERGED
    judged = [one for one in world.validator.requests if one["issue"]["number"] == answered.number]
    assert judged[-1]["mends"] == [J]
    assert broken(world.ledger) == ()
    assert len(events(world, RegressionAnswered)) == 1
    first = chain_of_issue(world.ledger, answered.number).links[0]
    assert first.title == "Filed about a push that broke what worked"
    assert f"commit/{culprit}" in first.evidence


def test_red_once_and_green_with_other_data_says_nothing(world) -> None:
    world.validator.guard(J, lambda commit: "unsure", issue=1)
    world.push_to_main(NEWS=b"1\n")
    for _ in range(3):
        world.tick()
    assert events(world, CommitObserved)[-1].unsure == (J,)
    assert (events(world, RegressionTraced), broken(world.ledger)) == ([], ())


def test_what_turned_red_without_a_landing_blames_nobody_and_is_told(world) -> None:
    world.tick()
    world.validator.guard(J, lambda commit: "red", issue=1)
    world.ledger.clock.at += timedelta(days=1)
    world.tick()
    (traced,) = events(world, RegressionTraced)
    assert (traced.culprit, traced.culprit_issue) == ("", None)
    assert "same commit" in traced.message
    assert "same commit" in broken(world.ledger)[0].words
    assert events(world, RegressionAnswered) == []


def test_a_quiet_repository_is_observed_once_a_night(world) -> None:
    for _ in range(3):
        world.ledger.clock.at += timedelta(hours=25)
        world.tick()
        world.tick()
    assert causes(world) == [Cause.MOVED, *[Cause.NIGHT] * 3]


def test_a_clock_that_jumps_makes_one_night_of_many_and_none_of_going_back(world) -> None:
    world.ledger.clock.at += timedelta(days=400)
    world.tick()
    world.ledger.clock.at -= timedelta(days=300)
    world.tick()
    assert causes(world) == [Cause.MOVED, Cause.NIGHT]


def other_change(path):
    def work(worktree) -> None:
        (worktree / path).write_text("OTHER = True\n" + (worktree / path).read_text())

    return work


@pytest.mark.parametrize("path", [STORE, "tidebook/app.py"])
def test_other_changes_of_the_files_wait_until_it_works_again(world, path) -> None:
    setting(world, answer='"person"')
    broken_by(world)
    world.agent.works = [other_change(path)]
    other = world.file("A third", "The places are gone.")
    world.tick()
    world.tick()
    waits = path == STORE
    assert world.history(other).state is (State.APPROVED if waits else State.MERGED)
    world.validator.guard(J, lambda commit: "green", issue=1)
    world.push_to_main(NEWS=b"as good as mended\n")
    world.tick()
    assert broken(world.ledger) == ()
    world.tick()
    assert world.history(other).state is State.MERGED


def test_a_persons_thaw_lifts_the_freeze_of_files_and_not_the_fact(world) -> None:
    setting(world, answer='"person"')
    broken_by(world)
    world.ledger.append(event_of("command", {"command": THAW}), "command/thaw")
    assert held_files(world.ledger, issue=9) == {}
    assert len(broken(world.ledger)) == 1


def test_a_day_has_so_many_observations_and_no_more(world) -> None:
    setting(world, per_day=3, nightly='""')
    for number in range(6):
        world.push_to_main(NEWS=b"%d\n" % number)
        world.tick()
    assert len(causes(world)) == 3
    world.ledger.clock.at += timedelta(hours=25)
    world.tick()
    assert len(causes(world)) == 4


def test_it_can_be_turned_off(world) -> None:
    setting(world, on="false")
    world.push_to_main(NEWS=b"1\n")
    world.tick()
    assert len(causes(world)) == 1


def test_the_owners_stop_holds_back_each_observation_and_each_answer(world) -> None:
    text = files(world, world.remote["main"])[STORE]
    world.push_to_main(**{STORE: text + b"\nBROKEN = True\n"})
    observed, act = len(causes(world)), world.validator.observe

    def observe(request, out):
        found = act(request, out)
        (world.work / "STOP").write_text("")
        return found

    world.decorate("validator", observe=observe)
    writes = len(world.forge.writes)
    with pytest.raises(Stopped):
        world.tick()
    assert len(causes(world)) == observed + 1
    with pytest.raises(Stopped):
        world.tick()
    assert (len(causes(world)), len(world.forge.writes)) == (observed + 1, writes)
    assert events(world, RegressionAnswered) == []


def test_a_judge_that_cannot_run_or_is_not_ours_is_recorded_and_not_asked_for_ever(world) -> None:
    from dataclasses import replace

    act = world.validator.observe
    world.decorate("validator", observe=lambda *a: replace(act(*a), key_id="another"))
    world.push_to_main(NEWS=b"1\n")
    for _ in range(4):
        world.tick()
    failed = [one for one in events(world, CommitObserved) if one.reason]
    assert len(failed) == 2
    assert "not trusted" in failed[0].reason
    assert not any(one.green for one in failed)


def escaping(world, *, ever_green=True):
    """A bug that a landing brought and no journey of landed work saw; it is reported later. Returns
    the landing's issue and the report's."""
    setting(world, nightly='"03:00"')
    bringer = broken_by(world)
    culprit = world.remote["main"]
    world.push_to_main(NEWS=b"later\n")
    stands = red_where(world, b"BROKEN") if ever_green else lambda commit: "red"
    world.agent.works = [mends]
    report = world.file("A bug", "The places are gone.")
    world.validator.guard(K, stands, issue=report, landed=False)
    world.tick()
    assert world.history(report).state is State.MERGED
    return bringer, report, culprit


def test_a_bug_that_escaped_is_traced_at_night_to_the_landing_that_brought_it(world) -> None:
    world.validator.guards.clear()
    bringer, report, culprit = escaping(world)
    assert events(world, RegressionTraced) == []
    world.ledger.clock.at += timedelta(hours=1)
    world.tick()
    (traced,) = events(world, RegressionTraced)
    assert (traced.culprit, traced.culprit_issue, traced.escaped) == (culprit, bringer, report)
    world.tick()
    assert len(events(world, RegressionTraced)) == 1
    assert world.history(bringer).state is State.MERGED, "the report's own change mends it"
    assert broken(world.ledger) == ()


def test_a_bug_that_was_always_there_is_no_regression(world) -> None:
    world.validator.guards.clear()
    escaping(world, ever_green=False)
    world.ledger.clock.at += timedelta(hours=1)
    for _ in range(2):
        world.tick()
    (traced,) = events(world, RegressionTraced)
    assert (traced.culprit, traced.culprit_issue) == ("", None)
    assert events(world, RegressionAnswered) == []


def test_a_journey_that_is_younger_than_its_issues_landing_blames_nobody_in_between(world) -> None:
    """A maintainer adds a journey for an issue long after it landed: that landing's verdict says
    nothing about it."""
    for number in range(4):
        world.push_to_main(NEWS=b"%d\n" % number)
    world.validator.guard(K, lambda commit: "red", issue=1)
    world.tick()
    traced = [one for one in events(world, RegressionTraced) if one.red.journey == K]
    assert [one.culprit for one in traced] == [""]


def test_people_are_told_everywhere_what_is_broken_and_by_whom(world) -> None:
    issue = broken_by(world)
    culprit = world.remote["main"]
    now = world.ledger.clock.now()
    (line,) = status(world.ledger, None, now, stopped=False)["broken"]
    assert line == (
        f"guests book walks: the page did not show it; red since {culprit:.7}, the landing of"
        f" #{issue}; it is worked on again"
    )
    assert world.forge.issue(issue).labels == ("factory:regressed",)
    (comment,) = world.forge.comments(issue)
    assert "did not work any more" in comment.body
    links = chain_of_issue(world.ledger, issue).links
    (link,) = (one for one in links if one.title == "Its landing broke what worked")
    assert (link.quote, link.evidence) == ("guests book walks", (f"commit/{culprit}", J))
    world.agent.works = [mends]
    world.tick()
    assert status(world.ledger, None, now, stopped=False)["broken"] == []


def test_a_fix_run_is_paid_by_its_issues_caps_and_the_days(world) -> None:
    issue = broken_by(world)
    opened = len(world.broker.opened)
    world.agent.works = [mends]
    world.tick()
    paid = world.broker.opened[opened:]
    assert {one.issue for one in paid} == {issue}
    assert "implementer" in {one.role for one in paid}
    first = world.broker.opened[0]
    assert {(one.usd_issue, one.usd_day) for one in paid} == {(first.usd_issue, first.usd_day)}


def test_where_the_days_cap_is_reached_it_is_watched_and_mended_the_next_day(world) -> None:
    issue = broken_by(world)
    world.broker, agents = Purse(world.ledger.clock), len(world.agent.assignments)
    world.agent.works = [mends]
    world.push_to_main(NEWS=b"1\n")
    for _ in range(2):
        world.tick()
    assert world.history(issue).state is not State.MERGED
    assert len(world.agent.assignments) == agents
    assert causes(world)[-1] is Cause.MOVED, "no model is asked for that"
    assert events(world, CommitObserved)[-1].commit == world.remote["main"]
    world.ledger.clock.at = MIDNIGHT
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert broken(world.ledger) == ()


def test_a_mending_run_is_replayed_with_what_it_had_to_mend(world) -> None:
    issue = broken_by(world)
    world.agent.works = [mends]
    world.tick()
    entries = world.ledger.entries()
    runs = [entry.run for entry in entries if entry.kind == "run" and entry.issue == issue]
    judged = [run for run in runs if run.startswith("validate")]
    assert len(judged) == 2
    assert broken(world.ledger) == (), "it is mended since"
    for run, red in zip(judged, ((), (J,)), strict=True):
        assert what_to_mend(ReplayedLedger(entries, run), issue) == red
