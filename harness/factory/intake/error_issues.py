"""Files an issue for each new group of errors that the running app reports, and opens one again
whose error came back.

Properties:
- through a kill at any moment a group has one issue;
- nothing is filed after the owner's stop, nor above the day's cap;
- where the errors cannot be read, everything else goes on."""

from datetime import timedelta
from functools import partial

from harness.domain.error_groups import ErrorSample
from harness.domain.errors import ForgeError, PortError
from harness.domain.events import ErrorIssueFiled, ErrorReturned, ErrorsTraced
from harness.domain.issue import Issue
from harness.domain.ledger import Entry, of_kind
from harness.domain.lifecycle import Event, State
from harness.factory.records.error_groups import (
    ErrorFacts,
    NewGroup,
    ReturnedGroup,
    landings_in,
    new_groups,
    returned_groups,
    room_today,
)
from harness.factory.reporting.comments.error_issue import (
    MARKER,
    error_body,
    error_title,
    marker_of,
)
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import effect, write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.settings.limits_config import ErrorSettings
from harness.log import WARNING
from harness.ports.ledger import recorded

LATEST_CLOCK = timedelta(days=1)
"""How far our clock may be from the forge's when an issue is looked for by time."""


def is_error_issue(issue: Issue) -> bool:
    """Whether the issue is about errors of the app. Whoever filed it, its text is a stranger's."""
    return issue.body.startswith(MARKER)


def file_error_issues(services: Services, policy: PolicySnapshot) -> None:
    """Do what is due. Raises Stopped, and ForgeError where trying again may help."""
    new, returned = _due(services, policy.config.errors)
    for group in new:
        try:
            _file(services, group)
        except ForgeError as error:
            if error.retryable:
                raise
            services.log.write("errors-failed", f"no issue is filed: {error}", level=WARNING)
            break
    for back in returned:
        # The intent: from here on the next tick does what a killed one did not.
        services.ledger.append(
            ErrorReturned(back.group, back.fix.commit, back.landing.commit, back.is_by_secret),
            f"error/{back.group}/returned/{back.fix.commit}",
            issue=back.issue,
        )
    _reopen_returned(services, policy)


def trace_error_issues(services: Services) -> None:
    """Note in the history of each issue that was filed for errors what it is, once it is taken in.
    An issue with an entry counts as taken in, so this cannot be written when it is filed."""
    for entry in recorded(services.ledger, ErrorIssueFiled) if services.errors else ():
        filed, key = entry.event, f"error/{entry.event.group}/traced"
        if services.issue_index.of(filed.issue).seen and not services.ledger.find(key):
            services.ledger.append(
                ErrorsTraced(filed.count, landing=filed.landing, landed=filed.landed),
                key,
                issue=filed.issue,
            )


def is_error_due(services: Services, policy: PolicySnapshot) -> bool:
    """Whether there is an issue to file or to open again."""
    return any(_due(services, policy.config.errors))


def error_facts(services: Services) -> ErrorFacts | None:
    """What is known of errors; None where nothing takes them, there is none, or they cannot
    be read."""
    if services.errors is None:
        return None
    try:
        groups = services.errors.groups()
    except PortError as error:
        services.log.write("errors-failed", str(error), level=WARNING)
        return None
    # Most homes have none, and then nothing more is read.
    if not groups:
        return None
    done = services.ledger.entries(kind=ErrorIssueFiled.kind)
    landings, filed = landings_in(done), of_kind(done, ErrorIssueFiled)
    histories = {one.event.issue: services.issue_index.of(one.event.issue) for one in filed}
    by_commit = {one.commit: one for one in landings}
    return ErrorFacts(
        groups,
        filed,
        recorded(services.ledger, ErrorReturned),
        landings,
        {
            number: by_commit[history.landed.commit]
            for number, history in histories.items()
            if history.state is State.MERGED and history.landed
        },
    )


def _due(
    services: Services, settings: ErrorSettings
) -> tuple[tuple[NewGroup, ...], tuple[ReturnedGroup, ...]]:
    facts = error_facts(services)
    if facts is None:
        return (), ()
    room = room_today(facts, services.clock.now(), per_day=settings.per_day)
    # What came back first: that its fix was none is known.
    returned = returned_groups(facts, least=settings.least)[:room]
    return new_groups(facts, least=settings.least)[: room - len(returned)], returned


def _file(services: Services, found: NewGroup) -> None:
    sample = services.errors.sample(found.group) if services.errors else None
    # It made room for another one meanwhile.
    if sample is None:
        return
    key = f"error/{found.group}"
    begun = services.ledger.find(key)
    done = effect(services, ErrorIssueFiled, key, lambda: _filed(services, found, sample, begun))
    services.log.write(
        "error-issue", f"an issue for {found.count} errors that are alike", issue=done.issue
    )


def _filed(
    services: Services, found: NewGroup, sample: ErrorSample, begun: Entry | None
) -> ErrorIssueFiled:
    marker, landing = marker_of(found.group), found.landing
    number = _filed_before(services, marker, begun) or services.writer.upsert_issue(
        marker, title=error_title(sample), body=error_body(found, sample, services.link)
    )
    return ErrorIssueFiled(
        number,
        group=found.group,
        count=found.count,
        release=found.release,
        landing=landing.commit if landing else "",
        landed=landing.issue if landing else 0,
    )


def _filed_before(services: Services, marker: str, begun: Entry | None) -> int | None:
    """The issue that a killed factory filed and did not record, also if somebody has closed it."""
    if begun is None:
        return None
    me, since = services.forge.account(), begun.moment - LATEST_CLOCK
    return next(
        (
            one.number
            for one in services.forge.issues(since=since.isoformat())
            if one.author.id == me.id and one.body.startswith(marker)
        ),
        None,
    )


def _reopen_returned(services: Services, policy: PolicySnapshot) -> None:
    """Work again on the issues whose error came back, as `[watch] fix_runs` bounds it; first triage
    decides, where nobody but a stranger may have said so."""
    for entry in recorded(services.ledger, ErrorReturned):
        # One key for both: an older version had one of them alone.
        key, issue = f"{entry.key}/{Event.REGRESSED}", entry.issue or 0
        state = services.issue_index.of(issue).state
        if state is not State.MERGED or services.ledger.find(key):
            continue
        # First of all: a closed issue that is not merged counts as closed by a person.
        try:
            write_projection(services, partial(services.writer.reopen_issue, issue))
        except ForgeError as error:
            if not error.concerns_one_thing:
                raise
            services.log.write("issue-failed", str(error), issue=issue, level=WARNING)
            continue
        event = Event.REGRESSED if entry.event.by_secret else Event.ERROR_RETURNED
        reason = _reason(entry.event)
        transition(services, issue, event, key=key, reason=reason, rules=policy.digest)
        project(services, issue)


def _reason(back: ErrorReturned) -> str:
    return (
        f"its error came again, from release {back.landing:.10}, which has the fix {back.fix:.10}"
    )
