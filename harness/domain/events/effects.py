"""Effects on the world: the intent before the act, and the confirmed result after it.

Each effect has a type of its own, with the fields of its result."""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.plain import OPTIONAL, JsonDict, JsonObject, plain


@dataclass(frozen=True, slots=True)
class EffectIntended(LedgerEvent):
    """An effect is about to be made."""

    kind: ClassVar[str] = "intent"

    effect: str


class EffectDone(LedgerEvent):
    """An effect was made. A subclass names it in `effect` and has the result's fields."""

    __slots__ = ()
    kind: ClassVar[str] = "done"
    effect: ClassVar[str]

    @property
    def result(self) -> JsonObject:
        """The result as the ledger keeps it."""
        result: JsonObject = plain(self)
        return result

    def document(self) -> JsonDict:
        return {"effect": self.effect, "result": dict(self.result)}


@dataclass(frozen=True, slots=True)
class OtherEffectDone(EffectDone):
    """An effect that this version does not know: another version made it."""

    # elsewhere the class has it
    effect: str  # type: ignore[misc]
    content: JsonObject

    @property
    def result(self) -> JsonObject:
        return self.content


@dataclass(frozen=True, slots=True)
class ProposalPushed(EffectDone):
    """The change was pushed to its branch, and its pull request is open."""

    effect: ClassVar[str] = "propose"

    number: int
    branch: str
    head: str
    base: str = field(default="", metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class Landed(EffectDone):
    """The change landed on `branch` as `commit`. `verdict` is the key of the entry it stands on,
    `by` who wrote the branch: the factory's push, or the forge's API."""

    effect: ClassVar[str] = "land"

    commit: str
    tree: str
    branch: str
    verdict: str = ""
    base: str = field(default="", metadata=OPTIONAL)
    by: str = field(default="", metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class IssueClosed(EffectDone):
    """The issue was closed, because its change landed."""

    effect: ClassVar[str] = "close"

    issue: int


@dataclass(frozen=True, slots=True)
class IssueExpired(EffectDone):
    """The issue was closed, because the time ran out that its filer was given."""

    effect: ClassVar[str] = "close-in-time"

    issue: int


@dataclass(frozen=True, slots=True)
class CandidatePushed(EffectDone):
    """The merge candidate's branch is on the forge."""

    effect: ClassVar[str] = "show-candidate"

    branch: str
    candidate: str


@dataclass(frozen=True, slots=True)
class CandidateRemoved(EffectDone):
    """The merge candidate's branch was removed. `left` is why it is still there."""

    effect: ClassVar[str] = "take-candidate-back"

    branch: str
    left: str | None = None


@dataclass(frozen=True, slots=True)
class RevertMade(EffectDone):
    """The revert of the landed commit `of` is ready as `commit`. `at` is its time, ISO 8601."""

    effect: ClassVar[str] = "revert-ready"

    commit: str
    of: str
    ref: str
    at: str


@dataclass(frozen=True, slots=True)
class RevertProposed(EffectDone):
    """A pull request that takes the landed commit `of` back is open."""

    effect: ClassVar[str] = "revert-proposed"

    number: int
    branch: str
    of: str


@dataclass(frozen=True, slots=True)
class Reverted(EffectDone):
    """The landed commit `of` was taken back: `commit` is now on `branch`."""

    effect: ClassVar[str] = "reverted"

    commit: str
    of: str
    branch: str
