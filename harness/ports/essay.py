"""Essays: what a repository says that bears on one question."""

from typing import Protocol

from harness.domain.essay import Essay, EssayRequest


class Essays(Protocol):
    """Writes an essay on a repository at a commit."""

    def essay(self, request: EssayRequest) -> Essay:
        """The same commit and the same request give the same bytes.

        Raises GitError where the commit cannot be read. What else goes wrong leaves the repository
        out of the essay, and its manifest says why: an agent can still look for itself."""
        ...
