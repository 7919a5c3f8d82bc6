"""Forks: copies of a stranger's own, pull requests from them, and what is left when
they are gone."""

import pytest

from tests.forge.conftest import a_place
from tests.forge.gitclient import done, git


@pytest.fixture
def place(forge, client, template, tmp_path):
    return a_place(forge, client, template, tmp_path)


def fork(place, by):
    answer = place.api("POST", "/forks", by=by, json={})
    assert answer.status_code == 202, answer.text
    return answer.json()


def pushed(place, copy, by, *, name="theirs.txt", text="theirs\n", branch="work"):
    """A commit on a branch of the fork, pushed by its owner."""
    folder = place.folder.parent / "fork"
    if not folder.exists():
        done(git("clone", "--quiet", copy["clone_url"], "fork", cwd=folder.parent))
    (folder / name).write_text(text)
    done(git("add", "--all", cwd=folder))
    done(git("commit", "--quiet", "-m", name, cwd=folder))
    done(
        git(
            "push",
            "--quiet",
            "--force",
            "origin",
            f"HEAD:refs/heads/{branch}",
            cwd=folder,
            token=by.token,
        )
    )
    return done(git("rev-parse", "HEAD", cwd=folder))


def opened(place, by, branch="work"):
    answer = place.api(
        "POST",
        "/pulls",
        by=by,
        json={"title": "From outside", "head": f"{by.login}:{branch}", "base": "main"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_fork_is_its_owners_and_remembers_what_it_is_of(place) -> None:
    ana = place.person("ana")
    copy = fork(place, ana)
    assert (copy["fork"], copy["owner"]["id"], copy["parent"]["full_name"]) == (
        True,
        ana.id,
        place.name,
    )
    assert copy["permissions"]["admin"]
    assert fork(place, ana)["id"] == copy["id"]
    assert [one["id"] for one in place.api("GET", "/forks").json()] == [copy["id"]]
    assert place.api("GET", "").json()["forks_count"] == 1
    both = [
        place.ask("GET", f"/api/v3/repos/{name}/branches/main").json()
        for name in (place.name, copy["full_name"])
    ]
    assert both[0]["commit"]["sha"] == both[1]["commit"]["sha"]
    assert place.api("POST", "/forks", by=place.owner, json={}).status_code == 403


def test_a_stranger_offers_a_change_from_a_fork_and_cannot_write_here(place) -> None:
    ana = place.person("ana")
    copy = fork(place, ana)
    sha = pushed(place, copy, ana)
    pull = opened(place, ana)
    assert (pull["head"]["repo"]["full_name"], pull["base"]["repo"]["full_name"]) == (
        copy["full_name"],
        place.name,
    )
    assert (pull["head"]["label"], pull["head"]["sha"], pull["commits"]) == (
        f"{ana.login}:work",
        sha,
        1,
    )
    assert (pull["author_association"], pull["mergeable"]) == ("NONE", True)
    assert [
        one["filename"] for one in place.api("GET", f"/pulls/{pull['number']}/files").json()
    ] == ["theirs.txt"]
    assert place.api("PUT", f"/pulls/{pull['number']}/merge", by=ana, json={}).status_code == 403
    folder = place.folder.parent / "fork"
    assert (
        git(
            "push", place.repository.clone_url, "HEAD:refs/heads/work", cwd=folder, token=ana.token
        ).returncode
        != 0
    )
    fetched = git(
        "fetch",
        "--quiet",
        place.repository.clone_url,
        f"refs/pull/{pull['number']}/head",
        cwd=folder,
    )
    assert fetched.returncode == 0, fetched.stderr


def test_a_pull_request_follows_its_fork(place) -> None:
    ana = place.person("ana")
    copy = fork(place, ana)
    pushed(place, copy, ana)
    number = opened(place, ana)["number"]
    moved = pushed(place, copy, ana, text="better\n")
    assert place.api("GET", f"/pulls/{number}").json()["head"]["sha"] == moved
    merged = place.api("PUT", f"/pulls/{number}/merge", by=place.owner, json={"sha": moved})
    assert merged.status_code == 200, merged.text
    assert place.api("GET", f"/pulls/{number}").json()["merged"]
    assert place.api("GET", "/contents/theirs.txt").status_code == 200


def test_a_branch_of_the_same_name_here_is_another(place) -> None:
    """A stranger's `work` must never be taken for ours, whichever was offered first."""
    ana = place.person("ana")
    theirs = pushed(place, fork(place, ana), ana)
    number = opened(place, ana)["number"]
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    ours = place.push({"ours.txt": "ours\n"}, branch="work")
    mine = place.api(
        "POST", "/pulls", by=place.factory, json={"title": "Ours", "head": "work", "base": "main"}
    ).json()
    assert mine["head"]["sha"] == ours
    assert place.api("GET", f"/pulls/{number}").json()["head"]["sha"] == theirs
    of_ana = place.api("GET", "/pulls", params={"head": f"{ana.login}:work"}).json()
    of_house = place.api("GET", "/pulls", params={"head": f"{place.owner.login}:work"}).json()
    assert ([one["number"] for one in of_ana], [one["number"] for one in of_house]) == (
        [number],
        [mine["number"]],
    )
    assert place.api("DELETE", "/git/refs/heads/work", by=place.factory).status_code == 204
    assert place.api("GET", f"/pulls/{number}").json()["state"] == "open"


def test_a_fork_that_is_gone_leaves_its_pull_request(place) -> None:
    ana = place.person("ana")
    copy = fork(place, ana)
    sha = pushed(place, copy, ana)
    number = opened(place, ana)["number"]
    assert place.ask("DELETE", f"/api/v3/repos/{copy['full_name']}", by=ana).status_code == 204
    assert not (place.forge.home / "repositories" / f"{copy['id']}.git").exists()
    left = place.api("GET", f"/pulls/{number}").json()
    assert (left["head"]["repo"], left["head"]["sha"], left["state"]) == (None, sha, "open")
    assert left["head"]["user"]["id"] == ana.id
    assert (
        place.api("PUT", f"/pulls/{number}/merge", by=place.owner, json={"sha": sha}).status_code
        == 200
    )


def test_a_repository_is_taken_away_by_its_administrator_alone(place) -> None:
    place.file("An issue of it")
    assert place.api("DELETE", "", by=place.person("ana")).status_code == 403
    assert place.api("DELETE", "", by=place.factory).status_code == 403
    assert place.api("DELETE", "", by=place.owner).status_code == 204
    assert place.api("GET", "").status_code == 404


@pytest.mark.parametrize("head", ["nobody-at-all:work", "{owner}:absent", "{ana}:main"])
def test_a_head_that_is_nowhere_is_refused(museum, head) -> None:
    sent = {
        "title": "x",
        "head": head.format(owner=museum.owner.login, ana=museum.person("ana").login),
        "base": "main",
    }
    assert museum.api("POST", "/pulls", by=museum.factory, json=sent).status_code == 422
