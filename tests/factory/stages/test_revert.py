"""Every landing can be taken back: what is made ready, what it does on a branch that moved on, and
what follows."""

import pytest

from harness.domain.errors import ConfigError, FactoryError, GitError, Stopped
from harness.domain.issue import Permission
from harness.domain.lifecycle import State
from harness.factory.stages import revert
from tests.factory.world import World, fixes

STORE = "tidebook/store.py"


@pytest.fixture
def landed(tmp_path):
    world = World(tmp_path)
    issue = world.file()
    world.tick()
    return world, issue


def files(world, commit="main"):
    return world.git.trees[world.git.tree_of(world.remote.get(commit, commit))]


def take_back(world, issue):
    return revert.land(world.services(), issue, rules="sha256:rules", reason="by mara")


def test_every_landing_has_its_revert_ready_with_the_command_for_a_person(landed) -> None:
    world, issue = landed
    made = revert.ready(world.history(issue))
    assert world.git.kept == {f"revert/{issue}/{made.of:.12}": made.commit}
    assert made.of == world.remote["main"]
    assert world.git.parents_of(made.commit) == (made.of,)
    assert world.git.tree_of(made.commit) == world.git.tree_of(world.base)
    assert made.command == f"factory revert {issue}"
    assert made.by_hand == f"git revert --mainline 1 {made.of}"


def test_it_is_proposed_as_one_pull_request_however_often_it_is_asked(landed) -> None:
    world, issue = landed
    first, second = revert.propose(world.services(), issue), revert.propose(world.services(), issue)
    assert first == second
    assert first.head == revert.ready(world.history(issue)).commit
    assert world.history(issue).state is State.MERGED, "a proposal takes nothing back"


def test_taken_back_the_tree_is_what_it_was_and_the_issue_is_a_persons(landed) -> None:
    world, issue = landed
    take_back(world, issue)
    assert files(world) == files(world, world.base)
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert world.forge.issue(issue).open
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN, (
        "and it stays so until somebody says more"
    )


def test_what_others_built_on_it_since_stays(landed) -> None:
    world, issue = landed
    world.push_to_main(NEWS=b"later\n")
    later = world.remote["main"]
    take_back(world, issue)
    assert files(world) == {**files(world, world.base), "NEWS": b"later\n"}
    assert world.git.contains(world.remote["main"], later)


def test_where_what_came_since_stands_on_it_nothing_is_done(landed) -> None:
    world, issue = landed
    tree = dict(files(world)) | {STORE: files(world)[STORE] + b"\nMORE = True\n"}
    world.remote["main"] = tip = world.git.commit(
        world.git.tree(tree), [world.remote["main"]], message="more"
    )
    with pytest.raises(GitError, match=rf"{STORE}; do it by hand: git revert --mainline 1"):
        take_back(world, issue)
    assert world.remote["main"] == tip
    assert world.history(issue).state is State.MERGED


def test_taking_back_twice_takes_back_once(landed) -> None:
    world, issue = landed
    first = take_back(world, issue)
    tip = world.remote["main"]
    assert take_back(world, issue) == first
    assert world.remote["main"] == tip
    assert [entry.data["event"] for entry in world.history(issue).transitions].count(
        "reverted"
    ) == 1


@pytest.mark.parametrize("method", ["land", "append", "reopen_issue"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_on_the_way_it_is_taken_back_once(landed, method, after) -> None:
    world, issue = landed
    holder = next(
        name for name in ("git", "ledger", "forge") if hasattr(getattr(world, name), method)
    )
    act, calls = getattr(getattr(world, holder), method), []

    def dies(*args, **kwargs):
        calls.append(1)
        if len(calls) > 1:
            return act(*args, **kwargs)
        if after:
            act(*args, **kwargs)
        raise KeyboardInterrupt

    world.decorate(holder, **{method: dies})
    with pytest.raises(KeyboardInterrupt):
        take_back(world, issue)
    landings = len(world.git.landings)
    take_back(world, issue)
    assert files(world) == files(world, world.base)
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert len(world.git.landings) <= max(landings, 2)


def test_a_branch_that_moves_meanwhile_is_tried_again(landed) -> None:
    world, issue = landed
    act, moved = world.git.land, []

    def land(*args, **kwargs):
        if not moved:
            moved.append(True)
            world.push_to_main(NEWS=b"meanwhile\n")
        return act(*args, **kwargs)

    world.decorate("git", land=land)
    take_back(world, issue)
    assert files(world) == {**files(world, world.base), "NEWS": b"meanwhile\n"}


def test_a_branch_that_does_not_hold_it_is_left_alone(landed) -> None:
    world, issue = landed
    world.remote["main"] = world.base
    with pytest.raises(FactoryError, match="does not hold"):
        take_back(world, issue)


def test_nothing_landed_nothing_is_taken_back(tmp_path) -> None:
    world = World(tmp_path)
    with pytest.raises(ConfigError, match="nothing of #7 has landed"):
        take_back(world, 7)
    with pytest.raises(ConfigError, match="nothing of #7 has landed"):
        revert.propose(world.services(), 7)


def test_the_owners_stop_holds_this_back_too(landed) -> None:
    world, issue = landed
    (world.work / "STOP").write_text("")
    tip = world.remote["main"]
    with pytest.raises(Stopped):
        take_back(world, issue)
    assert world.remote["main"] == tip


def test_a_stop_that_comes_while_it_is_pushed_holds_back_what_follows(landed) -> None:
    world, issue = landed
    calm, stop = world.git, world.work / "STOP"

    def push(*args, **kwargs):
        stop.write_text("")
        return calm.push(*args, **kwargs)

    def land(*args, **kwargs):
        stop.write_text("")
        world.push_to_main(NEWS=b"meanwhile\n")
        return calm.land(*args, **kwargs)

    world.decorate("git", push=push, land=land)
    before, opened = files(world), len(world.forge.pull_requests())
    with pytest.raises(Stopped):
        revert.propose(world.services(), issue)
    assert len(world.forge.pull_requests()) == opened
    stop.unlink()
    with pytest.raises(Stopped):
        take_back(world, issue)
    assert files(world) == {**before, "NEWS": b"meanwhile\n"}


def test_what_was_taken_back_can_be_tried_again_by_a_persons_word_and_lands_anew(landed) -> None:
    world, issue = landed
    take_back(world, issue)

    def again(worktree) -> None:
        fixes(worktree)
        path = worktree / STORE
        path.write_text(path.read_text() + "\nBETTER = True\n")

    world.agent.works = [again]
    world.forge.say(issue, "/factory retry", author=world.forge.person("mara", Permission.WRITE))
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert b"BETTER" in files(world)[STORE]
    assert revert.taken_back(history) is None, "the second landing stands"
