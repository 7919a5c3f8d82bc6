"""Checks of the dependencies that a change brings in and the secrets that it carries."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.domain.facts import (
    UNKNOWN,
    ChangeFacts,
    DependencyChange,
    DependencyMove,
    Origin,
    SecretFound,
    shown_path,
)
from harness.domain.governance import CheckAnswer
from harness.governance.checks.answers import none_of, unknown
from harness.governance.checks.arguments import Globs, Names
from harness.governance.paths import matches


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What may happen to dependencies, read from parsed manifests and locks.

    `allow` names what may be added or change freely. Whatever the rest allows, a dependency from an
    address, a repository, a path or an index option is refused, and so is one whose bytes change
    while its version does not."""

    allow: Names = ()
    add: bool = False
    change: bool = False
    remove: bool = True

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """No dependency moves in a way that is not allowed."""
        if facts.dependencies is UNKNOWN:
            return unknown("what the change does to dependencies")
        return none_of(
            (_shown(change) for change in facts.dependencies if not self._allows(change)),
            "dependency changes that are not allowed",
        )

    def _allows(self, change: DependencyChange) -> bool:
        match change.move:
            case DependencyMove.REMOVED:
                return self.remove
            case DependencyMove.SWAPPED:
                return False
            case _ if change.origin is not Origin.REGISTRY:
                return False
            case DependencyMove.ADDED:
                return self.add or self._names(change.name)
            case DependencyMove.CHANGED:
                return self.change or self._names(change.name)

    def _names(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.allow)


def _shown(change: DependencyChange) -> str:
    origin = "" if change.origin is Origin.REGISTRY else f" from {change.origin}"
    near = f", a name nearly that of {change.near}," if change.near else ""
    return f"{change.name}{near} {change.move}{origin} in {shown_path(change.manifest)}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Credentials in the added bytes, as the scanner finds them. `exclude` is for files made to
    hold fake ones."""

    exclude: Globs = ()

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """None found outside the excluded paths."""
        if facts.secrets is UNKNOWN:
            return unknown("whether the change carries credentials")
        return none_of(
            (_place(found) for found in facts.secrets if not matches(self.exclude, found.path)),
            "credentials in the change",
        )


def _place(found: SecretFound) -> str:
    return f"{shown_path(found.path)}:{found.line} {found.rule} ({found.shown})"
