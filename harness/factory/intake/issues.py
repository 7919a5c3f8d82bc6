"""Taking in what the forge shows: new issues, edits, closings, and what people with the right have
told the factory.

The forge's text is data. Authority is the forge's own answer on who may do what; a command in a
comment counts only if the account that wrote it may give it, as `run_comment_commands` says."""

import hashlib
from collections.abc import Collection, Sequence

from harness.domain.errors import ForgeError
from harness.domain.events import IssueSeen
from harness.domain.issue import Issue
from harness.domain.ledger import NewEntry
from harness.domain.lifecycle import ENDED, Event, State, events_from
from harness.factory.intake.commands import may_command, run_comment_commands
from harness.factory.records.history import History
from harness.factory.reporting.comments import ALL_LABELS, label_of
from harness.factory.reporting.dashboard import is_dashboard
from harness.factory.reporting.transitions import project, skip_projection, transition
from harness.factory.run.effects import write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services

TOGETHER = 500
"""How many new issues are written at once: who else would write to the ledger waits for no more
than these."""


def sync_issues(services: Services, policy: PolicySnapshot, *, whole: bool = False) -> None:
    """Bring the ledger up to what the forge shows now. Doing it twice changes nothing more. Only
    what is new is read; with `whole` the list of what is open is compared from its beginning."""
    due = services.watch_list.refresh(whole=whole)
    known = {history.issue for history in services.issue_index.histories()}
    quiet = _met(services, frozenset(due) - known)
    for number in due:
        if number not in quiet:
            _look_at(services, number, policy)
        services.watch_list.mark_done(number)
    services.watch_list.record_full_read()


def _met(services: Services, numbers: Collection[int]) -> frozenset[int]:
    """Take in those of these new issues that the forge listed, many at once. The numbers of those
    that nobody said anything to: there is no more to see."""
    listed = services.watch_list.open_issues()
    issues = [
        listed[number]
        for number in sorted(numbers)
        if number in listed and not is_dashboard(listed[number])
    ]
    for first in range(0, len(issues), TOGETHER):
        _meet(services, issues[first : first + TOGETHER])
    return frozenset(
        issue.number
        for issue in issues
        if issue.comments == 0 and ALL_LABELS.isdisjoint(issue.labels)
    )


def _look_at(services: Services, number: int, policy: PolicySnapshot) -> None:
    """One issue that was touched, or moved, or is new and was not listed or not quiet."""
    try:
        issue = services.watch_list.issue(number)
    except ForgeError as error:
        return _let_go(services, services.issue_index.of(number), error, policy)
    if issue.open and not services.issue_index.of(number).entries and not is_dashboard(issue):
        _meet(services, [issue])
    if not (told := services.issue_index.of(number)).entries:
        return None
    if (issue.comments != 0 or told.proposal) and run_comment_commands(services, told, policy):
        issue = services.watch_list.read(number)
    _notice(services, services.issue_index.of(number), issue, policy)
    _put_back_labels(services, services.issue_index.of(number), issue)
    return None


def _let_go(
    services: Services, history: History, error: ForgeError, policy: PolicySnapshot
) -> None:
    """An issue that the forge no longer has, deleted or moved to another repository, is closed;
    there is nobody to tell. Raises the error where it is anything else: the list of all has to
    come, without it."""
    if not history.entries and not error.retryable:
        return
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
    """What was triaged, byte for byte: a change of it is an edit."""
    return hashlib.sha256(
        f"{issue.title}\0{issue.body}".encode("utf-8", "surrogatepass")
    ).hexdigest()


def _meet(services: Services, issues: Sequence[Issue]) -> None:
    """Only of whom the forge calls one of the project's own is it asked what they may do, once for
    all that they filed: a thousand strangers cost nothing."""
    insiders = dict.fromkeys(issue.author for issue in issues if issue.insider)
    commands = {author for author in insiders if may_command(services, author)}
    services.ledger.append_all(
        NewEntry(
            IssueSeen(
                title=issue.title[:200],
                author=issue.author.id,
                login=issue.author.login,
                may_command=issue.insider and issue.author in commands,
                text=text_hash(issue),
                created=issue.created_at,
                touched=issue.updated_at,
            ),
            f"issue/{issue.number}",
            issue=issue.number,
        )
        for issue in issues
    )


def _notice(services: Services, history: History, issue: Issue, policy: PolicySnapshot) -> None:
    """An edit after triage voids what was decided; a merge or a closing by a person ends it."""
    allowed, triaged = events_from(history.state), history.triage
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
    """A label is a display of the ledger. One that somebody put on or took off decides nothing, and
    is put right."""
    right, worn = label_of(history), frozenset(issue.labels) & ALL_LABELS
    if worn - {right} or (history.tellings and right not in worn):
        write_projection(
            services,
            lambda: services.writer.set_state_label(history.issue, right, among=ALL_LABELS),
        )


def _merged_by_a_person(services: Services, history: History) -> int | None:
    """The pull request of an issue that waits for a person, if it is merged by now. Only a person
    can have done that: the factory lands what it judged, and says so in the ledger first."""
    if history.state is not State.NEEDS_HUMAN or history.proposal is None or history.landed:
        return None
    number = history.proposal.number
    return number if services.forge.pull_request(number).merged else None


def _event(
    services: Services, history: History, event: Event, says: str, policy: PolicySnapshot
) -> None:
    transition(
        services,
        history.issue,
        event,
        key=f"event/{history.issue}/{len(history.transitions)}",
        reason=says,
        rules=policy.digest,
    )
    project(services, history.issue)
