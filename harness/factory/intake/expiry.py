"""Expiry: close an issue whose time has run out, after a rejection without an appeal or a question
without an answer.

The filer learned the day when the decision was made, and the ledger holds it, so a change of the
configuration takes nothing back. Each tick reads answers and appeals before it closes anything, and
they reopen what is closed already."""

from datetime import datetime, timedelta

from harness.domain.errors import ForgeError
from harness.domain.events import IssueExpired
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History, history_of
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import effect
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.log import WARNING


def close_expired_issues(services: Services, policy: PolicySnapshot) -> None:
    """Close every issue whose time has run out, once each. After a kill at any instant the next
    tick goes on from there."""
    now = services.clock.now()
    for history in services.issue_index.filter(has_closing_time):
        if is_expired(history, now=now):
            try:
                _close(services, history, policy)
            except ForgeError as error:
                if not error.concerns_one_thing:
                    raise
                services.log.write("issue-failed", str(error), issue=history.issue, level=WARNING)


def has_closing_time(history: History) -> bool:
    """Whether the issue has a day on which it closes, and is not closed yet."""
    return (
        history.state in (State.REJECTED, State.NEEDS_INFO)
        and history.closes is not None
        and history.closed is None
    )


def is_expired(history: History, *, now: datetime) -> bool:
    """Whether the issue's closing day has come, and it is not closed yet."""
    return has_closing_time(history) and datetime.fromisoformat(str(history.closes)) <= now


def closing_time(services: Services, *, days: int) -> str:
    """The moment `days` from now, in the ledger's format (ISO 8601, UTC)."""
    return (services.clock.now() + timedelta(days=days)).isoformat()


def _close(services: Services, history: History, policy: PolicySnapshot) -> None:
    # The issue changes its state before it closes: a kill between the two leaves the closing to do.
    if history.state is State.NEEDS_INFO:
        transition(
            services,
            history.issue,
            Event.NO_REPLY,
            key=f"event/{history.issue}/{len(history.transitions)}",
            reason="the question had no answer in time",
            rules=policy.digest,
        )
        history = history_of(services.ledger, history.issue)

    def close() -> IssueExpired:
        services.writer.close_issue(history.issue, completed=False)
        return IssueExpired(history.issue)

    effect(
        services,
        IssueExpired,
        f"{IssueExpired.effect}/{history.issue}/{len(history.transitions)}",
        close,
        issue=history.issue,
        run=history.transitions[-1].run or "",
    )
    project(services, history.issue)
