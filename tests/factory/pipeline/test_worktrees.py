"""Each run of triage, implement and validate has a git worktree of its own: at the right commit
while it runs, made anew where it is gone, and closed at its end."""

import shutil
import time
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.domain.events import WorkflowRequested
from harness.domain.lifecycle import State
from harness.log import NODE_ENDED
from harness.repository.worktrees.adapter import RunWorktrees
from harness.repository.worktrees.pool import POOL
from tests.factory.demands import STORE
from tests.factory.sandboxes import CommandSandbox, ended
from tests.factory.trusting import landed_before, trusting
from tests.factory.world import World, edits_the_rules
from tests.fakes.forge import FakeForge
from tests.fakes.log import LogEntries
from tests.fakes.people import FakeAgent
from tests.repository.naive import git, word

SHIPPED = sorted(path.stem for path in (Path(__file__).parents[3] / "workflows").glob("*.yaml"))
NONE = ""


class Refs(MutableMapping[str, str]):
    """The branches of a forge that is a folder, as they are now."""

    def __init__(self, forge: Path) -> None:
        self.forge = forge

    def __getitem__(self, branch: str) -> str:
        found = word(self.forge, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        if not found:
            raise KeyError(branch)
        return found

    def __setitem__(self, branch: str, commit: str) -> None:
        git(self.forge, "update-ref", f"refs/heads/{branch}", commit)

    def __delitem__(self, branch: str) -> None:
        git(self.forge, "update-ref", "-d", f"refs/heads/{branch}")

    def __iter__(self) -> Iterator[str]:
        yield from word(self.forge, "for-each-ref", "--format=%(refname:lstrip=2)").split()

    def __len__(self) -> int:
        return len(list(iter(self)))


@dataclass
class GitWorld(World):
    """A factory whose git is real. `shown` has the commit of each run's worktree after each of its
    nodes, as `git worktree list` in the run's store shows it; with `loses` it is deleted then."""

    town: Any = None
    loses: bool = False
    shown: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.base = self.town.started(self.git.trees[self.git.tree_of(self.base)])
        self.forge = FakeForge(Refs(self.town.forge), self.town.trusted.contains)
        self.worktrees: Any = self.town.worktrees
        self.folder = self.town.home / "worktrees"
        self.log = LogEntries(self._look)

    def services(self):
        return replace(
            super().services(),
            repository=self.town.trusted,
            worktrees=self.worktrees,
            candidates=self.town.candidates,
        )

    def _look(self, event: str) -> None:
        if event == NODE_ENDED:
            ended = self.log.written[-1]
            shown = self.shown.setdefault(ended.run, {})
            # Of two attempts at a node the first counts: it is the one that had just begun.
            shown.setdefault(ended.node, listed(self.folder / ended.run))
            if self.loses and not ended.run.startswith("implement"):
                shutil.rmtree(self.folder / ended.run, ignore_errors=True)

    def outputs(self, issue: int, run: str) -> dict[str, Any]:
        return {
            entry.event.node: entry.event.result.output
            for entry in self.history(issue).nodes
            if entry.run == run
        }

    def right(self, issue: int, run: str) -> dict[str, str]:
        """The commit that the run's worktree has to show after each node."""
        outputs = self.outputs(issue, run)
        nodes = list(outputs)
        match run.partition("-")[0]:
            case "triage":
                return dict.fromkeys(nodes, self.base)
            case "implement":
                # From the agent's work to the moment at which the proposal is out.
                has_one = nodes[nodes.index("build") : nodes.index("propose")]
                start = outputs["prepare"]["start"]
                return {node: start if node in has_one else NONE for node in nodes}
            case "validate":
                candidate = outputs["candidate"]["candidate"]
                return {node: candidate if node != "candidate" else NONE for node in nodes}
            case "merge":
                # A landing moves a branch. It has no files to look at.
                return dict.fromkeys(nodes, NONE)
        raise AssertionError(f"the workflow of {run} is new: which commit does its worktree show?")


def listed(place: Path) -> str:
    """The commit of a run's worktree as git lists it, where its files are those of the commit."""
    if not (place / "store.git").is_dir():
        return NONE
    trees = word(place / "store.git", "worktree", "list", "--porcelain").split("\n\n")
    (own,) = [dict(line.partition(" ")[::2] for line in tree.splitlines()) for tree in trees[1:]]
    assert own["worktree"] == str(place / "worktree")
    assert "prunable" not in own
    assert (place / "worktree" / "factory.toml").is_file()
    return own["HEAD"]


@pytest.fixture
def world(town, tmp_path) -> GitWorld:
    return GitWorld(tmp_path / "world", town=town)


def until(holds: Callable[[], bool], *, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def left(world: GitWorld) -> list[str]:
    return sorted(path.name for path in world.folder.glob("[!.]*"))


@pytest.mark.parametrize("loses", [False, True], ids=["kept", "lost-between-nodes"])
def test_each_run_of_each_shipped_workflow_has_its_worktree_while_it_runs_and_none_after(
    world, loses
) -> None:
    world.loses = loses
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    runs = [str(entry.run) for entry in world.history(issue).runs]
    assert sorted(run.partition("-")[0] for run in runs) == SHIPPED
    assert {run: world.shown[run] for run in runs} == {run: world.right(issue, run) for run in runs}
    assert left(world) == []


def appends(line: str) -> Callable[[Path], None]:
    def work(worktree: Path) -> None:
        path = worktree / STORE
        path.write_text(f"{path.read_text()}\n{line}\n")

    return work


def mends(worktree: Path) -> None:
    path = worktree / STORE
    path.write_text(path.read_text().replace("BROKEN", "WHOLE"))


def shown_after_triage(world: GitWorld, issue: int) -> dict[str, dict[str, str]]:
    """What each run's worktree showed, where it is not what it had to show; and that each run of
    the issue that works on the change was looked at."""
    runs = [str(entry.run) for entry in world.history(issue).runs][1:]
    assert set(runs) <= set(world.shown)
    return {run: world.shown[run] for run in runs if world.shown[run] != world.right(issue, run)}


def test_a_run_that_mends_what_its_landing_broke_has_a_worktree_of_its_own(world, town) -> None:
    world.agent = FakeAgent(appends("BROKEN = True"), mends)
    issue = world.file()
    world.tick()
    world.validator.guard(
        "sha256:j", lambda at: "red" if b"BROKEN" in town.trusted.read(at, STORE) else "green"
    )
    world.ledger.clock.at += timedelta(days=1)
    for _ in range(2):
        world.tick()
    history = world.history(issue)
    assert (history.state, history.runs_of("implement")) == (State.MERGED, 2)
    assert shown_after_triage(world, issue) == {}
    assert left(world) == []


@pytest.mark.soak("three runs; the one that mends shows what a later run of the same issue has")
def test_a_run_after_a_low_confidence_has_a_worktree_of_its_own(world, town) -> None:
    rules = town.trusted.read(world.base, "factory_rules.md").decode() + trusting()
    world.base = town.author.commit({"factory_rules.md": rules.encode()}, branch="main")
    landed_before(world, stayed=10, amended=10)
    world.agent = FakeAgent(appends("AGAIN = True"))
    issue = world.file()
    world.tick()
    assert world.history(issue).runs_of("implement") == 3
    assert shown_after_triage(world, issue) == {}


def test_a_command_of_ones_own_workflow_that_changes_files_has_a_worktree_at_the_base(
    world, town
) -> None:
    document = b"name: own\nnodes:\n  - {id: pin, run: [pin], files: [pins.txt]}\n"
    world.base = town.author.commit({"workflows/own.yaml": document}, branch="main")
    shown, folder = [], world.folder

    def pins(spec: Any, at: Path) -> Any:
        (at / "pins.txt").write_text("pinned\n")
        return ended()

    def snapshot(at: Path, base: str) -> str:
        shown.append((at.parent.name, listed(folder / at.parent.name)))
        return town.worktrees.snapshot(at, base)

    world.sandbox = CommandSandbox(pins)
    world.decorate("worktrees", snapshot=snapshot)
    world.ledger.append(WorkflowRequested("own", {}), "workflow-requested/0")
    world.tick()
    assert [base for _, base in shown] == [world.base]
    assert shown[0][0].endswith(".pin")
    assert left(world) == []


def test_what_an_agent_left_stays_for_the_person_who_is_asked(world) -> None:
    world.agent = FakeAgent(edits_the_rules)
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert left(world) == [f"implement-{issue}-1"]


def test_a_failed_attempt_leaves_no_worktree_when_the_next_one_begins(world) -> None:
    world.agent = FakeAgent(lambda worktree: None, edits_the_rules)
    issue = world.file()
    world.tick()
    assert left(world) == [f"implement-{issue}-2"]


def test_a_triage_takes_a_worktree_that_is_ready_and_gives_it_back(world, town) -> None:
    world.worktrees = RunWorktrees(town.trusted, world.folder, warm=1)
    world.worktrees.prepare(world.base)
    until(lambda: world.worktrees.ready(world.base) == 1)
    (ready,) = world.folder.glob(f"{POOL}*")
    file = (ready / "worktree" / "factory.toml").stat().st_ino
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.shown[f"triage-{issue}-1"]["classify"] == world.base
    (back,) = world.folder.glob(f"{POOL}*")
    assert (back / "worktree" / "factory.toml").stat().st_ino == file


def test_a_base_that_no_worktree_can_show_is_triaged_all_the_same(world) -> None:
    (world.town.author.folder / "away").symlink_to("/etc")
    world.base = world.town.author.commit({}, branch="main")
    issue = world.file()
    world.tick(states=frozenset({State.UNTRIAGED}))
    assert world.history(issue).state is State.ACCEPTED
    assert {entry.node for entry in world.log.of("worktree-failed")} == set(
        world.shown[f"triage-{issue}-1"]
    )
    assert left(world) == []
