"""Events of an issue: seen, triaged, commanded, moved."""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.lifecycle import Event, State
from harness.domain.plain import OPTIONAL, JsonDict, plain, stored_as


@dataclass(frozen=True, slots=True)
class IssueSeen(LedgerEvent):
    """The factory took the issue in. `author` is the account's number, 0 where it is not known;
    `text` the hash of title and body; the times are the forge's, ISO 8601."""

    kind: ClassVar[str] = "issue"

    title: str
    author: int = 0
    login: str = ""
    may_command: bool = False
    text: str = ""
    created: str = ""
    touched: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """Words of an issue's text that may have led to an attempt. `where` tells where they stood,
    `text` is a stranger's."""

    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Suspicion:
    """An attempt that nobody may make, and the passages that may have asked for it. `tried` has
    each refusal as rule and words."""

    tried: tuple[str, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class TransitionRecorded(LedgerEvent):
    """The issue moved from one state to another. `cites` are the mission's entries that a triage
    stands on, `head` and `lifts` what a person approved: refusals as rule and words. `suspicion` is
    there where an attack is suspected."""

    kind: ClassVar[str] = "transition"

    event: Event
    before: State = field(metadata=stored_as("from"))
    after: State = field(metadata=stored_as("to"))
    reason: str = field(default="", metadata=stored_as("says"))
    rules: str = ""
    cites: tuple[str, ...] | None = field(default=None, metadata=OPTIONAL)
    duplicate_of: int | None = field(default=None, metadata=OPTIONAL)
    head: str | None = field(default=None, metadata=OPTIONAL)
    lifts: tuple[tuple[str, str], ...] = field(default=(), metadata=OPTIONAL)
    suspicion: Suspicion | None = field(default=None, metadata=OPTIONAL)

    def document(self) -> JsonDict:
        written: JsonDict = plain(self)
        # what a node decided names an older issue, or null where there is none
        return written if self.cites is None else {"duplicate_of": None, **written}


@dataclass(frozen=True, slots=True)
class Citation:
    """An entry of the mission that a triage names. `path` leads to it in the repository."""

    id: str = ""
    title: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class HiddenText:
    """Text that a page does not show, taken out before a model read the issue. `kind` is how it was
    hidden."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class TriageDecided(LedgerEvent):
    """A triage came to a decision, on this text. `last_reply` is the number of the last reply that
    it knew, `text` the hash of title and body, `closes` when the issue is closed if nothing happens
    (ISO 8601)."""

    kind: ClassVar[str] = "triage"

    event: Event
    cites: tuple[Citation, ...] = ()
    quote: str = ""
    reply: str = ""
    issue_kind: str = field(default="", metadata=stored_as("kind"))
    priority: str = ""
    title: str = ""
    body: str = ""
    replies: tuple[str, ...] = ()
    last_reply: int = field(default=0, metadata=stored_as("heard"))
    hidden: tuple[HiddenText, ...] = ()
    text: str = ""
    closes: str | None = None
    rules: str = ""


@dataclass(frozen=True, slots=True)
class CostEstimated(LedgerEvent):
    """What the issue may cost, from `cases` issues like it. Dollars are decimal texts."""

    kind: ClassVar[str] = "estimate"

    message: str = field(metadata=stored_as("says"))
    cases: int = 0
    like: str = ""
    low: str = "0"
    middle: str = "0"
    high: str = "0"


@dataclass(frozen=True, slots=True)
class IssueQueued(LedgerEvent):
    """The filer read that the issue waits for its triage. `path` leads to the rule."""

    kind: ClassVar[str] = "waiting"

    reason: str = field(metadata=stored_as("says"))
    rule: str = ""
    path: str = ""
    rules: str = ""


@dataclass(frozen=True, slots=True)
class CommandGiven(LedgerEvent):
    """A person, or the factory for a reason of its own (`why`), gave a command. `actor` is the
    account's number; `commit` what a freeze or a revert is about, `words` what the person wants
    changed."""

    kind: ClassVar[str] = "command"

    command: str
    actor: int | None = field(default=None, metadata=OPTIONAL)
    login: str = field(default="", metadata=OPTIONAL)
    why: str = field(default="", metadata=OPTIONAL)
    commit: str = field(default="", metadata=OPTIONAL)
    words: str = field(default="", metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class CommandIgnored(LedgerEvent):
    """Somebody wrote a command that was not obeyed, and why."""

    kind: ClassVar[str] = "unheard"

    command: str
    actor: int
    login: str
    why: str


@dataclass(frozen=True, slots=True)
class ReplyGiven(LedgerEvent):
    """The factory answered a comment of this account."""

    kind: ClassVar[str] = "reply"

    actor: int
    login: str = ""


@dataclass(frozen=True, slots=True)
class Projected(LedgerEvent):
    """The forge shows the state that the ledger has. `gone`: the forge no longer has the issue.
    `fault`: what of it the forge refused for good."""

    kind: ClassVar[str] = "projected"

    gone: bool = field(default=False, metadata=OPTIONAL)
    fault: str = field(default="", metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class CheckShown(LedgerEvent):
    """A gate's answer was set as a check on this head. `fault` is why the forge did not take it."""

    kind: ClassVar[str] = "checked"

    head: str
    gate: str
    conclusion: str
    fault: str = ""


@dataclass(frozen=True, slots=True)
class PolicyEditReported(LedgerEvent):
    """What a pull request that edits the policy would do was set as a check on it. `conclusion` is
    None where nothing was set; `failed` is why it could not be examined."""

    kind: ClassVar[str] = "consequence"

    pull_request: int
    conclusion: str | None
    head: str = field(default="", metadata=OPTIONAL)
    base: str = field(default="", metadata=OPTIONAL)
    author: int = field(default=0, metadata=OPTIONAL)
    login: str = field(default="", metadata=OPTIONAL)
    title: str = field(default="", metadata=OPTIONAL)
    summary: str = field(default="", metadata=OPTIONAL)
    rules: str = field(default="", metadata=OPTIONAL)
    failed: str = field(default="", metadata=OPTIONAL)
