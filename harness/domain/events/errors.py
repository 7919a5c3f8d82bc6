"""Errors that apps report where they run, as far as the factory acts on them."""

from dataclasses import dataclass, field
from typing import ClassVar

from harness.domain.events.base import LedgerEvent
from harness.domain.events.effects import EffectDone
from harness.domain.plain import OPTIONAL


@dataclass(frozen=True, slots=True)
class ErrorIssueFiled(EffectDone):
    """An issue was filed for a group of errors. `release` is what the app calls its version, a
    stranger's text; `landing` the landed commit that it names, and `landed` the issue that the
    commit was for: empty and 0 where nobody knows."""

    effect: ClassVar[str] = "file-error"

    issue: int
    group: str
    count: int
    release: str = ""
    landing: str = ""
    landed: int = 0


@dataclass(frozen=True, slots=True)
class ErrorsTraced(LedgerEvent):
    """The issue is one that was filed for errors: what ErrorIssueFiled has of it, in the history of
    the issue itself."""

    kind: ClassVar[str] = "errors-traced"

    count: int
    landing: str = ""
    landed: int = 0


@dataclass(frozen=True, slots=True)
class ErrorReturned(LedgerEvent):
    """Errors of a group came from a release that has the landing `fix` of their issue. `landing` is
    the commit of that release. `by_secret`: a service that has a secret reported them."""

    kind: ClassVar[str] = "error-returned"

    group: str
    fix: str
    landing: str
    by_secret: bool = field(default=False, metadata=OPTIONAL)
