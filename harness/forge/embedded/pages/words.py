"""Small words for people: how long ago, how many, which colour."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.forge.embedded.records import Label, User

_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3_600), ("minute", 60))
_STATIONS = (
    ("triage", "Triage"), ("accepted", "Accepted"), ("building", "Building"), ("validating", "Validating"),
    ("merged", "Merged"),
)
_SIDES = {
    "rejected": "Not going to be built", "duplicate": "Asked before: it goes on at the older issue",
    "needs-info": "Waits for an answer", "needs-human": "Waits for a person",
    "paused": "On hold", "rate-limited": "Waits for the forge",
}
_OURS = "factory:"


@dataclass(frozen=True, slots=True)
class Station:
    """One stop on the factory's way; `standing` is past, here or ahead."""

    name: str
    standing: str


@dataclass(frozen=True, slots=True)
class Rail:
    """Where the factory's label says an issue stands: stations, or the side it was taken to."""

    stations: tuple[Station, ...]
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
    """Two letters to know an account by."""
    parts = [part for part in user.login.replace("[bot]", "").split("-") if part]
    return (parts[0][0] + parts[1][0] if len(parts) > 1 else parts[0][:2]).upper()


def hue(number: int) -> int:
    """A colour for an account, in degrees; neighbours in number are far apart in colour."""
    return number * 137 % 360


def rail(labels: tuple[Label, ...]) -> Rail | None:
    """The factory's way as its label tells it; None for an issue that the factory has not met."""
    words = [label.name.removeprefix(_OURS) for label in labels if label.name.startswith(_OURS)]
    side = next((word for word in words if word in _SIDES), None)
    names = [name for name, _ in _STATIONS]
    here = next((names.index(word) for word in words if word in names), None)
    if side is None and here is None:
        return None
    stations = tuple(
        Station(title, "ahead" if here is None or place > here else "here" if place == here else "past")
        for place, (_, title) in enumerate(_STATIONS)
    )
    return Rail(stations, _SIDES[side] if side else None, side or names[here or 0])


def size(number: int) -> str:
    """A file's size."""
    return f"{number:,} bytes" if number < 10_000 else f"{number / 1024:,.0f} KiB"


CHECK_WORDS: Mapping[str, str] = {
    "success": "passed", "failure": "failed", "neutral": "neutral", "cancelled": "cancelled", "skipped": "skipped",
    "timed_out": "timed out", "action_required": "needs a person", "in_progress": "running", "queued": "queued",
}
