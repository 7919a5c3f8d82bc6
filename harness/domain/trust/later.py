"""What a later commit does to a landing, by lines and objects alone. Words in a message prove
nothing: a revert is what takes a change back, whatever it is called.

Properties:
- a commit takes a landing back if it undoes the landing's change in every path: the path is again
  what it was, or the lines that come and go are exactly those of the landing, the other way round;
- a person's commit amends a landing if it takes out a line, of whatever file, that the landing
  brought there; lines without a letter or a digit are nobody's;
- what could not be read counts as amended wherever the same path changed: unknown is no."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from harness.domain.landing import Outcome


@dataclass(frozen=True, slots=True)
class PathChange:
    """One path of a commit, against its first parent: the objects before and after (None where
    there was nothing), and the lines that came and went. `readable` is False for a binary file, and
    for one that was too large."""

    before: str | None
    after: str | None
    added: tuple[bytes, ...] = ()
    removed: tuple[bytes, ...] = ()
    readable: bool = True


Change = Mapping[bytes, PathChange]


def act_on(landing: Change, later: Change) -> Outcome | None:
    """REVERTED or AMENDED where `later` does that to the landing; None where it does neither."""
    if landing and all(_undoes(one, later.get(path)) for path, one in landing.items()):
        return Outcome.REVERTED
    touched = (path for path in landing.keys() & later.keys())
    if any(_amends(landing[path], later[path]) for path in touched):
        return Outcome.AMENDED
    return None


def _undoes(landed: PathChange, later: PathChange | None) -> bool:
    if later is None:
        return False
    if later.after == landed.before:
        return True
    inverse = Counter(later.added) == Counter(landed.removed) and Counter(later.removed) == Counter(
        landed.added
    )
    return landed.readable and later.readable and inverse and bool(landed.added or landed.removed)


def _amends(landed: PathChange, later: PathChange) -> bool:
    if not (landed.readable and later.readable):
        return True
    return any(_is_more_than_space(line) for line in {*landed.added} & {*later.removed})


def _is_more_than_space(line: bytes) -> bool:
    return any(char > 127 or chr(char).isalnum() for char in line)
