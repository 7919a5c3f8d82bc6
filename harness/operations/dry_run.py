"""A dry run on a home: it reads the real forge and calls real models, and records only its cost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.domain.errors import ConfigError, ForgeError, LedgerError
from harness.domain.issue import Actor, Comment, Issue
from harness.ports.forge import Forge, ForgeWriter
from harness.store.in_memory import OverlayLedger

if TYPE_CHECKING:
    from harness.factory.pipeline.dry_run import DryRun
    from harness.factory.run.services import Services
    from harness.log import Log

STRANGER = Actor(0, "(nobody yet)")
# The forge's status for an issue that never existed, and for one that was deleted.
_GONE = (404, 410)


def plan_issue(home: Path, asked: int | Path, *, cap: Decimal, log: "Log") -> "DryRun":
    """Do a dry run for an issue on the forge (by number), or for one in a Markdown file.

    Raises ConfigError if there is no such issue, LedgerError if the ledger's signature does not
    match, and Busy if a factory is at work."""
    from harness.factory.pipeline.dry_run import dry_run
    from harness.factory.pipeline.tick import current_policy
    from harness.wiring import open_factory

    with open_factory(home, log=log) as works:
        services = works.services
        if fault := services.issue_index.fault():
            raise LedgerError(
                f"{fault.message}; `factory plan` refuses to run on a ledger whose signature"
                " does not match: run `factory audit`"
            )
        policy = current_policy(services)
        if isinstance(asked, int):
            issue = _issue_on(services.forge, asked)
        else:
            issue = _issue_in(asked, services)
        run = _run_name(services, issue.number)
        with dry_run_services(services, issue) as (isolated, overlay):
            try:
                return dry_run(isolated, policy, issue, run=run, cap=cap)
            finally:
                _record_cost(services, overlay, issue.number)


@contextmanager
def dry_run_services(
    services: "Services", issue: Issue
) -> "Iterator[tuple[Services, OverlayLedger]]":
    """The same services over a ledger in memory, and unable to write to the forge."""
    overlay = OverlayLedger(services.ledger.entries(), services.clock.now)
    yield (
        replace(
            services,
            ledger=overlay,
            forge=cast(Forge, _ForgeWithIssue(services.forge, issue)),
            writer=cast(ForgeWriter, _NoWriter()),
        ),
        overlay,
    )


def _run_name(services: "Services", issue: int) -> str:
    """A name that no real run has, so that its cost is kept apart from that of the issue's runs."""
    prefix = f"plan-{issue}-"
    runs = {
        entry.run
        for entry in services.ledger.entries(kind="usage")
        if entry.run and entry.run.startswith(prefix)
    }
    return f"{prefix}{1 + len(runs)}"


def _record_cost(services: "Services", overlay: OverlayLedger, issue: int) -> None:
    """Copy the entries on usage from the overlay to the real ledger."""
    # An entry on an issue that the ledger does not know would pass for the issue's beginning.
    owner = issue if services.ledger.find(f"issue/{issue}") else None
    for entry in overlay.added:
        if entry.kind == "usage":
            services.ledger.append(entry.event, entry.key, issue=owner, run=entry.run)


def _issue_on(forge: Forge, number: int) -> Issue:
    try:
        return forge.issue(number)
    except ForgeError as error:
        if error.status in _GONE:
            raise ConfigError(
                f"there is no issue #{number} on the forge; `factory status` lists the known ones"
            ) from error
        raise


def _issue_in(file: Path, services: "Services") -> Issue:
    """The only issue in a Markdown file, with a number after every other."""
    from harness.operations.setup.issue_files import issues_in

    found = issues_in(file)
    if len(found) != 1:
        raise ConfigError(f"contains {len(found)} issues; expected one", file=str(file))
    numbers = (history.issue for history in services.issue_index.histories())
    return Issue(
        1 + max((*numbers, *services.watch_list.open_issues()), default=0),
        found[0].title,
        found[0].body,
        STRANGER,
        open=True,
    )


class _ForgeWithIssue:
    """A forge that shows this issue with the text given here. An issue that was never filed has no
    comments."""

    def __init__(self, forge: Forge, issue: Issue) -> None:
        self._forge, self._issue = forge, issue

    def issue(self, number: int) -> Issue:
        return self._issue if number == self._issue.number else self._forge.issue(number)

    def comments(self, number: int) -> tuple[Comment, ...]:
        return () if self._issue.author == STRANGER else self._forge.comments(number)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forge, name)


class _NoWriter:
    """A writer that must not be used: any use in a dry run is a bug."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AssertionError(f"a dry run called `{name}` on the forge")
