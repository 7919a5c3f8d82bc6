"""The release under way, moved as far as it goes now; or the next one, begun.

Properties:
- one release at a time, of the newest landing; what landed before it goes with it;
- all is derived from the ledger, so a factory that was killed goes on where it was, and each
  deployment has one key for ever;
- nothing new begins while merging is frozen, while journeys of landed work are red on the tip, or
  while a person or a red release holds it;
- the owner's stop is read before each deployment, before each switch, before a rollback begins, and
  before what was live is ended."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from harness.domain.errors import ForgeError
from harness.domain.events import ReleaseBegan, ReleaseIssueFiled, ReleaseMoved
from harness.domain.facts import UNKNOWN
from harness.domain.issue import CommitSha
from harness.domain.release import (
    RED,
    SMOKES,
    SOAKS,
    ReleaseEvent,
    ReleaseState,
    is_soaked,
)
from harness.factory.records.brakes import why_frozen
from harness.factory.records.error_groups import Landing
from harness.factory.records.regressions import broken
from harness.factory.records.releases import Release
from harness.factory.releases import deploying, looking
from harness.factory.releases.projection import needs_showing, show_releases
from harness.factory.releases.smoke import perform_smoke
from harness.factory.reporting.comments.release import (
    release_issue,
    release_marker,
    release_title,
)
from harness.factory.run.effects import effect, raise_if_stopped
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.log import WARNING

MOST_STEPS = 100
"""More than any release needs at once. The bound makes sure that a tick ends."""


def advance(services: Services, policy: PolicySnapshot, *, begins: bool = True) -> bool:
    """Do all that is due now, and return whether anything was. A new release only `begins` where
    the watch has looked at the tip before. Raises Stopped at the owner's stop.

    Without environments this is one look at the settings."""
    if not policy.config.environments or services.deployer is None or services.health is None:
        return False
    moved = False
    for _ in range(MOST_STEPS):
        release = services.releases.current()
        if release is None and not begins:
            break
        if not (_moved(services, policy, release) if release else _begun(services, policy)):
            break
        moved = True
    # Last: a forge that takes no comment holds no rollback up.
    show_releases(services)
    return moved


def finish_rollback(services: Services) -> None:
    """Finish a rollback that has begun. Also the owner's stop does not leave one half done."""
    release = services.releases.current()
    if release is None or services.deployer is None:
        return
    if deploying.has_begun_rollback(services, release):
        deploying.take_back(services, release)


def watch_release(services: Services) -> bool:
    """Ask how the release under way is, where that is due, and take it back where it is red. Return
    whether a tick has more to do for it. Raises Stopped where a rollback would begin after the
    owner's stop.

    It needs neither the forge nor the settings, so it is done between ticks and while the forge is
    away."""
    release = services.releases.current()
    if release is None or services.deployer is None or services.health is None:
        return False
    if release.state in SOAKS:
        _looked(services, release)
        release = services.releases.current() or release
    if release.state is ReleaseState.ROLLING_BACK:
        return deploying.take_back(services, release)
    return _is_ready(services, release)


def is_due(services: Services, policy: PolicySnapshot) -> bool:
    """Whether `advance` has anything to do now."""
    if not policy.config.environments or services.deployer is None or services.health is None:
        return False
    release = services.releases.current()
    if needs_showing(services):
        return True
    if release is None:
        return _to_file(services) is not None or _next_landing(services, policy) is not None
    if release.state in SMOKES | SOAKS:
        return looking.is_due(services, release) or _is_ready(services, release)
    return release.state not in _WAITS or not _why_not_now(services)


def due_at(services: Services) -> datetime | None:
    """When `watch_release` has something to do next; None where nothing waits for a moment."""
    release = services.releases.current()
    if release is None:
        return None
    if release.state in SMOKES | SOAKS:
        return looking.due_at(services, release)
    if release.state is ReleaseState.ROLLING_BACK:
        return release.changed_at + timedelta(seconds=release.place.health_every)
    return None


def _is_ready(services: Services, release: Release) -> bool:
    """Whether a tick can move a release on that is live somewhere."""
    if release.state in SMOKES:
        return looking.is_due(services, release)
    if release.state not in SOAKS or not is_soaked(looking.seen(services, release)):
        return False
    return release.is_in_production or not _why_not_now(services)


def _moved(services: Services, policy: PolicySnapshot, release: Release) -> bool:
    """One step of a release. False where it has to wait."""
    return _STEPS[release.state](services, policy, release)


def _begun(services: Services, policy: PolicySnapshot) -> bool:
    """File what was seen of the last release, and begin the next one."""
    if red := _to_file(services):
        return _filed(services, red)
    landing = _next_landing(services, policy)
    if landing is None:
        return False
    raise_if_stopped(services)
    last = services.releases.last()
    number = last.number + 1 if last else 1
    commit = CommitSha(landing.commit)
    carried = dict.fromkeys(one.issue for one in services.releases.waiting())
    carried.pop(landing.issue, None)
    began = ReleaseBegan(
        number,
        commit,
        services.repository.tree_of(commit),
        policy.config.environments,
        (*carried, landing.issue),
    )
    services.ledger.append(began, f"release/{number}", run=f"release-{number}")
    return True


def _next_landing(services: Services, policy: PolicySnapshot) -> Landing | None:
    """The landing to release now; None where there is none, or something holds it."""
    landings, last = services.releases.landings(), services.releases.last()
    if not landings or services.releases.why_frozen():
        return None
    newest = landings[-1]
    is_again = last is not None and newest.commit == last.commit
    if is_again and not (last and last.state in RED and services.releases.is_resumed()):
        return None
    if _why_not_now(services):
        return None
    # A branch that was moved elsewhere by force has another history.
    return newest if services.repository.contains(policy.base, CommitSha(newest.commit)) else None


def _why_not_now(services: Services) -> str:
    """Why no deployment may begin, beside what holds releases themselves."""
    if held := services.releases.person_holds():
        return held
    if frozen := why_frozen(services.ledger):
        return f"merging is frozen: {frozen}"
    red = broken(services.ledger)
    return f"it is broken on the default branch: {red[0].words}" if red else ""


def _to_file(services: Services) -> Release | None:
    last = services.releases.last()
    return last if last and last.state in RED and not last.filed else None


def _filed(services: Services, red: Release) -> bool:
    """File the issue about a red release, or find it. False where the forge does not want it."""

    def act() -> ReleaseIssueFiled:
        number = services.writer.upsert_issue(
            release_marker(red.commit),
            title=release_title(red),
            body=release_issue(red, services.link),
        )
        return ReleaseIssueFiled(number, red.number)

    try:
        effect(services, ReleaseIssueFiled, f"release/{red.number}/filed", act, run=red.name)
    except ForgeError as error:
        if error.retryable:
            raise
        services.log.write("release-failed", f"no issue is filed: {error}", level=WARNING)
        return False
    return True


def _leave_landed(services: Services, policy: PolicySnapshot, release: Release) -> bool:
    newest = services.releases.landings()[-1]
    if newest.commit != release.commit:
        _record(services, release, ReleaseEvent.SUPERSEDED, message=f"by {newest.commit:.12}")
        return True
    return _promote(services, release)


def _promote(services: Services, release: Release) -> bool:
    """Send it to the next environment, if nothing holds it now."""
    place = release.next_place
    if place is None or _why_not_now(services):
        return False
    raise_if_stopped(services)
    is_last = place == release.environments[-1]
    before = deploying.running(services, place)
    _record(
        services,
        release,
        ReleaseEvent.PROMOTED if is_last else ReleaseEvent.STAGED,
        place=place.name,
        before=before.commit if before is not UNKNOWN and before else "",
    )
    return True


def _deploy(services: Services, policy: PolicySnapshot, release: Release) -> bool:
    raise_if_stopped(services)
    event, message = deploying.deploy(services, release)
    errors = looking.errors_of(services, release) or 0
    _record(services, release, event, message=message, errors=errors)
    # A deployment that failed is tried again at the next look, not at once.
    return event is not ReleaseEvent.DEPLOY_FAILED


def _smoke(services: Services, policy: PolicySnapshot, release: Release) -> bool:
    """Wait until it answers, look where else it went, and perform the journeys."""
    if not sum(one.event.well for one in release.answers_here()):
        return _looked(services, release, at_once=True)
    if elsewhere := deploying.changed_elsewhere(services, release):
        place, message = elsewhere
        _record(services, release, ReleaseEvent.TURNED_RED, place=place, message=message)
        return True
    event, message = perform_smoke(services, policy, release)
    _record(services, release, event, message=message)
    return True


def _soak(services: Services, policy: PolicySnapshot, release: Release) -> bool:
    """Watch it until it was healthy for long enough, and as long as it has to wait here."""
    if is_soaked(looking.seen(services, release)):
        if release.is_in_production:
            # Until here the release before it was kept, ready to be switched back to.
            deploying.retire(services, release, keep=release.commit)
            _record(services, release, ReleaseEvent.SOAKED)
            return True
        if _promote(services, release):
            return True
        return _looked(services, release)
    return _looked(services, release) or is_soaked(looking.seen(services, release))


def _looked(services: Services, release: Release, *, at_once: bool = False) -> bool:
    """Ask once how it is, where that is due. Returns whether something follows from the answer: it
    is red, or, with `at_once`, it is healthy."""
    if not looking.is_due(services, release):
        return False
    if fault := looking.look(services, release, at_once=at_once):
        _record(services, release, ReleaseEvent.TURNED_RED, message=fault)
        return True
    return bool(at_once and release.answers_here()[-1].event.well)


def _take_back(services: Services, policy: PolicySnapshot, release: Release) -> bool:
    return deploying.take_back(services, release)


def _record(
    services: Services,
    release: Release,
    event: ReleaseEvent,
    *,
    place: str = "",
    message: str = "",
    before: str = "",
    errors: int = 0,
) -> None:
    moved = ReleaseMoved(
        release.number, event, place or release.environment, message[:500], before, errors
    )
    deploying.record(services, release, moved)


_STEPS: Mapping[ReleaseState, Callable[[Services, PolicySnapshot, Release], bool]] = {
    ReleaseState.LANDED: _leave_landed,
    ReleaseState.DEPLOYING: _deploy,
    ReleaseState.PRODUCTION: _deploy,
    ReleaseState.SMOKE: _smoke,
    ReleaseState.PRODUCTION_SMOKE: _smoke,
    ReleaseState.SOAK: _soak,
    ReleaseState.WATCHED: _soak,
    ReleaseState.ROLLING_BACK: _take_back,
}
_WAITS = frozenset({ReleaseState.LANDED})
