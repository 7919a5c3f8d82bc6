"""Events of a run: its start and end, its nodes, and what models did and cost."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.model_choice.breaker import ModelSignal
from harness.domain.plain import OPTIONAL, JsonObject, stored_as
from harness.domain.workflow import NodeResult
from harness.domain.workflow_run import RunStatus


@dataclass(frozen=True, slots=True)
class RunStarted(LedgerEvent):
    """A run of `workflow` began. `base` is the commit it works on, `rules` the digest of the policy
    there, `anchor` a signed line that names the ledger's end at that moment."""

    kind: ClassVar[str] = "run"

    workflow: str
    number: int
    base: str
    rules: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded(LedgerEvent):
    """A run came to its end."""

    kind: ClassVar[str] = "run-ended"

    status: RunStatus
    reason: str = field(default="", metadata=stored_as("says"))


@dataclass(frozen=True, slots=True)
class NodeEnded(LedgerEvent):
    """An attempt at a node of a workflow ended with a result."""

    kind: ClassVar[str] = "node"

    node: str
    attempt: int
    result: NodeResult


@dataclass(frozen=True, slots=True)
class UsageRecorded(LedgerEvent):
    """What one model session used. A decimal text holds the US dollars."""

    kind: ClassVar[str] = "usage"

    role: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class ModelTried(LedgerEvent):
    """A model did its part in a run, failed, or is tried again."""

    kind: ClassVar[str] = "model"

    role: str
    model: str
    signal: ModelSignal = field(metadata=stored_as("sound"))
    message: str = field(default="", metadata=stored_as("says"))


@dataclass(frozen=True, slots=True)
class ModelSubstituted(LedgerEvent):
    """A model plays a role in place of the one that comes first, and why."""

    kind: ClassVar[str] = "cast"

    role: str
    model: str
    in_place_of: str
    why: str


@dataclass(frozen=True, slots=True)
class ApproachChanged(LedgerEvent):
    """An attempt is made otherwise than those before: with another tier of models, a diagnosis, a
    smaller part. `last` is how the last one failed, `failed` the entries of those that did."""

    kind: ClassVar[str] = "escalation"

    tier: int
    diagnosed: bool
    split: bool
    message: str = field(metadata=stored_as("says"))
    last: str
    failed: tuple[int, ...] = ()
    rules: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A model's account of what went wrong. `quotes` are from what it was shown."""

    cause: str
    what_went_wrong: str
    do_next: str
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiagnosisGiven(LedgerEvent):
    """A model was asked what went wrong before. None where its answer was dropped;
    `dropped` is why. `of` are the entries of the failed attempts."""

    kind: ClassVar[str] = "diagnosis"

    model: str
    diagnosis: Diagnosis | None
    dropped: str = ""
    of: tuple[int, ...] = ()
    rules: str = ""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step of a plan: what it makes true, the files it changes, and how to see that it is
    done."""

    does: str
    touches: tuple[str, ...]
    done_when: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as far as it holds. `reads` are files to read first, `gaps` what the issue leaves
    open, `dropped` what was wrong."""

    approach: str
    reads: tuple[str, ...]
    steps: tuple[PlanStep, ...]
    gaps: tuple[str, ...]
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanMade(LedgerEvent):
    """A model planned an attempt."""

    kind: ClassVar[str] = "plan"

    model: str
    plan: Plan
    rules: str = ""


@dataclass(frozen=True, slots=True)
class ReviewGiven(LedgerEvent):
    """A model reviewed the change at `head` through one lens. `answer` is as the model gave it."""

    kind: ClassVar[str] = "review"

    lens: str
    model: str
    head: str
    nonce: str
    answer: JsonObject
    rules: str = ""


@dataclass(frozen=True, slots=True)
class CommandReported(LedgerEvent):
    """A command of the project failed in a run, and what it printed."""

    kind: ClassVar[str] = "report"

    command: str
    message: str = field(metadata=stored_as("says"))
    printed: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class ContextShown(LedgerEvent):
    """What an agent was shown of the repository at the start. `left_out` counts what did not fit
    the budget of tokens."""

    kind: ClassVar[str] = "context"

    manifest: str = ""
    base: str = ""
    tokens: int = 0
    budget: int = 0
    files: tuple[str, ...] = ()
    left_out: int = 0
    lessons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LessonNoted(LedgerEvent):
    """A model noted a lesson: a new one has an `id`, one that is known names it in `same_as`."""

    kind: ClassVar[str] = "lesson"

    sentence: str = field(metadata=stored_as("says"))
    file: str
    quote: str
    base: str
    role: str
    id: str = field(default="", metadata=OPTIONAL)
    same_as: str = field(default="", metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class LessonMarked(LedgerEvent):
    """A person pinned a lesson, retired it, or took the earlier word back."""

    kind: ClassVar[str] = "lesson-mark"

    id: str
    word: str
    why: str = ""
