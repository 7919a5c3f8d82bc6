"""What another machine gets of the trusted repository: all that is ours, and nothing that the forge
or a stranger has."""

import os

import pytest

from harness.domain.errors import GitError
from harness.repository.environment import EMPTY_TREE
from harness.repository.own_objects import own_objects, take_objects
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from tests.repository.naive import git, word


@pytest.fixture
def there(town, tmp_path):
    """The same repository on another machine, with nothing in it yet."""
    return TrustedRepository(tmp_path / "there" / "app.git", Remote(str(town.forge)))


@pytest.fixture
def candidate(town):
    """A merge candidate that is on no branch of the forge."""
    base = town.started({"a": "1\n", "large": os.urandom(50_000)})
    head = town.change({"a": "2\n"}, start=base)
    return town.merged(base, head)


def proposed(town, number, commit):
    git(town.forge, "update-ref", f"refs/pull/{number}/head", commit)
    town.trusted.fetch(f"refs/pull/{number}/head")


def test_a_commit_that_no_branch_has_comes_along_with_its_refs(town, there, candidate) -> None:
    town.candidates.keep(candidate, "revert/1")
    found = own_objects(town.trusted, ())
    take_objects(there, found)
    there.verify(candidate)
    assert there.fetched("main") == town.trusted.fetched("main")
    assert word(there.git_dir, "rev-parse", "refs/factory/revert/1") == candidate
    assert len(found.pack) < 5_000, "what the default branch has is fetched from there"
    take_objects(there, found)
    there.verify(candidate)


def test_what_a_stranger_proposes_stays_behind_unless_the_ledger_names_it(
    town, there, candidate
) -> None:
    town.author.switch("theirs", start=town.trusted.fetched("main"))
    theirs = town.author.commit({"bulk": "y" * 90_000}, branch="theirs")
    proposed(town, 5, theirs)
    found = own_objects(town.trusted, ())
    take_objects(there, found)
    with pytest.raises(GitError):
        there.verify(theirs)
    named = own_objects(town.trusted, [f"{{'head': '{theirs}'}}"])
    take_objects(there, named)
    there.verify(theirs)


def test_a_branch_that_was_rewritten_costs_only_what_was_on_it(town, there, candidate) -> None:
    found = own_objects(town.trusted, ())
    git(town.forge, "update-ref", "-d", "refs/heads/work")
    fresh = word(town.forge, "commit-tree", EMPTY_TREE, "-m", "anew")
    git(town.forge, "update-ref", "refs/heads/main", fresh)
    git(town.forge, "prune", "--expire=now")
    take_objects(there, found)
    assert there.fetched("main") == fresh
    with pytest.raises(GitError):
        there.verify(candidate)


def test_of_a_repository_that_was_never_fetched_there_is_nothing(town, there) -> None:
    found = own_objects(town.trusted, ())
    assert (found.branch, found.tip, found.refs, found.pack) == ("", "", "", b"")
    take_objects(there, found)
