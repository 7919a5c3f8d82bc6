"""The two errors with which the launcher stops before there is evidence to fold."""

from __future__ import annotations

from validators.domain.errors import ValidatorsError


class UsageError(ValidatorsError):
    """The judge cannot run: somebody must first change a request, a journey, a key or a path. Exit
    2, and no verdict."""


class Inconclusive(ValidatorsError):
    """The facts are absent, empty, late or unknown, so the verdict is inconclusive."""
