"""Moving an issue: one entry in the ledger, then its projection on the forge."""

from harness.domain.events import Projected, TransitionRecorded
from harness.domain.lifecycle import Event, State, next_state
from harness.factory.records.history import History, history_of
from harness.factory.reporting.chain_page import write_page
from harness.factory.reporting.comments import ALL_LABELS, ISSUE_MARKER, issue_comment, label_of
from harness.factory.reporting.pull_request import show_change
from harness.factory.run.effects import say
from harness.factory.run.services import Services


def transition(
    services: Services,
    issue: int,
    event: Event,
    *,
    key: str,
    run: str | None = None,
    says: str = "",
    rules: str = "",
    cites: tuple[str, ...] | None = None,
    duplicate_of: int | None = None,
    head: str | None = None,
    lifts: tuple[tuple[str, str], ...] = (),
) -> None:
    """Record `event` once under `key`; see TransitionRecorded for the rest. Raises
    IllegalTransition where the table has no such edge."""
    if services.ledger.find(key):
        return
    before = history_of(services.ledger, issue)
    after = (
        before.held
        if event is Event.RESUMED and before.state is State.PAUSED
        else next_state(before.state, event)
    )
    services.ledger.append(
        TransitionRecorded(
            event,
            before=before.state,
            after=after,
            says=says,
            rules=rules,
            cites=cites,
            duplicate_of=duplicate_of,
            head=head,
            lifts=lifts,
        ),
        key,
        issue=issue,
        run=run,
    )


def project(services: Services, issue: int) -> None:
    """Make the page, the label and the sticky comment say what the ledger says. Nothing is done
    where they already do."""
    history = history_of(services.ledger, issue)
    say(services, lambda: write_page(services, history))
    say(
        services,
        lambda: services.writer.set_state_label(issue, label_of(history), among=ALL_LABELS),
    )
    say(
        services,
        lambda: services.writer.upsert_comment(
            issue, ISSUE_MARKER, issue_comment(history, services.link)
        ),
    )
    show_change(services, history)
    services.ledger.append(Projected(), _mark(history), issue=issue)


def project_what_was_cut_off(services: Services) -> None:
    """Say what a killed factory had decided and not yet said: what has ended is not moved again, so
    nobody else would."""
    for history in services.known.those(is_unsaid):
        project(services, history.issue)


def is_unsaid(history: History) -> bool:
    """Whether there is something to tell that the forge does not say yet."""
    return bool(history.tellings) and _mark(history) not in {
        entry.key for entry in history.of(Projected)
    }


def leave_unsaid(services: Services, issue: int) -> None:
    """Say nothing of an issue that the forge no longer has."""
    mark = _mark(history_of(services.ledger, issue))
    services.ledger.append(Projected(gone=True), mark, issue=issue)


def _mark(history: History) -> str:
    return f"projected/{history.issue}/{history.tellings}"
