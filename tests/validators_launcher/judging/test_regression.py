"""Old bug moved: what was fixed once is looked at in every later change, by the real program in
real sandboxes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.validator.envelope import verified_observation
from tests.validators_launcher import seaside
from tests.validators_launcher.git_repository import Commit
from tests.validators_launcher.world import AMPLE, MISSION, World, predicate, world_at
from validators.domain.verdict import Purpose
from validators.launcher.own_journeys import text_digest
from validators.store.entries import Entry, Event

FIXED = seaside.FIXED
TIDIED = {**FIXED, "notes.txt": "how the walks are counted\n"}
CHORE = {"number": 5, "kind": "chore", "title": "Say how walks are counted"}
MOVED = {**TIDIED, "seaside.py": seaside.SOURCE}


@dataclass
class Shore:
    """Issue 2 was fixed and has landed; what comes later is judged on it."""

    world: World
    landed: Commit

    def judged(
        self, run: str, change: dict[str, str], *, base: Commit | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Verdict and public facts of a chore that nobody could write a journey for."""
        source, base = self.world.source, base or self.landed
        head = source.commit(change, parents=(base.commit,))
        self.world.issue |= CHORE
        self.world.extra = {"run": run}
        request = self.world.request(
            base, head, source.commit(change, parents=(base.commit, head.commit))
        )
        done = self.world.validators("judge", "--request", request, "--out", self.world.home / run)
        assert done.returncode == 0, done.stderr
        return predicate(self.world.home / run / "verdict.json"), json.loads(
            (self.world.home / run / "public.json").read_text()
        )


@pytest.fixture(scope="module")
def shore(tmp_path_factory: pytest.TempPathFactory) -> Shore:
    world = world_at(tmp_path_factory.mktemp("shore"))
    base = world.source.commit(seaside.BASE)
    head = world.source.commit(FIXED, parents=(base.commit,))
    candidate = world.source.commit(FIXED, parents=(base.commit, head.commit))
    world.extra = {"run": "first"}
    request = world.request(base, head, candidate)
    world.seal(request, seaside.JOURNEY)
    world.validators("judge", "--request", request, "--out", world.home / "first")
    first = predicate(world.home / "first" / "verdict.json")
    assert first["outcome"] == "passed", first["reason"]
    world.issue |= CHORE
    context = world.context(world.request(base, head, candidate))
    entry = Entry(
        Event.DECLINED,
        5,
        "",
        "",
        Purpose.REGRESSION,
        text_digest(context.request),
        "author",
        "nothing to see",
        "2026-01-02",
    )
    context.journey_store.seal((), (entry,))
    return Shore(world, candidate)


@pytest.mark.soak(
    "one judgement more; test_regression_suite shows which journeys are performed and reported"
)
def test_a_chore_without_a_journey_of_its_own_passes_on_the_regression_suite_alone(
    shore: Shore,
) -> None:
    found, public = shore.judged("tidied", TIDIED)
    assert (
        found["reason"]
        == "no journey of its own: 1 regression journey of 1 promise passed, and each could fail"
    )
    assert found["journeys"] == {"sealed": 1, "executed": 1, "passed": 1}
    assert found["regression"] == {
        "own": 0,
        "standing": 1,
        "performed": 1,
        "left_out": 0,
        "broken_on_base": 0,
        "promises": 1,
    }
    controls = found["controls"]
    assert (controls["twins"], controls["twins_failed"], controls["red_on_base"]) == (1, 1, False)
    assert 0 < controls["caught"] == controls["saboteurs"]
    assert public["regression"] == found["regression"]
    facts = json.loads(
        shore.world.validators(
            "store", "digest", "--request", shore.world.home / "request.json"
        ).stdout
    )
    assert facts["digest"] == found["binds"]["journeys"]


def test_a_change_that_breaks_what_was_fixed_before_fails_in_the_missions_words(
    shore: Shore,
) -> None:
    found, public = shore.judged("moved", MOVED)
    assert found["outcome"] == "failed", found["reason"]
    assert [(finding["promise"], finding["words"]) for finding in public["findings"]] == [
        ("M-BOOK", MISSION.splitlines()[3])
    ]
    assert public["broken_on_base"] == []
    for file in (shore.world.home / "moved").iterdir():
        assert file.is_dir() or "book-a-large-group" not in file.read_text()


@pytest.mark.soak("a judgement more; test_proof tells when base was broken")
def test_what_was_broken_before_the_change_is_not_its_fault_and_is_reported_to_the_maintainer(
    shore: Shore,
) -> None:
    broken = shore.world.source.commit(MOVED, parents=(shore.landed.commit,))
    found, public = shore.judged("broken", {**MOVED, "more.txt": "more\n"}, base=broken)
    assert (found["outcome"], found["regression"]["broken_on_base"]) == ("inconclusive", 1), found[
        "reason"
    ]
    assert "red on the base already" in found["reason"]
    assert public["findings"] == []
    (facts,) = public["broken_on_base"]
    assert (facts["issue"], facts["promise"], facts["journey"].startswith("sha256:")) == (
        2,
        "M-BOOK",
        True,
    )


def test_a_bug_is_never_judged_by_what_guards_alone(shore: Shore) -> None:
    world, base = shore.world, shore.landed
    head = world.source.commit(TIDIED, parents=(base.commit,))
    world.issue |= {"number": 5, "kind": "bug"}
    world.extra = {"run": "bug"}
    request = world.request(
        base, head, world.source.commit(TIDIED, parents=(base.commit, head.commit))
    )
    world.validators("judge", "--request", request, "--out", world.home / "bug")
    found = predicate(world.home / "bug" / "verdict.json")
    assert (found["outcome"], found["reason"]) == (
        "inconclusive",
        "no journey is sealed for issue 5: have one authored",
    )


def test_an_author_who_was_never_asked_has_declined_nothing(shore: Shore, tmp_path: Path) -> None:
    world, base = shore.world, shore.landed
    head = world.source.commit(TIDIED, parents=(base.commit,))
    world.issue |= {"number": 6, "kind": "chore"}
    world.extra = {"run": "unasked"}
    request = world.request(
        base, head, world.source.commit(TIDIED, parents=(base.commit, head.commit))
    )
    world.validators("judge", "--request", request, "--out", world.home / "unasked")
    assert predicate(world.home / "unasked" / "verdict.json")["reason"].startswith(
        "no journey is sealed for issue 6"
    )


def test_one_commit_is_observed_by_what_has_landed_and_what_leaves_tells_nothing_sealed(
    shore: Shore,
) -> None:
    world = shore.world
    broken = world.source.commit(MOVED, parents=(shore.landed.commit,))
    seen = {}
    for name, commit in (("before", shore.landed), ("after", broken)):
        world.extra = {"run": f"watch-{name}", "watching": {"journeys": [], "own": False}}
        world.extra["limits"] = {**AMPLE, "standing": 5}
        out = world.home / name
        done = world.validators("observe", "--request", world.request(commit), "--out", out)
        assert done.returncode == 0, done.stderr
        seen[name] = verified_observation(
            out / "observation.json",
            world.home / "keys" / "validator.key.pub",
            run=f"watch-{name}",
        )
        assert (seen[name].commit, seen[name].standing) == (commit.commit, 1)
        assert "book-a-large-group" not in (out / "observation.json").read_text()
        assert (world.home / "sealed" / "seaside" / "judged" / f"watch-{name}-1").is_dir() is (
            name == "after"
        )
    assert [one.standing for one in seen["before"].shown] == ["green"]
    (red,) = seen["after"].shown
    assert (red.standing, red.issue, red.words) == ("red", 2, MISSION.splitlines()[3])
    assert red.observed


def test_a_change_that_mends_is_judged_by_what_is_red_and_by_nothing_it_could_choose(
    shore: Shore,
) -> None:
    world = shore.world
    broken = world.source.commit(MOVED, parents=(shore.landed.commit,))
    (entry,) = (one for one in world.context(world.request(broken)).journey_store.in_force())
    for name, change, outcome in (
        ("mends", TIDIED, "passed"),
        ("not", {**MOVED, "m": "m\n"}, "failed"),
    ):
        head = world.source.commit(change, parents=(broken.commit,))
        world.issue |= {"number": 5, "kind": "bug", "title": "Walks are booked again"}
        world.extra = {"run": f"fix-{name}", "mends": [entry.digest]}
        request = world.request(
            broken, head, world.source.commit(change, parents=(broken.commit, head.commit))
        )
        done = world.validators("judge", "--request", request, "--out", world.home / name)
        assert done.returncode == 0, done.stderr
        found = predicate(world.home / name / "verdict.json")
        assert found["outcome"] == outcome, found["reason"]
        assert found["controls"]["red_on_base"] is True
        facts = json.loads(world.validators("store", "digest", "--request", request).stdout)
        assert (facts["journeys"], facts["digest"]) == (1, found["binds"]["journeys"])
