"""What follows when branches move: pull requests are merged, moved or closed, and fixed issues are
closed."""

import pytest

from harness.programs.local_forge.seed import Administrator, push_folder
from tests.forge.gitclient import done, git
from tests.forge.waiting import SECONDS, start


@pytest.fixture
def checkout(place, tmp_path):
    done(git("clone", "--quiet", place.repository.clone_url, "checkout", cwd=tmp_path))
    return tmp_path / "checkout"


def branch_with_work(place, message="Work"):
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    return place.push({"work.txt": f"{message}\n"}, branch="work", message=message)


def opened(place, head="work", body=""):
    answer = place.api(
        "POST",
        "/pulls",
        by=place.factory,
        json={"title": "A change", "head": head, "base": "main", "body": body},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["number"]


def push(checkout, place, *specs) -> None:
    done(git("push", "--quiet", "origin", *specs, cwd=checkout, token=place.factory.token))


def pull(place, number):
    return place.api("GET", f"/pulls/{number}").json()


def state(place, number):
    return place.api("GET", f"/issues/{number}").json()["state"]


def test_a_candidate_that_lands_by_fast_forward_marks_its_pull_request_merged(
    place, checkout
) -> None:
    """How the factory lands: M = merge(base, head), judged before, pushed with a lease on the
    base."""
    head = branch_with_work(place)
    number = opened(place)
    base = done(git("rev-parse", "origin/main", cwd=checkout))
    done(git("fetch", "--quiet", "origin", cwd=checkout))
    done(git("merge", "--quiet", "--no-ff", "-m", "Merge the change", "origin/work", cwd=checkout))
    candidate = done(git("rev-parse", "HEAD", cwd=checkout))
    push(checkout, place, f"--force-with-lease=main:{base}", f"{candidate}:main")
    landed = pull(place, number)
    assert (landed["merged"], landed["state"], landed["merge_commit_sha"]) == (
        True,
        "closed",
        candidate,
    )
    assert landed["head"]["sha"] == head
    assert landed["merged_by"]["id"] == place.factory.id
    kinds = [event["event"] for event in place.api("GET", f"/issues/{number}/events").json()]
    assert kinds == ["merged", "closed"]


def test_the_head_outlives_its_branch(place, checkout) -> None:
    head = branch_with_work(place)
    number = opened(place)
    push(checkout, place, ":work")
    done(git("fetch", "--quiet", "origin", f"refs/pull/{number}/head", cwd=checkout))
    assert done(git("rev-parse", "FETCH_HEAD", cwd=checkout)) == head
    assert pull(place, number)["state"] == "closed"
    assert not pull(place, number)["merged"]


def test_a_pull_request_whose_branch_is_put_back_is_closed_not_merged(place, checkout) -> None:
    branch_with_work(place)
    number = opened(place)
    push(checkout, place, "+origin/main:work")
    assert (pull(place, number)["state"], pull(place, number)["merged"]) == ("closed", False)


def test_a_pull_request_whose_branch_is_put_back_to_a_newer_base_is_closed_not_merged(
    place, checkout
) -> None:
    """The base moved on, then the branch was set onto it: nothing of the pull request is in the
    base."""
    branch_with_work(place)
    number = opened(place)
    place.push({"app.py": "print('elsewhere')\n"})
    done(git("fetch", "--quiet", "origin", cwd=checkout))
    push(checkout, place, "+origin/main:work")
    assert (pull(place, number)["state"], pull(place, number)["merged"]) == ("closed", False)


def test_a_push_moves_the_pull_request(place) -> None:
    branch_with_work(place)
    number = opened(place)
    sha = place.push({"work.txt": "again\n"}, branch="work")
    assert pull(place, number)["head"]["sha"] == sha
    assert pull(place, number)["commits"] == 2


@pytest.mark.sample(1)
@pytest.mark.parametrize("words", ["Fixes #1", "closes: #1", "RESOLVED #1", "text\n\nfix #1."])
def test_a_landed_commit_closes_the_issues_it_names_as_fixed(place, words) -> None:
    place.file("A bug")
    sha = place.push({"app.py": "print('fixed')\n"}, message=f"A fix\n\n{words}")
    assert state(place, 1) == "closed"
    event = place.api("GET", "/issues/1/events").json()[-1]
    assert (event["event"], event["commit_id"], event["actor"]["id"]) == (
        "closed",
        sha,
        place.factory.id,
    )


def test_words_that_only_look_like_it_close_nothing(place) -> None:
    words = "\n".join(
        ["prefixes #1", "Fixes other/repo#1", "see #1", "Fixes #11", "unfixed#1", "Fixes #999"]
    )
    place.file("A bug")
    place.push({"app.py": "print('not fixed')\n"}, message=words)
    assert state(place, 1) == "open"


def test_a_commit_on_another_branch_closes_nothing_until_it_lands(place) -> None:
    place.file("A bug")
    branch_with_work(place, message="Fixes #1")
    assert state(place, 1) == "open"


def test_a_pull_requests_own_words_close_the_issue_when_it_is_merged(place) -> None:
    place.file("A bug")
    branch_with_work(place)
    number = opened(place, body="Fixes #1")
    merged = place.api(
        "PUT", f"/pulls/{number}/merge", by=place.factory, json={"merge_method": "merge"}
    )
    assert merged.json()["merged"]
    assert state(place, 1) == "closed"
    assert place.api("GET", f"/pulls/{number}/merge").status_code == 204


def test_merging_is_bound_to_the_head_that_was_judged(place) -> None:
    judged = branch_with_work(place)
    number = opened(place)
    place.push({"work.txt": "sneaked in\n"}, branch="work")
    refused = place.api("PUT", f"/pulls/{number}/merge", by=place.factory, json={"sha": judged})
    assert refused.status_code == 409
    assert not pull(place, number)["merged"]


def test_a_conflict_cannot_be_merged(place) -> None:
    place.push({"app.py": "one\n"}, branch="main")
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    place.push({"app.py": "two\n"}, branch="work")
    number = opened(place)
    assert pull(place, number)["mergeable"]
    place.push({"app.py": "three\n"}, branch="main")
    assert pull(place, number)["mergeable"] is False
    assert place.api("PUT", f"/pulls/{number}/merge", by=place.factory, json={}).status_code == 405


def test_the_same_branch_has_one_open_pull_request(place) -> None:
    branch_with_work(place)
    opened(place)
    again = place.api(
        "POST", "/pulls", by=place.factory, json={"title": "t", "head": "work", "base": "main"}
    )
    assert again.status_code == 422
    assert "already exists" in again.json()["errors"][0]["message"]
    nothing = place.api(
        "POST", "/pulls", by=place.factory, json={"title": "t", "head": "main", "base": "main"}
    )
    assert "No commits between" in nothing.json()["errors"][0]["message"]


def test_a_closed_pull_request_opens_again_and_a_merged_one_never(place) -> None:
    branch_with_work(place)
    number = opened(place)

    def turn(to):
        return place.api(
            "PATCH", f"/pulls/{number}", by=place.factory, json={"state": to}
        ).status_code

    assert (turn("closed"), turn("open"), pull(place, number)["state"]) == (200, 200, "open")
    place.api("PUT", f"/pulls/{number}/merge", by=place.factory, json={})
    assert turn("open") == 422


def test_a_pull_requests_changes_are_listed_file_by_file(place) -> None:
    """A moved file shows under both names, and attributes in the change cannot make it binary."""
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": main})
    (place.folder / "README.md").rename(place.folder / "LIESMICH.md")
    place.push(
        {".gitattributes": "*.py binary\n", "app.py": "print('high tide')\n", "ä ö.txt": "x"},
        branch="work",
    )
    number = opened(place)
    listed = {
        one["filename"]: one["status"] for one in place.api("GET", f"/pulls/{number}/files").json()
    }
    assert listed == {
        ".gitattributes": "added",
        "LIESMICH.md": "added",
        "README.md": "removed",
        "app.py": "modified",
        "ä ö.txt": "added",
    }
    patches = {
        one["filename"]: one.get("patch", "")
        for one in place.api("GET", f"/pulls/{number}/files").json()
    }
    assert "+print('high tide')" in patches["app.py"]
    whole = pull(place, number)
    assert (whole["changed_files"], whole["additions"], whole["deletions"]) == (5, 4, 2)


def test_a_server_that_died_between_a_push_and_its_consequences_takes_them_up(tmp_path) -> None:
    """The branch is moved behind the server's back, as a push does whose server was killed right
    after."""
    home = tmp_path / "home"
    running = start(home)
    admin = Administrator(running)
    owner = admin.create_user("owner")
    repository = admin.create_repository("owner", "tidebook")
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.txt").write_text("one")
    push_folder(work, repository.clone_url, token=owner.token)
    running.stop()
    bare = home / "repositories" / f"{repository.id}.git"
    before = done(git("rev-parse", "main", cwd=bare))
    tree = done(git("rev-parse", "main^{tree}", cwd=bare))
    fixed = done(git("commit-tree", tree, "-p", before, "-m", "Fixes #1", cwd=bare))

    running = start(home)
    try:
        import httpx

        api, headers = (
            f"{running.api}/repos/owner/tidebook",
            {"Authorization": f"token {owner.token}"},
        )
        assert (
            httpx.post(
                f"{api}/issues",
                json={"title": "bug"},
                headers=headers,
                trust_env=False,
                verify=False,
                timeout=SECONDS,
            ).status_code
            == 201
        )
        running.process.kill()
        running.process.wait()
        done(git("update-ref", "refs/heads/main", fixed, cwd=bare))
        again = start(home)
        try:
            listed = httpx.get(
                f"{again.api}/repos/owner/tidebook/issues/1",
                trust_env=False,
                verify=False,
                timeout=SECONDS,
            ).json()
            assert listed["state"] == "closed"  # by its very first answer
        finally:
            again.stop()
    finally:
        running.stop()
