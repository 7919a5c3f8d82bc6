"""The step that cannot be taken back: by our push or by the forge's own merge, refused, cut off, or
on another tree."""

import threading
from contextlib import suppress
from typing import Never

import pytest

from harness.domain.errors import FactoryError, ForgeError, GitError
from harness.domain.events import CommandGiven
from harness.domain.lifecycle import Event, State
from harness.factory.records.brakes import FREEZE, is_frozen, why_frozen
from harness.factory.reporting.audit import audit
from harness.factory.run.node import Job, refused
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.stages import merge, revert
from harness.ports.git import Landing
from harness.ports.ledger import recorded
from tests.factory.demands import demanding
from tests.factory.world import World, candidate_of

BY_API = 'by = "api"'


def judged(world):
    return sum("candidate" in request for request in world.validator.requests)


def events(world, issue):
    return [entry.data["event"] for entry in world.history(issue).transitions]


def until_merged(world, issue, *, passes=4) -> None:
    for _ in range(passes):
        try:
            world.tick()
        except FactoryError:
            continue
        if world.history(issue).state is State.MERGED:
            return


def test_the_judges_store_is_read_while_the_forge_is_asked(tmp_path) -> None:
    world, asked = World(tmp_path), threading.Event()
    journeys, pull_request = world.validator.journeys, world.forge.pull_request
    seen = []

    def asks(request):
        asked.set()
        return journeys(request)

    def answers(number):
        # Only another thread can ask the judge before this answer is there.
        seen.append(asked.wait(60))
        asked.clear()
        return pull_request(number)

    issue = world.file()
    world.tick(states=frozenset(State) - {State.APPROVED})
    asked.clear()
    world.decorate("validator", journeys=asks)
    world.decorate("forge", pull_request=answers)
    world.tick()
    assert world.history(issue).state is State.MERGED
    # Before the gates' answer, and once more before the landing.
    assert seen[:2] == [True, True]


@pytest.mark.parametrize(("settings", "by"), [("", "push"), (BY_API, "api")])
def test_a_landing_is_written_down_step_by_step(tmp_path, settings, by) -> None:
    world = demanding(tmp_path, settings) if settings else World(tmp_path)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    binds, run = history.verdict.binds, f"merge-{issue}-1"
    landed = {
        "commit": world.remote["main"],
        "tree": binds.tree,
        "branch": "main",
        "base": binds.base,
        "verdict": history.verdicts[-1].key,
        "by": by,
    }
    of_run = [entry for entry in history.entries if entry.run == run and entry.issue == issue]
    effects = [
        (entry.kind, entry.key, entry.data["effect"], entry.data.get("result"))
        for entry in of_run
        if entry.kind in ("intent", "done") and entry.data["effect"] != "revert-ready"
    ]
    assert effects == [
        ("intent", f"{run}/land", "land", None),
        ("done", f"{run}/land/done", "land", landed),
        ("intent", f"{run}/close", "close", None),
        ("done", f"{run}/close/done", "close", {"issue": issue}),
    ]
    ended = {entry.data["node"]: entry.data["result"] for entry in of_run if entry.kind == "node"}
    assert {
        node: (result["outcome"], result["event"], result["message"])
        for node, result in ended.items()
    } == {
        "gates": ("produced", "gates-open", "every gate is open"),
        "land": ("produced", None, f"landed as {landed['commit']:.7}"),
        "confirm": ("produced", "landed", f"tree {binds.tree:.7} landed as judged"),
        "close": ("produced", None, "issue closed"),
    }
    assert (ended["land"]["output"], bool(ended["gates"]["output"]["findings"])) == (landed, True)
    assert (world.forge.issue(issue).open, world.forge.reason(issue)) == (False, "completed")


def test_where_only_the_forges_merge_may_write_it_is_bound_to_the_judged_head_and_compared(
    tmp_path,
) -> None:
    world = demanding(tmp_path, BY_API)
    world.decorate(
        "git", land=lambda *args, **kwargs: pytest.fail("nothing of ours writes the branch")
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert world.git.tree_of(world.remote["main"]) == history.verdict.binds.tree
    assert world.git.parents_of(world.remote["main"]) == (
        history.verdict.binds.base,
        history.verdict.binds.head,
    )
    assert (history.landed.commit, history.landed.by) == (world.remote["main"], "api")
    assert revert.ready(history).of == world.remote["main"]


@pytest.mark.parametrize("tried", [False, True])
def test_a_candidate_that_somebody_else_pushed_meanwhile_is_no_landing_of_ours(
    tmp_path, tried
) -> None:
    """Checks of the forge can see the candidate, so whoever may write production's branch can push
    it, after the owner has forbidden it; also where we `tried` to land an earlier one."""
    world = World(tmp_path)
    latest, land, issue = world.git.latest, world.git.land, world.file()
    left = [tried]

    def overtaken(*args, **binds):
        if left.pop():
            world.push_to_main(NEWS=b"in between\n")
        return land(*args, **binds)

    def pushed(branch):
        if world.history(issue).state is State.MERGING and True not in left:
            world.ledger.append(CommandGiven(FREEZE, why="wait"), "freeze")
            world.remote[branch] = candidate_of(world, issue)
        return latest(branch)

    world.decorate("git", latest=pushed, land=overtaken)
    for _ in range(3):
        world.tick()
    history = world.history(issue)
    assert (len(history.verdicts), history.landed) == (1 + tried, None)
    assert events(world, issue)[-1] == "landed-by-person"


def test_another_tree_from_the_forges_merge_freezes_and_has_its_revert_ready(tmp_path) -> None:
    world = demanding(tmp_path, BY_API)
    merge = world.forge.merge_pull_request

    def merged(number, *, sha):
        world.push_to_main(NEWS=b"in between\n")  # the forge's merge asks nobody about the base
        return merge(number, sha=sha)

    world.decorate("forge", merge_pull_request=merged)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, is_frozen(world.ledger)) == (State.NEEDS_HUMAN, True)
    judged, landed = history.verdict.binds.tree, world.git.tree_of(world.remote["main"])
    words = f"tree {judged:.7} was judged, {landed:.7} landed: merging is frozen"
    assert history.transitions[-1].data["says"] == words
    assert why_frozen(world.ledger) == f"#{issue}: {words}"
    entry = next(one for one in recorded(world.ledger, CommandGiven) if one.event.command == FREEZE)
    assert entry.event.commit == world.remote["main"]
    assert (entry.key, entry.issue, entry.run) == ("merge-1-1/freeze", issue, "merge-1-1")
    assert revert.ready(history).of == world.remote["main"]
    revert.land(world.services(), issue, rules="sha256:x", reason="by mara")
    tree = world.git.trees[world.git.tree_of(world.remote["main"])]
    assert tree == {**world.git.trees[world.git.tree_of(world.base)], "NEWS": b"in between\n"}


def test_a_landing_that_the_branch_does_not_hold_freezes(tmp_path) -> None:
    world = World(tmp_path)
    world.decorate(
        "git",
        land=lambda candidate, *args, **kwargs: Landing("landed", candidate, "so it was told"),
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, is_frozen(world.ledger)) == (State.NEEDS_HUMAN, True)
    judged, commit = history.verdict.binds.tree, history.verdict.binds.candidate
    assert history.transitions[-1].data["says"] == (
        f"tree {judged:.7} was judged, main does not hold {commit:.7}: merging is frozen"
    )


def test_a_head_that_moved_is_not_merged_by_the_forge_either(tmp_path) -> None:
    world = demanding(tmp_path, BY_API)
    merge = world.forge.merge_pull_request

    def merged(number, *, sha):
        branch = world.forge.pull_request(number).branch
        world.forge.push(
            branch,
            world.git.commit(world.git.tree_of(world.base), [world.remote[branch]], message="evil"),
        )
        return merge(number, sha=sha)

    world.decorate("forge", merge_pull_request=merged)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.remote["main"] == world.base


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_cut_off_at_the_forges_merge_it_is_merged_once(tmp_path, after) -> None:
    world = demanding(tmp_path, BY_API)
    world.forge.fail("merge_pull_request", after=after)
    issue = world.file()
    until_merged(world, issue)
    assert world.history(issue).state is State.MERGED
    # Else it would pass for a merge that a person made.
    assert world.history(issue).landed.commit == world.remote["main"]
    assert [what for what, _ in world.forge.writes].count("merge_pull_request") == 1
    assert judged(world) == 1


def test_a_merge_that_a_person_made_right_before_ours_is_no_landing_of_ours(tmp_path) -> None:
    world = demanding(tmp_path, BY_API)
    issue = world.file()
    latest, merged = world.git.latest, []

    def merged_meanwhile(branch):
        history = world.history(issue)
        if history.state is State.MERGING and not merged:
            merged.append(
                world.forge.merge_pull_request(history.proposal.number, sha=history.pushed_head)
            )
        return latest(branch)

    world.decorate("git", latest=merged_meanwhile)
    world.tick()
    assert merged
    assert world.history(issue).landed is None
    assert not is_frozen(world.ledger)


def test_an_audit_holds_a_merge_of_the_forges_to_the_tree_that_was_judged(tmp_path) -> None:
    world = demanding(tmp_path, BY_API)
    world.file()
    world.tick()
    services = world.services()
    found = audit(
        services.ledger,
        services.repository,
        services.validator,
        world.work,
        evidence=services.validator,
        branch="main",
    )
    assert (
        found.landings,
        [fault for fault in found.faults if fault.subject.startswith("landing")],
    ) == (1, [])


def test_what_the_forge_refuses_is_a_persons_and_is_judged_once(tmp_path) -> None:
    """A protected branch refused each push, and each refusal had the change judged again, twenty
    times a pass."""
    world = World(tmp_path)
    world.decorate(
        "git",
        land=lambda *args, **kwargs: Landing(
            "refused", world.base, "the forge refuses: protected branch hook declined"
        ),
    )
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert "protected branch hook declined" in history.transitions[-1].data["says"]
    assert judged(world) == 1


def test_what_the_forges_own_merge_refuses_is_a_persons_who_reads_its_words(tmp_path) -> None:
    world = demanding(tmp_path, BY_API)

    def refuses(number, *, sha) -> Never:
        raise ForgeError("409: a review is required", retryable=False)

    world.decorate("forge", merge_pull_request=refuses)
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert (history.state, judged(world)) == (State.NEEDS_HUMAN, 1)
    says = history.transitions[-1].data["says"]
    assert says == "not landed (refused): 409: a review is required"


def test_what_comes_between_the_facts_and_our_push_is_judged_with_it(tmp_path) -> None:
    world = World(tmp_path)
    land, moved = world.git.land, []

    def overtaken(*args, **kwargs):
        if not moved:
            world.push_to_main(NEWS=b"in between\n")
            moved.append(True)
        return land(*args, **kwargs)

    world.decorate("git", land=overtaken)
    issue = world.file()
    until_merged(world, issue)
    assert world.history(issue).state is State.MERGED
    assert judged(world) == 2
    assert "NEWS" in world.git.trees[world.git.tree_of(world.remote["main"])]


def test_without_a_verdict_nothing_lands(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    services = world.services()
    snapshot = policy_at(services, world.base)
    node = snapshot.workflows["merge"].node("land")
    found = merge.land(Job(services, snapshot, issue, "merge-1-1", 1, node, {}))
    assert found == refused("there is no verdict to land on", event=Event.REFUSED)


def test_every_gate_that_is_shut_is_named(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    world.tick(states=frozenset(State) - {State.APPROVED, State.MERGING})
    proposal = world.history(issue).proposal
    tree, head = world.git.tree_of(world.base), world.remote[proposal.branch]
    pushed = world.git.commit(tree, [head], message="of a stranger")
    world.forge.push(proposal.branch, pushed)
    world.forge.edit_pull_request(proposal.number, base="elsewhere")
    world.tick()
    assert world.history(issue).transitions[-1].data["says"] == (
        f"freshness: head was {head:.14} when judged and is {pushed:.14} now; "
        f"identity: head {pushed:.7} was not pushed by the factory; "
        "identity: its pull request is closed, of another repository, or asks for another branch"
    )


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("method", ["land", "parents_of"])
def test_an_outage_at_the_landing_is_no_answer_and_costs_no_second_judgement(
    tmp_path, method, after
) -> None:
    world = World(tmp_path)
    act, failures = getattr(world.git, method), []

    def down(*args, **kwargs):
        done = act(*args, **kwargs) if after or len(failures) >= 4 else None
        if len(failures) < 4:  # more than all tries of one run
            failures.append(1)
            raise GitError("git push with the forge: connection reset", retryable=True)
        return done

    world.decorate("git", **{method: down})
    issue = world.file()
    until_merged(world, issue, passes=8)
    assert world.history(issue).state is State.MERGED
    assert world.git.landings == [world.remote["main"]]
    assert judged(world) == 1
    assert (
        len(
            [entry for entry in world.ledger.entries(kind="done") if entry.data["effect"] == "land"]
        )
        == 1
    )


def test_a_landing_that_nobody_can_confirm_is_looked_at_once_in_a_pass(tmp_path) -> None:
    world = World(tmp_path)

    def down(commit) -> Never:
        raise GitError("down", retryable=True)

    world.decorate("git", parents_of=down)
    issue = world.file()
    for _ in range(3):
        with suppress(GitError):
            world.tick()
        assert world.history(issue).state is State.MERGING
    assert world.history(issue).runs_of("merge") <= 4
    assert is_frozen(world.ledger) is False


@pytest.mark.parametrize(
    ("changed", "to"), [("open", False), ("base", "elsewhere"), ("same_repository", False)]
)
def test_a_pull_request_that_no_longer_asks_for_what_was_judged_does_not_land(
    tmp_path, changed, to
) -> None:
    world = World(tmp_path)
    issue = world.file()
    world.tick(states=frozenset(State) - {State.APPROVED, State.MERGING})
    world.forge.edit_pull_request(world.history(issue).proposal.number, **{changed: to})
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "asks for another branch" in world.history(issue).transitions[-1].data["says"]
    assert world.remote["main"] == world.base
