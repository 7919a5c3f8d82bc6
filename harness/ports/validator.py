"""The sealed validator, a program of its own. The harness gives it a request and gets signed facts
back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from harness.domain.judge_request import JudgeRequest
from harness.domain.plain import JsonObject
from harness.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Authored:
    """What may be known of sealed journeys: that they exist, and that they can fail."""

    # sealed · refused · no-journey
    outcome: str
    reason: str
    journeys: int
    digest: str
    red_on_base: bool
    # journeys of what has landed; given where none was written
    guarding: int = 0


@dataclass(frozen=True, slots=True)
class Journeys:
    """Which sealed journeys bind a change for an issue now, and nothing about them."""

    # written for the issue's very text, or put there by a maintainer
    own: int
    # those that guard what has landed
    guarding: int
    # the author has found nothing that a journey could be written for
    declined: bool
    # over all of them; None when there are none
    digest: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A verified verdict, and the rendering of it that may leave."""

    verdict: Verdict
    public: JsonObject
    page: Path


class Standing(StrEnum):
    """What a journey showed about a commit. RED takes two performances with other data; UNSURE is
    no clear answer."""

    GREEN = "green"
    RED = "red"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class JourneyShown:
    """What a journey of landed work showed, by its digest, in words that may leave. `issue` is the
    one that it was written for, 0 for the mission alone."""

    journey: str
    issue: int
    promise: str
    words: str
    standing: Standing
    observed: str


@dataclass(frozen=True, slots=True)
class Observed:
    """A verified observation of one commit. `standing`: how many journeys were to be performed;
    `shown` may have fewer. `reason` is why nothing is known, where nothing is. `url` and
    `environment` name the living place that was observed; empty for the commit alone."""

    commit: str
    tree: str
    key_id: str
    standing: int
    shown: tuple[JourneyShown, ...]
    reason: str
    envelope: Path
    url: str = ""
    environment: str = ""


class Validator(Protocol):
    """Raises ValidatorError when the program could not run; that is never a verdict."""

    def author(self, request: JudgeRequest, out: Path) -> Authored:
        """Have journeys written, proved on base and sealed, for one issue."""
        ...

    def judge(self, request: JudgeRequest, out: Path) -> Judged:
        """Judge one candidate. The signature has been checked against the pinned key when this
        returns."""
        ...

    def observe(self, request: JudgeRequest, out: Path) -> Observed:
        """Perform journeys of landed work on the request's base, and judge no change. The signature
        has been checked, and that it is of this base and run.

        With `living`, they are performed on that place and nothing is started: the signature binds
        its address as well."""
        ...

    def verified(self, envelope: Path) -> Verdict | None:
        """The verdict in an envelope whose signature holds against a pinned key; None when it does
        not."""
        ...

    def journeys(self, request: JudgeRequest) -> Journeys:
        """The sealed journeys that bind a change for an issue on this base, as they are now."""
        ...


class EvidenceReader(Protocol):
    """Looks at what lies behind verdicts, in the judge's own store, without revealing anything of
    it."""

    def evidence_faults(self, envelopes: Sequence[Path]) -> Mapping[Path, str]:
        """Why the evidence behind each verdict is not what it binds; empty where it is. Raises
        ValidatorError when the store cannot be looked at."""
        ...
