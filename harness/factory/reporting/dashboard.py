"""The pinned dashboard issue: one page that shows the state of the factory. Nothing reads it back.

Properties:
- it is found by its hidden marker and the factory's account, so there is never a second one;
- it is written at most once a tick, if something happened; and while a factory stays, at least
  as often as the presence tells, so that its age on the forge shows a death;
- it is never triaged;
- if it cannot be written or pinned, the factory reports that once and goes on;
- there is none before the first issue, or if `factory.toml` turns it off."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from harness.domain.errors import ForgeError
from harness.domain.events import (
    DashboardShown,
    DigestWritten,
    ErrorsTraced,
    UsageRecorded,
)
from harness.domain.issue import Issue
from harness.domain.lifecycle import ENDED, State
from harness.factory.records.approval import Approval, approval
from harness.factory.records.brakes import why_frozen
from harness.factory.records.history import History
from harness.factory.records.regressions import broken_words, last_look, look_words
from harness.factory.reporting.comments.dashboard import (
    MARKER,
    TITLE,
    Board,
    DashboardRow,
    ErrorRow,
    dashboard_text,
)
from harness.factory.reporting.digest import is_under_way, issue_summary
from harness.factory.reporting.releases import releases_now
from harness.factory.reporting.workflow_runs import workflow_rows
from harness.factory.run.effects import is_stopped, write_projection
from harness.factory.run.pause import pause_in_force
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.log import WARNING
from harness.ports.ledger import recorded

_NOT_PINNED = (
    "the dashboard could not be pinned: the forge may have three pinned issues already, or the"
    " factory lacks the right; pin it by hand"
)


def is_dashboard(issue: Issue) -> bool:
    """Whether this issue is the dashboard. Only an app or a member of the project can have filed
    it: a stranger's issue with the marker is an ordinary issue."""
    return issue.body.startswith(MARKER) and (issue.author.bot or issue.insider)


def show_dashboard(services: Services, policy: PolicySnapshot) -> None:
    """Bring the dashboard up to date with the ledger. Raises Stopped, and ForgeError if trying
    again may help."""
    is_due = services.signs.is_dashboard_due()
    if policy.config.forge.dashboard and services.issue_index.filter(has_messages):
        found = board(services, policy)
        text = dashboard_text(found, services.link)
        shown = [entry.event for entry in recorded(services.ledger, DashboardShown)]
        name = _name_of(found, services)
        if is_due or not shown or shown[-1].text != name:
            _show(services, text, name, shown)
            is_due = True
    if is_due:
        services.signs.dashboard_done()


def _name_of(found: Board, services: Services) -> str:
    """The hash of what happened: of the page without the times of the signs of life."""
    sign = found.presence
    has_left = f"{sign.began.isoformat()} left" if sign and sign.left else ""
    text = dashboard_text(replace(found, presence=None), services.link) + has_left
    # A title may hold half of a surrogate pair, which UTF-8 alone refuses.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _show(services: Services, text: str, name: str, shown: Sequence[DashboardShown]) -> None:
    number, pinned, fault = _written(services, text, is_pinned=bool(shown) and shown[-1].pinned)
    # A page that only grew older is no event: the ledger would fill with its edits.
    if shown and (shown[-1].text, shown[-1].pinned, shown[-1].fault) == (name, pinned, fault):
        return
    # The same fault comes back on every tick; the operator hears of it once.
    if fault and not (shown and shown[-1].fault == fault):
        services.log.write("dashboard-failed", fault, level=WARNING)
    services.ledger.append(
        DashboardShown(name, number=number, pinned=pinned, fault=fault),
        f"{DashboardShown.kind}/{len(shown) + 1}",
    )


def _written(services: Services, text: str, *, is_pinned: bool) -> tuple[int | None, bool, str]:
    """Write and pin the issue: its number, whether it is pinned, and what failed. A pin is tried
    again until it succeeds."""
    # Kept out here, because the pin can fail after the issue was written.
    number, pins = None, [is_pinned]

    def write() -> None:
        nonlocal number
        number = services.writer.upsert_issue(MARKER, title=TITLE, body=text)
        # The issue must exist before it can be pinned, and one that somebody unpinned by hand stays
        # so.
        pins.append(is_pinned or services.writer.pin_issue(number))

    try:
        write_projection(services, write)
    except ForgeError as error:
        if error.retryable:
            raise
        return (
            number,
            pins[-1],
            f"the dashboard could not be {'pinned' if number else 'written'}: {error}",
        )
    return number, pins[-1], "" if pins[-1] else _NOT_PINNED


def has_messages(history: History) -> bool:
    """Whether the factory has said anything on the issue yet."""
    return history.notices > 0


def needs_a_person(history: History) -> bool:
    """Whether nothing happens until a maintainer acts."""
    return history.state in (State.NEEDS_HUMAN, State.PAUSED)


def waits_for_its_filer(history: History) -> bool:
    """Whether its filer was asked a question."""
    return history.state is State.NEEDS_INFO


def has_landed(history: History) -> bool:
    """Whether its change is merged, by the factory or by a person."""
    return history.state is State.MERGED


def has_cost(history: History) -> bool:
    """Whether a model worked on it."""
    return history.usage.calls > 0


def board(services: Services, policy: PolicySnapshot) -> Board:
    """The content of the dashboard. Without the signs of life it does not change during a day in
    which nothing happens."""
    today = datetime.combine(services.clock.now().astimezone(UTC).date(), time(), UTC)
    yesterday, issues = today - timedelta(days=1), services.issue_index.filter
    digests, paid = recorded(services.ledger, DigestWritten), issues(has_cost)
    paused = pause_in_force(services.ledger, services.clock.now())
    return Board(
        # Unknown counts as stopped: nobody should wait for work that may not come.
        stopped=is_stopped(services) is not False,
        frozen=why_frozen(services.ledger),
        broken=broken_words(services.ledger),
        waiting=tuple(_row(one, policy) for one in issues(needs_a_person)),
        under_way=tuple(_row(one, policy) for one in issues(is_under_way)),
        asked=tuple(_row(one, policy) for one in issues(waits_for_its_filer)),
        landed=tuple(
            _row(one, policy)
            for one in issues(has_landed)
            if one.transitions[-1].moment >= yesterday
        ),
        since=yesterday.date(),
        spent_today=_spent(paid, today),
        spent_yesterday=_spent(paid, yesterday) - _spent(paid, today),
        cap=policy.config.caps.usd_per_day,
        digest=digests[-1].event.path if digests else "",
        paused=paused.summary if paused else "",
        presence=services.signs.presence,
        errors=_errors(services, policy),
        watched=look_words(last.event) if (last := last_look(services.ledger)) else "",
        workflows=workflow_rows(services.own_runs),
        releases=releases_now(services.releases) if services.releases.last() else None,
    )


def is_for_errors(history: History) -> bool:
    """Whether it was filed for errors of the running app and has not ended."""
    return bool(history.of(ErrorsTraced)) and history.state not in ENDED


def _errors(services: Services, policy: PolicySnapshot) -> tuple[ErrorRow, ...]:
    return tuple(
        ErrorRow(_row(history, policy), traced.landing, traced.landed)
        for history in services.issue_index.filter(is_for_errors)
        for traced in (history.of(ErrorsTraced)[-1].event,)
    )


def _row(history: History, policy: PolicySnapshot) -> DashboardRow:
    """The row of one issue. It names the commit to approve only if an approval would be accepted
    now."""
    head = history.pushed_head
    found = (
        # The forge is not asked here: the command itself compares the head again.
        approval(history, policy.governance, sha=head, head_now=head, rules=policy.digest)
        if head
        else None
    )
    since = history.transitions[-1].at[:10] if history.transitions else ""
    return DashboardRow(
        issue_summary(history),
        since=since,
        cost=history.usage.cost_usd,
        approve=head if head and isinstance(found, Approval) else "",
    )


def _spent(histories: tuple[History, ...], since: datetime) -> Decimal:
    return sum(
        (
            entry.event.cost_usd
            for one in histories
            for entry in one.of(UsageRecorded)
            if entry.moment >= since
        ),
        Decimal(0),
    )
