"""One observation: the judge performs journeys of landed work on one commit, and what it signed is
recorded.

Properties:
- the owner's stop is read before each, and no more are made in a day than `[watch]` allows;
- the app is started as the commit's own `factory.toml` has it, and waits as today's does;
- what could not be observed is recorded as such, so that it is not tried for ever;
- only a key that people pinned is believed."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from harness.domain.errors import ConfigError, GitError, GovernanceError, ValidatorError
from harness.domain.events import Cause, CommitObserved, RedJourney, SmokeSeen
from harness.domain.issue import CommitSha
from harness.domain.judge_request import IssueText, JudgeRequest, Watching
from harness.domain.ledger import Recorded
from harness.factory.records.history import History
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.policy_snapshot import PolicySnapshot, read_policy
from harness.factory.run.services import Services
from harness.factory.stages.validator_request import base_request, issue_text, request_context
from harness.log import WARNING
from harness.ports.ledger import recorded
from harness.ports.validator import Observed, Standing

DAY = timedelta(days=1)
NO_ISSUE = IssueText(0, "", "", "chore")
Seen = TypeVar("Seen", CommitObserved, SmokeSeen)


def observations(services: Services) -> tuple[Recorded[CommitObserved], ...]:
    """Every observation so far, oldest first."""
    return recorded(services.ledger, CommitObserved)


def has_room(services: Services, policy: PolicySnapshot) -> bool:
    """Whether another observation may be made within this day."""
    since = services.clock.now() - DAY
    made = [one for one in observations(services) if one.moment > since]
    return len(made) < policy.config.watch.per_day


def observe(
    services: Services,
    policy: PolicySnapshot,
    commit: CommitSha,
    cause: Cause,
    *,
    watching: Watching,
    about: History | None = None,
) -> CommitObserved:
    """Perform journeys on a commit now, and record what they showed. Raises Stopped at the owner's
    stop."""
    raise_if_stopped(services)
    run = f"watch-{len(observations(services)) + 1}"
    tree = services.repository.tree_of(commit)
    nothing = CommitObserved(commit, tree, cause, about=about.issue if about else None)
    try:
        request = observation_request(services, policy, commit, run=run, about=about)
        request = replace(request, watching=watching)
        found = services.validator.observe(request, services.places.evidence / run)
        seen = signed(services, policy, found, nothing=nothing)
    except (ConfigError, GovernanceError, GitError, ValidatorError) as error:
        seen = replace(nothing, reason=str(error)[:500])
    # A journey may have been retired meanwhile. It must not be asked for again and again.
    shown = {*seen.green, *seen.unsure, *(red.journey for red in seen.red)}
    missing = tuple(one for one in watching.journeys if one not in shown)
    seen = replace(seen, unsure=(*seen.unsure, *missing))
    if seen.reason:
        services.log.write("not-observed", seen.reason, run=run, level=WARNING)
    services.ledger.append(seen, f"{CommitObserved.kind}/{run}", run=run)
    return seen


def observation_request(
    services: Services,
    policy: PolicySnapshot,
    commit: CommitSha,
    *,
    run: str,
    about: History | None = None,
) -> JudgeRequest:
    """A request about a landed commit and no change. Raises ConfigError or GovernanceError where
    the commit's own settings cannot be read."""
    # An older commit's settings start its app. How long one waits is today's decision.
    then = policy if commit == policy.base else read_policy(services.repository, commit)
    config = replace(then.config, limits=policy.config.limits, judge=policy.config.judge)
    request = base_request(
        request_context(services),
        replace(then, config=config),
        issue=issue_text(about) if about else NO_ISSUE,
        run=run,
        round_number=1,
    )
    limits = replace(request.limits, regression_journeys=policy.config.watch.journeys)
    return replace(request, limits=limits)


def signed(services: Services, policy: PolicySnapshot, found: Observed, *, nothing: Seen) -> Seen:
    """`nothing`, with what the judge signed. Raises ValidatorError for an observation that is
    signed by no key that people pinned."""
    trusted = services.trusted_keys & frozenset(policy.config.seal.trusted_keys)
    if found.key_id not in trusted:
        raise ValidatorError(
            f"the observation is signed by key {found.key_id:.12}, which is not trusted here"
        )
    shown = {
        standing: [one for one in found.shown if one.standing is standing] for standing in Standing
    }
    return replace(
        nothing,
        standing=found.standing,
        green=tuple(one.journey for one in shown[Standing.GREEN]),
        red=tuple(
            RedJourney(one.journey, one.issue, one.words, one.observed)
            for one in shown[Standing.RED]
        ),
        unsure=tuple(one.journey for one in shown[Standing.UNSURE]),
        reason=found.reason,
        key_id=found.key_id,
        envelope=str(found.envelope.relative_to(services.places.home)),
        envelope_sha256=hashlib.sha256(found.envelope.read_bytes()).hexdigest(),
    )
