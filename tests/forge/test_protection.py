"""Protected branches and rulesets: what moves a branch, by which account, with which
checks, over git and over the API."""

import pytest

from harness.programs.local_forge.git.protection import (
    PROTECTION,
    RULESET,
    BranchPolicy,
    Move,
    Report,
    RequiredCheck,
    Rules,
    from_json,
    is_green,
    refusals,
    to_json,
)
from tests.forge.conftest import a_place
from tests.forge.gitclient import done, git

MAIN = "refs/heads/main"


def branch_policy(*rules):
    return BranchPolicy(1, MAIN, rules, workflows=True)


def move(ref=MAIN, *, created=False, deleted=False, forward=True, reports=(), merged=False):
    return Move(ref, created, deleted, forward, tuple(reports), merged)


CI = RequiredCheck("ci", 7)


@pytest.mark.parametrize(
    ("rules", "asked", "reason"),
    [
        ((), move(forward=False), "Cannot force-push to this branch"),
        ((), move(deleted=True), "Cannot delete the default branch"),
        (
            (Rules(PROTECTION, ("refs/heads/x",), may_force=False),),
            move("refs/heads/x", forward=False),
            "Cannot force-push",
        ),
        (
            (Rules(PROTECTION, ("refs/heads/x",), may_delete=False),),
            move("refs/heads/x", deleted=True),
            "Cannot delete this",
        ),
        (
            (Rules(PROTECTION, (MAIN,), may_update=False),),
            move(),
            "You're not authorized to push to this branch.",
        ),
        (
            (Rules(RULESET, ("refs/heads/r-*",), may_create=False),),
            move("refs/heads/r-1", created=True),
            "creations being",
        ),
        ((Rules(PROTECTION, (MAIN,), by_pull_request=True),), move(), "through a pull request"),
        (
            (Rules(PROTECTION, (MAIN,), checks=(CI,)),),
            move(),
            'Required status check "ci" is expected.',
        ),
        (
            (Rules(RULESET, ("~ALL",), checks=(CI,)),),
            move("refs/heads/x", reports=[Report("ci", 8, "success")]),
            '"ci" is expected',
        ),
    ],
)
def test_what_stands_against_a_move_is_said(rules, asked, reason) -> None:
    assert any(reason in one for one in refusals(branch_policy(*rules), asked)[1:])


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        ((), move()),
        ((), move("refs/heads/x", forward=False)),
        ((), move("refs/heads/x", deleted=True)),
        (
            (Rules(PROTECTION, (MAIN,), may_update=False, may_force=False),),
            move("refs/heads/mainly", forward=False),
        ),
        ((Rules(PROTECTION, (MAIN,), by_pull_request=True),), move(merged=True)),
        ((Rules(RULESET, ("refs/heads/*",), exclude=(MAIN,), may_update=False),), move()),
        ((Rules(PROTECTION, (MAIN,), checks=(CI,)),), move(reports=[Report("ci", 7, "success")])),
        ((Rules(PROTECTION, ("refs/heads/x",), checks=(CI,)),), move("refs/heads/x", deleted=True)),
    ],
)
def test_what_nothing_stands_against_is_let_through(rules, asked) -> None:
    assert refusals(branch_policy(*rules), asked) == ()


@pytest.mark.parametrize(
    ("reports", "green"),
    [
        ((), False),
        ([Report("ci", 7, None)], False),
        ([Report("ci", 7, "failure")], False),
        ([Report("ci", 7, "pending")], False),
        ([Report("ci", 7, "success")], True),
        ([Report("ci", 7, "neutral")], True),
        ([Report("ci", 8, "success")], False),
        ([Report("ci", 7, "success"), Report("ci", 8, "failure")], True),
        ([Report("CI", 7, "success")], False),
    ],
)
def test_a_required_check_is_green_only_by_its_own_app(reports, green) -> None:
    assert is_green(CI, reports) is green


def test_any_app_is_every_app() -> None:
    """Where nobody is named a stranger's green must not stand beside another's red."""
    assert not is_green(
        RequiredCheck("ci"), [Report("ci", 7, "success"), Report("ci", 8, "failure")]
    )


def test_the_hook_gets_the_policy_of_the_server() -> None:
    checks = (CI, RequiredCheck("lint"))
    known = branch_policy(
        Rules(RULESET, (MAIN,), ("refs/heads/x",), checks, may_force=False, by_pull_request=True)
    )
    assert from_json(to_json(known)) == known


@pytest.fixture
def place(forge, client, template, tmp_path):
    made = a_place(forge, client, template, tmp_path)
    done(git("clone", "--quiet", made.repository.clone_url, "checkout", cwd=tmp_path))
    return made


def commit(place, name="more.txt"):
    checkout = place.folder.parent / "checkout"
    (checkout / name).write_text(f"{name}\n")
    done(git("add", "--all", cwd=checkout))
    done(git("commit", "--quiet", "-m", name, cwd=checkout))
    return done(git("rev-parse", "HEAD", cwd=checkout))


def push(place, spec, *, by):
    return git("push", "origin", spec, cwd=place.folder.parent / "checkout", token=by.token)


def protect(place, branch="main", **more):
    body = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    answer = place.api("PUT", f"/branches/{branch}/protection", by=place.owner, json=body | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_push_lands_once_its_own_app_has_said_the_check_is_green(place) -> None:
    """As the factory lands: the candidate is pushed to a branch of its own, judged
    there, and then to the protected one."""
    other = place.admin.create_user(f"{place.prefix}-ci[bot]", role="write", kind="Bot")
    protect(
        place,
        required_status_checks={"strict": True, "checks": [{"context": "ci", "app_id": other.id}]},
    )
    shown = place.api("GET", "/branches/main").json()["protection"]["required_status_checks"]
    assert (shown["enforcement_level"], shown["checks"]) == (
        "everyone",
        [{"context": "ci", "app_id": other.id}],
    )
    sha = commit(place)
    refused = push(place, "HEAD:main", by=place.factory)
    assert "GH006: Protected branch update failed for refs/heads/main." in refused.stderr
    assert 'Required status check "ci" is expected.' in refused.stderr
    done(push(place, "HEAD:refs/heads/candidate", by=place.factory))
    green = {"name": "ci", "head_sha": sha, "conclusion": "success"}
    place.api("POST", "/check-runs", by=place.factory, json=green)
    assert push(place, "HEAD:main", by=place.factory).returncode != 0
    assert (
        place.api("PATCH", "/git/refs/heads/main", by=place.factory, json={"sha": sha}).status_code
        == 422
    )
    place.api("POST", "/check-runs", by=other, json=green)
    done(push(place, "HEAD:main", by=place.factory))
    assert place.api("GET", "/branches/main").json()["commit"]["sha"] == sha


def test_only_who_is_named_pushes(place) -> None:
    protect(place, restrictions={"users": [place.factory.login], "teams": [], "apps": []})
    commit(place)
    assert (
        "You're not authorized to push to this branch."
        in push(place, "HEAD:main", by=place.owner).stderr
    )
    done(push(place, "HEAD:main", by=place.factory))


def test_an_administrator_is_bound_only_by_enforce_admins(place) -> None:
    protect(
        place, enforce_admins=False, required_status_checks={"strict": False, "contexts": ["ci"]}
    )
    commit(place)
    assert push(place, "HEAD:main", by=place.factory).returncode != 0
    done(push(place, "HEAD:main", by=place.owner))


def test_a_ruleset_holds_by_pattern_and_lets_its_own_actors_by(place) -> None:
    made = place.api(
        "POST",
        "/rulesets",
        by=place.owner,
        json={
            "name": "releases",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": ["refs/heads/release/*"], "exclude": []}},
            "bypass_actors": [
                {"actor_id": place.factory.id, "actor_type": "Integration", "bypass_mode": "always"}
            ],
            "rules": [
                {"type": "creation"},
                {"type": "update"},
                {"type": "deletion"},
                {"type": "non_fast_forward"},
            ],
        },
    )
    assert made.status_code == 201, made.text
    commit(place)
    refused = push(place, "HEAD:refs/heads/release/1", by=place.owner)
    assert "GH013: Repository rule violations found for refs/heads/release/1." in refused.stderr
    done(push(place, "HEAD:refs/heads/released", by=place.owner))
    done(push(place, "HEAD:refs/heads/release/1", by=place.factory))
    assert push(place, ":refs/heads/release/1", by=place.owner).returncode != 0
    assert place.api("DELETE", "/git/refs/heads/release/1", by=place.owner).status_code == 422
    result = place.api("GET", "/rules/branches/release/1").json()
    assert {one["type"] for one in result} == {"creation", "update", "deletion", "non_fast_forward"}
    assert place.api("GET", "/rules/branches/main").json() == []
    place.api(
        "PUT", f"/rulesets/{made.json()['id']}", by=place.owner, json={"enforcement": "disabled"}
    )
    done(push(place, ":refs/heads/release/1", by=place.owner))


def test_a_merge_waits_for_the_checks_of_its_head(place) -> None:
    protect(
        place,
        required_status_checks={
            "strict": False,
            "checks": [{"context": "ci", "app_id": place.factory.id}],
        },
        required_pull_request_reviews={},
    )
    sha = commit(place)
    done(push(place, "HEAD:refs/heads/work", by=place.factory))
    assert "through a pull request" in push(place, "HEAD:main", by=place.factory).stderr
    number = place.api(
        "POST", "/pulls", by=place.factory, json={"title": "t", "head": "work", "base": "main"}
    ).json()["number"]
    refused = place.api("PUT", f"/pulls/{number}/merge", by=place.factory, json={"sha": sha})
    assert (refused.status_code, refused.json()["message"]) == (
        405,
        'Required status check "ci" is expected.',
    )
    place.api(
        "POST",
        "/check-runs",
        by=place.factory,
        json={"name": "ci", "head_sha": sha, "conclusion": "success"},
    )
    assert (
        place.api("PUT", f"/pulls/{number}/merge", by=place.factory, json={"sha": sha}).status_code
        == 200
    )


@pytest.mark.parametrize(
    "body",
    [
        {"required_linear_history": True},
        {"required_pull_request_reviews": {"required_approving_review_count": 2}},
        {"restrictions": {"users": [], "teams": ["walkers"]}},
        {"required_status_checks": {"checks": [{"app_id": 1}]}},
        {"required_status_checks": []},
    ],
)
def test_what_is_not_held_is_refused_and_never_left_out_in_silence(museum, body) -> None:
    whole = {
        "required_status_checks": None,
        "enforce_admins": True,
        "required_pull_request_reviews": None,
        "restrictions": None,
    }
    assert (
        museum.api(
            "PUT", "/branches/main/protection", by=museum.owner, json=whole | body
        ).status_code
        == 422
    )
    assert museum.api("GET", "/branches/main/protection", by=museum.owner).status_code == 404


def test_a_push_into_the_folder_itself_is_nobodys(place) -> None:
    commit(place)
    folder = place.forge.home / "repositories" / f"{place.repository.id}.git"
    refused = git(
        "push", str(folder), "HEAD:refs/heads/by-hand", cwd=place.folder.parent / "checkout"
    )
    assert refused.returncode != 0
    assert "pushes come through the forge" in refused.stderr
