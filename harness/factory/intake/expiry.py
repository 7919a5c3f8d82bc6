"""What is closed when its time runs out: a rejection that nobody appealed against, a question that
nobody answered.

The day was told to the filer when the decision was made, and is in the ledger with it: a change of
the configuration takes nothing back. An answer or an appeal is taken in before this is asked, and
reopens what was closed already."""

from datetime import datetime, timedelta

from harness.domain.events import IssueExpired
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History, history_of
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import effect
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services


def close_expired_issues(services: Services, policy: PolicySnapshot) -> None:
    """Close every issue whose time is over, each once. Killed at any instant, the next tick goes on
    from there."""
    now = services.clock.now()
    for told in services.issue_index.filter(has_closing_time):
        if is_expired(told, now=now):
            _close(services, told, policy)


def has_closing_time(history: History) -> bool:
    """Whether this issue is to be closed some day, and is not."""
    return (
        history.state in (State.REJECTED, State.NEEDS_INFO)
        and history.closes is not None
        and history.closed is None
    )


def is_expired(history: History, *, now: datetime) -> bool:
    """Whether this issue was to be closed by now, and is not."""
    return has_closing_time(history) and datetime.fromisoformat(str(history.closes)) <= now


def closing_time(services: Services, *, days: int) -> str:
    """The moment that many days from now, as the ledger has moments."""
    return (services.clock.now() + timedelta(days=days)).isoformat()


def _close(services: Services, history: History, policy: PolicySnapshot) -> None:
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
