"""Text for people: durations, counts, colours and states."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from harness.domain.shown_states import LABEL_PREFIX, LABELS
from harness.programs.local_forge.storage.records import Label, User

_UNITS = (
    ("year", 31_557_600),
    ("month", 2_629_800),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)
_STEPS = (
    ("triage", "Triage"),
    ("accepted", "Accepted"),
    ("building", "Building"),
    ("validating", "Validating"),
    ("merged", "Merged"),
)
_SIDE_STATES = {
    label.word: label.description.partition(";")[0]
    for label in LABELS.values()
    if label.word not in dict(_STEPS)
}
# The command, what it does, and who may give it.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("help", "lists these commands, and which of them you may give", "anybody"),
    (
        "why",
        "shows what was decided, by which rule, on which fact, and where the change runs",
        "anybody",
    ),
    ("rules", "links the texts that govern here, as they are in force", "anybody"),
    ("cost", "shows what this issue has cost so far", "anybody"),
    ("appeal WHY", "has a person look at a no", "who filed it, and the triage role"),
    ("hold", "puts the issue on hold", "the triage role"),
    ("resume", "lifts the hold", "the write role"),
    (
        "retry",
        "starts again on an issue that needs a person, with triage where that decided nothing;"
        " after a suspected attack, write `retry confirmed`",
        "the write role",
    ),
    (
        "revise WORDS",
        "has the change made again, your way; the words go on to the end of the comment",
        "the write role",
    ),
    (
        "stop",
        "stops the whole factory, until `factory resume` is given where it runs",
        "the write role",
    ),
    (
        "approve SHA",
        "lifts what a rule leaves to a person, for exactly this commit; it is judged again all the"
        " same",
        "the maintain role",
    ),
)


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One step of the factory's pipeline; `position` is past, here or ahead."""

    name: str
    position: str


@dataclass(frozen=True, slots=True)
class IssueProgress:
    """The factory's progress on an issue, from its state label: the steps, or the side
    state it is in."""

    steps: tuple[ProgressStep, ...]
    side: str | None
    kind: str


def ago(then: int, now: int) -> str:
    """`3 minutes ago`, from seconds since the epoch."""
    passed = max(0, now - then)
    for unit, seconds in _UNITS:
        if passed >= seconds:
            return f"{many(passed // seconds, unit)} ago"
    return "just now"


def many(number: int, noun: str, plural: str | None = None) -> str:
    """`1 issue`, `2 issues`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def initials(user: User) -> str:
    """Two letters for an account's avatar."""
    parts = [part for part in user.login.replace("[bot]", "").split("-") if part]
    return (parts[0][0] + parts[1][0] if len(parts) > 1 else parts[0][:2]).upper()


def hue(number: int) -> int:
    """An account's colour as a hue in degrees; consecutive numbers get distant hues."""
    return number * 137 % 360


def lasted(since: int, until: int) -> str:
    """A duration such as `3 minutes`, from its start and end in seconds."""
    passed = max(0, until - since)
    return next(
        (many(passed // seconds, unit) for unit, seconds in _UNITS if passed >= seconds),
        many(passed, "second"),
    )


def state_words(label: str) -> str:
    """A state label in words."""
    word = label.removeprefix(LABEL_PREFIX)
    return _SIDE_STATES.get(word) or dict(_STEPS).get(word) or word


def state_of(labels: tuple[Label, ...]) -> str:
    """The issue's state in the factory, in words; empty for an issue without a state label."""
    return next(
        (state_words(label.name) for label in labels if label.name.startswith(LABEL_PREFIX)), ""
    )


def mark(*texts: str) -> str:
    """A short hash of texts, to detect changes."""
    return sha256("\0".join(texts).encode(errors="replace")).hexdigest()[:16]


def progress(labels: tuple[Label, ...]) -> IssueProgress | None:
    """The factory's progress from the labels; None for an issue without a state label."""
    words = [
        label.name.removeprefix(LABEL_PREFIX)
        for label in labels
        if label.name.startswith(LABEL_PREFIX)
    ]
    side = next((word for word in words if word in _SIDE_STATES), None)
    names = [name for name, _ in _STEPS]
    here = next((names.index(word) for word in words if word in names), None)
    if side is None and here is None:
        return None
    steps = tuple(
        ProgressStep(
            title, "ahead" if here is None or place > here else "here" if place == here else "past"
        )
        for place, (_, title) in enumerate(_STEPS)
    )
    return IssueProgress(steps, _SIDE_STATES[side] if side else None, side or names[here or 0])


def size(number: int) -> str:
    """A file's size in words."""
    return f"{number:,} bytes" if number < 10_000 else f"{number / 1024:,.0f} KiB"


CHECK_WORDS: Mapping[str, str] = {
    "success": "passed",
    "failure": "failed",
    "neutral": "neutral",
    "cancelled": "cancelled",
    "skipped": "skipped",
    "timed_out": "timed out",
    "action_required": "needs a person",
    "in_progress": "running",
    "queued": "queued",
}
