"""At the wire: what people see of a change and say to it, on the real adapter, the local forge
and real git."""

import time
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from harness.domain.lifecycle import State
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from tests.factory.demands import STORE, asking_a_person
from tests.factory.world import EXAMPLE, World
from tests.fakes.people import KEY


@dataclass
class WireWorld(World):
    """A factory whose forge and git are real; models, sandboxes and the judge are scripted."""

    place: object = None

    def services(self):
        place, work = self.place, self.work
        hub = GitHubForge(Access(place.name, place.factory.token, place.forge.api))
        trusted = TrustedRepository(
            work / "trusted.git", Remote(place.repository.clone_url, lambda: place.factory.token)
        )
        return replace(
            super().services(),
            forge=hub,
            writer=hub,
            repository=trusted,
            candidates=TrustedCandidates(trusted),
            worktrees=RunWorktrees(trusted, work / "real", warm=0),
        )


@pytest.fixture
def world(place, tmp_path):
    return world_of(place, tmp_path, rules=asking_a_person("F-STORE"))


def world_of(place, tmp_path, *, rules="", more=""):
    """The demo's app at the place, with what these rules and this configuration ask for beside."""
    files = {
        str(path.relative_to(EXAMPLE)): path.read_text("utf-8")
        for path in sorted(EXAMPLE.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files["factory.toml"] = (
        files["factory.toml"].split("trusted_keys")[0] + f'trusted_keys = ["{KEY}"]\n{more}'
    )
    files["factory_rules.md"] += rules
    place.push(files)
    made = WireWorld(tmp_path)
    made.place = place
    return made


def say(place, number, body, *, by) -> None:
    assert (
        place.api("POST", f"/issues/{number}/comments", by=by, json={"body": body}).status_code
        == 201
    )


def ours(place, number):
    comments = place.api("GET", f"/issues/{number}/comments").json()
    return [one["body"] for one in comments if one["user"]["login"] == place.factory.login]


def in_a_later_second(moment) -> None:
    """A forge's moments are whole seconds: what is edited in the second in which it was said does
    not look edited."""
    while time.time() < datetime.fromisoformat(moment).timestamp() + 1:
        time.sleep(0.01)


def checks(place, sha):
    runs = place.api("GET", f"/commits/{sha}/check-runs").json()["check_runs"]
    return {run["name"]: run["conclusion"] for run in runs}


def dashboards(place):
    issues = place.api("GET", "/issues?state=all").json()
    return [
        one
        for one in issues
        if "lights-out-factory:dashboard" in (one["body"] or "") and "pull_request" not in one
    ]


def test_a_maintainer_reads_the_gates_approves_the_commit_and_it_lands(place, world) -> None:
    issue = place.file("Cancelled bookings keep their places", "The places are gone.", by="kim")
    world.tick(shows=True)
    history = world.history(issue)
    pull, head = int(history.proposal.number), str(history.pushed_head)
    assert history.state is State.NEEDS_HUMAN
    assert checks(place, head) == {
        "factory/law": "success",
        "factory/tests": "success",
        "factory/seal": "success",
        "factory/merge": "failure",
    }
    assert len(ours(place, pull)) == 1
    (dashboard,) = dashboards(place)
    assert f"`/factory approve {head}`" in dashboard["body"]

    say(place, pull, f"/factory approve {head[:12]}", by=place.person("kim"))
    world.tick(shows=True)
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "so nothing was done" in ours(place, pull)[-1]

    say(
        place,
        pull,
        f"/factory approve {head[:12]}\n/factory why",
        by=place.person("maya", role="admin"),
    )
    world.tick(shows=True)
    history = world.history(issue)
    assert history.state is State.MERGED
    assert place.api("GET", "/branches/main").json()["commit"]["sha"] == history.landed.commit
    assert checks(place, head)["factory/merge"] == "success"
    assert len(ours(place, pull)) == 3
    assert [one["number"] for one in dashboards(place)] == [dashboard["number"]]
    assert "Nothing needs a person." in dashboards(place)[0]["body"]
    assert {entry.issue for entry in world.ledger.entries(kind="issue")} == {issue}


def test_a_command_that_somebody_else_wrote_into_a_maintainers_comment_is_not_heard(
    place, world
) -> None:
    issue = place.file("Cancelled bookings keep their places", "The places are gone.", by="kim")
    maya = place.person("maya", role="admin")
    said = place.api(
        "POST", f"/issues/{issue}/comments", by=maya, json={"body": "Looks fine."}
    ).json()
    world.tick()
    in_a_later_second(said["created_at"])
    head = str(world.history(issue).pushed_head)
    edited = place.api(
        "PATCH",
        f"/issues/comments/{said['id']}",
        by=place.person("wes", role="write"),
        json={"body": f"/factory approve {head}"},
    )
    assert edited.status_code == 200
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "was edited" in ours(place, issue)[-1]


@pytest.mark.soak(
    "over HTTP again; adapters/test_contract has the edit, factory/intake/test_commands what follows"
)
def test_what_was_written_into_it_within_the_same_second_is_not_heard_either(place, world) -> None:
    """A program of somebody with `write` is quick, and a forge's moments are whole seconds."""
    issue = place.file("Cancelled bookings keep their places", "The places are gone.", by="kim")
    world.tick()
    head = str(world.history(issue).pushed_head)
    maya, wes = place.person("maya", role="admin"), place.person("wes", role="write")
    looks_unedited = False
    while not looks_unedited:
        said = place.api(
            "POST", f"/issues/{issue}/comments", by=maya, json={"body": "Looks fine."}
        ).json()
        edited = place.api(
            "PATCH",
            f"/issues/comments/{said['id']}",
            by=wes,
            json={"body": f"/factory approve {head}"},
        ).json()
        looks_unedited = edited["updated_at"] == edited["created_at"]
    world.tick()
    assert world.history(issue).state is State.NEEDS_HUMAN
    assert "was edited" in ours(place, issue)[-1]


WORDS = "Call it places_left, please."


@dataclass
class Works:
    """An agent that changes the same file otherwise each time."""

    count: int = 0

    def __call__(self, worktree) -> None:
        self.count += 1
        path = worktree / STORE
        path.write_text(path.read_text() + f"\nFIXED = {self.count}\n")


def review(place, number, body, *, by, **more) -> None:
    asks = {"event": "REQUEST_CHANGES", "body": body, **more}
    answer = place.api("POST", f"/pulls/{number}/reviews", by=by, json=asks)
    assert answer.status_code == 200, answer.text


def report(place, sha, conclusion, *, by, summary="") -> None:
    run = {
        "name": "ci",
        "head_sha": sha,
        "status": "completed",
        "conclusion": conclusion,
        "output": {"title": "ci", "summary": summary},
    }
    assert place.api("POST", "/check-runs", by=by, json=run).status_code == 201


def test_words_a_review_and_a_red_check_make_rounds_and_the_change_lands(place, tmp_path) -> None:
    """And the same of a stranger, before each, makes none."""
    maya, kim = place.person("maya", role="write"), place.person("kim")
    ci, eve = (
        place.admin.create_user(f"{place.prefix}-{name}", role="write", kind="Bot")
        for name in ("ci", "eve")
    )
    demands = f'\n[merge]\nrequired_checks = [{{name = "ci", app = {ci.id}}}]\n'
    world = world_of(place, tmp_path, more=demands)
    world.agent.works = [Works()]
    issue = place.file("Cancelled bookings keep their places", "The places are gone.", by="kim")

    def waits_after(rounds):
        """The candidate that waits for its check by now, the head of it, and the last task."""
        world.tick()
        history = world.history(issue)
        assert history.runs_of("implement") == rounds
        assert history.state is State.APPROVED
        task = world.agent.assignments[-1].task
        return str(history.verdict.binds.candidate), str(history.pushed_head), task

    _, head, _ = waits_after(1)
    pull = int(world.history(issue).proposal.number)
    hunk = place.api("GET", f"/pulls/{pull}/files").json()[0]["patch"].split("+")[1]
    line = {"path": STORE, "line": int(hunk.split(",")[0]), "body": "And name it here."}

    say(place, pull, f"/factory revise {WORDS}", by=kim)
    review(place, pull, "Shorter.", by=kim, comments=[line])
    assert waits_after(1)[1] == head
    say(place, pull, f"/factory revise {WORDS}", by=maya)
    review(place, pull, "Shorter.", by=maya, comments=[line])
    candidate, second, task = waits_after(2)
    assert second != head
    assert WORDS in task
    assert f"{STORE}, line {line['line']}: And name it here." in task

    report(place, candidate, "failure", by=eve, summary="E  assert 1 == 2")
    assert waits_after(2)[1] == second
    report(place, candidate, "failure", by=ci, summary="E  assert 3 == 4")
    candidate, third, task = waits_after(3)
    assert third not in (head, second)
    assert "assert 3 == 4" in task
    assert "assert 1 == 2" not in task

    report(place, candidate, "success", by=ci)
    world.tick()
    history = world.history(issue)
    assert history.state is State.MERGED
    assert place.api("GET", "/branches/main").json()["commit"]["sha"] == candidate
    assert [wish.login for wish in history.wishes] == [maya.login] * 2
