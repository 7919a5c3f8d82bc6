"""Events of the project's own workflows: asked for, started, waiting, answered; their effects."""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.events.effects import EffectDone
from harness.domain.plain import JsonObject


@dataclass(frozen=True, slots=True)
class WorkflowSeen(LedgerEvent):
    """The factory saw a schedule of this workflow for the first time. Hours before count as
    served."""

    kind: ClassVar[str] = "workflow-seen"

    workflow: str


@dataclass(frozen=True, slots=True)
class WorkflowRequested(LedgerEvent):
    """A person at the factory asked for a run of this workflow."""

    kind: ClassVar[str] = "workflow-requested"

    workflow: str
    input: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WorkflowStarted(LedgerEvent):
    """A run of this workflow began at the commit `base`, with the policy of the digest `rules`.
    `cause` is `hand`, `schedule` or `call`; `parent` is the run whose `node` called it."""

    kind: ClassVar[str] = "workflow-run"

    workflow: str
    base: str
    rules: str
    cause: str
    input: JsonObject = field(default_factory=dict)
    parent: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowRefused(LedgerEvent):
    """A request or an hour of this workflow started nothing, and why."""

    kind: ClassVar[str] = "workflow-refused"

    workflow: str
    why: str


@dataclass(frozen=True, slots=True)
class WaitBegan(LedgerEvent):
    """A node waits until that moment (ISO 8601)."""

    kind: ClassVar[str] = "wait"

    node: str
    until: str


@dataclass(frozen=True, slots=True)
class ApprovalAsked(LedgerEvent):
    """A person is asked on the issue of this number, from `since` until `until` (ISO 8601)."""

    kind: ClassVar[str] = "approval-asked"

    node: str
    number: int
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class ApprovalGiven(LedgerEvent):
    """A person answered, by the comment of this number. `decision` is `approve`, `revise` or
    `reject`, `permission` what the forge said they may do."""

    kind: ClassVar[str] = "approval-given"

    node: str
    decision: str
    actor: int
    login: str
    permission: str
    comment: int
    words: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowNotice(LedgerEvent):
    """A workflow has people notified, in its document's own words."""

    kind: ClassVar[str] = "workflow-notice"

    workflow: str
    text: str


@dataclass(frozen=True, slots=True)
class WorkflowFiled(EffectDone):
    """A workflow keeps this issue open with what it found."""

    effect: ClassVar[str] = "workflow-file"

    number: int


@dataclass(frozen=True, slots=True)
class WorkflowCommented(EffectDone):
    """A workflow commented on this issue."""

    effect: ClassVar[str] = "workflow-comment"

    number: int


@dataclass(frozen=True, slots=True)
class WorkflowProposed(EffectDone):
    """A workflow proposed a change, which a person merges."""

    effect: ClassVar[str] = "workflow-propose"

    number: int
    branch: str
    head: str
