"""Events about a change: the answers of the rules, the judge and the forge's checks."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.plain import JsonObject, stored_as
from harness.domain.verdict import Binding, Controls, Regression, VerdictOutcome

NO_REGRESSION = Regression()
"""Of a verdict from before other journeys were performed."""


@dataclass(frozen=True, slots=True)
class JourneyCounts:
    """How many journeys a verdict stands on."""

    sealed: int
    executed: int
    passed: int


@dataclass(frozen=True, slots=True)
class VerdictRecorded(LedgerEvent):
    """The sealed validator judged a change. `envelope` is the signed verdict's path below the home,
    `page` its evidence; `findings` are the judge's public words about what it did not find."""

    kind: ClassVar[str] = "verdict"

    outcome: VerdictOutcome
    reason: str
    binds: Binding
    controls: Controls
    journeys: JourneyCounts
    sandbox_form: str = field(metadata=stored_as("box"))
    envelope: str
    envelope_sha256: str
    key_id: str
    signer: str = ""
    round: int = 1
    page: str = ""
    findings: tuple[JsonObject, ...] = ()
    regression: Regression = NO_REGRESSION
    broken_on_base: tuple[JsonObject, ...] = ()
    checks_passed: int | None = None
    checks: int | None = None
    pictures: int | None = None


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """One rule's answer. `passed` is None where the facts were missing."""

    rule: str
    status: str
    message: str = field(metadata=stored_as("says"))
    passed: bool | None


@dataclass(frozen=True, slots=True)
class FactsRecorded(LedgerEvent):
    """The facts that the rules saw of a change, by name, and each rule's answer."""

    kind: ClassVar[str] = "facts"

    base: str
    head: str
    applies: str
    rules: str
    facts: JsonObject
    action: str | None
    findings: tuple[RuleAnswer, ...]


@dataclass(frozen=True, slots=True)
class VoteCast(LedgerEvent):
    """A model's vote on a rule that models judge. `answer` is as it gave it."""

    kind: ClassVar[str] = "vote"

    rule: str
    vote: int
    answer: JsonObject
    model: str
    seed: int
    nonce: str
    head: str
    cost_usd: Decimal
    rules: str = ""


@dataclass(frozen=True, slots=True)
class CandidateShown(LedgerEvent):
    """The merge candidate was put on a branch, for the forge's checks to see it."""

    kind: ClassVar[str] = "candidate-shown"

    candidate: str
    branch: str
    base: str


@dataclass(frozen=True, slots=True)
class ChecksAnswered(LedgerEvent):
    """The forge's checks on a merge candidate came to an answer, or can no longer give one."""

    kind: ClassVar[str] = "checks-answered"

    candidate: str
    message: str = field(metadata=stored_as("says"))


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule or one entry of the mission, as it stood. `file` is empty, or in parentheses, for a
    built-in rule."""

    id: str
    title: str
    file: str
    line: int
    prose: str
    level: str = ""

    @property
    def is_in_a_file(self) -> bool:
        """Whether somebody could open its file."""
        return bool(self.file) and not self.file.startswith("(")


@dataclass(frozen=True, slots=True)
class RuleTextsKept(LedgerEvent):
    """The words of the policy that runs are begun under, kept once for each digest (the key names
    it)."""

    kind: ClassVar[str] = "law"

    base: str
    governance: str
    clauses: tuple[RuleText, ...]


@dataclass(frozen=True, slots=True)
class JourneyEdited(LedgerEvent):
    """A maintainer added, replaced or removed a sealed journey. `journey` is the digest of the one
    that was there."""

    kind: ClassVar[str] = "journey"

    action: str
    journey: str | None = None
    actor: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrustDecided(LedgerEvent):
    """What one rule of trust decided about the candidate `head`, and on which facts.

    `level` is the area's level then, `granted` what the owner's file gave. `alone` is what follows
    from the confidence alone, whatever the level: merge, review, retry or reject. `follows` is what
    did follow: merge, needs-human, retry or reject; `lifted` by a person's approval. `shadow`: the
    rule itself was only tried. The confidence is `value`, from `low` to `high`, on the `basis` of
    so many `outcomes`; `traits` are the facts of the change that it was asked for."""

    kind: ClassVar[str] = "trust-decided"

    head: str
    rule: str
    paths: tuple[str, ...]
    level: str
    granted: str
    alone: str
    follows: str
    lifted: bool
    shadow: bool
    value: str
    low: str
    high: str
    basis: str
    outcomes: int
    missing: tuple[str, ...]
    traits: JsonObject
