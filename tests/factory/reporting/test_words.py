"""Every comment that triage leaves on an issue, word for word: a golden file each, and none without
one."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from harness.domain.errors import ModelError
from harness.domain.issue import Permission
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.reporting.comments.issue import headline
from harness.factory.reporting.shown import ALL_LABELS
from harness.governance.export import labels
from harness.governance.triage import duplicate_answer
from harness.programs.local_forge.pages.words import progress
from harness.programs.local_forge.storage.records import Label
from tests.events import entry_of
from tests.factory.demands import FLOOD_RULE, LABEL_RULE, bounded, governed
from tests.factory.reports import LONG
from tests.factory.world import ACCEPT, ASK, REFUSE, steady
from tests.fakes.people import FailingModel, FakeModel

GOLDEN = Path(__file__).parents[2] / "golden" / "comments"
TRIAGE_ONLY = {"states": frozenset({State.UNTRIAGED})}


def accepted(world):
    issue = world.file()
    world.tick(**TRIAGE_ONLY)
    return issue


def rejected(world):
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick(**TRIAGE_ONLY)
    return issue


def closed_after_some_days(world):
    issue = rejected(world)
    world.ledger.clock.at += timedelta(days=8)
    world.tick(**TRIAGE_ONLY)
    return issue


def appealed(world):
    issue = rejected(world)
    world.forge.say(issue, "/factory appeal it is for charity", author="kim")
    world.tick(**TRIAGE_ONLY)
    return issue


def asked(world):
    world.model = FakeModel({"": ASK})
    return accepted(world)


def asked_in_vain(world):
    issue = asked(world)
    world.ledger.clock.at += timedelta(days=15)
    world.tick(**TRIAGE_ONLY)
    return issue


def asked_too_often(world):
    issue = asked(world)
    for _ in range(2):
        world.forge.say(issue, "I do not know.", author="kim")
        world.tick(**TRIAGE_ONLY)
    return issue


def waits_by_bound(world):
    bounded(world, per_author=1)
    world.file()
    issue = world.file("Another", "The places are gone too.")
    world.tick(**TRIAGE_ONLY)
    return issue


def waits_by_rule(world):
    governed(world, FLOOD_RULE)
    for number in range(3):
        issue = world.file(f"Report {number}", f"The places are gone. {number}")
    world.tick(**TRIAGE_ONLY)
    return issue


def rejected_by_rule(world):
    governed(world, LABEL_RULE.replace("ON_FAIL", "reject"))
    issue = world.forge.file_issue(
        "Let us talk", "The places are gone.", author="kim", labels=("discussion",)
    ).number
    world.tick(**TRIAGE_ONLY)
    return issue


def duplicate(world):
    world.file(body=LONG)
    issue = world.file(body=LONG)
    world.tick(**TRIAGE_ONLY)
    return issue


def unsure(world):
    world.model = FakeModel({"": {**ACCEPT, "quote": "words that @nobody [wrote](x)"}})
    return accepted(world)


def not_decided(world):
    world.model = FailingModel(ModelError("no answer came", retryable=False))
    return accepted(world)


def to_be_triaged_again(world):
    issue = not_decided(world)
    maya = world.forge.person("maya", Permission.WRITE)
    world.forge.say(issue, "/factory retry", author=maya)
    world.tick(states=frozenset())
    return issue


def younger_duplicate(world):
    world.model = FakeModel(
        {"": duplicate_answer(of=1, quote="The places are gone")}
    )  # no model has a say in that
    return accepted(world)


def closed_by_a_person(world):
    issue = accepted(world)
    world.forge.edit_issue(issue, open=False)
    world.tick(**TRIAGE_ONLY)
    return issue


def hostile_quote(world):
    body = "Please add ```card payments``` @owner <!-- x --> ![y](z) `q` #1"
    world.model = FakeModel({"": {**REFUSE, "quote": "Please add ```card payments``` @owner"}})
    issue = world.file("Pay by card", body)
    world.tick(**TRIAGE_ONLY)
    return issue


STORIES = (
    accepted,
    rejected,
    closed_after_some_days,
    appealed,
    asked,
    asked_in_vain,
    asked_too_often,
    waits_by_bound,
    waits_by_rule,
    rejected_by_rule,
    duplicate,
    unsure,
    not_decided,
    to_be_triaged_again,
    younger_duplicate,
    closed_by_a_person,
    hostile_quote,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_comment_reads_as_its_golden_file(world, story) -> None:
    issue = story(world)
    comments = world.forge.ours(issue)
    assert len(comments) == 1
    body = steady(comments[0].body, base=world.remote["main"])
    path = GOLDEN / f"{story.__name__.replace('_', '-')}.md"
    assert body == path.read_text("utf-8")


@pytest.mark.parametrize("story", [waits_by_bound, waits_by_rule], ids=lambda story: story.__name__)
def test_what_waits_for_its_turn_wears_a_label_that_says_so(world, story) -> None:
    assert world.forge.issue(story(world)).labels == ("factory:rate-limited",)


@pytest.mark.parametrize(
    "name",
    [
        "rejected",
        "duplicate",
        "needs-info",
        "needs-human",
        "paused",
        "rate-limited",
    ],
)
def test_the_forge_s_page_says_of_an_issue_what_its_label_says(name) -> None:
    documents = json.loads(labels(ALL_LABELS).files[0].text)
    (says,) = (one["description"] for one in documents if one["name"] == f"factory:{name}")
    shown = progress((Label(1, f"factory:{name}", "", ""),))
    assert shown is not None
    assert shown.side == says.partition(";")[0]


def test_every_golden_comment_has_its_story() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == {
        story.__name__.replace("_", "-") for story in STORIES
    }


@pytest.mark.parametrize(
    ("event", "opening"),
    [
        (Event.LANDED_TREE_DIFFERS, "Something landed that is not what was judged."),
        (Event.REVERTED, "This was merged, and has been taken back."),
        (Event.GATE_REFUSED, "A person has to look at this. Nothing was merged"),
    ],
)
def test_it_is_never_said_that_nothing_was_merged_where_something_was(event, opening) -> None:
    path = [Event.TRIAGE_ACCEPTED, Event.DISPATCHED, Event.CHANGE_READY, Event.VERDICT_PASSED]
    landed = {
        Event.LANDED_TREE_DIFFERS: [Event.GATES_OPEN],
        Event.REVERTED: [Event.GATES_OPEN, Event.LANDED],
    }
    events = [*path, *landed.get(event, []), event]
    entries = tuple(
        entry_of(seq, "", "transition", f"t/{seq}", 1, None, {"event": name}, "", "")
        for seq, name in enumerate(events, 1)
    )
    assert headline(History(1, entries)).startswith(opening)
