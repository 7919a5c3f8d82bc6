"""Moving an issue to its next state: one entry in the ledger, then its projection on the forge.

A projection that the forge refuses for good (a locked issue takes no comment) holds up no other
issue: it is recorded with its fault, and made again once the issue changes."""

from collections.abc import Callable

from harness.domain.errors import ForgeError
from harness.domain.events import Projected, RunEnded, Suspicion, TransitionRecorded
from harness.domain.lifecycle import Event, State, next_state
from harness.domain.workflow_run import RunStatus
from harness.factory.records.history import History, history_of
from harness.factory.reporting.chain_page import write_page
from harness.factory.reporting.comments import ISSUE_MARKER, issue_comment
from harness.factory.reporting.pull_request import show_change
from harness.factory.reporting.releases import carried_words
from harness.factory.reporting.shown import ALL_LABELS, shown
from harness.factory.run.effects import write_projection
from harness.factory.run.services import Services
from harness.log import WARNING


def transition(
    services: Services,
    issue: int,
    event: Event,
    *,
    key: str,
    run: str | None = None,
    reason: str = "",
    rules: str = "",
    cites: tuple[str, ...] | None = None,
    duplicate_of: int | None = None,
    head: str | None = None,
    lifts: tuple[tuple[str, str], ...] = (),
    suspicion: Suspicion | None = None,
) -> None:
    """Record `event` once under `key`; see TransitionRecorded for the rest. An event that comes
    from no run ends a run that was left open. Raises IllegalTransition if the state does not allow
    it."""
    # A repeated run: the state may not allow the event a second time.
    if services.ledger.find(key):
        return
    before = history_of(services.ledger, issue)
    # Only the ledger knows where a held issue stood: its state is the hold alone.
    after = (
        before.held
        if event is Event.RESUMED and before.state is State.PAUSED
        else next_state(before.state, event)
    )
    # Incident: an edit overtook a run of a killed factory, which was then resumed on what it had
    # found before, in a state that its event does not fit. A hold gives back what it held.
    if run is None and event not in (Event.OWNER_HOLD, Event.RESUMED):
        _end_left_run(services, before, event)
    services.ledger.append(
        TransitionRecorded(
            event,
            before=before.state,
            after=after,
            reason=reason,
            rules=rules,
            cites=cites,
            duplicate_of=duplicate_of,
            head=head,
            lifts=lifts,
            suspicion=suspicion,
        ),
        key,
        issue=issue,
        run=run,
    )


def _end_left_run(services: Services, history: History, event: Event) -> None:
    if left := history.open_run:
        services.ledger.append(
            RunEnded(RunStatus.CANCELLED, f"overtaken by {event}"),
            f"run/{left.run}/ended",
            issue=history.issue,
            run=left.run,
        )


def project(services: Services, issue: int) -> None:
    """Bring the page, the label and the sticky comment up to date with the ledger. Writes nothing
    that is there already. What the forge refuses for good is recorded; raises ForgeError for
    anything else."""
    history = history_of(services.ledger, issue)
    # The page first, because the comment links to it.
    write_projection(services, lambda: write_page(services, history))
    label = shown(history).label.name
    comment = issue_comment(
        history, services.link, released=carried_words(services.releases, issue)
    )
    faults = [
        _refusal(lambda: set_label(services, issue, label)),
        _refusal(
            lambda: write_projection(
                services, lambda: services.writer.upsert_comment(issue, ISSUE_MARKER, comment)
            )
        ),
        _refusal(lambda: show_change(services, history)),
    ]
    # The mark comes last: a factory that is killed before it projects everything again.
    _record(services, history, next(filter(None, faults), ""))


def set_label(services: Services, issue: int, label: str) -> None:
    """Make `label` the issue's only state label."""
    write_projection(
        services, lambda: services.writer.set_state_label(issue, label, among=ALL_LABELS)
    )


def _refusal(act: Callable[[], None]) -> str:
    """Do it, and return what the forge refused of it for good; empty where it was done."""
    try:
        act()
    except ForgeError as error:
        if not error.concerns_one_thing:
            raise
        return str(error)
    return ""


def _record(services: Services, history: History, fault: str) -> None:
    before = history.of(Projected)
    # An issue stays locked through all its states, and is reported once.
    if fault and fault not in {entry.event.fault for entry in before}:
        services.log.write("issue-failed", fault, issue=history.issue, level=WARNING)
    mark = _mark(history) if fault or not is_refused(history) else f"{_mark(history)}/shown"
    services.ledger.append(Projected(fault=fault), mark, issue=history.issue)


def finish_projections(services: Services) -> None:
    """Project what a killed factory had decided and not shown yet. An ended issue moves no more, so
    nothing else would show it."""
    for history in services.issue_index.filter(needs_projection):
        project(services, history.issue)


def needs_projection(history: History) -> bool:
    """Whether the forge does not show the latest state of the issue yet."""
    return bool(history.notices) and _mark(history) not in {
        entry.key for entry in history.of(Projected)
    }


def is_refused(history: History) -> bool:
    """Whether the forge refused for good to show the latest state of the issue."""
    marks = {entry.key: entry.event for entry in history.of(Projected)}
    found = marks.get(_mark(history))
    return found is not None and bool(found.fault) and f"{_mark(history)}/shown" not in marks


def skip_projection(services: Services, issue: int) -> None:
    """Record that nothing is left to show: the forge no longer has the issue."""
    mark = _mark(history_of(services.ledger, issue))
    services.ledger.append(Projected(gone=True), mark, issue=issue)


def _mark(history: History) -> str:
    return f"projected/{history.issue}/{history.notices}"
