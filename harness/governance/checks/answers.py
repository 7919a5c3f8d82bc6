"""The few ways in which a check answers."""

from collections.abc import Iterable
from functools import lru_cache

from harness.domain.facts import UNKNOWN
from harness.domain.governance import CheckAnswer

_SHOWN = 20


@lru_cache(maxsize=256)
def unknown(fact: str) -> CheckAnswer:
    """A fact was not established, and unknown means no."""
    return CheckAnswer(UNKNOWN, f"{fact} could not be established, and unknown means no")


def at_most(
    count: object, most: object, what: str, *, holds: bool, evidence: Iterable[str] = ()
) -> CheckAnswer:
    """A count against a limit. `what` is in the plural, and a count of one is put in the
    singular."""
    counted = f"{count} {what.removesuffix('s') if count == 1 else what}"
    if holds:
        return CheckAnswer(True, f"{counted}, at most {most}")
    return CheckAnswer(
        False, f"{counted}, and at most {most} are allowed", tuple(evidence)[:_SHOWN]
    )


def none_of(offending: Iterable[str], what: str) -> CheckAnswer:
    """No offender may be left; those found are the evidence."""
    found = tuple(offending)
    if not found:
        return _none(what)
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return CheckAnswer(False, f"{what}: {', '.join(found[:3])}{more}", found[:_SHOWN])


@lru_cache(maxsize=256)
def _none(what: str) -> CheckAnswer:
    return CheckAnswer(True, f"no {what}")
