"""The sealed validator, a program of its own. The harness gives it a request and gets signed facts back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Authored:
    """What may be known of sealed journeys: that they exist, and that they can fail."""

    outcome: str                # sealed · refused · no-journey
    reason: str
    journeys: int
    digest: str
    red_on_base: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """A verified verdict, and the rendering of it that may leave."""

    verdict: Verdict
    public: Mapping[str, Any]
    page: Path


class Validator(Protocol):
    """Raises ValidatorError when the program could not run; that is never a verdict."""

    def author(self, request: Mapping[str, Any], out: Path) -> Authored:
        """Have journeys written, proved red on base and sealed, for one issue."""
        ...

    def judge(self, request: Mapping[str, Any], out: Path) -> Judged:
        """Judge one candidate. The signature has been checked against the pinned key when this returns."""
        ...

    def verified(self, envelope: Path) -> Verdict | None:
        """The verdict in an envelope whose signature holds against a pinned key; None when it does not."""
        ...

    def journeys_digest(self, request: Mapping[str, Any]) -> str | None:
        """Digest of the sealed journeys for an issue as they are now, or None when there are none."""
        ...
