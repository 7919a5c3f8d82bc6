"""Rules that can never matter: whatever they refuse, another refuses already, at least as strictly.

Properties: a pair is found only where it is certain from the two texts alone; what is only likely
is left to a reader."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from harness.domain.governance import Check, Level, Rule, Status
from harness.governance.checks.conduct import Labels
from harness.governance.checks.content import AddedText
from harness.governance.checks.gates import ChecksGreen
from harness.governance.checks.paths import FileModes, Paths
from harness.governance.checks.scripts import Exec
from harness.governance.checks.supply import Secrets
from harness.governance.checks.together import Companions, Migrations


def shadowed(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Each rule that never matters, with the one that stands before it. Of two with the same
    meaning it is the later one."""
    # A rule that repeats a built-in one in its own words is no mistake, so those do not count.
    binding = [
        rule
        for rule in rules
        if rule.level is Level.ENFORCED
        and rule.status is Status.ENFORCE
        and rule.check
        and not rule.built_in
    ]
    found_under: dict[Any, list[int]] = {}
    for at, rule in enumerate(binding):
        for name in _offers(rule.check):
            found_under.setdefault(name, []).append(at)
    for at, rule in enumerate(binding):
        near = sorted(
            {
                other
                for name in _wants(rule.check)
                for other in found_under.get(name, ())
                if other != at
            }
        )
        before = (
            binding[other]
            for other in near
            if _stands_before(binding[other], rule)
            and (other < at or not _stands_before(rule, binding[other]))
        )
        if found := next(before, None):
            yield rule, found


def _offers(check: Check | None) -> set[Any]:
    """Under which names a check is looked for that may cover another: few are compared, however
    many there are."""
    match check:
        case Paths():
            return {
                check,
                *check.deny,
                *(glob.strip("/").removesuffix("/**") for glob in check.deny),
            }
        case AddedText():
            return {check, *check.deny}
    return {check, type(check)}


def _wants(check: Check | None) -> set[Any]:
    """Names such that whatever covers this check is found under one of them."""
    match check:
        case Paths() if check.deny:
            parts = check.deny[0].strip("/").split("/")
            return {
                check,
                check.deny[0],
                *parts,
                *("/".join(parts[:end]) for end in range(1, len(parts))),
            }
        case AddedText():
            return {check, check.deny[0]}
        case Paths() | Companions() | Migrations() | Exec():
            return {check}
    return {check, type(check)}


def _stands_before(other: Rule, rule: Rule) -> bool:
    """Whether `other` is asked whenever `rule` is, refuses whatever it refuses, and follows at
    least as strictly."""
    always = other.when is None or (
        rule.when is not None
        and getattr(other.when, "text", "") == getattr(rule.when, "text", None)
    )
    there = rule.below.startswith(other.below) and set(other.outside) <= set(rule.outside)
    return (
        always
        and other.applies is rule.applies
        and there
        and other.on_fail.strictness >= rule.on_fail.strictness
        and other.check is not None
        and rule.check is not None
        and covers(other.check, rule.check)
    )


def covers(wide: Check, narrow: Check) -> bool:
    """Whether `wide` refuses whatever `narrow` refuses, for certain."""
    if wide == narrow:
        return True
    match wide, narrow:
        case Paths(), Paths():
            denies_only = not (narrow.allow or narrow.require)
            return denies_only and all(
                any(_takes_in(glob, other) for glob in wide.deny) for other in narrow.deny
            )
        case Labels(), Labels():
            return set(narrow.deny) <= set(wide.deny) and set(narrow.require) <= set(wide.require)
        case FileModes(), FileModes():
            return set(wide.allow) <= set(narrow.allow)
        case ChecksGreen(), ChecksGreen():
            return set(narrow.require) <= set(wide.require)
        case Secrets(), Secrets():
            return set(wide.exclude) <= set(narrow.exclude)
        case AddedText(), AddedText():
            return set(narrow.deny) <= set(wide.deny) and replace(wide, deny=narrow.deny) == narrow
    return type(wide) is type(narrow) and (
        _limits_more(wide, narrow, "max", -1) or _limits_more(wide, narrow, "min", 1)
    )


def _limits_more(wide: Any, narrow: Any, limit: str, sign: int) -> bool:
    """Whether the two differ in this limit alone, and `wide` has the stricter one."""
    names = [field.name for field in fields(wide)]
    if limit not in names or any(
        getattr(wide, name) != getattr(narrow, name) for name in names if name != limit
    ):
        return False
    return bool(sign * getattr(wide, limit) >= sign * getattr(narrow, limit))


def _takes_in(glob: str, other: str) -> bool:
    """Whether every path that `other` matches is one that `glob` matches: the same, or a folder's
    name and what is in it."""
    folder = glob.strip("/").removesuffix("/**")
    if glob == other:
        return True
    if "*" in folder or "?" in folder:
        return False
    # a name at any depth
    if "/" not in glob:
        return glob in other.strip("/").split("/")
    is_rooted = "/" in other.strip("/") or other.startswith("/")
    return is_rooted and other.strip("/").startswith(f"{folder}/")
