"""The brakes of releases, each taken out: what is broken, the attack, and what it then observes."""

import dataclasses

from harness.domain.deployment import Health, Running
from harness.domain.events import HealthSeen
from harness.operations.drill.attacks import releases
from harness.ports.validator import Standing
from tests.redteam.broken_parts import Broken, Deaf, Rewriting, with_parts


class Rosy(Broken):
    """A judge who finds every journey green."""

    def observe(self, request, out):
        found = self._own.observe(request, out)
        shown = tuple(dataclasses.replace(one, standing=Standing.GREEN) for one in found.shown)
        return dataclasses.replace(found, shown=shown)


class Pinned(Broken):
    """A judge whose every key is one that people pinned."""

    def __init__(self, services) -> None:
        super().__init__(services.validator)
        (self._key,) = services.trusted_keys

    def observe(self, request, out):
        return dataclasses.replace(self._own.observe(request, out), key_id=self._key)


class Patient(Rewriting):
    """A ledger in which no answer was ever unhealthy."""

    def shown(self, entry):
        if not isinstance(entry.event, HealthSeen):
            return entry
        return dataclasses.replace(entry, event=dataclasses.replace(entry.event, unwell=0))


class Halfway(Broken):
    """A ledger that never finds that a rollback has begun."""

    def find(self, key):
        return None if key.endswith("/rollback") else self._own.find(key)


class Believing(Broken):
    """Takes what was ordered for what is served: no look at the place."""

    def running(self, environment):
        commit = self._own.ordered.get(environment.name)
        return Running(commit) if commit else None

    def health(self, environment):
        return Health(True, "", environment.name, self._own.ordered.get(environment.name, ""))


class Hasty(Broken):
    """Does not look before its first act."""

    def __init__(self, own) -> None:
        super().__init__(own)
        self._acted = set()

    def running(self, environment):
        return self._own.running(environment) if environment.name in self._acted else None

    def switch(self, order):
        self._acted.add(order.environment.name)
        return self._own.switch(order)


class Nameless(Broken):
    """Does not hear which name a place answers with."""

    def health(self, environment):
        return dataclasses.replace(self._own.health(environment), environment=environment.name)


def believing_any_app(services):
    """Statuses of whoever posts them."""
    own = services.deployer
    return dataclasses.replace(own, app=releases.STRANGER) if hasattr(own, "app") else own


RELEASES = {
    "releases: a judge that likes everything": (
        with_parts(validator=lambda services: Rosy(services.validator)),
        releases.red_in_staging,
        "production served",
    ),
    "releases: nobody counts what is not well": (
        with_parts(ledger=lambda services: Patient(services.ledger)),
        releases.red_in_production,
        "production still serves",
    ),
    "releases: no look at the later places": (
        with_parts(deployer=lambda services: services.deployer and Believing(services.deployer)),
        releases.changes_production,
        "production serves what was ordered for staging",
    ),
    "releases: no look at the place": (
        with_parts(
            deployer=lambda services: services.deployer and Believing(services.deployer),
            health=lambda services: services.health and Believing(services.health),
        ),
        releases.lying_deployer,
        "its word was believed",
    ),
    "releases: no name": (
        with_parts(health=lambda services: services.health and Nameless(services.health)),
        releases.staging_is_production,
        "was believed",
    ),
    "releases: any app": (
        with_parts(deployer=believing_any_app),
        releases.forged_status,
        "was believed",
    ),
    "releases: any key": (
        with_parts(validator=Pinned),
        releases.signed_by_another,
        "was believed",
    ),
    "releases: deaf": (
        with_parts(places=lambda services: Deaf(services.places.home, services.places.repository)),
        releases.stopped_before_the_switch,
        "after the owner's stop",
    ),
    "releases: no look before a switch": (
        with_parts(deployer=lambda services: services.deployer and Hasty(services.deployer)),
        releases.killed_in_a_switch,
        "it was switched to 2 times",
    ),
    "releases: no rollback is finished": (
        with_parts(ledger=lambda services: Halfway(services.ledger)),
        releases.stopped_in_a_rollback,
        "half done",
    ),
}
