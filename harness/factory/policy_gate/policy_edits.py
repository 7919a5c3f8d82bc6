"""The check on pull requests that edit the policy: it shows what the edit would do. It decides and
merges nothing.

Properties:
- git fetches the head of the pull request into a place apart, which is deleted afterwards, and the
  factory reads it as data; the policy in force stays that of the base;
- every author gets the same text and no authority, be it a stranger or a program;
- each head is evaluated once on each base, and nothing is written again that has not changed;
- a head that cannot be fetched, or a forge that refuses checks, stops nothing else;
- anybody may push, so the work has limits: it comes last in a tick, for a limited time, and an
  unreadable head is not tried again."""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from harness.domain.errors import ConfigError, ForgeError, GitError, GovernanceError
from harness.domain.events import PolicyEditReported, ProposalPushed
from harness.domain.governance import DOCUMENTS
from harness.domain.issue import CommitSha, PullRequest
from harness.factory.policy_gate.edit_trial import (
    ProposedEdit,
    evaluate_edit_in_subprocess,
    proposed_edit,
)
from harness.factory.policy_gate.recorded import recorded_changes
from harness.factory.records.watch_list import is_proposed
from harness.factory.reporting.comments import edit_effect_annotations, edit_effect_text
from harness.factory.run.effects import write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.governance.past.edit_effects import CONSEQUENCE, EditEffect
from harness.governance.past.history import RecordedChange, read_history
from harness.governance.paths import resembles
from harness.log import WARNING
from harness.ports.git import Candidates, Conflict

CHECK = "factory/rules"
HISTORY = "history.json"
MOST = 50
"""How many new pull requests one tick evaluates."""
LONGEST = timedelta(seconds=30)
"""After this time, a tick starts no further evaluation."""
TRIES = 3
"""How often one head is tried if the forge or the network fails in a way that may pass."""
_MERGE_MESSAGE = "What this pull request would be after a merge, to be read only.\n"
# The time of a commit that nobody sees: the same two parents must give the same commit.
_COMMIT_TIME = "2000-01-01T00:00:00+00:00"

EvaluateEdit = Callable[[ProposedEdit], EditEffect | None]


def show_edit_effects(
    services: Services,
    policy: PolicySnapshot,
    *,
    evaluate: EvaluateEdit = evaluate_edit_in_subprocess,
    within: timedelta = LONGEST,
) -> None:
    """Set the check on each open pull request that edits the policy, if this head and base have
    none yet. Branches of the repository itself come first. Evaluates at least one."""
    branch, until = services.forge.default_branch(), services.clock.now() + within
    own = {
        entry.event.number
        for history in services.issue_index.filter(is_proposed)
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
            _check(services, policy, proposed, evaluate)
        except (GitError, ForgeError) as error:
            message = f"{CHECK} of pull request #{proposed.number}: {error}"
            services.log.write("check-failed", message, level=WARNING)
            _record_failure(services, policy, proposed, error)
        if services.clock.now() > until:
            return


def _record_failure(
    services: Services, policy: PolicySnapshot, proposed: PullRequest, error: GitError | ForgeError
) -> None:
    """Record that this head is not to be tried again: for good if git could not read it, on this
    base if the forge took no check. A fault that may pass is tried a few times."""
    key = _key(proposed) if isinstance(error, GitError) else _key(proposed, policy)
    tries = (f"{key}/tried/{number}" for number in range(1, TRIES))
    free_key = (
        next((one for one in tries if services.ledger.find(one) is None), key)
        if error.retryable
        else key
    )
    services.ledger.append(
        PolicyEditReported(proposed.number, None, failed=str(error)[:300]), free_key
    )


def _key(proposed: PullRequest, policy: PolicySnapshot | None = None) -> str:
    """The ledger key of a head that edits no policy, on whatever base; with `policy`, that of an
    edit on this base."""
    return f"{CONSEQUENCE}/{proposed.number}/{proposed.head}" + (
        f"/{policy.base}" if policy else ""
    )


def _check(
    services: Services, policy: PolicySnapshot, proposed: PullRequest, evaluate: EvaluateEdit
) -> None:
    found, key = None, _key(proposed, policy)
    with services.candidates.apart() as (repository, candidates):
        repository.fetch(f"refs/pull/{proposed.number}/head")
        # Raises GitError for a change that is too large to read, before anybody merges it.
        repository.changed(policy.base, proposed.head)
        commit, merged = _as_merged(candidates, policy, proposed)
        changed = repository.changed(policy.base, commit)
        try:
            if any(resembles(DOCUMENTS, path) for path in changed):
                past = _recorded_past(services, policy)
                edit = proposed_edit(
                    repository, commit, old=policy.governance, past=past, merged=merged
                )
                found = evaluate(edit)
        except GovernanceError as error:
            # A text that cannot be read stays so on every base: the key names none.
            found, key = EditEffect(fault=str(error), merged=merged), _key(proposed)
    if found is None:
        services.ledger.append(PolicyEditReported(proposed.number, None), _key(proposed))
    else:
        _show(services, policy, proposed, found, key=key)


def _show(
    services: Services,
    policy: PolicySnapshot,
    proposed: PullRequest,
    found: EditEffect,
    *,
    key: str,
) -> None:
    conclusion = "success" if found.holds else "failure"
    title, summary = edit_effect_text(found, services.link, base=policy.base, head=proposed.head)
    write_projection(
        services,
        lambda: services.writer.set_check(
            proposed.head,
            CHECK,
            conclusion=conclusion,
            title=title,
            summary=summary,
            annotations=edit_effect_annotations(found),
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


def _as_merged(
    candidates: Candidates, policy: PolicySnapshot, proposed: PullRequest
) -> tuple[CommitSha, bool]:
    """The commit to read: the pull request merged into the base, because an old branch lacks what
    the base has. The head itself if it conflicts."""
    made = candidates.merge(policy.base, proposed.head, message=_MERGE_MESSAGE, at=_COMMIT_TIME)
    return (proposed.head, False) if isinstance(made, Conflict) else (made, True)


def _recorded_past(services: Services, policy: PolicySnapshot) -> tuple[RecordedChange, ...]:
    """The changes to replay: history.json at the base, where an edit cannot write, and what the
    ledger has seen since."""
    stored = services.repository.read(policy.base, HISTORY)
    try:
        known = read_history(stored.decode("utf-8"), file=HISTORY) if stored else ()
    except (UnicodeDecodeError, ConfigError):
        # A broken history.json at the base is no fault of this edit.
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
