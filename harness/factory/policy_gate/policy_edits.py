"""Pull requests that edit the law get a check that says what the edit does. It decides nothing, and
merges nothing.

Properties kept: the head of a pull request is fetched by the trusted git and read as data; the law
in force stays that of the base; whoever proposes it, a stranger or a program, gets the same words
and no authority; each head is looked at once on each base, and nothing is said again that has not
changed; one that cannot be fetched, and a forge that takes no checks, stop nothing else. What
anybody may push is read within bounds, after the pass's own work, for so long in one pass and no
longer; a head that could not be read is not tried again."""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from harness.domain.errors import ConfigError, ForgeError, GitError, GovernanceError
from harness.domain.events import PolicyEditReported, ProposalPushed
from harness.domain.governance import DOCUMENTS
from harness.domain.issue import CommitSha, PullRequest
from harness.factory.policy_gate.edit_trial import Edit, edit_at, weighed_apart
from harness.factory.policy_gate.recorded import recorded_changes
from harness.factory.records.watch_list import is_proposed
from harness.factory.reporting.comments import consequence_annotations, consequence_words
from harness.factory.run.effects import say
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.governance.past.edit_effects import CONSEQUENCE, EditEffect
from harness.governance.past.history import RecordedChange, read_history
from harness.governance.paths import resembles
from harness.ports.git import Conflict

CHECK = "factory/rules"
HISTORY = "history.json"
MOST = 50
"""Pull requests that one tick looks at for the first time."""
LONGEST = timedelta(seconds=30)
"""For so long a tick goes on to the next of them."""
TRIES = 3
"""Looks at one head on which the forge or the network fails in a way that may pass."""
_LOOK = "What this pull request would be after a merge, to be read only.\n"
# of a commit that nobody is shown: the same two sides give the same one
_MOMENT = "2000-01-01T00:00:00+00:00"


Weigh = Callable[[Edit], EditEffect | None]


def show_consequences(
    services: Services,
    policy: PolicySnapshot,
    *,
    weigh: Weigh = weighed_apart,
    within: timedelta = LONGEST,
) -> None:
    """Set the check on every open pull request that edits the law, where it is not set for this
    head and base yet; those from the repository's own branches first, and at least one."""
    branch, until = services.forge.default_branch(), services.clock.now() + within
    own = {
        entry.event.number
        for history in services.known.those(is_proposed)
        for entry in history.of(ProposalPushed)
    }
    new = (
        one
        for one in services.forge.pull_requests()
        if one.base_branch == branch
        and one.number not in own
        and not any(services.ledger.find(key) for key in (_key(one), _key(one, policy)))
    )
    for proposed in islice(sorted(new, key=lambda one: not one.same_repository), MOST):
        try:
            _look_at(services, policy, proposed, weigh)
        except (GitError, ForgeError) as error:
            services.tell(f"pull request #{proposed.number}", CHECK, str(error))
            _remember(services, policy, proposed, error)
        if services.clock.now() > until:
            return


def _remember(
    services: Services, policy: PolicySnapshot, proposed: PullRequest, error: GitError | ForgeError
) -> None:
    """Have the head not looked at again: for good where git could not read it, on this base where
    the forge took no check. What may pass is tried a few times."""
    key = _key(proposed) if isinstance(error, GitError) else _key(proposed, policy)
    tries = (f"{key}/tried/{number}" for number in range(1, TRIES))
    free = (
        next((one for one in tries if services.ledger.find(one) is None), key)
        if error.retryable
        else key
    )
    services.ledger.append(PolicyEditReported(proposed.number, None, failed=str(error)[:300]), free)


def _key(proposed: PullRequest, policy: PolicySnapshot | None = None) -> str:
    """Of a head that edits no law, whatever the base is; or of what an edit does on this base."""
    return f"{CONSEQUENCE}/{proposed.number}/{proposed.head}" + (
        f"/{policy.base}" if policy else ""
    )


def _look_at(
    services: Services, policy: PolicySnapshot, proposed: PullRequest, weigh: Weigh
) -> None:
    services.repository.fetch(f"refs/pull/{proposed.number}/head")
    services.repository.changed(
        policy.base, proposed.head
    )  # what is too much to be read is too much to be merged
    commit, merged = _as_it_would_stand(services, policy, proposed)
    touched = any(
        resembles(DOCUMENTS, path) for path in services.repository.changed(policy.base, commit)
    )
    found, key = None, _key(proposed, policy)
    try:
        found = (
            weigh(
                edit_at(
                    services.repository,
                    commit,
                    old=policy.governance,
                    past=_past(services, policy),
                    merged=merged,
                )
            )
            if touched
            else None
        )
    except GovernanceError as error:
        found, key = EditEffect(fault=str(error), merged=merged), _key(proposed)
    if found is None:
        services.ledger.append(PolicyEditReported(proposed.number, None), _key(proposed))
        return
    conclusion = "success" if found.holds else "failure"
    title, summary = consequence_words(found, services.link, base=policy.base, head=proposed.head)
    notes = consequence_annotations(found)
    say(
        services,
        lambda: services.writer.set_check(
            proposed.head,
            CHECK,
            conclusion=conclusion,
            title=title,
            summary=summary,
            annotations=notes,
        ),
    )
    services.ledger.append(
        PolicyEditReported(
            proposed.number,
            conclusion,
            head=proposed.head,
            base=policy.base,
            author=proposed.author.id,
            login=proposed.author.login,
            title=title,
            summary=summary,
            rules=policy.digest,
        ),
        key,
    )


def _as_it_would_stand(
    services: Services, policy: PolicySnapshot, proposed: PullRequest
) -> tuple[CommitSha, bool]:
    """A branch that is behind says less than the base does; so it is read merged, and as it is
    where it conflicts."""
    made = services.candidates.merge(policy.base, proposed.head, message=_LOOK, at=_MOMENT)
    return (proposed.head, False) if isinstance(made, Conflict) else (made, True)


def _past(services: Services, policy: PolicySnapshot) -> tuple[RecordedChange, ...]:
    """What the repository keeps of its past at the base, where an edit cannot write, and what the
    ledger has seen since."""
    kept = services.repository.read(policy.base, HISTORY)
    try:
        known = read_history(kept.decode("utf-8"), file=HISTORY) if kept else ()
    except (UnicodeDecodeError, ConfigError):
        known = ()
    numbers = {change.number for change in known}
    return (
        *known,
        *(
            change
            for change in recorded_changes(services.ledger.entries())
            if change.number not in numbers
        ),
    )
