"""Decides whether the checks that the forge shows on a commit are enough for it to land.

Properties: a check is known by its name and by the app that reports it, since any account may write
a name; what counts was reported on exactly the commit that was asked about; absent, unfinished,
neutral, skipped, cancelled and of another app are all not green; nobody waits for ever."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from harness.domain.setting import required

SUCCESS = "success"
FAILED = frozenset({"failure", "error", "timed_out"})
"""Conclusions that tell of the change. A check that was cancelled or skipped says nothing of it."""


class ChecksStatus(StrEnum):
    """How checks stand together. Only GREEN is a yes, and only WAITING may still become one."""

    GREEN = "green"
    WAITING = "waiting"
    RED = "red"


@dataclass(frozen=True, slots=True)
class ReportedCheck:
    """One check on a commit, as the forge shows it: a check run, or a status. A status is of no
    app, since any account that may write can set one."""

    name: str
    app: int | None
    # in the forge's words; None until it has ended
    conclusion: str | None
    # the number of the run; a status has none
    run: int | None = field(default=None, compare=False)
    # what its app says of it, which is text from outside
    output: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RequiredCheck:
    """A check that must be green. Without an `app`, which only a branch's own rules may leave out,
    any source will do."""

    name: str = field(metadata=required("The check's name on the forge.", example='"ci"'))
    app: int | None = field(
        metadata=required(
            "The number of the app that reports it; GitHub Actions is 15368.",
            example="15368",
            least=1,
        )
    )

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return f"{self.name} of app {self.app}" if self.app is not None else self.name


@dataclass(frozen=True, slots=True)
class CheckRequirements:
    """What has to be green: these; and with `every`, all that there is, at least one."""

    required: tuple[RequiredCheck, ...] = ()
    every: bool = False

    def __bool__(self) -> bool:
        return bool(self.required) or self.every


@dataclass(frozen=True, slots=True)
class NotGreen:
    """One check that is not green: whether it still may become so, and a sentence for a person."""

    status: ChecksStatus
    message: str


def not_green(wanted: CheckRequirements, there: Iterable[ReportedCheck]) -> tuple[NotGreen, ...]:
    """Everything that is wanted and is not green; nothing means that all of it is."""
    found = tuple(there)
    missing = tuple(fault for check in wanted.required for fault in _faults(check, found))
    return missing + (tuple(_others(wanted, found)) if wanted.every else ())


def failed(wanted: CheckRequirements, there: Iterable[ReportedCheck]) -> tuple[ReportedCheck, ...]:
    """The wanted checks that ended red, if all of these tell of the change; else none."""
    named = {(check.name, check.app) for check in wanted.required}
    red = tuple(
        one
        for one in there
        if one.conclusion not in (None, SUCCESS)
        and (wanted.every or {(one.name, one.app), (one.name, None)} & named)
    )
    return red if all(one.conclusion in FAILED for one in red) else ()


def checks_status(faults: Iterable[NotGreen]) -> ChecksStatus:
    """One answer for all: red as soon as one is, waiting while one is unfinished or has not been
    seen."""
    found = {fault.status for fault in faults}
    return (
        ChecksStatus.RED
        if ChecksStatus.RED in found
        else ChecksStatus.WAITING
        if found
        else ChecksStatus.GREEN
    )


def _faults(check: RequiredCheck, there: tuple[ReportedCheck, ...]) -> Iterator[NotGreen]:
    """Of several that answer to one requirement all must be green: nobody knows which of them is
    meant."""
    named = [one for one in there if one.name == check.name]
    # A status belongs to no app, so it cannot satisfy a check that names one.
    meant = [one for one in named if check.app is None or one.app == check.app]
    if not meant:
        others = ", ".join(sorted({str(one.app or "no app") for one in named}))
        yield NotGreen(
            ChecksStatus.WAITING,
            f"{check.shown} has not reported" + (f" (there is one of {others})" if others else ""),
        )
    yield from (fault for one in meant if (fault := _fault(one, check.shown)))


def _others(wanted: CheckRequirements, there: tuple[ReportedCheck, ...]) -> Iterator[NotGreen]:
    # `every` with no check at all would otherwise be green.
    if not there:
        yield NotGreen(ChecksStatus.WAITING, "no check has reported, and none is not a pass")
    names = {check.name for check in wanted.required}
    yield from (
        fault for one in there if one.name not in names and (fault := _fault(one, one.name))
    )


def _fault(one: ReportedCheck, shown: str) -> NotGreen | None:
    if one.conclusion is None:
        return NotGreen(ChecksStatus.WAITING, f"{shown} has not ended")
    if one.conclusion != SUCCESS:
        return NotGreen(
            ChecksStatus.RED, f"{shown} ended as {one.conclusion or 'nothing'}, not as {SUCCESS}"
        )
    return None
