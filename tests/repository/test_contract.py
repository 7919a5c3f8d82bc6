"""What the factory relies on from git, asked of the fake that its own tests use and of the real
thing alike."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.domain.errors import GitError
from harness.domain.facts import ChangeKind
from harness.ports.git import Conflict
from tests.fakes.git import FakeGit
from tests.repository.conftest import NOON, Town

Files = dict[str, bytes | None]  # None: the file goes


class RealWorld:
    """The room's own adapters, and an author with a checkout."""

    def __init__(self, town: Town) -> None:
        self.town, self.repository, self.worktrees, self.candidates = (
            town,
            town.trusted,
            town.worktrees,
            town.candidates,
        )

    def commit(self, files: Files, *, branch: str, start: str | None = None) -> str:
        if start:
            self.town.author.switch(branch, start=start)
        for name in (name for name, content in files.items() if content is None):
            (self.town.author.folder / name).unlink()
        sha = self.town.author.commit(
            {name: data for name, data in files.items() if data is not None}, branch=branch
        )
        self.town.trusted.fetch(branch)
        return sha


class FakeWorld:
    """The fake, and history made by hand."""

    def __init__(self, work: Path) -> None:
        self.git = FakeGit(work, {})
        self.repository = self.worktrees = self.candidates = self.git

    def commit(self, files: Files, *, branch: str, start: str | None = None) -> str:
        tree = {**(self.git.trees[self.git.tree_of(start)] if start else {}), **files}
        sha = self.git.commit(
            self.git.tree({name: data for name, data in tree.items() if data is not None}),
            [start] if start else [],
        )
        self.git.remote[branch] = sha
        return sha


@pytest.fixture(params=["real", "fake"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> RealWorld | FakeWorld:
    makes: dict[str, Callable[[], RealWorld | FakeWorld]] = {
        "real": lambda: RealWorld(request.getfixturevalue("town")),
        "fake": lambda: FakeWorld(tmp_path / "fake"),
    }
    return makes[request.param]()


@pytest.fixture
def base(world) -> str:
    return world.commit({"a": b"1\n", "b": b"1\n", "gone": b"1\n2\n"}, branch="main")


def test_the_tip_is_the_forges_and_a_branch_that_is_not_there_is_an_error(world, base) -> None:
    assert world.repository.tip("main") == world.repository.fetched("main") == base
    with pytest.raises(GitError):
        world.repository.tip("nowhere")
    for ask in (world.repository.fetch, world.repository.fetched):
        with pytest.raises(GitError):
            ask("nowhere")


def test_files_are_read_at_a_commit(world, base) -> None:
    later = world.commit({"a": b"2\n"}, branch="main", start=base)
    assert (world.repository.read(base, "a"), world.repository.read(later, "a")) == (b"1\n", b"2\n")
    assert world.repository.read(base, "nothing") is None
    assert world.repository.files(base) == {b"a": "100644", b"b": "100644", b"gone": "100644"}
    assert world.repository.contains(later, base)
    assert not world.repository.contains(base, later)
    world.repository.verify(later)
    with pytest.raises(GitError):
        world.repository.verify("b" * 40)


def test_a_whole_tree_is_listed_and_read_at_once(world, base) -> None:
    tree = world.repository.tree_of(base)
    listed = [(entry.path, entry.mode, entry.size) for entry in world.repository.entries(tree)]
    assert listed == [(b"a", "100644", 2), (b"b", "100644", 2), (b"gone", "100644", 4)]
    first, same, other = (entry.oid for entry in world.repository.entries(tree))
    assert first == same
    assert list(world.repository.blobs([other, first, same])) == [b"1\n2\n", b"1\n", b"1\n"]


def test_a_diff_tells_kind_lines_and_the_bytes_that_are_new(world, base) -> None:
    head = world.commit({"a": b"1\n2\n", "gone": None, "new": b"n\n"}, branch="work", start=base)
    diff = world.repository.diff(base, head)
    assert [(file.path, file.kind, file.added, file.deleted) for file in diff.files] == [
        (b"a", ChangeKind.MODIFIED, 1, 0),
        (b"gone", ChangeKind.DELETED, 0, 2),
        (b"new", ChangeKind.ADDED, 1, 0),
    ]
    assert diff.added.keys() == {b"a", b"new"}
    assert b"2\n" in diff.added[b"a"]
    assert not diff.too_large
    assert world.repository.diff(base, base).files == ()


def test_the_paths_that_differ_are_those_of_the_diff(world, base) -> None:
    head = world.commit(
        {"a": None, "a/b/c": b"1\n", "a/b.py": b"1\n", "gone": b"1\n", "new": b"n\n"},
        branch="work",
        start=base,
    )
    assert world.repository.changed(base, head) == (b"a", b"a/b.py", b"a/b/c", b"gone", b"new")
    assert sorted(file.path for file in world.repository.diff(base, head).files) == list(
        world.repository.changed(base, head)
    )
    assert world.repository.changed(head, head) == ()


def test_a_worktree_is_the_bases_files_fresh_each_time_and_its_snapshot_their_tree(
    world, base
) -> None:
    folder = world.worktrees.open("r1", base)
    assert (folder / "a").read_bytes() == b"1\n"
    (folder / "a").write_bytes(b"2\n")
    changed = world.candidates.commit(
        world.worktrees.snapshot(folder, base), [base], message="x", at=NOON
    )
    assert world.repository.read(changed, "a") == b"2\n"
    folder = world.worktrees.open("r1", base)
    assert (folder / "a").read_bytes() == b"1\n"
    world.worktrees.close("r1")
    assert not folder.exists()
    world.worktrees.close("r1")


def test_an_export_is_the_tree(world, base, tmp_path) -> None:
    world.worktrees.export(world.repository.tree_of(base), tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {
        "a": b"1\n",
        "b": b"1\n",
        "gone": b"1\n2\n",
    }


def test_the_same_commit_twice_is_one_commit(world, base) -> None:
    tree = world.repository.tree_of(base)
    made = [
        world.candidates.commit(tree, [base], message=words, at=NOON) for words in ("x", "x", "y")
    ]
    assert made[0] == made[1] != made[2]


def test_a_merge_holds_both_sides_and_a_conflict_names_its_paths(world, base) -> None:
    head = world.commit({"a": b"2\n"}, branch="work", start=base)
    other = world.commit({"b": b"2\n", "gone": None}, branch="main", start=base)
    merged = world.candidates.merge(other, head, message="M", at=NOON)
    assert world.repository.files(merged).keys() == {b"a", b"b"}
    assert (world.repository.read(merged, "a"), world.repository.read(merged, "b")) == (
        b"2\n",
        b"2\n",
    )
    against = world.commit({"a": b"3\n"}, branch="against", start=base)
    assert world.candidates.merge(against, head, message="M", at=NOON) == Conflict((b"a",))


def test_a_branch_moves_only_from_where_we_think_it_is(world, base) -> None:
    tree = world.repository.tree_of(base)
    first, second = (
        world.candidates.commit(tree, [base], message=words, at=NOON) for words in ("1", "2")
    )
    world.candidates.push(first, "ours", expected=None)
    world.candidates.push(first, "ours", expected=None)
    with pytest.raises(GitError):
        world.candidates.push(second, "ours", expected=None)
    world.candidates.push(second, "ours", expected=first)
    assert world.repository.tip("ours") == second


@pytest.fixture
def judged(world, base):
    """A candidate, and what it was judged as."""
    head = world.commit({"a": b"2\n"}, branch="work", start=base)
    candidate = world.candidates.merge(base, head, message="M", at=NOON)
    return candidate, {"base": base, "head": head, "tree": world.repository.tree_of(candidate)}


def test_a_candidate_lands_once(world, judged) -> None:
    candidate, bound = judged
    for _ in range(2):
        landing = world.candidates.land(candidate, "main", **bound)
        assert (landing.outcome, landing.tip) == ("landed", candidate)
    assert world.repository.tip("main") == candidate


def test_a_candidate_whose_base_moved_does_not_land(world, judged) -> None:
    candidate, bound = judged
    moved = world.commit({"b": b"2\n"}, branch="main", start=bound["base"])
    landing = world.candidates.land(candidate, "main", **bound)
    assert (landing.outcome, landing.tip) == ("base-moved", moved)
    assert world.repository.tip("main") == moved


def test_what_was_not_judged_is_refused(world, judged, base) -> None:
    _, bound = judged
    orphan = world.candidates.commit(bound["tree"], [], message="x", at=NOON)
    landing = world.candidates.land(orphan, "main", **bound)
    assert (landing.outcome, landing.tip) == ("refused", base)
    assert world.repository.tip("main") == base


def test_a_worktree_that_was_announced_is_the_same_as_one_that_was_not(world, base) -> None:
    world.worktrees.prepare(base)
    worktree = world.worktrees.open("r1", base)
    assert world.worktrees.snapshot(worktree, base) == world.repository.tree_of(base)


def test_a_branch_goes_where_it_is_expected_and_is_left_where_it_is_not(world, base) -> None:
    other = world.commit({"a": b"2\n"}, branch="work", start=base)
    assert world.candidates.remove("work", expected=base) == other
    assert world.candidates.remove("work", expected=other) is None
    assert world.candidates.remove("work", expected=other) is None
    with pytest.raises(GitError):
        world.repository.tip("work")


def test_parents_come_in_order(world, base) -> None:
    head = world.commit({"a": b"2\n"}, branch="work", start=base)
    merged = world.candidates.merge(base, head, message="m", at=NOON)
    assert world.repository.parents_of(merged) == (base, head)
    assert world.repository.parents_of(base) == ()


def test_messages_are_those_of_the_branch_that_have_the_line(world, base) -> None:
    head = world.commit({"a": b"2\n"}, branch="work", start=base)
    merged = world.candidates.merge(
        base, head, message="M\n\nSigned-Here: naïve\n\nand more", at=NOON
    )
    world.candidates.merge(base, head, message="elsewhere\n\nSigned-Here: no", at=NOON)
    last = world.candidates.commit(
        world.repository.tree_of(base),
        [merged],
        message="no Signed-Here: at its beginning",
        at=NOON,
    )
    assert {
        commit: text.rstrip("\n")
        for commit, text in world.repository.messages(last, line="Signed-Here:").items()
    } == {merged: "M\n\nSigned-Here: naïve\n\nand more"}
    assert world.repository.messages(base, line="Signed-Here:") == {}


def test_a_run_that_looks_keeps_its_worktree_until_it_asks_for_another_commit(world, base) -> None:
    later = world.commit({"a": b"2\n"}, branch="main", start=base)
    folder = world.worktrees.ensure("triage-1-1", base)
    (folder / "new").write_bytes(b"here")
    assert world.worktrees.ensure("triage-1-1", base) == folder
    assert (folder / "new").read_bytes() == b"here"
    assert world.worktrees.ensure("triage-1-1", later) == folder
    assert (folder / "a").read_bytes() == b"2\n"
    assert not (folder / "new").exists()
    for _ in range(2):
        world.worktrees.close("triage-1-1", looked=True)
        assert not folder.exists()
    assert (world.worktrees.ensure("triage-1-1", base) / "a").read_bytes() == b"1\n"
