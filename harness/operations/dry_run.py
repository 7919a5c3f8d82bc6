"""A dry run on a home: everything real is read and asked, and all that is written is what it
cost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.domain.errors import ConfigError, ForgeError, LedgerError
from harness.domain.issue import Actor, Comment, Issue
from harness.ports.forge import Forge, ForgeWriter
from harness.store.in_memory import OverLedger

if TYPE_CHECKING:
    from harness.factory.pipeline.dry_run import DryRun
    from harness.factory.run.services import Services
    from harness.wiring import Tell

STRANGER = Actor(0, "(nobody yet)")
_GONE = (404, 410)  # never there, or deleted


def planned(home: Path, asked: int | Path, *, cap: Decimal, tell: "Tell") -> "DryRun":
    """Think the lap through for an issue of the forge, or for one in a Markdown file.

    Raises ConfigError where there is no such issue, Busy where a factory is at work."""
    from harness.factory.pipeline.dry_run import dry_run
    from harness.factory.pipeline.tick import current_policy
    from harness.wiring import open_factory

    with open_factory(home, tell=tell) as works:
        services = works.services
        if fault := services.issue_index.fault():
            raise LedgerError(
                f"{fault.says}; nothing is thought through on a ledger that is not the one that was"
                " signed"
            )
        policy = current_policy(services)
        issue = (
            _issue_on(services.forge, asked)
            if isinstance(asked, int)
            else _issue_in(asked, services)
        )
        run = _name(services, issue.number)
        with thought(services, issue) as (thinking, over):
            try:
                return dry_run(thinking, policy, issue, run=run, cap=cap)
            finally:
                _write_down_the_cost(services, over, issue.number)


@contextmanager
def thought(services: "Services", issue: Issue) -> "Iterator[tuple[Services, OverLedger]]":
    """The same plant, over a ledger in memory and without a hand on the forge."""
    over = OverLedger(services.ledger.entries(), services.clock.now)
    yield (
        replace(
            services,
            ledger=over,
            forge=cast(Forge, _Seen(services.forge, issue)),
            writer=cast(ForgeWriter, _NoHand()),
        ),
        over,
    )


def _name(services: "Services", issue: int) -> str:
    """Names no run: what it cost is told apart from what the runs of the issue did."""
    prefix = f"plan-{issue}-"
    runs = {
        entry.run
        for entry in services.ledger.entries(kind="usage")
        if entry.run and entry.run.startswith(prefix)
    }
    return f"{prefix}{1 + len(runs)}"


def _write_down_the_cost(services: "Services", over: OverLedger, issue: int) -> None:
    """Of an issue that the ledger does not know yet the cost is nobody's: an entry of its own would
    pass for its beginning."""
    known = issue if services.ledger.find(f"issue/{issue}") else None
    for entry in over.added:
        if entry.kind == "usage":
            services.ledger.append(entry.event, entry.key, issue=known, run=entry.run)


def _issue_on(forge: Forge, number: int) -> Issue:
    try:
        return forge.issue(number)
    except ForgeError as error:
        if error.status in _GONE:
            raise ConfigError(
                f"there is no issue #{number} on the forge; `factory status` lists those that are"
                " known"
            ) from error
        raise


def _issue_in(file: Path, services: "Services") -> Issue:
    """The one issue in a Markdown file, younger than every other."""
    from harness.operations.setup.issue_files import issues_in

    found = issues_in(file)
    if len(found) != 1:
        raise ConfigError(f"holds {len(found)} issues; a dry run is of one", file=str(file))
    numbers = (told.issue for told in services.issue_index.histories())
    return Issue(
        1 + max((*numbers, *services.watch_list.open_issues()), default=0),
        found[0].title,
        found[0].body,
        STRANGER,
        open=True,
    )


class _Seen:
    """A forge on which this issue says what it says here, and for one that was never filed nobody
    has said anything."""

    def __init__(self, forge: Forge, issue: Issue) -> None:
        self._forge, self._issue = forge, issue

    def issue(self, number: int) -> Issue:
        return self._issue if number == self._issue.number else self._forge.issue(number)

    def comments(self, number: int) -> tuple[Comment, ...]:
        return () if self._issue.author == STRANGER else self._forge.comments(number)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forge, name)


class _NoHand:
    """A writer that writes nothing. Whoever reaches for it in a dry run is at fault."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AssertionError(f"a dry run reached for `{name}` on the forge")
