import pytest

from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees import RunWorktrees
from tests.redteam.attack import Attack
from tests.repository.conftest import Town
from tests.repository.naive import Author, git


@pytest.fixture
def attack(tmp_path):
    """A factory with a law, and nobody's change yet."""
    forge = tmp_path / "forge.git"
    git(tmp_path, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(forge))
    trusted = TrustedRepository(tmp_path / "home" / "repositories" / "app.git", Remote(str(forge)))
    worktrees = RunWorktrees(trusted, tmp_path / "home" / "worktrees")
    return Attack(Town(home=tmp_path / "home", forge=forge, author=Author(tmp_path / "author", forge), trusted=trusted,
                       worktrees=worktrees, candidates=TrustedCandidates(trusted)))
