"""Why a commit is served: from the environment back over release, landing, verdict and trust to what
let its issue in; and forward, what became of an issue after its landing."""

from contextlib import suppress

import pytest

from harness.domain.errors import ConfigError, ForgeError
from harness.factory.intake.commands import run_comment_commands
from harness.factory.records.chain import page_of, rules_only
from harness.factory.records.chain_words import TRUST_TITLE
from harness.factory.records.link import LinkOutcome, Stage
from harness.factory.releases.projection import needs_showing
from harness.factory.reporting.chain_page import html
from harness.factory.reporting.report import chain_of_commit, chain_of_issue
from harness.factory.run.policy_snapshot import policy_at
from tests.factory.error_world import ONLY_TRIAGE
from tests.factory.releasing import ReleaseWorld
from tests.factory.trusting import trusted


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The first landing is live, the second was rolled back, and an issue is filed about it."""
    world = trusted(ReleaseWorld(tmp_path_factory.mktemp("served")), stayed=40)
    world.good = world.land("first")
    world.pass_time(9)
    world.bad = world.land("second")
    world.pass_time(2)
    world.health.ill.add(world.bad)
    world.pass_time(3)
    assert world.states == ["done", "rolled-back"]
    world.tick(**ONLY_TRIAGE)
    return world


def titles(links):
    return [link.title for link in links]


def test_a_commit_leads_from_where_it_is_served_back_to_what_let_its_issue_in(world) -> None:
    found = chain_of_commit(world.ledger, world.good[:7])
    places = [words.partition(" serves ")[0] for words in found.served]
    assert (found.commit, places) == (world.good, ["staging", "production"])
    again = "Again live in production"
    assert [link.stage for link in found.deciding] == [
        *(Stage.RELEASE, Stage.RELEASE, Stage.LANDING, Stage.VERDICT, Stage.MERGE, Stage.TRIAGE),
    ], titles(found.deciding)
    *_, landing, verdict, trust, let_in = found.deciding
    assert f"commit/{world.good}" in landing.evidence
    assert verdict.title == "The sealed verdict"
    assert "confidence 0.9" in trust.fact
    assert trust.evidence, "the facts that the number comes from"
    assert let_in.rule, "the entry of the mission, by its id"
    assert again not in titles(found.links), "that is of the release that was taken back"


def test_a_commit_that_was_taken_back_is_served_where_nobody_took_it_back(world) -> None:
    found = chain_of_commit(world.ledger, world.bad)
    assert [words.partition(" serves ")[0] for words in found.served] == ["staging"]
    after = [link for link in found.links if link.stage is Stage.RELEASE]
    assert titles(after) == [
        "Release 2 began",
        "Live in staging",
        "Sealed journeys in staging",
        "It stayed healthy in staging",
        "Live in production",
        "Sealed journeys in production",
        "It turned red in production",
        "Again live in production",
        "It was rolled back in production",
    ]
    red = after[6]
    assert (red.outcome, red.quote) == (
        LinkOutcome.REFUSES,
        "it was not healthy 3 times in a row: 500 Internal Server Error",
    )
    (release,) = [one for one in world.releases if one.commit == world.bad]
    assert after[-1].permalink == f"issues/{release.filed}"


def test_the_rules_part_of_a_chain_has_the_number_beside_the_rules_answer(world) -> None:
    found = rules_only(chain_of_issue(world.ledger, world.releases[0].issue))
    number, answer = [link for link in found.links if link.rule == "F-TRUST"]
    assert (number.title, number.outcome) == (TRUST_TITLE, LinkOutcome.DONE)
    assert answer.outcome is LinkOutcome.HOLDS


def test_the_issue_about_a_red_release_begins_with_it(world) -> None:
    filed = world.releases[1].filed
    links = chain_of_issue(world.ledger, filed).links
    (first,) = [one for one in links if one.title == "Filed about release 2"]
    assert f"commit/{world.bad}" in first.evidence
    assert first.entry < links[-1].entry


def test_the_page_of_the_issue_shows_its_release(world) -> None:
    issue = world.releases[1].issue
    page = (world.work / page_of(issue)).read_text()
    whole = html(chain_of_issue(world.ledger, issue), world.services().link)
    assert page == whole, "it is written again when its release moves"
    assert "It was rolled back in production" in page
    (bad,) = [one for one in world.releases if one.commit == world.bad]
    assert f"is rolled back in production (#{bad.filed} is about that)." in page.split("<h2>")[0]
    assert "500 Internal Server Error" in page


def test_its_filer_reads_in_the_comment_where_the_change_is(world) -> None:
    good, bad = world.releases
    comments = {
        one.issue: "".join(said.body for said in world.forge.comments(one.issue))
        for one in (good, bad)
    }
    assert "Release 1, which carries this, is released in production." in comments[good.issue]
    assert (
        f"Release 2, which carries this, is rolled back in production (#{bad.filed} is about that)."
        in comments[bad.issue]
    )
    assert not needs_showing(world.services())


def test_who_asks_why_on_the_issue_reads_where_it_runs(world) -> None:
    services, good = world.services(), world.releases[0]
    world.forge.say(good.issue, "/factory why", author="sam")
    policy = policy_at(services, world.remote["main"])
    run_comment_commands(services, world.history(good.issue), policy)
    words = world.forge.comments(good.issue)[-1].body
    assert f"production serves {world.good[:12]} (release 1 for \\#\u200b{good.issue})" in words


def test_a_forge_that_takes_no_comment_holds_no_rollback_up(tmp_path) -> None:
    world = ReleaseWorld(tmp_path)
    world.land("first")
    world.pass_time(9)
    bad = world.land("second")
    world.forge.fail("upsert_comment", count=99)
    for _ in range(9):
        if world.states[-1] == "watched":
            world.health.ill.add(bad)
        with suppress(ForgeError):
            world.pass_time()
    assert world.states == ["done", "rolled-back"]
    assert needs_showing(world.services())
    world.forge._trouble.clear()
    world.pass_time()
    assert not needs_showing(world.services())


@pytest.mark.parametrize("beginning", ["0000000", "c10"])
def test_a_commit_that_no_landing_or_more_than_one_begins_with_is_refused(world, beginning) -> None:
    with pytest.raises(ConfigError, match="landing"):
        chain_of_commit(world.ledger, beginning)
