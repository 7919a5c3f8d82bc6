"""A tree on disk is that tree, whatever it carries."""

import os

import pytest

from harness.domain.errors import GitError
from tests.repository.naive import bytes_below, git


@pytest.fixture
def umask_of_a_careful_operator():
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_files_and_modes_are_the_trees_whatever_the_umask(
    town, umask_of_a_careful_operator
) -> None:
    (town.author.folder / "run.sh").touch()
    (town.author.folder / "run.sh").chmod(0o755)
    base = town.started({"run.sh": "x", "d/e/f": b"\0\r\n"})
    town.worktrees.export(town.trusted.tree_of(base), town.home / "out")
    assert bytes_below(town.home / "out") == {
        b"run.sh": (0o755, b"x"),
        b"d/e/f": (0o644, b"\0\r\n"),
    }
    assert (town.home / "out" / "d" / "e").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_is_not_fresh_is_refused(town) -> None:
    base = town.started()
    (town.home / "out").mkdir()
    (town.home / "out" / "sitecustomize.py").write_text("evil")
    with pytest.raises(GitError, match="is not empty"):
        town.worktrees.export(town.trusted.tree_of(base), town.home / "out")


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "d/../../outside", "d/../.."])
def test_a_link_that_leaves_the_tree_is_refused(town, target) -> None:
    (town.author.folder / "link").symlink_to(target)
    base = town.started()
    with pytest.raises(GitError, match="leaves the tree"):
        town.worktrees.export(town.trusted.tree_of(base), town.home / "out")


def test_a_link_within_the_tree_stays_one(town) -> None:
    (town.author.folder / "d").mkdir()
    (town.author.folder / "d" / "link").symlink_to("../app.py")
    base = town.started({"app.py": "x"})
    town.worktrees.export(town.trusted.tree_of(base), town.home / "out")
    assert os.readlink(town.home / "out" / "d" / "link") == "../app.py"


def test_a_tree_larger_than_one_chunk_arrives_whole(town) -> None:
    large = bytes(11 << 20)
    base = town.started({"a": large, "b": large[1:], "c": large[2:], "d": b"last"})
    town.worktrees.export(town.trusted.tree_of(base), town.home / "out")
    assert {name: len(data) for name, (_, data) in bytes_below(town.home / "out").items()} == {
        b"a": len(large),
        b"b": len(large) - 1,
        b"c": len(large) - 2,
        b"d": 4,
    }


def test_what_is_not_there_cannot_be_exported(town) -> None:
    town.started()
    with pytest.raises(GitError):
        town.worktrees.export("b" * 40, town.home / "out")
    assert git(town.trusted.git_dir, "fsck", "--no-dangling") == b""
