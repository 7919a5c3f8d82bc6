"""Issue sync: new issues, edits, closings and commands on the forge become entries of the ledger.

The forge's text is data. Authority is the forge's own answer on who may do what: a command in a
comment counts only if its author may give it (`commands.py`)."""

import hashlib
from collections.abc import Collection, Sequence

from harness.domain.errors import ForgeError
from harness.domain.events import IssueSeen
from harness.domain.issue import Issue
from harness.domain.ledger import NewEntry
from harness.domain.lifecycle import ENDED, Event, State, events_from
from harness.factory.intake.commands import may_command, run_comment_commands
from harness.factory.intake.error_issues import is_error_issue
from harness.factory.intake.reviews import run_reviews
from harness.factory.records.history import History
from harness.factory.reporting.dashboard import is_dashboard
from harness.factory.reporting.questions import is_question
from harness.factory.reporting.shown import ALL_LABELS, shown
from harness.factory.reporting.transitions import (
    is_refused,
    project,
    set_label,
    skip_projection,
    transition,
)
from harness.factory.run.effects import write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.log import WARNING

TOGETHER = 500
"""How many new issues are written at once. Other writers of the ledger wait for no more than
these."""


def sync_issues(services: Services, policy: PolicySnapshot, *, whole: bool = False) -> None:
    """Bring the ledger up to what the forge shows now. A second call changes nothing more. It reads
    only what is new; with `whole` it compares the list of open issues from its beginning."""
    due = services.watch_list.refresh(whole=whole)
    known = {history.issue for history in services.issue_index.histories()}
    quiet = _add_listed(services, frozenset(due) - known)
    for number in due:
        try:
            if number not in quiet:
                _sync(services, number, policy)
        except ForgeError as error:
            if not error.concerns_one_thing:
                raise
            # It stays due, and the others go on.
            if services.watch_list.is_new_fault(number, str(error)):
                services.log.write("issue-failed", str(error), issue=number, level=WARNING)
            continue
        services.watch_list.mark_done(number)
    services.watch_list.record_full_read()


def _add_listed(services: Services, numbers: Collection[int]) -> frozenset[int]:
    """Record those of these new issues that the forge listed, many at once. Return the numbers of
    those without comments and labels: there is nothing more to read."""
    listed = services.watch_list.open_issues()
    issues = [
        listed[number]
        for number in sorted(numbers)
        if number in listed and not _is_ours(listed[number])
    ]
    for first in range(0, len(issues), TOGETHER):
        _add(services, issues[first : first + TOGETHER])
    return frozenset(
        issue.number
        for issue in issues
        if issue.comments == 0 and ALL_LABELS.isdisjoint(issue.labels)
    )


def _is_ours(issue: Issue) -> bool:
    """Whether the factory itself speaks here, so that there is nothing to triage."""
    return is_dashboard(issue) or is_question(issue)


def _sync(services: Services, number: int, policy: PolicySnapshot) -> None:
    """Read one issue that was edited, commented on or moved, or that is new and has more to
    read."""
    try:
        issue = services.watch_list.issue(number)
    except ForgeError as error:
        return _close_missing(services, services.issue_index.of(number), error, policy)
    if issue.open and not services.issue_index.of(number).entries and not _is_ours(issue):
        _add(services, [issue])
    if not (history := services.issue_index.of(number)).entries:
        return None
    has_comments = issue.comments != 0 or history.proposal
    if has_comments:
        done = run_comment_commands(services, history, policy)
        done |= run_reviews(services, services.issue_index.of(number), policy)
        # A command may have changed the issue, so it is read again.
        issue = services.watch_list.read(number) if done else issue
    _apply_changes(services, services.issue_index.of(number), issue, policy)
    _put_back_labels(services, services.issue_index.of(number), issue)
    # What changed may be what the forge refused before: a lock.
    if is_refused(services.issue_index.of(number)):
        project(services, number)
    return None


def _close_missing(
    services: Services, history: History, error: ForgeError, policy: PolicySnapshot
) -> None:
    """Close an issue that the forge no longer has, because it was deleted or moved to another
    repository. Raise the error where it means anything else."""
    if not history.entries and not error.retryable:
        return
    # A 404 alone proves nothing: the list of all issues has to arrive, and to lack this one.
    if error.retryable or history.issue in {issue.number for issue in services.forge.issues()}:
        raise error
    if Event.CLOSED_BY_PERSON in events_from(history.state) and history.state not in ENDED:
        transition(
            services,
            history.issue,
            Event.CLOSED_BY_PERSON,
            key=f"event/{history.issue}/{len(history.transitions)}",
            reason="it is no longer on the forge",
            rules=policy.digest,
        )
    skip_projection(services, history.issue)


def text_hash(issue: Issue) -> str:
    """The hash of the text that triage reads, byte for byte: another hash means an edit."""
    return hashlib.sha256(
        f"{issue.title}\0{issue.body}".encode("utf-8", "surrogatepass")
    ).hexdigest()


def _add(services: Services, issues: Sequence[Issue]) -> None:
    """Record new issues. The forge is asked what an author may do only where it calls the author
    one of the project's own, and once for all of that author's issues: a thousand strangers cost
    nothing."""
    # A dict keeps the order, and asks about each author once.
    insiders = dict.fromkeys(issue.author for issue in issues if issue.insider)
    commands = {author for author in insiders if may_command(services, author)}
    services.ledger.append_all(
        NewEntry(
            IssueSeen(
                title=issue.title[:200],
                author=issue.author.id,
                login=issue.author.login,
                # The right at the time of filing. A command needs the right at its own time.
                may_command=issue.insider
                and issue.author in commands
                and not is_error_issue(issue),
                text=text_hash(issue),
                created=issue.created_at,
                touched=issue.updated_at,
            ),
            f"issue/{issue.number}",
            issue=issue.number,
        )
        for issue in issues
    )


def _apply_changes(
    services: Services, history: History, issue: Issue, policy: PolicySnapshot
) -> None:
    """An edit after triage voids the decision. A merge or a closing by a person ends the issue."""
    allowed, triaged = events_from(history.state), history.triage
    # A merge also closes the issue on many forges, so it is looked for first.
    if merged := _merged_by_a_person(services, history):
        write_projection(
            services, lambda: services.writer.close_issue(history.issue, completed=True)
        )
        _event(
            services,
            history,
            Event.LANDED_BY_PERSON,
            f"pull request #{merged} was merged by a person",
            policy,
        )
    elif not issue.open and Event.CLOSED_BY_PERSON in allowed and history.state not in ENDED:
        _event(services, history, Event.CLOSED_BY_PERSON, "closed on the forge", policy)
    elif triaged and triaged.text != text_hash(issue) and Event.ISSUE_EDITED in allowed:
        _event(
            services,
            history,
            Event.ISSUE_EDITED,
            "the text was edited after it was triaged",
            policy,
        )


def _put_back_labels(services: Services, history: History, issue: Issue) -> None:
    """Put the state label right. A label only displays the ledger, so one that somebody adds or
    removes decides nothing."""
    right, present = shown(history).label.name, frozenset(issue.labels) & ALL_LABELS
    if present - {right} or (history.notices and right not in present):
        set_label(services, history.issue, right)


def _merged_by_a_person(services: Services, history: History) -> int | None:
    """The pull request of an issue that waits for a person, if it is merged by now. Only a person
    can have merged it: the factory lands what it judged, and records that first."""
    if history.state is not State.NEEDS_HUMAN or history.proposal is None or history.landed:
        return None
    number = history.proposal.number
    return number if services.forge.pull_request(number).merged else None


def _event(
    services: Services, history: History, event: Event, reason: str, policy: PolicySnapshot
) -> None:
    transition(
        services,
        history.issue,
        event,
        key=f"event/{history.issue}/{len(history.transitions)}",
        reason=reason,
        rules=policy.digest,
    )
    project(services, history.issue)
