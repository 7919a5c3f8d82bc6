"""Housekeeping of the trusted repository: what the ledger names stays for good, what nothing names
goes when it is old."""

import json
import os
import time
from datetime import timedelta

import pytest

from harness.domain.errors import GitError
from harness.repository.objects import existing
from harness.repository.prune import KEPT, prune
from tests.repository.conftest import NOON
from tests.repository.naive import git

LONG_AGO = time.time() - 60 * 86_400


def aged(town) -> None:
    """As if everything had been written two months ago."""
    for folder, _, names in os.walk(town.trusted.git_dir / "objects"):
        for name in names:
            os.utime(os.path.join(folder, name), (LONG_AGO, LONG_AGO))


def changed(town, base: str, text: str) -> str:
    """A commit that is on no branch, as every change is before it lands."""
    worktree = town.worktrees.open("r1", base)
    (worktree / "app.py").write_text(text)
    return town.candidates.commit(
        town.worktrees.snapshot(worktree, base), [base], message="x", at=NOON
    )


@pytest.fixture
def base(town) -> str:
    return town.started()


def test_a_commit_that_an_entry_names_stays_with_all_that_it_leads_to(town, base) -> None:
    head, other = changed(town, base, "one\n"), changed(town, base, "two\n")
    aged(town)
    prune(town.trusted, [json.dumps({"result": {"head": head}})])
    town.trusted.verify(head)
    assert town.trusted.read(head, "app.py") == b"one\n"
    assert town.trusted.fetched("main") == base
    assert existing(town.trusted.git, [other]) == ()
    assert git(town.trusted.git_dir, "fsck", "--full", "--strict") == b""


def test_what_strangers_proposed_goes(town, base) -> None:
    town.author.switch("theirs", start=base)
    theirs = town.author.commit({"bulk": "y"}, branch="theirs")
    git(town.forge, "update-ref", "refs/pull/7/head", theirs)
    town.trusted.fetch("refs/pull/7/head")
    aged(town)
    prune(town.trusted, [])
    assert existing(town.trusted.git, [theirs]) == ()


def test_a_tree_that_an_entry_names_stays(town, base) -> None:
    tree = town.trusted.tree_of(changed(town, base, "one\n"))
    aged(town)
    prune(town.trusted, [f"tree {tree}."])
    assert existing(town.trusted.git, [tree]) == (tree,)


def test_what_is_young_stays_though_nothing_names_it_yet(town, base) -> None:
    head = changed(town, base, "one\n")
    prune(town.trusted, [])
    town.trusted.verify(head)


def test_what_was_packed_once_goes_as_well(town, base) -> None:
    head = changed(town, base, "one\n")
    aged(town)
    prune(town.trusted, [head], patience=timedelta(days=14))
    git(town.trusted.git_dir, "update-ref", "-d", f"{KEPT}/{head}")
    aged(town)
    prune(town.trusted, [])
    assert existing(town.trusted.git, [head]) == ()
    town.trusted.verify(base)


def test_not_even_a_housekeeping_by_hand_takes_what_an_entry_names(town, base) -> None:
    head = changed(town, base, "one\n")
    prune(town.trusted, [head])
    aged(town)
    git(town.trusted.git_dir, "gc", "--quiet", "--prune=now")
    town.trusted.verify(head)


def test_it_can_be_done_again_and_a_name_of_nothing_is_no_matter(town, base) -> None:
    head = changed(town, base, "one\n")
    for _ in range(2):
        prune(town.trusted, [head, "a" * 40, "no name at all", "f" * 64])
    assert town.trusted.tree_of(head)
    assert git(
        town.trusted.git_dir, "for-each-ref", "--format=%(refname)", KEPT
    ).decode().split() == [f"{KEPT}/{head}"]


def test_the_run_stores_still_hold_one_commit_and_see_no_ref(town, base) -> None:
    head = changed(town, base, "one\n")
    prune(town.trusted, [head])
    worktree = town.worktrees.open("r2", head)
    assert git(worktree, "for-each-ref") == b""
    assert git(worktree, "log", "--all", "--format=%H").decode().split() == [head]
    assert git(worktree.parent / "store.git", "ls-remote", str(town.trusted.git_dir)) == b""


def test_a_repository_that_somebody_else_changed_is_not_touched(town, base) -> None:
    (town.trusted.git_dir / "objects" / "info" / "alternates").write_text("/somewhere\n")
    with pytest.raises(GitError, match="never wrote that"):
        prune(town.trusted, [])
