"""A forge on its bad days: every way of writing to it fails once in every way, and the run ends as
if nothing had been.

A whole factory over HTTP and real git; only who thinks in it is scripted. What the factory dies of
instead is `test_kill_points`."""

import sys
from dataclasses import replace

import pytest

from harness.domain.errors import FactoryError
from harness.domain.lifecycle import State
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.rate_limiter import RateLimiter
from harness.operations.drill.environment import DrillEnvironment
from harness.operations.drill.shop import MINIMAL_POLICY
from tests.adapters.clock import StandingClock
from tests.fakes.faulty_forge import faults_of, inject, start_faulty
from tests.fakes.people import FakeSandbox
from tests.scenarios.waiting import LONG

WRITES = {
    "a label is made": ("POST", r".*/shop/labels"),
    "a label is put on": ("POST", r".*/issues/\d+/labels"),
    "a label is taken off": ("DELETE", r".*/issues/\d+/labels/.*"),
    "a comment is made": ("POST", r".*/issues/\d+/comments"),
    "a comment is edited": ("PATCH", r".*/issues/comments/\d+"),
    "a pull request is opened": ("POST", r".*/pulls"),
    "an issue is closed": ("PATCH", r".*/issues/\d+"),
    "a branch is pushed": ("POST", r".*\.git/git-receive-pack"),
}
"""Every way in which a run that lands writes to its forge."""
DONE_AND_NOT_ANSWERED = ("error-after", "cut")
NOT_HEARD = ("error-before", "unavailable", "cut-before", "secondary-limit", "too-many", "garbled")
MOST_PASSES, HOUR = 30, 3600.0


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    running = start_faulty(tmp_path_factory.mktemp("forge"), seconds=LONG)
    yield running
    running.stop()


@pytest.fixture
def drill(forge, tmp_path):
    faults_of(forge, "DELETE")
    return DrillEnvironment(
        tmp_path,
        MINIMAL_POLICY,
        FakeSandbox(),
        forge,
        tmp_path / "wheels",
        (sys.executable, "-m", "validators"),
    )


def started_factory(drill, name):
    """A factory whose adapter waits by a clock of its own: what a limit asks for is over by the
    next pass."""
    factory, clock = drill.factory(name), StandingClock()
    access = Access(factory._repository.full_name, factory.bot.token, drill.forge.api)
    hub = GitHubForge(access, rate_limiter=RateLimiter(time=clock.time))
    factory.customize(lambda services: replace(services, forge=hub, writer=hub))
    return factory, clock


def passes(factory, clock, issue) -> None:
    """Passes of a factory that is started again whenever the forge ended it, until the issue has
    ended."""
    for _ in range(MOST_PASSES):
        try:
            factory.tick()
        except FactoryError as error:
            if not getattr(error, "retryable", False):
                raise
        clock.pass_(HOUR)
        if factory.history(issue).state in (State.MERGED, State.NEEDS_HUMAN):
            break
    factory.tick()


def seen(factory, issue):
    """What is on the forge: of each thing how many, and how the issue looks."""
    raw = factory.request("GET", f"/issues/{issue}", by=factory.owner.token)
    comments = factory.request("GET", f"/issues/{issue}/comments", by=factory.owner.token)
    pulls = factory.request("GET", "/pulls?state=all", by=factory.owner.token)
    return {
        "issue": (raw["state"], [label["name"] for label in raw["labels"]]),
        "comments": len([one for one in comments if one["user"]["id"] == factory.bot.id]),
        "pulls": [(pull["state"], pull["merged_at"] is not None) for pull in pulls],
        "landings": len(
            [one for one in factory.ledger.entries(kind="done") if one.data["effect"] == "land"]
        ),
    }


AS_IT_SHOULD = {
    "issue": ("closed", ["factory:merged"]),
    "comments": 1,
    "pulls": [("closed", True)],
    "landings": 1,
}


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", [*DONE_AND_NOT_ANSWERED, *NOT_HEARD])
def test_every_write_fails_once_and_nothing_is_lost_or_doubled(drill, kind) -> None:
    factory, clock = started_factory(drill, kind)
    issue = factory.file()
    for method, path in WRITES.values():
        inject(drill.forge, kind, method=method, path=path)
    passes(factory, clock, issue)
    assert faults_of(drill.forge, "GET").json() == [], "a fault that hit nothing shows nothing"
    assert factory.history(issue).state is State.MERGED, factory.status(issue)
    assert seen(factory, issue) == AS_IT_SHOULD
    assert factory.ledger.fault() is None


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "path",
    [r".*/issues", r".*/comments", r".*/pulls", r".*/labels.*", r".*/issues/\d+"],
    ids=["issues", "comments", "pull requests", "labels", "one issue"],
)
def test_a_list_that_lags_behind_what_was_written_doubles_nothing(drill, path, request) -> None:
    """Each address goes on answering what it answered last, for a while: what was just made is not
    in its list yet."""
    factory, clock = started_factory(drill, f"lags {request.node.callspec.id}")
    issue = factory.file()
    factory.tick(states=frozenset({State.UNTRIAGED}))
    inject(drill.forge, "stale", method="GET", path=path, count=12)
    passes(factory, clock, issue)
    assert [one["count"] < 12 for one in faults_of(drill.forge, "GET").json()] in ([], [True])
    assert factory.history(issue).state is State.MERGED, factory.status(issue)
    assert seen(factory, issue) == AS_IT_SHOULD


@pytest.mark.soak(
    "a run more; each step of a label fails in the test of every write, the next puts labels right"
)
@pytest.mark.parametrize("step", ["a label is made", "a label is put on", "a label is taken off"])
def test_a_label_that_was_changed_by_half_is_put_right_by_the_next_pass(drill, step) -> None:
    factory, clock = started_factory(drill, f"half {step}")
    issue = factory.file()
    factory.tick(states=frozenset({State.UNTRIAGED}))
    method, path = WRITES[step]
    inject(drill.forge, "error-before", method=method, path=path)
    passes(factory, clock, issue)
    assert faults_of(drill.forge, "GET").json() == []
    assert seen(factory, issue)["issue"] == ("closed", ["factory:merged"])


def test_of_two_labels_that_somebody_else_left_one_remains(drill) -> None:
    """A person, another app or half an update: one state label at a time, and it is the
    ledger's."""
    factory = drill.factory("two labels")
    issue = factory.file()
    factory.tick(states=frozenset({State.UNTRIAGED}))
    factory.request(
        "POST",
        f"/issues/{issue}/labels",
        by=factory.owner.token,
        json={"labels": ["factory:merged", "factory:needs-human", "good first issue"]},
    )
    factory.tick(states=frozenset({State.UNTRIAGED}))
    assert [
        label["name"]
        for label in factory.request("GET", f"/issues/{issue}", by=factory.owner.token)["labels"]
    ] == ["factory:accepted", "good first issue"]
