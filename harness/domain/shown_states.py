"""How people see where an issue or a release stands: one table of state → label → words → colour.

The comments, the label on the issue, the dashboard, the digest, `factory status`, `factory
releases` and a forge's own pages all read it here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from harness.domain.lifecycle import State
from harness.domain.release import ReleaseState

LABEL_PREFIX = "factory:"


@dataclass(frozen=True, slots=True)
class Label:
    """A label that shows states. `description` is one clause, and after a semicolon what more there
    is to know. `color` is hexadecimal without a `#`."""

    word: str
    description: str
    color: str

    @property
    def name(self) -> str:
        """The label's name on the forge."""
        return LABEL_PREFIX + self.word


@dataclass(frozen=True, slots=True)
class ShownState:
    """One thing that people can read about an issue.

    `phrase` completes "This is …" and stands alone in a list. `opening` begins the comment on the
    issue, for the person who filed it; it is empty where the comment names something else first.
    `outcome` is how the issue ended: merged, rejected, duplicate, needs-human; else open."""

    label: Label
    phrase: str
    opening: str = ""
    outcome: str = "open"


_BUILDING = Label("building", "A change is being written", "5319e7")
_VALIDATING = Label("validating", "A change is being judged", "8250df")
_REJECTED = Label(
    "rejected", "Left out on purpose; reply /factory appeal if that is a misunderstanding", "6e7781"
)
_NEEDS_INFO = Label("needs-info", "One thing is missing; a reply is enough", "d4a72c")

STATES: Mapping[State, ShownState] = MappingProxyType(
    {
        State.UNTRIAGED: ShownState(
            Label("triage", "Not looked at yet", "bfd4f2"),
            "not looked at yet",
            "Thank you for writing this. It has not been looked at yet; it will be on the next"
            " pass.",
        ),
        State.ACCEPTED: ShownState(
            Label("accepted", "Fits the mission; work starts on its own", "1d76db"),
            "accepted",
            "Accepted. This fits the mission, and work on it starts on its own.",
        ),
        State.IMPLEMENTING: ShownState(
            _BUILDING,
            "being built",
            "Being built. A change is written in a closed sandbox and then judged by a separate"
            " program that has never seen the code.",
        ),
        State.CHANGES_REQUESTED: ShownState(
            _BUILDING,
            "being built again",
            "Not good enough yet. A first change did not hold; another attempt follows on its own.",
        ),
        State.VALIDATING: ShownState(
            _VALIDATING,
            "being judged",
            "A change is ready. It is being judged.",
        ),
        State.APPROVED: ShownState(
            _VALIDATING,
            "about to land",
            "The change passed its sealed checks and is about to land.",
        ),
        State.MERGING: ShownState(
            _VALIDATING, "landing", "The change passed its sealed checks and is landing now."
        ),
        State.MERGED: ShownState(
            Label("merged", "Landed on the default branch", "0e8a16"),
            "merged",
            "Done. The change is on the default branch.",
            outcome="merged",
        ),
        State.REJECTED: ShownState(
            _REJECTED,
            "rejected",
            "Thank you for the idea. It will not be built, and here is why.",
            outcome="rejected",
        ),
        State.NEEDS_INFO: ShownState(
            _NEEDS_INFO,
            "waiting for an answer of its filer",
            "Thank you for writing this. One thing is missing before it can be decided:",
            outcome="needs-human",
        ),
        State.NEEDS_HUMAN: ShownState(
            Label("needs-human", "A person has to look", "e0a100"),
            "with a person",
            "A person has to look at this. Nothing was merged, and nothing more happens until they"
            " do.",
            outcome="needs-human",
        ),
        State.PAUSED: ShownState(
            Label("paused", "On hold by a maintainer", "9e6a03"),
            "on hold",
            "On hold by a maintainer. Nothing happens until they lift it.",
            outcome="needs-human",
        ),
    }
)
SUSPECTED = ShownState(
    Label("suspected-attack", "A suspected attack, stopped; a maintainer has to look", "b60205"),
    "a suspected attack",
    "A person has to look at this. The change that was made for it tried what no issue may ask for,"
    " so it was stopped. Nothing was merged, and nothing more happens until they do.",
    outcome="needs-human",
)
"""For an issue that needs a person because its text may have led an agent to attack."""
CONFIRMED = "confirmed"
"""The word that a retry takes after a suspected attack."""
REGRESSED = ShownState(
    Label("regressed", "Landed, and broke what worked; it is worked on again", "c2255c"),
    "worked on again",
    "This landed, and something that worked before did not work any more. It is worked on again,"
    " on its own; sealed checks decide when it is mended.",
)
"""For an issue whose landing broke something, until the work on it begins again."""
TAKEN_BACK = ShownState(
    STATES[State.NEEDS_HUMAN].label,
    "taken back, and with a person",
    "This was merged, and has been taken back. A person has to look at it before anything more"
    " happens.",
    outcome="needs-human",
)
"""For an issue whose landing was reverted."""
DUPLICATE = ShownState(
    Label("duplicate", "Asked before; it goes on at the older issue", "57606a"),
    "a duplicate",
    outcome="duplicate",
)
WAITING = ShownState(
    Label("rate-limited", "Waits for its turn; nothing of it is lost", "7d4e00"),
    "waiting for its turn",
    "Thank you for writing this. It waits its turn; nothing is lost, and there is nothing for you"
    " to do.",
)
"""For an issue that waits because of a limit or a rule, after its filer was informed. (Rate limits
of the forge concern accounts, not issues.)"""
UNANSWERED = ShownState(
    _NEEDS_INFO,
    "closed without an answer",
    "Closed for now: a question was asked here and has no answer yet. Nothing is lost.",
    outcome="rejected",
)
"""A question was asked, nobody answered, and the issue was closed. A later answer reopens it."""
CLOSED_BY_PERSON = ShownState(
    _REJECTED,
    "closed by a person",
    "Closed by a person, so nothing more happens here.",
    outcome="rejected",
)

SHOWN: tuple[ShownState, ...] = (
    *STATES.values(),
    SUSPECTED,
    REGRESSED,
    TAKEN_BACK,
    DUPLICATE,
    WAITING,
    UNANSWERED,
    CLOSED_BY_PERSON,
)
LABELS: Mapping[str, Label] = MappingProxyType({one.label.name: one.label for one in SHOWN})
"""Every label, by its name, in the order in which an issue passes them."""


@dataclass(frozen=True, slots=True)
class ShownWords:
    """One thing that people can read about a release or a run. `phrase` completes "This is …" and
    stands alone in a list; the environment of a release follows it. `color` is hexadecimal without
    a `#`."""

    phrase: str
    color: str


RELEASES: Mapping[ReleaseState, ShownWords] = MappingProxyType(
    {
        ReleaseState.LANDED: ShownWords("about to be deployed", "bfd4f2"),
        ReleaseState.DEPLOYING: ShownWords("being deployed", "1d76db"),
        ReleaseState.SMOKE: ShownWords("being tried", "8250df"),
        ReleaseState.SOAK: ShownWords("soaking", "8250df"),
        ReleaseState.PRODUCTION: ShownWords("going live", "1d76db"),
        ReleaseState.PRODUCTION_SMOKE: ShownWords("live and being tried", "8250df"),
        ReleaseState.WATCHED: ShownWords("live and being watched", "8250df"),
        ReleaseState.ROLLING_BACK: ShownWords("being rolled back", "d93f0b"),
        ReleaseState.DONE: ShownWords("released", "0e8a16"),
        ReleaseState.HELD: ShownWords("held", "9e6a03"),
        ReleaseState.ROLLED_BACK: ShownWords("rolled back", "c2255c"),
        ReleaseState.SUPERSEDED: ShownWords("superseded", "57606a"),
        ReleaseState.NEEDS_HUMAN: ShownWords("with a person: it could not be taken back", "b60205"),
    }
)
"""Every state of a release's life. Before production a red release is held; in it, rolled back."""


class RunStanding(StrEnum):
    """Where a run of one of the project's own workflows stands."""

    RUNNING = "running"
    WAITS = "waits"
    ASKS = "asks"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    REFUSED = "refused"


WORKFLOW_RUNS: Mapping[RunStanding, ShownWords] = MappingProxyType(
    {
        RunStanding.RUNNING: ShownWords("under way", "1d76db"),
        RunStanding.WAITS: ShownWords("waiting", "7d4e00"),
        RunStanding.ASKS: ShownWords("waiting for an approval", "d4a72c"),
        RunStanding.SUCCEEDED: ShownWords("done", "0e8a16"),
        RunStanding.FAILED: ShownWords("failed", "d93f0b"),
        RunStanding.BLOCKED: ShownWords("blocked", "d93f0b"),
        RunStanding.CANCELLED: ShownWords("cancelled", "57606a"),
        RunStanding.STOPPED: ShownWords("stopped", "57606a"),
        RunStanding.REFUSED: ShownWords("not started", "d93f0b"),
    }
)
"""Every standing of a run of the project's own workflows. Refused: what was asked for, or due by
the clock, started nothing."""
