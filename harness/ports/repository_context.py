"""The parts of a repository that bear on one question."""

from typing import Protocol

from harness.domain.repository_context import ContextRequest, RepositoryContext


class RepositoryContexts(Protocol):
    """Writes the context of a question, from a repository at a commit."""

    def context(self, request: ContextRequest) -> RepositoryContext:
        """The same commit and the same request give the same bytes.

        Raises GitError where the commit cannot be read. What else goes wrong leaves the repository
        out, and the manifest gives the reason: an agent can still look for itself."""
        ...
