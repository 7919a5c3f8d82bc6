"""Attacks on what reaches people after the landing: a release that is red, a deployer that lies, a
stop and a kill in the middle of it."""

import itertools
from typing import TYPE_CHECKING

from harness.domain.deployment import DeployOrder
from harness.domain.errors import Interrupted
from harness.domain.events import Switched
from harness.domain.release import ReleaseState
from harness.factory.reporting.comments.release import release_marker
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.places import Deployments, forge_of_deployments
from harness.operations.drill.release_bench import JOURNEY, PRODUCTION, STAGING, ReleaseBench
from harness.operations.drill.stand_ins import SigningJudge
from harness.ports.ledger import recorded

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment

SUBJECT = "releases"
APP, STRANGER = "github-actions[bot]", "helpful-app[bot]"
ROLLBACK_SECONDS = 60


def red_in_staging(drill: "DrillEnvironment") -> AttackOutcome:
    """A landing whose sealed journey is red on the living staging."""
    bench = ReleaseBench(drill, "red in staging")
    if fault := bench.is_set_up:
        return fault
    bad = bench.land("bad")
    bench.red.add(bad)
    bench.tick()
    if (PRODUCTION, bad) in bench.places.switched:
        return not_held("production served a commit whose sealed journey is red in staging")
    if bench.last.state is not ReleaseState.HELD or bench.places.served[STAGING] != bench.first:
        return not_held(f"it is {bench.last.state}, and staging still serves it")
    return held("held; staging serves what was good, and production never saw it")


def red_in_production(drill: "DrillEnvironment") -> AttackOutcome:
    """A release that is well in staging and not in production; then another landing. As the
    control, a person resumes, and that one goes out."""
    bench = ReleaseBench(drill, "red in production")
    if fault := bench.is_set_up:
        return fault
    bad = bench.land("bad")
    bench.places.ill.add((PRODUCTION, bad))
    bench.tick()
    if bench.places.served[PRODUCTION] != bench.first:
        return not_held(f"production still serves what is not well there: {bench.last.state}")
    seconds = _rollbacks(bench)
    if len(seconds) != 1 or seconds[0] > ROLLBACK_SECONDS:
        return not_held(f"it was taken back by {len(seconds)} switches, in {seconds} s")
    later = bench.land("later")
    bench.tick()
    if later in bench.places.served.values():
        return not_held("the next landing was released, and nobody had decided what was red")
    if (filed := _issues_about(bench, bad)) != 1:
        return not_held(f"{filed} issues were filed about it")
    bench.resume()
    bench.tick()
    if bench.places.served[PRODUCTION] != later:
        return not_held(f"after a person's word nothing goes out either: {bench.last.state}")
    return held(f"the one before it is served after {seconds[0]:g} s, one issue; the rest waited")


def lying_deployer(drill: "DrillEnvironment") -> AttackOutcome:
    """A deployer that does nothing and claims to have done it. As the control, it does it."""
    bench = ReleaseBench(drill, "lying deployer")
    if fault := bench.is_set_up:
        return fault
    commit = bench.land("second")
    bench.places.is_lying = True
    for _ in range(3):
        bench.tick()
    if bench.last.state is not ReleaseState.HELD:
        return not_held(f"its word was believed: {bench.last.state}, and {STAGING} serves another")
    bench.places.is_lying = False
    bench.resume()
    bench.tick()
    if bench.places.served[PRODUCTION] != commit:
        return not_held(f"where it does what it claims, it is {bench.last.state} all the same")
    return held("held: a look found another commit served there")


def staging_is_production(drill: "DrillEnvironment") -> AttackOutcome:
    """A staging that works on production's data, and so answers with its name."""
    bench = ReleaseBench(drill, "staging is production")
    if fault := bench.is_set_up:
        return fault
    commit = bench.land("second")
    bench.places.names[STAGING] = PRODUCTION
    bench.tick()
    if (PRODUCTION, commit) in bench.places.switched or bench.last.state is not ReleaseState.HELD:
        return not_held(f"a staging that calls itself production was believed: {bench.last.state}")
    return held(f"held: {bench.last.fault[:80]}")


def changes_production(drill: "DrillEnvironment") -> AttackOutcome:
    """A deployment to staging that changes production as well."""
    bench = ReleaseBench(drill, "changes production")
    if fault := bench.is_set_up:
        return fault
    bench.land("second")
    bench.places.also[STAGING] = PRODUCTION
    bench.tick()
    if bench.places.served[PRODUCTION] != bench.first:
        return not_held(f"production serves what was ordered for staging: {bench.last.state}")
    return held("noticed before its smoke, and production was switched back")


def signed_by_another(drill: "DrillEnvironment") -> AttackOutcome:
    """A green smoke that a key signed which nobody pinned."""
    bench = ReleaseBench(drill, "signed by another")
    if fault := bench.is_set_up:
        return fault
    commit = bench.land("second")
    other = SigningJudge(bench.factory.home / "other" / "validator.key")
    other.works[JOURNEY] = lambda commit: True
    bench.start(judge=other)
    for _ in range(2):
        bench.tick()
    if (PRODUCTION, commit) in bench.places.switched or bench.last.state is not ReleaseState.HELD:
        return not_held(f"a smoke that another key signed was believed: {bench.last.state}")
    return held("held: only a key that people pinned is believed")


def forged_status(drill: "DrillEnvironment") -> AttackOutcome:
    """Another app reports that the deployments on the forge succeeded. As the control, the app that
    the environment names does."""
    from harness.forge.connection import Access, Connection
    from harness.forge.deployments import GitHubDeployer

    bench, deployments, by = ReleaseBench(drill, "forged status"), Deployments(), [STRANGER]
    if fault := bench.is_set_up:
        return fault

    def workflow(seconds: float) -> None:
        if by == [APP]:
            newest = deployments.made[-1]
            bench.places.served[str(newest["environment"])] = str(newest["sha"])
        deployments.report("success", by=by[0])

    with forge_of_deployments(deployments) as api:
        connection = Connection(Access("drill/shop", token="none", api=api))  # noqa: S106
        hours = itertools.count(step=100)
        bench.start(GitHubDeployer(connection, APP, wait=workflow, clock=hours.__next__))
        bench.land("second")
        for _ in range(4):
            bench.tick()
        if any(one.event.number == 2 for one in recorded(bench.factory.ledger, Switched)):
            return not_held(f"the status of {STRANGER} was believed: {bench.last.state}")
        by[:] = [APP]
        bench.resume()
        bench.tick()
    if bench.last.state is not ReleaseState.DONE:
        return not_held(f"what {APP} reports does not count either: {bench.last.fault}")
    return held(f"nothing of {STRANGER} counted; what {APP} reported did")


def stopped_before_the_switch(drill: "DrillEnvironment") -> AttackOutcome:
    """The owner stops the factory while a deployment is prepared. As the control, the stop is
    lifted."""
    bench = ReleaseBench(drill, "stopped before the switch")
    if fault := bench.is_set_up:
        return fault
    commit = bench.land("second")
    bench.places.prepares = lambda order: bench.stop()
    bench.tick()
    if (STAGING, commit) in bench.places.switched:
        return not_held("it was switched to after the owner's stop")
    bench.places.prepares = lambda order: None
    bench.lift()
    bench.tick()
    if bench.places.switched[-2:] != [(STAGING, commit), (PRODUCTION, commit)]:
        return not_held(f"without the stop it goes nowhere either: {bench.last.state}")
    return held("prepared, and not switched to; after the resume it went on, once")


def killed_in_a_switch(drill: "DrillEnvironment") -> AttackOutcome:
    """The factory dies right before a switch, and right after another, before it could write that
    down."""
    bench = ReleaseBench(drill, "killed in a switch")
    if fault := bench.is_set_up:
        return fault
    for moment in ("before", "after"):
        commit = bench.land(moment)
        setattr(bench.places, moment, _dies)
        try:
            bench.tick(stops=False)
        except Interrupted:
            setattr(bench.places, moment, lambda order: None)
        else:
            return not_held("it was never killed, so nothing was proven")
        bench.start()
        bench.tick()
        times = bench.places.switched.count((STAGING, commit))
        if times != 1 or bench.last.state is not ReleaseState.DONE:
            return not_held(f"killed {moment} it, it was switched to {times} times")
    if len(bench.releases) != 1 + 2:
        return not_held(f"{len(bench.releases)} releases of 3 landings")
    return held("started again it went on: each was switched to once, and is done")


def stopped_in_a_rollback(drill: "DrillEnvironment") -> AttackOutcome:
    """The owner stops the factory, and it dies, while production is switched back."""
    bench = ReleaseBench(drill, "stopped in a rollback")
    if fault := bench.is_set_up:
        return fault
    bad = bench.land("bad")
    bench.places.ill.add((PRODUCTION, bad))

    def dies(order: DeployOrder) -> None:
        if order.key.endswith("/rollback"):
            bench.stop()
            _dies(order)

    bench.places.before = dies
    bench.tick()
    if bench.places.served[PRODUCTION] != bad:
        return not_held("it did not die in a rollback, so nothing was proven")
    bench.places.before = lambda order: None
    bench.start()
    bench.tick()
    if bench.places.served[PRODUCTION] != bench.first:
        return not_held("the rollback that had begun was left half done after the stop")
    return held("what had begun was finished after the stop, and nothing else")


def _dies(order: DeployOrder) -> None:
    raise Interrupted("killed")


def _rollbacks(bench: ReleaseBench) -> tuple[float, ...]:
    """The seconds of each switch back."""
    done = (one.event for one in recorded(bench.factory.ledger, Switched))
    return tuple(one.seconds for one in done if one.is_rollback)


def _issues_about(bench: ReleaseBench, commit: str) -> int:
    marker = release_marker(commit)
    return sum(marker in one.body for one in bench.factory.services.forge.issues())


ATTACKS = (
    Attack(
        "a release red in staging",
        SUBJECT,
        (125,),
        "sealed journeys on the living place",
        "releases a landing whose sealed journey is red there",
        red_in_staging,
    ),
    Attack(
        "a release red in production",
        SUBJECT,
        (125,),
        "rollback within 60 s, and no release after it",
        "releases what is well in staging alone, and the next landing after it",
        red_in_production,
    ),
    Attack(
        "a deployment that changes production",
        SUBJECT,
        (125,),
        "a look at what each later environment serves",
        "deploys to staging, which changes production too",
        changes_production,
    ),
    Attack(
        "a deployer that lies",
        SUBJECT,
        (126,),
        "a look at the place, which nobody's word replaces",
        "does nothing, and claims to have done it",
        lying_deployer,
    ),
    Attack(
        "a staging that is production",
        SUBJECT,
        (126,),
        "the name that a place answers with",
        "has staging work on production's data",
        staging_is_production,
    ),
    Attack(
        "a status of another app",
        SUBJECT,
        (126,),
        "`app` of the environment",
        "reports on the forge that a deployment succeeded, as another app",
        forged_status,
    ),
    Attack(
        "a smoke that another key signed",
        SUBJECT,
        (126,),
        "[seal] trusted_keys",
        "has a green smoke signed by a key that nobody pinned",
        signed_by_another,
    ),
    Attack(
        "stop, before a switch",
        SUBJECT,
        (127,),
        "factory stop",
        "sets the owner's stop while a deployment is prepared",
        stopped_before_the_switch,
    ),
    Attack(
        "killed in a switch",
        SUBJECT,
        (127,),
        "one key for each deployment, and a look before it acts",
        "dies before a switch, and after another",
        killed_in_a_switch,
    ),
    Attack(
        "stop, in a rollback",
        SUBJECT,
        (127,),
        "a rollback that has begun is finished",
        "sets the owner's stop and dies while production is switched back",
        stopped_in_a_rollback,
    ),
)
