"""The smoke of a release: sealed journeys of the named promises on the living place.

Properties:
- a journey that is red, with other data once more, is red; an unclear answer is asked for once
  more, and is then no yes;
- promises without a journey that may run there are no yes either: unknown is no;
- the judge signs commit, place and answers; only a key that people pinned is believed."""

from dataclasses import replace

from harness.domain.errors import ConfigError, GitError, GovernanceError, ValidatorError
from harness.domain.events import SmokeSeen
from harness.domain.judge_request import Living
from harness.domain.release import ReleaseEvent
from harness.factory.records.releases import Release
from harness.factory.run.effects import raise_if_stopped
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.watch.observation import observation_request, signed

TRIES = 2


def perform_smoke(
    services: Services, policy: PolicySnapshot, release: Release
) -> tuple[ReleaseEvent, str]:
    """Perform the journeys, record what they showed, and return what follows, with its reason."""
    place = release.place
    if not place.smoke:
        return ReleaseEvent.SMOKE_PASSED, "no journey is named for it"
    raise_if_stopped(services)
    seen = _performed(services, policy, release)
    key = f"release/{release.number}/smoke-{len(release.smokes) + 1}"
    services.ledger.append(seen, key, run=release.name)
    if seen.red:
        words = "; ".join(f"{one.words}: {one.observed}".rstrip(": ") for one in seen.red)
        return ReleaseEvent.TURNED_RED, f"a sealed journey is red in {place.name}: {words}"
    if not (unclear := _unclear(seen)):
        return ReleaseEvent.SMOKE_PASSED, f"{len(seen.green)} sealed journeys"
    if release.tries(ReleaseEvent.SMOKE_UNCLEAR) + 1 < TRIES:
        return ReleaseEvent.SMOKE_UNCLEAR, unclear
    return ReleaseEvent.TURNED_RED, f"the smoke in {place.name} has no clear answer: {unclear}"


def _unclear(seen: SmokeSeen) -> str:
    """Why the smoke is no yes, where nothing is red; empty where it is one."""
    if seen.reason:
        return seen.reason
    if not seen.standing:
        return "no sealed journey of these promises may run on a living place"
    if seen.unsure or len(seen.green) < seen.standing:
        return f"{len(seen.green)} of {seen.standing} sealed journeys are green"
    return ""


def _performed(services: Services, policy: PolicySnapshot, release: Release) -> SmokeSeen:
    place, run = release.place, f"{release.name}-smoke-{len(release.smokes) + 1}"
    nothing = SmokeSeen(release.number, place.name, release.commit)
    try:
        request = observation_request(services, policy, release.commit, run=run)
        living = Living(place.url, place.name, place.smoke)
        found = services.validator.observe(
            replace(request, living=living), services.places.evidence / run
        )
        seen = signed(services, policy, found, nothing=nothing)
        if (found.commit, found.url) != (release.commit, place.url):
            raise ValidatorError(f"another place or commit was observed: {found.url!r:.80}")
        return seen
    except (ConfigError, GovernanceError, GitError, ValidatorError) as error:
        return replace(nothing, reason=str(error)[:500])
