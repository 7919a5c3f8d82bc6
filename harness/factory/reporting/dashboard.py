"""The one pinned issue that shows at a look how the factory stands. It is a display: nothing in it
is ever read back.

Properties: found by its hidden mark and the factory's own account, so there is never a second one;
written at most once a pass, and only when it says something else; never triaged; where it cannot be
written or pinned, that is said once and stops nothing else. There is none before the first issue,
nor where `factory.toml` does not want it."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

from harness.domain.errors import ForgeError
from harness.domain.events import DashboardShown, DigestWritten, UsageRecorded
from harness.domain.issue import Issue
from harness.domain.ledger import Entry
from harness.domain.lifecycle import State
from harness.factory.records.approval import Approval, approval
from harness.factory.records.history import History, why_frozen
from harness.factory.reporting.comments.dashboard import MARKER, TITLE, Board, Row, dashboard_text
from harness.factory.reporting.digest import is_under_way, told_of
from harness.factory.run.effects import is_stopped, say
from harness.factory.run.pause import pause_in_force
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.ports.ledger import recorded

DASHBOARD = "dashboard"
"""The kind of entry that says: this text is shown, on this issue, pinned or not."""


_NOT_PINNED = (
    "the dashboard could not be pinned: three issues may be already, or the right is missing; pin"
    " it by hand"
)


def is_dashboard(issue: Issue) -> bool:
    """Whether it is ours, and so nobody's wish. Only an app or one of the project's own can have
    filed it: a stranger who writes the mark files an issue like any other."""
    return issue.body.startswith(MARKER) and (issue.author.bot or issue.insider)


def show_dashboard(services: Services, policy: PolicySnapshot) -> None:
    """Make the dashboard say what the ledger says. Raises ForgeError only where trying again may
    help, and Stopped."""
    if not policy.config.forge.dashboard or not services.known.those(was_told_of):
        return
    text = dashboard_text(board(services, policy), services.link)
    shown = [entry.event for entry in recorded(services.ledger, DashboardShown)]
    name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if not shown or shown[-1].text != name:
        _show(services, text, name, shown)


def _show(services: Services, text: str, name: str, shown: Sequence[DashboardShown]) -> None:
    number, pinned, fault = _written(services, text, is_pinned=bool(shown) and shown[-1].pinned)
    if fault and not (shown and shown[-1].fault == fault):
        services.tell("dashboard", DashboardShown.kind, fault)
    services.ledger.append(
        DashboardShown(name, number=number, pinned=pinned, fault=fault),
        f"{DashboardShown.kind}/{len(shown) + 1}",
    )


def _written(services: Services, text: str, *, is_pinned: bool) -> tuple[int | None, bool, str]:
    """Its number, whether it is pinned, and what could not be done. A pin is asked for until it is
    there."""
    number, pins = None, [is_pinned]

    def write() -> None:
        nonlocal number
        number = services.writer.upsert_issue(MARKER, title=TITLE, body=text)
        pins.append(is_pinned or services.writer.pin_issue(number))

    try:
        say(services, write)
    except ForgeError as error:
        if error.retryable:
            raise
        return (
            number,
            pins[-1],
            f"the dashboard could not be {'pinned' if number else 'written'}: {error}",
        )
    return number, pins[-1], "" if pins[-1] else _NOT_PINNED


def was_told_of(history: History) -> bool:
    """Whether there was anything to tell of it yet."""
    return history.tellings > 0


def needs_a_person(history: History) -> bool:
    """Whether nothing more happens until somebody of the house has looked."""
    return history.state in (State.NEEDS_HUMAN, State.PAUSED)


def waits_for_its_filer(history: History) -> bool:
    """Whether it waits for an answer."""
    return history.state is State.NEEDS_INFO


def has_landed(history: History) -> bool:
    """Whether its change is in, by the factory or by a person."""
    return history.state is State.MERGED


def has_cost(history: History) -> bool:
    """Whether a model was asked about it."""
    return history.usage.calls > 0


def board(services: Services, policy: PolicySnapshot) -> Board:
    """All that it shows, from the ledger and the owner's flag. It says the same all day where
    nothing happens."""
    today = datetime.combine(services.clock.now().astimezone(UTC).date(), time(), UTC)
    yesterday, those = today - timedelta(days=1), services.known.those
    digests, paid = recorded(services.ledger, DigestWritten), those(has_cost)
    paused = pause_in_force(services.ledger, services.clock.now())
    return Board(
        stopped=is_stopped(services) is not False,
        frozen=why_frozen(services.ledger),
        waiting=tuple(_row(one, policy) for one in those(needs_a_person)),
        under_way=tuple(_row(one, policy) for one in those(is_under_way)),
        asked=tuple(_row(one, policy) for one in those(waits_for_its_filer)),
        landed=tuple(
            _row(one, policy)
            for one in those(has_landed)
            if _moment(one.transitions[-1]) >= yesterday
        ),
        since=yesterday.date(),
        spent_today=_spent(paid, today),
        spent_yesterday=_spent(paid, yesterday) - _spent(paid, today),
        cap=policy.config.caps.usd_per_day,
        digest=digests[-1].event.path if digests else "",
        paused=paused.says if paused else "",
    )


def _row(history: History, policy: PolicySnapshot) -> Row:
    """One issue. The commit to approve is offered only where an approval of it would be heard
    now."""
    head = history.pushed_head
    found = (
        approval(history, policy.governance, sha=head, head_now=head, rules=policy.digest)
        if head
        else None
    )
    since = history.transitions[-1].at[:10] if history.transitions else ""
    return Row(
        told_of(history),
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
            if _moment(entry) >= since
        ),
        Decimal(0),
    )


def _moment(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.at)
