"""What is seen of a release where it is live: its health, who it claims to be, its errors.

Properties:
- a place that names another environment is red at once: it answers with another one's data;
- no answer, an answer of another commit, and errors that cannot be counted are not healthy;
- unhealthy answers are recorded as they come, healthy ones by the minute."""

from datetime import datetime, timedelta

from harness.domain.deployment import Environment, Health
from harness.domain.errors import PortError
from harness.domain.events import HealthSeen
from harness.domain.release import WatchedPlace, answers_wanted, fault_of
from harness.factory.records.error_groups import landing_of
from harness.factory.records.releases import Release
from harness.factory.run.health_meter import is_over
from harness.factory.run.services import Services

SHORTEST_COMMIT = 7
RECORDED_EVERY = 60.0
"""Seconds between two records of healthy answers."""


def is_due(services: Services, release: Release) -> bool:
    """Whether its health is to be asked now."""
    asked = _asked_at(services, release)
    every = release.place.health_every
    return asked is None or is_over(asked, services.clock.now(), seconds=every)


def due_at(services: Services, release: Release) -> datetime:
    """When its health is asked next."""
    asked = _asked_at(services, release)
    if asked is None:
        return services.clock.now()
    return asked + timedelta(seconds=release.place.health_every)


def seen(services: Services, release: Release) -> WatchedPlace:
    """What is known of it in its environment, by what is recorded and by its errors now."""
    place, answers, in_row = release.place, release.answers_here(), 0
    for one in reversed(answers):
        in_row += one.event.unwell
        if one.event.well:
            break
    errors = errors_of(services, release)
    return WatchedPlace(
        well=sum(one.event.well for one in answers),
        wanted=answers_wanted(place.soak_seconds, place.health_every),
        in_row=in_row,
        unhealthy=place.unhealthy,
        errors=max(0, (errors or 0) - release.errors_before),
        most_errors=place.errors,
    )


def look(services: Services, release: Release, *, at_once: bool) -> str:
    """Ask once, and record what is to be recorded: with `at_once` all. Returns why the release is
    red; empty where it is not."""
    place, meter, now = release.place, services.health_meter, services.clock.now()
    answer = services.health.health(place) if services.health else Health(False)
    wrong = wrong_place(place, answer)
    fault = wrong or unhealthy(place, answer, commit=release.commit)
    if not fault and errors_of(services, release) is None:
        fault = "the errors of the running app cannot be read"
    well = meter.asked(_key(release), now, is_well=not fault)
    before, last = seen(services, release), _recorded_at(release)
    is_time = last is None or is_over(last, now, seconds=RECORDED_EVERY)
    if fault or at_once or is_time or before.well + well >= before.wanted:
        _record(services, release, well, fault)
        meter.recorded()
    return wrong or fault_of(seen(services, release), fault)


def wrong_place(place: Environment, answer: Health) -> str:
    """That another environment answers, in words; empty where that is not so."""
    if answer.environment in ("", place.name):
        return ""
    return f"{place.name} answers that it is {answer.environment!r:.60}"


def unhealthy(place: Environment, answer: Health, *, commit: str) -> str:
    """Why an answer is not a healthy one of this commit; empty where it is."""
    if not answer.is_ok:
        return answer.message[:200] or "no answer"
    if place.identity and not (answer.environment and answer.commit):
        return "its answer does not name its environment and its commit"
    said = answer.commit.lower()
    if said and (len(said) < SHORTEST_COMMIT or not commit.startswith(said)):
        return f"it answers that it is {answer.commit!r:.60}"
    return ""


def errors_of(services: Services, release: Release) -> int | None:
    """How many errors of its commit services with a secret have reported, ever; None where that
    cannot be read. What comes by a DSN takes nothing back: every page shows it."""
    if services.errors is None:
        return 0
    landings = [one for one in services.releases.landings() if one.commit == release.commit]
    try:
        groups = services.errors.groups()
    except PortError:
        return None
    return sum(one.by_secret for one in groups if landing_of(one.release, landings[-1:]))


def _record(services: Services, release: Release, well: int, fault: str) -> None:
    answers = HealthSeen(release.number, release.environment, well, int(bool(fault)), fault[:300])
    key = f"release/{release.number}/health-{len(release.answers) + 1}"
    services.ledger.append(answers, key, run=release.name)
    # Whoever counts next reads what was recorded just now.
    services.releases.all()


def _asked_at(services: Services, release: Release) -> datetime | None:
    """When it was asked last, by this process or by one before it: a factory that is started again
    and again does not make a soak shorter. None where it was not since it is live."""
    return services.health_meter.asked_at(_key(release)) or _recorded_at(release)


def _recorded_at(release: Release) -> datetime | None:
    answers = release.answers_here()
    return answers[-1].moment if answers else None


def _key(release: Release) -> tuple[int, int]:
    """The release, and the time of it since its last move."""
    return release.number, len(release.moves)
