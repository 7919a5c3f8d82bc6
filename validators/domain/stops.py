"""The two ways in which the launcher stops before a verdict can be reached by looking at
evidence."""

from __future__ import annotations

from validators.domain.errors import ValidatorsError


class UsageError(ValidatorsError):
    """Somebody must change a request, a journey, a key or a place before the judge can run. Exit 2,
    and no verdict."""


class Inconclusive(ValidatorsError):
    """The facts do not carry a verdict: it becomes an inconclusive one. Absent, empty, timed out
    and unknown end here."""
