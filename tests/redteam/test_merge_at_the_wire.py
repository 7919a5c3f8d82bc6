"""Rows 95, 96, 109 and 110 on a real forge over HTTP, with branches that are protected and checks
that anybody may forge."""

import itertools
from dataclasses import dataclass, replace

import pytest

from harness.domain.errors import Stopped
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import State
from harness.factory.policy_gate import ci
from harness.factory.records.brakes import is_frozen, why_frozen
from harness.factory.stages import revert
from harness.operations.drill.scratch_factory import ScratchFactory
from harness.programs.local_forge.seed import Account, Administrator

OPEN = {
    "required_status_checks": None,
    "enforce_admins": True,
    "required_pull_request_reviews": None,
    "restrictions": None,
}


@dataclass
class Town:
    """A factory on the forge, and two programs that report checks: the one that is meant, and
    another."""

    factory: ScratchFactory
    ci: Account
    eve: Account
    app: int = 0

    def demand(self, merge: str = "", *, named: bool = True) -> None:
        """The operator writes [merge] into factory.toml."""
        self.check(self.factory.tip(), "success")
        runs = self.factory.request(
            "GET", f"/commits/{self.factory.tip()}/check-runs", by=self.factory.owner.token
        )["check_runs"]
        self.app = next(run["app"]["id"] for run in runs if run["name"] == "ci")
        toml = (
            self.factory.services.repository.read(CommitSha(self.factory.tip()), "factory.toml")
            or b""
        ).decode()
        required = f'required_checks = [{{name = "ci", app = {self.app}}}]\n' if named else ""
        self.factory.base = self.factory.push(
            {"factory.toml": f"{toml}\n[merge]\n{required}{merge}\n"}
        )

    def protect(self, **rules: object) -> None:
        self.factory.request(
            "PUT", "/branches/main/protection", by=self.factory.owner.token, json={**OPEN, **rules}
        )

    def check(
        self, sha: str, conclusion: str, *, by: Account | None = None, name: str = "ci"
    ) -> None:
        self.factory.request(
            "POST",
            "/check-runs",
            by=(by or self.ci).token,
            json={"name": name, "head_sha": sha, "status": "completed", "conclusion": conclusion},
        )

    def candidate(self, issue: int) -> str:
        verdict = self.factory.history(issue).verdict
        assert verdict is not None
        return str(verdict.binds.candidate)

    def shown(self, issue: int, *, run: int = 1) -> str:
        return self.factory.tip(f"{ci.BRANCHES}merge-{issue}-{run}")


_NUMBERS = itertools.count(1)


@pytest.fixture
def town(drill) -> Town:
    admin, number = Administrator(drill.forge), next(_NUMBERS)
    reporter, eve = (
        admin.create_user(f"{who}-at-the-wire-{number}", role="write", kind="Bot")
        for who in ("ci", "eve")
    )
    return Town(drill.factory("at the wire"), reporter, eve)


def test_row_95_only_the_named_apps_check_on_the_very_candidate_opens_the_gate(town) -> None:
    town.demand()
    issue = town.factory.file()
    town.factory.tick()
    candidate, head = town.candidate(issue), town.factory.history(issue).pushed_head
    assert town.shown(issue) == candidate
    town.check(head, "success")  # what was proposed is not what would land
    town.check(candidate, "success", by=town.eve)  # another app, under the same name
    town.check(candidate, "success", name="CI")
    town.factory.request(
        "POST",
        f"/statuses/{candidate}",
        by=town.eve.token,
        json={"state": "success", "context": "ci"},
    )
    town.factory.tick()
    assert (town.factory.history(issue).state, town.factory.tip()) == (
        State.APPROVED,
        town.factory.base,
    )
    town.check(candidate, "success")
    town.factory.tick()
    assert town.factory.history(issue).state is State.MERGED, town.factory.status(issue)
    assert (town.factory.tip(), town.shown(issue)) == (candidate, "")


@pytest.mark.soak("over HTTP again; test_ci has every conclusion, domain/test_checks what each is")
def test_row_95_neutral_is_not_green_and_leaves_no_branch_behind(town) -> None:
    town.demand()
    issue = town.factory.file()
    town.factory.tick()
    town.check(town.candidate(issue), "neutral")
    town.factory.tick()
    assert town.factory.history(issue).state is State.NEEDS_HUMAN
    assert "ended as neutral" in town.factory.status(issue)
    assert (town.factory.tip(), town.shown(issue)) == (town.factory.base, "")


@pytest.mark.soak(
    "over HTTP again; adapters/test_checks reads what a branch demands, test_ci obeys it"
)
def test_a_branch_that_requires_a_check_takes_the_candidate_once_it_has_it(town) -> None:
    """The factory names nothing: what the branch's own protection demands is read from the
    forge."""
    town.demand(named=False)
    town.protect(
        required_status_checks={"strict": False, "checks": [{"context": "ci", "app_id": town.app}]}
    )
    issue = town.factory.file()
    town.factory.tick()
    assert (town.factory.history(issue).state, town.shown(issue)) == (
        State.APPROVED,
        town.candidate(issue),
    )
    town.check(town.candidate(issue), "success")
    town.factory.tick()
    assert (town.factory.history(issue).state, town.factory.tip()) == (
        State.MERGED,
        town.candidate(issue),
    ), town.factory.status(issue)


@pytest.mark.soak("over HTTP again; test_ways_to_land has a forge that refuses")
def test_a_branch_that_takes_no_pushes_refuses_once_and_is_a_persons(town) -> None:
    town.demand(named=False)
    town.protect(required_pull_request_reviews={})
    issue = town.factory.file()
    town.factory.tick()
    assert town.factory.history(issue).state is State.NEEDS_HUMAN
    assert "refuse" in town.factory.status(issue)
    assert (town.factory.judge.judged, town.factory.tip()) == (1, town.factory.base)


def test_such_a_branch_takes_the_forges_own_merge_and_what_it_made_is_compared(town) -> None:
    town.demand('by = "api"', named=False)
    town.protect(required_pull_request_reviews={})
    issue = town.factory.file()
    town.factory.tick()
    told, read = town.factory.history(issue), town.factory.services.repository
    assert told.state is State.MERGED, town.factory.status(issue)
    assert read.tree_of(CommitSha(town.factory.tip())) == told.verdict.binds.tree
    assert read.parents_of(CommitSha(town.factory.tip())) == (
        told.verdict.binds.base,
        told.verdict.binds.head,
    )


@pytest.mark.soak("over HTTP again; test_ways_to_land freezes on another tree of the forge's merge")
def test_row_96_a_base_that_moves_within_the_forges_own_merge_freezes_and_is_taken_back(
    town,
) -> None:
    factory = town.factory
    town.demand('by = "api"', named=False)
    pushed: list[str] = []

    class Meddling:
        """The forge's own writer, right before whose merge somebody pushes."""

        def __init__(self, own) -> None:
            self.own = own

        def __getattr__(self, name):
            return getattr(self.own, name)

        def merge_pull_request(self, number, *, sha):
            pushed.append(factory.push({"README.md": "# Another shop\n"}))
            return self.own.merge_pull_request(number, sha=sha)

    factory.customize(lambda services: replace(services, writer=Meddling(services.writer)))
    issue = factory.file()
    factory.tick()
    assert (factory.history(issue).state, is_frozen(factory.ledger)) == (State.NEEDS_HUMAN, True), (
        factory.status(issue)
    )
    revert.land(factory.services, issue, rules="sha256:x", reason="by the owner")
    read = factory.services.repository
    assert read.tree_of(CommitSha(factory.tip())) == read.tree_of(CommitSha(pushed[0]))
    assert read.contains(CommitSha(factory.tip()), CommitSha(pushed[0]))


@pytest.mark.soak("over HTTP again; test_red_main has the freeze and the one revert")
def test_row_109_a_landing_that_turns_main_red_is_taken_back_once_and_everything_halts(
    town,
) -> None:
    factory = town.factory
    town.demand("auto_revert = true")
    issue = factory.file()
    factory.tick()
    town.check(town.candidate(issue), "success")
    factory.tick()
    landed = factory.tip()
    assert landed == town.candidate(issue), factory.status(issue)
    town.check(landed, "failure")
    factory.tick()
    read, taken_back = factory.services.repository, factory.tip()
    assert read.tree_of(CommitSha(taken_back)) == read.tree_of(CommitSha(factory.base))
    assert f"main at {landed:.7}" in why_frozen(factory.ledger)
    town.check(taken_back, "failure")
    second = factory.file(title="Another till")
    for _ in range(3):
        factory.tick()
    assert factory.tip() == taken_back, "no other landing, no other revert"
    assert [factory.history(one).state for one in (issue, second)] == [
        State.NEEDS_HUMAN,
        State.APPROVED,
    ]
    assert factory.request("GET", f"/issues/{issue}", by=factory.owner.token)["state"] == "open"


@pytest.mark.soak("over HTTP again; test_merge_faults stops after each act")
def test_row_110_a_stop_while_checks_are_waited_for_holds_back_the_landing_and_the_sweep(
    town,
) -> None:
    factory = town.factory
    town.demand()
    issue = factory.file()
    factory.tick()
    town.check(town.candidate(issue), "success")
    (factory.home / "STOP").write_text("")
    with pytest.raises(Stopped):
        factory.tick()
    assert (factory.tip(), town.shown(issue)) == (factory.base, town.candidate(issue))
    (factory.home / "STOP").unlink()
    factory.tick()
    assert (factory.tip(), town.shown(issue)) == (town.candidate(issue), ""), factory.status(issue)


@pytest.mark.soak("over HTTP again; test_ways_to_land closes one")
def test_a_pull_request_that_somebody_closed_does_not_land(town) -> None:
    factory = town.factory
    issue = factory.approved_issue()
    factory.request(
        "PATCH",
        f"/pulls/{factory.history(issue).proposal.number}",
        by=factory.owner.token,
        json={"state": "closed"},
    )
    factory.tick()
    assert (factory.tip(), factory.history(issue).state) == (factory.base, State.NEEDS_HUMAN), (
        factory.status(issue)
    )
    assert "closed" in factory.status(issue)
