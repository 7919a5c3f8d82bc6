"""The branch with a home's state: one commit, moved only by who knows where it is, and bounded."""

import pytest

from harness.domain.errors import GitError, RemoteError
from harness.repository.remote import Remote
from harness.repository.state_branch import BRANCH, FILE, BranchMoved, StateBranch
from tests.fakes.decorated import Decorated
from tests.repository.conftest import NOON
from tests.repository.naive import word

REF = f"refs/heads/{BRANCH}"


@pytest.fixture
def branch(town, tmp_path):
    return StateBranch(tmp_path / "state.git", Remote(str(town.forge)), most=100_000)


def written(branch, content, expected=None):
    return branch.write(content, message="State\n\nof it\n", at=NOON, expected=expected)


def test_a_state_is_read_as_it_was_written_and_the_next_replaces_it(town, branch) -> None:
    assert branch.read() is None
    first = written(branch, b"\0first")
    assert (branch.read().content, branch.read().message) == (b"\0first", "State\n\nof it\n")
    assert branch.read(first).content == b"", "what is known is not fetched again"
    second = written(branch, b"second", first)
    assert (branch.read().commit, branch.read().content) == (second, b"second")
    assert word(town.forge, "rev-list", "--count", REF) == "1", "the branch does not grow"
    assert word(town.forge, "ls-tree", "-r", "--name-only", REF) == FILE


def test_whoever_does_not_know_where_it_is_moves_nothing(town, branch, tmp_path) -> None:
    first = written(branch, b"first")
    second = written(branch, b"second", first)
    other = StateBranch(tmp_path / "other.git", Remote(str(town.forge)))
    for expected in (first, None, "f" * 40):
        with pytest.raises(BranchMoved, match="somebody else moved it"):
            written(other, b"other", expected)
        assert word(town.forge, "rev-parse", REF) == second
    with pytest.raises(BranchMoved):
        other.remove(expected=first)
    other.remove(expected=second)
    assert branch.read() is None
    with pytest.raises(BranchMoved, match="gone"):
        written(branch, b"third", second)


def test_of_two_that_push_at_once_one_loses(town, branch, tmp_path) -> None:
    """The other's push comes between our look and our own push: only git's own comparison sees it."""
    first = written(branch, b"first")
    other = StateBranch(tmp_path / "other.git", Remote(str(town.forge)))

    class Slow(Decorated):
        def run(self, at, command, *arguments):
            if command == "push":
                self.second = written(other, b"second", first)
            return self._own.run(at, command, *arguments)

    remote = Slow(Remote(str(town.forge)))
    slow = StateBranch(tmp_path / "slow.git", remote)
    with pytest.raises(BranchMoved):
        written(slow, b"slow", first)
    assert word(town.forge, "rev-parse", REF) == remote.second
    assert branch.read().content == b"second"


def test_a_push_whose_answer_was_lost_is_known_again(town, tmp_path) -> None:
    class Deaf(Decorated):
        pushes, is_deaf = 0, False

        def run(self, at, command, *arguments):
            result = self._own.run(at, command, *arguments)
            self.pushes += command == "push"
            self.is_deaf = self.pushes == 1
            return result

        def branch_tip(self, at, name):
            if self.is_deaf:
                raise RemoteError("the forge does not answer", retryable=True)
            return self._own.branch_tip(at, name)

    remote = Deaf(Remote(str(town.forge)))
    branch = StateBranch(tmp_path / "state.git", remote)
    with pytest.raises(RemoteError):
        written(branch, b"first")
    assert word(town.forge, "rev-list", "--count", REF) == "1", "it did arrive"
    remote.is_deaf = False
    second = written(branch, b"second")
    assert branch.read().commit == second


def test_a_forge_that_refuses_has_moved_nothing(town, branch) -> None:
    first = written(branch, b"first")
    hook = town.forge / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'GH013: not you' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitError) as caught:
        written(branch, b"second", first)
    assert not isinstance(caught.value, BranchMoved)
    assert branch.read().commit == first


def test_what_is_too_large_is_neither_pushed_nor_read(town, branch, tmp_path) -> None:
    with pytest.raises(GitError, match="100,000"):
        written(branch, b"x" * 100_001)
    larger = StateBranch(tmp_path / "larger.git", Remote(str(town.forge)))
    written(larger, bytes(range(256)) * 500)
    with pytest.raises(GitError, match="at most"):
        branch.read()


@pytest.mark.parametrize("path", ["other", f"folder/{FILE}"])
def test_a_commit_of_somebody_else_is_no_state(town, branch, path) -> None:
    town.author.commit({path: "text\n"}, branch=BRANCH)
    with pytest.raises(GitError, match="none that the factory wrote"):
        branch.read()
