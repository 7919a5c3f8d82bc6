"""What may go from a home: every kind by its rule, and nothing that a run, an issue or an audit
needs."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.lifecycle import State
from harness.factory.run.services import Places
from harness.operations.maintenance.gc_candidates import candidates, disk_bytes
from harness.operations.maintenance.gc_policy import (
    DAY_SECONDS,
    Candidate,
    CandidateKind,
    Facts,
    RunState,
    gc_decisions,
    run_states,
)
from tests.events import event_of
from tests.factory.world import World, edits_the_rules

RUNS = ("implement-1-1", "implement-2-1", "validate-1-1")
OF_RUNS = (CandidateKind.WORKTREE, CandidateKind.TESTS)

candidate = st.builds(
    Candidate,
    kind=st.sampled_from(CandidateKind),
    path=st.integers(0, 99).map(lambda number: Path(f"/home/{number}")),
    age=st.floats(-10, 100 * DAY_SECONDS),
    trash=st.sampled_from([None, Path("/home")]),
    run=st.sampled_from([*RUNS, "unknown-9-9", None]),
    owner=st.sampled_from([1, 2, 3, None]),
)
facts = st.builds(
    Facts,
    candidates=st.lists(candidate, max_size=12).map(tuple),
    runs=st.dictionaries(st.sampled_from(RUNS), st.sampled_from(RunState)),
    live_processes=st.frozensets(st.sampled_from([1, 2, 3])),
    days=st.floats(1, 60),
    recordings=st.sampled_from([0, 1, 50]),
)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@given(facts)
def test_nothing_goes_that_somebody_may_need(found) -> None:
    for decision in gc_decisions(found):
        lies, state = decision.candidate, found.runs.get(decision.candidate.run or "")
        if lies.kind in OF_RUNS:
            assert decision.deletes <= (state in (RunState.OVER, RunState.LOOKED_AT))
        if lies.kind is CandidateKind.WORKTREE and state is RunState.LOOKED_AT:
            assert decision.deletes <= (lies.age >= found.days * DAY_SECONDS)
        if lies.kind is CandidateKind.TEMPORARY:
            assert decision.deletes <= (lies.owner not in found.live_processes)
        if lies.kind is CandidateKind.HALF_MADE:
            assert decision.deletes <= (lies.age >= DAY_SECONDS)
        if lies.kind in (
            CandidateKind.LAYER,
            CandidateKind.WHEEL,
            CandidateKind.SPARE,
            CandidateKind.DEMO,
        ):
            assert decision.deletes <= (lies.age >= found.days * DAY_SECONDS)
        if lies.kind is CandidateKind.RECORDING:
            assert decision.deletes <= (0 < found.recordings * DAY_SECONDS <= lies.age)
            assert decision.deletes <= (
                lies.run is None or state in (RunState.OVER, RunState.LOOKED_AT)
            )


@given(facts)
def test_everything_has_one_fate_and_a_reason_and_in_the_end_everything_can_go(found) -> None:
    decisions = gc_decisions(found)
    assert tuple(decision.candidate for decision in decisions) == found.candidates
    assert all(decision.why for decision in decisions)
    later = tuple(
        Candidate(old.kind, old.path, 1000 * DAY_SECONDS, old.trash, RUNS[0], 4)
        for old in found.candidates
    )
    assert all(
        decision.deletes
        for decision in gc_decisions(Facts(later, {RUNS[0]: RunState.OVER}, frozenset({1}), 30, 30))
    )


def home_of(world: World) -> Places:
    return Places(world.work, "tidebook")


def lay(path: Path, *, days_ago: float = 0, folder: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(parents=True) if folder else path.write_text("x")
    moment = time.time() - days_ago * DAY_SECONDS
    os.utime(path, (moment, moment))
    return path


def decisions(
    world: World, *, live_processes: frozenset[int] = frozenset(), recordings: float = 0
) -> dict[str, bool]:
    """What lies there, by its path below the world's folder, and whether it goes."""
    found = candidates(
        home_of(world),
        world.work / "cache" / "wheels",
        temporary=world.work / "tmp",
        recordings=recordings > 0,
    )
    decided = gc_decisions(
        Facts(
            tuple(found), run_states(world.ledger.entries()), live_processes, recordings=recordings
        )
    )
    return {
        str(decision.candidate.path.relative_to(world.work)): decision.deletes
        for decision in decided
    }


def test_a_merged_issues_runs_are_over_and_a_refused_ones_last_run_may_be_looked_at(world) -> None:
    merged = world.file()
    world.tick()
    world.agent.works = [edits_the_rules]
    refused = world.file("Another thing")
    world.tick()
    assert world.history(merged).state is State.MERGED
    assert world.history(refused).state is State.NEEDS_HUMAN
    found = run_states(world.ledger.entries())
    assert found[f"implement-{merged}-1"] is RunState.OVER
    assert found[f"implement-{refused}-1"] is RunState.LOOKED_AT
    assert found[f"triage-{refused}-1"] is RunState.OVER


@pytest.mark.parametrize("workflow", ["triage", "implement", "validate"])
def test_a_run_that_was_killed_is_open_and_so_is_all_that_it_left(world, workflow) -> None:
    issue = world.file()
    world.ledger.append(
        event_of("issue", {"title": "x", "author": 1, "login": "kim", "text": "x"}),
        f"issue/{issue}",
        issue=issue,
    )
    run = f"{workflow}-{issue}-1"
    world.ledger.append(event_of("run", {"workflow": workflow}), f"run/{run}", issue=issue, run=run)
    lay(world.work / "worktrees" / run / "worktree", folder=True)
    lay(world.work / "runs" / run / "tests" / "head", folder=True, days_ago=99)
    assert not any(decisions(world).values())
    world.ledger.append(event_of("run-ended", {}), f"run/{run}/ended", issue=issue, run=run)
    assert all(decisions(world).values())


def test_a_home_is_looked_through_by_name_and_what_is_kept_for_ever_is_not_even_seen(world) -> None:
    kept = (
        "ledger.db",
        "ledger.head",
        "keys/validator.key",
        "evidence/validate-1-1/verdict.json",
        "STOP",
        "engine.db",
        "sealed/tidebook/judged/validate-1-1-1/verdict.json",
        "sealed/tidebook/judged/.unfinished-aa/steps.jsonl",
        "sealed/tidebook/entries/000001.json",
        "sealed/tidebook/journeys/aa.yaml",
        "sealed/tidebook/proofs/aa-bb/evidence.json",
        "sealed/tidebook/wire/a.jsonl",
        "runs/implement-1-1/author.log",
        "runs/implement-1-1/tests/head.out/junit.xml",
        "broker/wire/a.jsonl",
        "runs/implement-1-1/author-request.json",
        "facts/tests-a-b.json",
        "home.json",
        "cache/wheels/README",
        "tmp/factory-of-somebody",
        "tmp/factory-box-12-short",
        "tmp/box-abcdefgh",
        "recordings/issue-1/a.json",
        "repositories/tidebook.git/config",
        "forge/forge.sqlite",
        "home.json.schema-1",
        "runs/implement-1-1/tape.jsonl",
        f"record/aa/{'a' * 64}.gz",
    )
    for name in kept:
        lay(world.work / name, days_ago=999)
    goes = {
        "worktrees/.trash/r1-aa": 0,
        ".trash/layer-aa": 0,
        "sealed/tidebook/.trash/x": 0,
        "cache/.trash/x": 0,
        "worktrees/.pool-aa-bb": 31,
        "layers/aa": 31,
        "cache/wheels/a-1.whl": 31,
        "cache/wheels/npm/aa.tgz": 31,
        "cache/wheels/npm/.fetching-aa": 2,
        "cache/installed/aa": 31,
        "cache/installed/.preparing-aa": 2,
        "worktrees/.making-aa": 2,
        "layers/.preparing-aa": 2,
        "repositories/tidebook.git.making": 2,
        "facts/tests-a-b.implement-1-1": 2,
        ".home.json.77": 2,
        "sealed/tidebook/proofs/.fresh-aa": 2,
        "tmp/factory-box-12-abcdefgh": 0,
        "tmp/factory-request-12-abcdefgh.json": 0,
    }
    stays = {
        "worktrees/.pool-cc-bb": 29,
        "layers/bb": 29,
        "cache/wheels/b-1.whl": 29,
        "cache/wheels/npm/bb.tgz": 29,
        "cache/wheels/npm/.fetching-bb": 0.5,
        "cache/installed/bb": 29,
        "cache/installed/.preparing-bb": 0.5,
        "worktrees/.making-bb": 0.5,
        "layers/.preparing-bb": 0.5,
        "sealed/tidebook/proofs/.fresh-bb": 0.5,
        "tmp/factory-box-13-abcdefgh": 99,
        "worktrees/unknown-1-1": 99,
    }
    for name, days in (goes | stays).items():
        lay(world.work / name, days_ago=days)
    assert decisions(world, live_processes=frozenset({13})) == {
        **dict.fromkeys(goes, True),
        **dict.fromkeys(stays, False),
    }


def test_what_a_replay_needs_goes_with_its_time_and_only_where_somebody_set_one(world) -> None:
    issue = world.file()
    world.tick()
    over, unknown = f"runs/implement-{issue}-1/tape.jsonl", "runs/implement-99-1/tape.jsonl"
    old, used = f"record/aa/{'a' * 64}.gz", f"record/bb/{'b' * 64}.gz"
    for name, days in {over: 91, unknown: 91, old: 91, used: 89}.items():
        lay(world.work / name, days_ago=days)
    found = decisions(world, recordings=90)
    assert [name for name in (over, unknown, old, used) if found[name]] == [over, old]
    assert not {over, unknown, old, used} & set(decisions(world))


def test_a_link_is_not_ours_to_follow_or_to_take(world) -> None:
    lay(world.work / "elsewhere" / "precious", days_ago=99)
    (world.work / "layers").mkdir()
    (world.work / "layers" / "aa").symlink_to(world.work / "elsewhere")
    assert decisions(world) == {}


def test_a_weight_counts_each_file_once_and_follows_no_link(tmp_path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"x" * 50_000)
    os.link(tmp_path / "tree" / "file", tmp_path / "tree" / "again")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "big")
    assert 50_000 <= disk_bytes(tmp_path / "tree") < 70_000
    assert disk_bytes(tmp_path / "gone") == 0
