"""Classifies an edit of a rule by the two texts alone: looser, tighter, or merely changed.

A direction is given only where every difference goes the same way and each is one whose way is
known; what cannot be weighed is CHANGED, never called harmless."""

from collections.abc import Iterator
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any

from harness.domain.governance import Check, Grant, Level, Rule, Source, Status
from harness.governance.checks.conduct import Labels
from harness.governance.checks.gates import ChecksGreen
from harness.governance.checks.paths import FileModes, Paths
from harness.governance.checks.supply import Dependencies
from harness.governance.checks.trust import Trust


class Edit(StrEnum):
    """SAME: nothing that binds differs; the prose, the title and the examples may."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    LOOSENED = "loosened"
    TIGHTENED = "tightened"
    CHANGED = "changed"


_LIMITS = {"max": Edit.LOOSENED, "exclude": Edit.LOOSENED, "min": Edit.TIGHTENED}
_LISTS = {
    "allow": Edit.LOOSENED,
    "add": Edit.LOOSENED,
    "change": Edit.LOOSENED,
    "remove": Edit.LOOSENED,
    "deny": Edit.TIGHTENED,
    "require": Edit.TIGHTENED,
}
"""What more of an argument does: everywhere, and in the checks named below, where the words mean
just this."""
_TRUST = {
    **dict.fromkeys(("merge", "review", "retry", "paths"), Edit.TIGHTENED),
    **dict.fromkeys(("lines", "files"), Edit.LOOSENED),
}
_TRUST_LEVELS = ("shadow", "earned", "small", "full")
_LISTING = (ChecksGreen, Dependencies, FileModes, Labels, Paths)
_WEIGHT = (Status.OFF, Status.SHADOW, Status.ENFORCE)
_NOWHERE = Source("", 0, 0)


def edit(old: Rule | None, new: Rule | None) -> Edit:
    """What happened to one rule between two texts. Raises ValueError where neither has it."""
    if old is None or new is None:
        if old is new:
            raise ValueError("a rule that stands in neither text has no edit")
        return Edit.ADDED if new else Edit.REMOVED
    # Compared without prose, title and cases: those bind nothing.
    if _binding(old) == _binding(new):
        return Edit.SAME
    steps = set(_steps(old, new))
    # Tighter in one place and looser in another is neither.
    return steps.pop() if len(steps) == 1 else Edit.CHANGED


def _binding(rule: Rule) -> Rule:
    return replace(rule, title="", prose="", source=_NOWHERE, cases=())


def _steps(old: Rule, new: Rule) -> Iterator[Edit]:
    yield from _ranked(_WEIGHT.index(old.status), _WEIGHT.index(new.status))
    yield from _ranked(old.on_fail.strictness, new.on_fail.strictness)
    yield from _ranked(old.locked, new.locked)
    if Level.ADVISORY in (old.level, new.level) and old.level is not new.level:
        yield Edit.TIGHTENED if old.level is Level.ADVISORY else Edit.LOOSENED
    elif old.level is not new.level or old.applies is not new.applies:
        yield Edit.CHANGED
    if old.when != new.when:
        yield (
            Edit.TIGHTENED
            if new.when is None
            else Edit.LOOSENED
            if old.when is None
            else Edit.CHANGED
        )
    if old.grant != new.grant:
        yield _granting(old.grant, new.grant)
    if old.check is not None and new.check is not None and old.check != new.check:
        yield from _arguments(old.check, new.check)


def _granting(old: Grant | None, new: Grant | None) -> Edit:
    """More effects for the same workflow loosen, fewer tighten."""
    if old is None or new is None or old.workflow != new.workflow:
        return Edit.CHANGED
    return _weighed(Edit.LOOSENED, old.effects, new.effects)


def _ranked(old: int, new: int) -> Iterator[Edit]:
    if old != new:
        yield Edit.TIGHTENED if new > old else Edit.LOOSENED


def _arguments(old: Check, new: Check) -> Iterator[Edit]:
    if type(old) is not type(new):
        yield Edit.CHANGED
        return
    lists = _LISTS if isinstance(old, _LISTING) else _TRUST if isinstance(old, Trust) else {}
    known = {**_LIMITS, **lists}
    # every check is a dataclass; the protocol cannot express it
    for argument in fields(old):  # type: ignore[arg-type]
        before, after = getattr(old, argument.name), getattr(new, argument.name)
        if isinstance(old, Paths) and argument.name == "allow" and not (before and after):
            # nothing listed means that nothing is shut out
            before, after = not before, not after
        if isinstance(old, Trust) and argument.name == "level" and before != after:
            yield _levelled(before, after)
        elif before != after:
            yield _weighed(known.get(argument.name), before, after)


def _levelled(old: str, new: str) -> Edit:
    """What is earned begins in shadow and may rise to all: it stands between the two."""
    if {old, new} == {"earned", "small"}:
        return Edit.CHANGED
    (step,) = _ranked(-_TRUST_LEVELS.index(old), -_TRUST_LEVELS.index(new))
    return step


def _weighed(when_more: Edit | None, before: Any, after: Any) -> Edit:
    if isinstance(before, tuple):
        before, after = frozenset(before), frozenset(after)
    # Neither a subset of the other: some changes are bound more and others less.
    if when_more is None or not (before < after or after < before):
        return Edit.CHANGED
    looser = (when_more is Edit.LOOSENED) is (before < after)
    return Edit.LOOSENED if looser else Edit.TIGHTENED
