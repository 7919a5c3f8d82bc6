"""Commits of the factory's own, and the merge that is judged."""

import shutil

import pytest

from harness.domain.errors import GitError
from harness.ports.git import Conflict
from harness.repository.candidate import Author, TrustedCandidates
from tests.repository.conftest import NOON
from tests.repository.naive import git, word


def test_a_commit_has_author_time_and_message_and_equal_arguments_give_an_equal_sha(town) -> None:
    base = town.started()
    tree = town.trusted.tree_of(base)
    message = "Fix it\n\n#hash and --dash\n\nFactory-Run: r1\nFactory-Rules: sha256:00"
    made = town.candidates.commit(tree, [base], message=message, at=NOON)
    assert (
        town.candidates.commit(tree, [base], message=message, at="2026-05-01T14:00:00+02:00")
        == made
    )
    shown = word(town.trusted.git_dir, "show", "-s", "--format=%an <%ae>%n%cn %cI%n%T %P%n%B", made)
    assert (
        shown == "lights-out-factory <factory@lights-out-factory.invalid>\nlights-out-factory"
        f" 2026-05-01T12:00:00+00:00\n{tree} {base}\n{message}"
    )
    trailers = git(
        town.trusted.git_dir, "interpret-trailers", "--parse", stdin=(message + "\n").encode()
    )
    assert trailers == b"Factory-Run: r1\nFactory-Rules: sha256:00\n"
    other = TrustedCandidates(town.trusted, identity=Author("Other", "other@example.org"))
    assert other.commit(tree, [base], message=message, at=NOON) != made


@pytest.mark.parametrize(
    ("message", "at"),
    [
        ("a\0b", NOON),
        ("x", "yesterday"),
        ("x", "2026-05-01T12:00:00"),
        ("x", "@0 +0000"),
        ("x", ""),
    ],
)
def test_a_message_or_a_time_that_git_would_guess_at_is_refused(town, message, at) -> None:
    base = town.started()
    with pytest.raises(GitError):
        town.candidates.commit(town.trusted.tree_of(base), [base], message=message, at=at)


def test_the_candidate_has_base_and_head_for_parents_and_both_changes_in_its_tree(town) -> None:
    first = town.started({"a": "1\n", "b": "1\n"})
    head = town.change({"a": "2\n"}, start=first)
    base = town.change({"b": "2\n"}, start=first, branch="main")
    candidate = town.merged(base, head)
    assert town.trusted.parents_of(candidate) == (base, head)
    assert (town.trusted.read(candidate, "a"), town.trusted.read(candidate, "b")) == (
        b"2\n",
        b"2\n",
    )
    assert town.merged(base, head) == candidate


def test_a_head_on_top_of_its_base_gets_a_merge_commit_of_its_own(town) -> None:
    base = town.started()
    head = town.change({"a": "1"}, start=base)
    candidate = town.merged(base, head)
    assert candidate != head
    assert town.trusted.tree_of(candidate) == town.trusted.tree_of(head)


def test_a_conflict_names_its_paths_as_bytes(town) -> None:
    first = town.started({"two\nlines": "1\n", "gone": "1\n", "same": "1\n"})
    town.author.switch("work", start=first)
    (town.author.folder / "gone").unlink()
    head = town.change({"two\nlines": "2\n"}, start=first)
    base = town.change({"two\nlines": "3\n", "gone": "2\n"}, start=first, branch="main")
    merged = town.candidates.merge(base, head, message="M", at=NOON)
    assert isinstance(merged, Conflict)
    assert set(merged.paths) == {b"two\nlines", b"gone"}


def test_histories_that_never_met_are_an_error_and_not_a_merge(town) -> None:
    base = town.started()
    stranger = word(town.author.folder, "commit-tree", town.trusted.tree_of(base), "-m", "x")
    git(town.author.folder, "push", "--quiet", "origin", f"{stranger}:refs/heads/stranger")
    town.trusted.fetch("stranger")
    with pytest.raises(GitError, match="unrelated histories"):
        town.candidates.merge(base, stranger, message="M", at=NOON)


def test_a_folder_renamed_on_the_base_does_not_move_new_files_by_guesswork(town) -> None:
    first = town.started({f"old/{name}": f"{name}\n" * 20 for name in "abcd"})
    head = town.change({"old/new": "n\n"}, start=first)
    town.author.switch("main", start=first)
    git(town.author.folder, "mv", "old", "moved")
    base = town.author.commit()
    town.trusted.fetch("main")
    assert b"old/new" in town.trusted.files(town.merged(base, head))


def proposed(town, number, base):
    """A stranger's pull request."""
    town.author.switch("theirs", start=base)
    head = town.author.commit({"bulk": "y" * 90_000}, branch="theirs")
    git(town.forge, "update-ref", f"refs/pull/{number}/head", head)
    return head


def test_what_a_stranger_proposes_is_read_and_merged_apart_and_nothing_of_it_stays(town) -> None:
    base = town.started()
    head = proposed(town, 7, base)
    before = names(town.trusted)
    with town.candidates.apart() as (repository, candidates):
        repository.fetch("refs/pull/7/head")
        made = candidates.merge(base, head, message="as merged", at=NOON)
        assert repository.changed(base, made) == (b"bulk",)
        assert repository.read(made, "bulk") == b"y" * 90_000
        assert repository.tree_of(base) == town.trusted.tree_of(base)
    assert names(town.trusted) == before
    for gone in (head, made):
        with pytest.raises(GitError):
            town.trusted.tree_of(gone)
    assert [path.name for path in town.trusted.git_dir.parent.glob("*.apart")] == []


def test_what_a_killed_factory_left_apart_is_gone_the_next_time(town) -> None:
    base = town.started()
    head = proposed(town, 7, base)
    left = town.trusted.git_dir.with_name(f"{town.trusted.git_dir.name}.apart")
    with town.candidates.apart() as (repository, _):
        repository.fetch("refs/pull/7/head")
        shutil.copytree(left, left.with_name("kept"))
    left.with_name("kept").rename(left)
    with town.candidates.apart() as (repository, _), pytest.raises(GitError):
        repository.tree_of(head)
    assert not left.exists()


def names(trusted):
    """Every object and every ref of a repository."""
    every = ("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return {*git(trusted.git_dir, *every).split(), *git(trusted.git_dir, "for-each-ref").split()}
