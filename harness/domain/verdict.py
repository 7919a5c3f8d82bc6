"""The sealed validator's verdict, as the harness knows it: an outcome, and what it is bound to.

The validator program has a `Verdict` of its own; tests/golden/verdict.json ties the two, both must
round-trip it."""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Self, TypeVar

from harness.domain.issue import CommitSha, TreeSha
from harness.domain.plain import JsonObject, stored_as

T = TypeVar("T", "Binding", "Controls", "Regression")


class VerdictOutcome(StrEnum):
    """Absent, empty, skipped, timed out and unknown are all INCONCLUSIVE, which is a no."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Binding:
    """Everything a verdict speaks of. When one of these moves, the verdict is void."""

    base: CommitSha
    head: CommitSha
    candidate: CommitSha
    tree: TreeSha
    journeys: str
    governance: str


@dataclass(frozen=True, slots=True)
class Controls:
    """The proof that the gate could have failed, made in the same run as the verdict."""

    negative_controls: int = field(metadata=stored_as("twins"))
    negative_controls_failed: int = field(metadata=stored_as("twins_failed"))
    injected_faults: int = field(metadata=stored_as("saboteurs"))
    faults_caught: int = field(metadata=stored_as("caught"))
    red_on_base: bool

    @property
    def held(self) -> bool:
        """True only if every negative control failed as it must. No control, no approval. Whether
        the change was seen at all is `red_on_base`, and asked for beside this."""
        return (
            0 < self.negative_controls == self.negative_controls_failed
            and 0 < self.faults_caught <= self.injected_faults
        )


@dataclass(frozen=True, slots=True)
class Regression:
    """The journeys of what has landed, which every later change must leave whole. A verdict from
    before there were any has none."""

    # journeys of the issue's own, beside them
    own: int = 0
    # of the regression suite: those that guard what has landed
    guarding: int = field(default=0, metadata=stored_as("standing"))
    performed: int = 0
    # by the limit, for the verdict's seed
    left_out: int = 0
    # red without this change as well: they bind nobody until they are mended
    broken_on_base: int = 0
    promises: int = 0

    @property
    def guarded(self) -> bool:
        """Whether some journey that is green on the base was performed: the issue's own, or one of
        what has landed."""
        return self.own > 0 or self.performed > self.broken_on_base


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verified verdict. Build one only from an envelope whose signature was checked."""

    outcome: VerdictOutcome
    reason: str
    issue: int
    run: str
    round: int
    binds: Binding
    journeys_sealed: int
    journeys_executed: int
    journeys_passed: int
    controls: Controls
    sandbox_form: str
    sandbox_unheld: tuple[str, ...]
    seed: int
    signer: str
    key_id: str
    evidence_root: str
    regression: Regression = Regression()

    @classmethod
    def from_predicate(cls, predicate: JsonObject, *, key_id: str) -> Self:
        """Read the in-toto predicate. Raises KeyError or ValueError on anything missing or
        unknown."""
        journeys, controls = predicate["journeys"], predicate["controls"]
        sandbox = predicate["box"]
        return cls(
            outcome=VerdictOutcome(predicate["outcome"]),
            reason=str(predicate["reason"]),
            issue=int(predicate["issue"]),
            run=str(predicate["run"]),
            round=int(predicate["round"]),
            binds=_known(Binding, predicate["binds"]),
            journeys_sealed=int(journeys["sealed"]),
            journeys_executed=int(journeys["executed"]),
            journeys_passed=int(journeys["passed"]),
            controls=_known(Controls, controls),
            sandbox_form=str(sandbox["form"]),
            sandbox_unheld=tuple(sandbox["unheld"]),
            seed=int(predicate["seed"]),
            signer=str(predicate["signer"]),
            key_id=key_id,
            evidence_root=str(predicate["evidence"]["merkle_root"]),
            regression=_known(Regression, predicate["regression"])
            if "regression" in predicate
            else Regression(),
        )


def _known(kind: type[T], document: JsonObject) -> T:
    """The parts that this reader knows; a predicate may gain others. Raises KeyError where one of
    these is missing."""
    # Every key is required here: a predicate that lacks one is not read as a default.
    keys = {one.name: one.metadata.get("key", one.name) for one in fields(kind)}
    return kind(**{name: document[key] for name, key in keys.items()})
