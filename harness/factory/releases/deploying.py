"""Deployments and rollbacks: intent, act, and a look at the place.

Properties:
- a deployment has one key, its release's and its environment's, whoever was killed meanwhile;
- no deployer is believed: what it did counts when a look at the place finds the commit served, also
  where it said that it failed;
- a rollback is one switch to what was good there, which takes less than 60 s; one that was begun is
  finished after the owner's stop, too."""

import time

from harness.domain.deployment import DeployOrder, Environment, Running
from harness.domain.errors import (
    ConfigError,
    DeployError,
    GitError,
    GovernanceError,
    SandboxError,
)
from harness.domain.events import Prepared, ReleaseMoved, Switched
from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.issue import CommitSha
from harness.domain.release import ReleaseEvent, ReleaseState
from harness.factory.records.releases import Release
from harness.factory.releases.projection import write_pages
from harness.factory.run.effects import effect, raise_if_stopped
from harness.factory.run.policy_snapshot import read_policy
from harness.factory.run.services import Services
from harness.factory.stages.validator_request import base_request, request_context
from harness.factory.watch.observation import NO_ISSUE
from harness.log import WARNING
from harness.ports.deployer import Deployer

DEPLOY_TRIES, ROLLBACK_TRIES = 2, 3
ROLLBACK_SECONDS = 60.0
_FAULTS = (ConfigError, GovernanceError, GitError, SandboxError, DeployError)


def running(services: Services, environment: Environment) -> Maybe[Running | None]:
    """What is served there, as a look finds; UNKNOWN where that cannot be looked at."""
    try:
        return _deployer(services).running(environment)
    except DeployError:
        return UNKNOWN


def deploy(services: Services, release: Release) -> tuple[ReleaseEvent, str]:
    """Prepare the commit in the environment that the release is in, and switch to it. Returns what
    follows, with its reason. Raises Stopped at the owner's stop, between the two as well."""
    place, key = release.place, f"release/{release.number}/{release.environment}"
    try:
        order = _order(services, place, release.commit, key=key, seconds=float(place.seconds))

        def prepare() -> Prepared:
            done = _deployer(services).prepare(order)
            return Prepared(release.number, place.name, release.commit, done.reference)

        effect(services, Prepared, f"{key}/prepare", prepare, run=release.name)
        effect(
            services,
            Switched,
            f"{key}/switch",
            lambda: _switched(services, release, order, is_rollback=False),
            run=release.name,
        )
    except _FAULTS as error:
        services.log.write("deploy-failed", str(error), run=release.name, level=WARNING)
        is_last = release.tries(ReleaseEvent.DEPLOY_FAILED) + 1 >= DEPLOY_TRIES
        event = ReleaseEvent.TURNED_RED if is_last else ReleaseEvent.DEPLOY_FAILED
        return event, f"the deployment to {place.name} failed: {error}"
    return ReleaseEvent.LIVE, ""


def changed_elsewhere(services: Services, release: Release) -> tuple[str, str] | None:
    """An environment further on that serves this commit already, with words: whoever deployed to
    one place changed another. None where that is not so."""
    later = release.environments[release.environments.index(release.place) + 1 :]
    for place in later:
        found = running(services, place)
        good = services.releases.last_good(place.name, before=release.number)
        is_old = good is not None and good.commit == release.commit
        if found is not UNKNOWN and found and found.commit == release.commit and not is_old:
            return place.name, f"the deployment to {release.place.name} changed {place.name}"
    return None


def has_begun_rollback(services: Services, release: Release) -> bool:
    """Whether it is being taken back, and the act has begun."""
    return release.state is ReleaseState.ROLLING_BACK and (
        services.ledger.find(_rollback_key(release)) is not None
    )


def take_back(services: Services, release: Release) -> bool:
    """Switch back to what was good there. False where it is tried again at the next look. Raises
    Stopped at the owner's stop, unless it was begun."""
    place, target = release.place, _target(services, release)
    if target is None:
        message = f"nothing was good in {place.name} before, so nothing can be switched back to"
        record(services, release, _moved(release, ReleaseEvent.GAVE_UP, message))
        return True
    try:
        order = _order(
            services, place, target, key=_rollback_key(release), seconds=ROLLBACK_SECONDS
        )
        effect(
            services,
            Switched,
            _rollback_key(release),
            lambda: _switched(services, release, order, is_rollback=True),
            run=release.name,
            finishes=True,
        )
    except _FAULTS as error:
        services.log.write("rollback-failed", str(error), run=release.name, level=WARNING)
        gives_up = release.tries(ReleaseEvent.NOT_TAKEN_BACK) + 1 >= ROLLBACK_TRIES
        event = ReleaseEvent.GAVE_UP if gives_up else ReleaseEvent.NOT_TAKEN_BACK
        record(services, release, _moved(release, event, f"not taken back: {error}"))
        return gives_up
    event = ReleaseEvent.TAKEN_BACK if release.is_in_production else ReleaseEvent.HELD
    record(services, release, _moved(release, event, f"{target:.12} is served again"))
    return True


def retire(services: Services, release: Release, *, keep: CommitSha) -> None:
    """End what nothing needs any more, in every environment. What fails is tried after the next
    release. Raises Stopped at the owner's stop, before each."""
    for place in release.environments:
        raise_if_stopped(services)
        try:
            _deployer(services).retire(place, (keep,))
        except DeployError as error:
            services.log.write("retire-failed", str(error), run=release.name, level=WARNING)


def record(services: Services, release: Release, moved: ReleaseMoved) -> None:
    """Record what happened to a release, once: a number in its key is that of the move."""
    key = f"release/{release.number}/move-{len(release.moves) + 1}"
    services.ledger.append(moved, key, run=release.name)
    write_pages(services, release)
    services.log.write(
        "release",
        f"{moved.event} {moved.environment}: {moved.message}".rstrip(": "),
        run=release.name,
    )


def _moved(release: Release, event: ReleaseEvent, message: str) -> ReleaseMoved:
    return ReleaseMoved(release.number, event, release.environment, message[:500])


def _rollback_key(release: Release) -> str:
    return f"release/{release.number}/{release.environment}/rollback"


def _target(services: Services, release: Release) -> CommitSha | None:
    """What to switch back to: the last good release there, or else what ran there before."""
    good = services.releases.last_good(release.environment, before=release.number)
    if good is not None:
        return good.commit
    # What a person had deployed by hand is known only where the repository has it.
    before = release.before
    if not before or before == release.commit:
        return None
    try:
        services.repository.tree_of(CommitSha(before))
    except GitError:
        return None
    return CommitSha(before)


def _switched(
    services: Services, release: Release, order: DeployOrder, *, is_rollback: bool
) -> Switched:
    """Switch, unless that is done, and look. Raises DeployError where the commit is not served."""
    began, said, fault = time.monotonic(), "", ""
    found = running(services, order.environment)
    if not _serves(found, order.commit):
        try:
            said = _deployer(services).switch(order).message
        except DeployError as error:
            fault = str(error)
        found = running(services, order.environment)
    if found is UNKNOWN or found is None or found.commit != order.commit:
        served = (
            "nobody can say what" if found is UNKNOWN else found.commit[:12] if found else "nothing"
        )
        raise DeployError(f"{fault or said or 'it was switched to'}; {served} is served there")
    return Switched(
        release.number,
        order.environment.name,
        order.commit,
        found.reference,
        round(time.monotonic() - began, 3),
        is_rollback,
    )


def _serves(found: Maybe[Running | None], commit: CommitSha) -> bool:
    return found is not UNKNOWN and found is not None and found.commit == commit


def _order(
    services: Services, place: Environment, commit: CommitSha, *, key: str, seconds: float
) -> DeployOrder:
    """The order, as the commit's own settings start it. Raises what reading them raises."""
    request = base_request(
        request_context(services),
        read_policy(services.repository, commit),
        issue=NO_ISSUE,
        run=key,
        round_number=1,
    )
    return DeployOrder(
        key,
        place,
        commit,
        services.repository.tree_of(commit),
        seconds,
        request.app,
        request.layers,
        request.wheels,
        request.sandbox,
    )


def _deployer(services: Services) -> Deployer:
    if services.deployer is None:
        raise DeployError("nobody here deploys anything")
    return services.deployer
