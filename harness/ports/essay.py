"""Essays: the parts of a repository that bear on one question."""

from typing import Protocol

from harness.domain.essay import Essay, EssayRequest


class Essays(Protocol):
    """Writes an essay on a repository at a commit."""

    def essay(self, request: EssayRequest) -> Essay:
        """The same commit and the same request give the same bytes.

        Raises GitError where the commit cannot be read. What else goes wrong leaves the repository
        out of the essay, and its manifest gives the reason: an agent can still look for itself."""
        ...
