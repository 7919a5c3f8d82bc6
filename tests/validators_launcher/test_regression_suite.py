"""Which journeys stand guard: those of issues whose passed candidate is in the base's history, and
nobody's word for it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.git_repository import Commit
from tests.validators_launcher.world import TITLE, World
from validators.domain.stops import Inconclusive, UsageError
from validators.domain.verdict import Purpose
from validators.launcher.context import Context
from validators.launcher.own_journeys import text_digest
from validators.launcher.regression_suite import (
    declined,
    mended,
    regression_digests,
    regression_suite,
)
from validators.launcher.request import Watching
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.signing.statement import signed_verdict
from validators.store.entries import Entry, Event
from validators.store.journeys import journey_digest, set_digest, with_canary


class Town:
    """A repository with a line of landings, and a store in which issues have journeys and
    verdicts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.main = world.source.commit(seaside.BASE)

    def lands(self, number: int = 0) -> Commit:
        """One more commit on the main line."""
        self.main = self.world.source.commit(
            {**seaside.BASE, "n.txt": f"{number}"}, parents=(self.main.commit,)
        )
        return self.main

    def context(self, issue: int = 9, *, limit: int = 20) -> Context:
        self.world.issue["number"] = issue
        self.world.extra = {
            "limits": {"wall_seconds": 60, "journey_seconds": 15, "standing": limit}
        }
        return self.world.context(self.world.request(self.main))

    def seals(
        self,
        issue: int,
        *,
        name: str = "book-a-large-group",
        promise: str = "M-BOOK",
        event: Event = Event.SEALED,
    ) -> str:
        text = seaside.JOURNEY.replace("book-a-large-group", name).replace("M-BOOK", promise)
        whole = with_canary(text)
        digest = journey_digest(whole)
        entry = Entry(
            event, issue, name, digest, Purpose.BUG, "sha256:0", "author", "", "2026-01-02", TITLE
        )
        self.context().journey_store.seal((whole,), (entry,))
        return digest

    def judges(
        self,
        issue: int,
        candidate: str,
        *,
        head: str = "1" * 40,
        outcome: str = "passed",
        key: Path | None = None,
    ) -> Path:
        context = self.context()
        notary = Notary(signer_at(key)) if key else context.notary
        found = {
            "outcome": outcome,
            "issue": issue,
            "binds": {"candidate": candidate, "head": head, "tree": self.main.tree},
        }
        folder = context.journey_store.judged_folder(run=f"validate-{issue}", round_number=1)
        folder.mkdir(parents=True)
        (folder / "verdict.json").write_bytes(signed_verdict(found, notary))
        return folder / "verdict.json"

    def landed(
        self, issue: int, *, name: str = "book-a-large-group", promise: str = "M-BOOK"
    ) -> str:
        digest = self.seals(issue, name=name, promise=promise)
        self.judges(issue, self.lands(issue).commit)
        return digest


@pytest.fixture
def town(world: World) -> Town:
    return Town(world)


def test_the_journeys_of_what_has_landed_stand_guard_for_every_other_issue(town: Town) -> None:
    first, second = town.landed(1), town.landed(2, name="another")
    assert set(regression_digests(town.context(9))) == {first, second}
    assert regression_digests(town.context(2)) == (first,)
    chosen = regression_suite(town.context(9), seed=5, names=()).chosen
    assert {(guard.entry.issue, guard.journey.name, guard.inject_faults) for guard in chosen} == {
        (1, "book-a-large-group", True),
        (2, "another", True),
    }


def test_what_passed_and_did_not_land_stands_guard_for_nobody(town: Town) -> None:
    town.seals(1)
    town.judges(1, town.world.source.commit(seaside.FIXED, parents=(town.main.commit,)).commit)
    town.seals(2)
    town.judges(2, town.lands().commit, outcome="failed")
    town.seals(3)
    town.judges(3, "0" * 40)
    town.seals(4)
    assert regression_digests(town.context()) == ()


def test_what_a_merge_of_the_forges_or_a_persons_landed_stands_guard_as_well(town: Town) -> None:
    """Neither pushes the candidate: they make a merge of their own, of the head that was judged."""
    base, source = town.main.commit, town.world.source
    digest = town.seals(1)
    head = source.commit(seaside.FIXED, parents=(base,)).commit
    ours = source.commit(seaside.FIXED, parents=(base, head)).commit
    town.judges(1, ours, head=head)
    assert regression_digests(town.context()) == ()
    town.main = source.commit({**seaside.FIXED, "n.txt": "theirs"}, parents=(base, head))
    assert regression_digests(town.context()) == (digest,)


def test_what_landed_after_this_base_does_not_bind_it(town: Town) -> None:
    before = town.main
    town.landed(1)
    town.main = before
    assert regression_digests(town.context()) == ()


def test_a_retired_journey_stands_guard_no_more(town: Town) -> None:
    digest = town.landed(1)
    town.context().journey_store.close(
        digest, event=Event.RETIRED, actor="greta", reason="the walk ended", at="2026-01-03"
    )
    assert regression_digests(town.context()) == ()


@pytest.mark.parametrize("lie", ["another key", "changed", "no JSON"])
def test_a_verdict_that_is_not_ours_is_an_error_and_not_a_landing(
    town: Town, tmp_path: Path, lie: str
) -> None:
    town.seals(1)
    file = town.judges(
        1, town.lands().commit, key=tmp_path / "other.key" if lie == "another key" else None
    )
    if lie == "changed":
        envelope = json.loads(file.read_text())
        envelope["payload"] = json.loads(signed_verdict_of(town, issue=1))["payload"]
        file.write_text(json.dumps(envelope))
    if lie == "no JSON":
        file.write_text("{")
    with pytest.raises(UsageError, match="not a verdict of this launcher's key"):
        regression_digests(town.context())


def signed_verdict_of(town: Town, *, issue: int) -> bytes:
    found = {
        "outcome": "passed",
        "issue": issue,
        "binds": {"candidate": town.main.commit, "head": "1" * 40, "tree": "0" * 40},
    }
    return signed_verdict(found, town.context().notary)


def test_the_limit_is_kept_the_seed_chooses_and_what_is_left_out_is_counted(town: Town) -> None:
    digests = {town.seals(1, name=f"walk-{number}") for number in range(6)}
    town.judges(1, town.lands().commit)
    drawn = {
        seed: regression_suite(town.context(limit=2), seed=seed, names=()) for seed in range(12)
    }
    assert {(len(one.chosen), one.left_out, one.digests) for one in drawn.values()} == {
        (2, 4, tuple(sorted(digests)))
    }
    assert regression_suite(town.context(limit=2), seed=3, names=()).chosen == drawn[3].chosen
    assert len({guard.entry.digest for one in drawn.values() for guard in one.chosen}) > 3
    assert regression_suite(town.context(limit=0), seed=3, names=()).left_out == 6


def test_journeys_of_one_name_get_two_names_and_nothing_else_of_them_changes(town: Town) -> None:
    town.landed(1)
    town.landed(2)
    chosen = regression_suite(town.context(), seed=5, names=("book-a-large-group",)).chosen
    names = {guard.journey.name for guard in chosen}
    assert len(names) == 2
    assert "book-a-large-group" not in names
    assert len({replace(guard.journey, name="", canary=None) for guard in chosen}) == 1


def test_a_journey_that_cannot_be_read_any_more_is_named_by_its_digest(town: Town) -> None:
    text = with_canary(seaside.JOURNEY.replace("click:", "clik:"))
    entry = Entry(
        Event.SEALED,
        1,
        "old",
        journey_digest(text),
        Purpose.BUG,
        "sha256:0",
        "author",
        "",
        "2026-01-02",
        TITLE,
    )
    town.context().journey_store.seal((text,), (entry,))
    town.judges(1, town.lands().commit)
    with pytest.raises(
        Inconclusive, match=f"of issue 1 .* supersede or retire {entry.digest[:19]}"
    ):
        regression_suite(town.context(), seed=1, names=())


def test_who_has_noticed_faults_before_need_not_again_but_for_the_first_where_nobody_else_must(
    town: Town,
) -> None:
    for number in range(5):
        digest = town.seals(1, name=f"walk-{number}")
        town.context().journey_store.keep_controls(digest, tree="1" * 40, run="run-1")
    town.judges(1, town.lands().commit)
    assert [
        guard.inject_faults for guard in regression_suite(town.context(), seed=1, names=()).chosen
    ] == [False] * 5
    assert [
        guard.inject_faults
        for guard in regression_suite(town.context(), seed=1, names=(), controlled=3).chosen
    ] == [True] * 3 + [False] * 2


def test_a_journey_of_the_mission_alone_stands_guard_from_the_start(town: Town) -> None:
    digest = town.seals(0)
    assert regression_digests(town.context()) == (digest,)


def test_it_is_declined_only_for_this_text_and_while_that_is_the_last_word(town: Town) -> None:
    context = town.context(9)
    assert not declined(context)
    entry = Entry(
        Event.DECLINED,
        9,
        "",
        "",
        Purpose.REGRESSION,
        text_digest(context.request),
        "author",
        "nothing to see",
        "2026-01-02",
    )
    town.context().journey_store.seal((), (entry,))
    assert declined(context)
    assert not declined(town.context(8))
    issue = replace(context.request.issue, body="Something that everybody sees.")
    assert not declined(replace(context, request=replace(context.request, issue=issue)))
    town.seals(9)
    assert not declined(town.context(9))


def test_the_factory_learns_which_journeys_bind_and_nothing_about_them(town: Town) -> None:
    first = town.landed(1)
    own = town.seals(9, name="mine")
    town.context(9)
    done = town.world.validators("store", "digest", "--request", town.world.home / "request.json")
    assert json.loads(done.stdout) == {
        "journeys": 0,
        "declined": False,
        "standing": 1,
        "digest": set_digest([first, own]),
    }


def test_what_a_change_mends_is_its_own_and_binds_it_once(town: Town) -> None:
    first, second = town.landed(1), town.landed(2, name="another")
    context = town.context(9)
    mending = replace(context, request=replace(context.request, mends=(second,)))
    assert [entry.digest for entry in mended(mending)] == [second]
    assert regression_digests(mending) == (first,)


def test_what_was_taken_back_is_not_waited_for_in_a_judgement_and_watched_all_the_same(
    town: Town,
) -> None:
    first, second = town.landed(1), town.landed(2, name="another")
    context = town.context(9)
    judged = replace(context.request, taken_back=(second,))
    assert regression_digests(replace(context, request=judged)) == (first,)
    watched = replace(judged, watching=Watching())
    assert set(regression_digests(replace(context, request=watched))) == {first, second}


def test_where_nothing_is_judged_all_that_landed_is_watched_or_what_is_named(town: Town) -> None:
    first, second = town.landed(1), town.landed(2, name="another")
    unlanded = town.seals(3, name="not-there-yet")

    def watched(issue: int, watching: Watching) -> set[str]:
        context = town.context(issue)
        request = replace(context.request, watching=watching)
        return set(regression_digests(replace(context, request=request)))

    assert watched(0, Watching()) == {first, second}
    assert watched(2, Watching()) == {first, second}, "no issue is left out of its own watch"
    assert watched(0, Watching((unlanded, "sha256:" + "0" * 64))) == {unlanded}
    assert watched(3, Watching(own=True)) == {unlanded}
