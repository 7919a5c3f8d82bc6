"""A forge that is a folder, an author who pushes to it, and the factory's own repository beside
them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from tests.repository.naive import Author, start_empty

NOON = "2026-05-01T12:00:00+00:00"


@dataclass
class Town:
    """Everything that one test needs, with real git throughout."""

    home: Path
    forge: Path
    author: Author
    trusted: TrustedRepository
    worktrees: RunWorktrees
    candidates: TrustedCandidates

    def candidates_at(self, remote: Remote) -> TrustedCandidates:
        """Candidates of the same repository that are pushed to another remote."""
        return TrustedCandidates(TrustedRepository(self.trusted.git_dir, remote))

    def started(self, files: dict[str | bytes, bytes | str] | None = None) -> str:
        """A first commit on main, fetched."""
        base = self.author.commit(files or {"app.py": "print('hello')\n"})
        self.trusted.fetch("main")
        return base

    def change(
        self, files: dict[str | bytes, bytes | str], *, start: str, branch: str = "work"
    ) -> str:
        """A commit on a branch of its own, pushed and fetched."""
        self.author.switch(branch, start=start)
        head = self.author.commit(files, branch=branch)
        self.trusted.fetch(branch)
        return head

    def merged(self, base: str, head: str) -> str:
        """The candidate of two commits that do not conflict."""
        candidate = self.candidates.merge(base, head, message="Merge", at=NOON)
        assert isinstance(candidate, str)
        return candidate


@pytest.fixture
def town(tmp_path: Path) -> Town:
    forge = tmp_path / "forge.git"
    start_empty(forge)
    trusted = TrustedRepository(tmp_path / "home" / "repositories" / "app.git", Remote(str(forge)))
    return Town(
        home=tmp_path / "home",
        forge=forge,
        author=Author(tmp_path / "author", forge),
        trusted=trusted,
        worktrees=RunWorktrees(trusted, tmp_path / "home" / "worktrees"),
        candidates=TrustedCandidates(trusted),
    )
