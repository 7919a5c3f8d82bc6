"""The adapter on bad days, and how much it asks."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from harness.domain.errors import ConfigError, ForgeError
from harness.domain.issue import Actor
from harness.forge.checkruns import WantedRun
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.projection import permission_from
from tests.adapters.spent import spent, spent_before
from tests.fakes.faulty_forge import inject
from tests.fakes.http_server import Request, serving


@pytest.fixture
def adapter(place):
    return GitHubForge(Access(place.name, place.factory.token, place.forge.api))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("error-before", "502"),
        ("unavailable", "503"),
        ("cut-before", "not reached"),
        ("garbled", "not the API"),
    ],
)
def test_a_bad_day_is_worth_a_retry(place, adapter, kind, words) -> None:
    number = place.file("Reading")
    inject(place.forge, kind, path=f".*/{place.name}/issues/{number}")
    with pytest.raises(ForgeError, match=words) as refused:
        adapter.issue(number)
    assert refused.value.retryable
    assert adapter.issue(number).title == "Reading"


def test_a_list_that_is_no_list_is_not_an_empty_one(place, adapter) -> None:
    place.file("There is one")
    inject(place.forge, "garbled", path=f".*/{place.name}/issues")
    with pytest.raises(ForgeError, match="not the API"):
        adapter.issues()


def test_a_forge_that_does_not_answer_in_time_is_not_waited_for(place) -> None:
    hasty = GitHubForge(Access(place.name, place.factory.token, place.forge.api, timeout_seconds=1))
    number = place.file("Slow")
    inject(place.forge, "slow", path=f".*/{place.name}/issues/{number}", seconds=60)
    began = time.monotonic()
    with pytest.raises(ForgeError, match="not reached") as refused:
        hasty.issue(number)
    assert refused.value.retryable
    assert time.monotonic() - began < 55


def test_a_forge_that_is_not_there_is_worth_a_retry() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        api = f"http://localhost:{free.getsockname()[1]}/api/v3"
        with pytest.raises(
            ForgeError, match="not reached"
        ) as refused:  # while the port is ours, nobody else listens there
            GitHubForge(Access("a/b", "token", api)).issues()
    assert refused.value.retryable


def test_a_token_that_is_not_known_is_final(place) -> None:
    with pytest.raises(ForgeError, match="Bad credentials") as refused:
        GitHubForge(Access(place.name, "lof_wrong", place.forge.api)).issues()
    assert not refused.value.retryable


def test_a_repository_must_be_named_whole() -> None:
    for name in ("tidebook", "a/b/c", ""):
        with pytest.raises(ConfigError, match="owner/name"):
            GitHubForge(Access(name, "token"))


def test_a_token_is_in_no_repr() -> None:
    assert "secret" not in repr(Access("a/b", "secret"))


def test_listing_issues_costs_one_request_a_page(place, adapter) -> None:
    """PyGithub fetches each item again for an attribute that the list does not carry."""
    for number in range(5):
        place.file(f"Issue {number}")
    before = spent_before(place)
    assert len(adapter.issues()) == 5
    assert spent(place) - before == 1


def test_reading_an_issue_with_its_comments_costs_two_requests(place, adapter) -> None:
    number = place.file("Cheap")
    before = spent_before(place)
    adapter.issue(number)
    adapter.comments(number)
    assert spent(place) - before == 2


def test_asking_for_an_unchanged_default_branch_costs_one_request_at_most(place, adapter) -> None:
    adapter.default_branch()
    before = spent_before(place)
    adapter.default_branch()
    assert spent(place) - before == 0


def test_more_issues_than_a_page_are_all_listed(place, adapter) -> None:
    for number in range(103):
        place.file(f"Issue {number}")
    assert [issue.number for issue in adapter.issues()] == list(range(1, 104))


def test_a_second_comment_of_ours_is_taken_away(place, adapter) -> None:
    """Two factories may have raced before one of them stopped."""
    number = place.file("Doubled")
    for _ in range(2):
        place.api(
            "POST", f"/issues/{number}/comments", by=place.factory, json={"body": "<!-- m --> old"}
        )
    adapter.upsert_comment(number, "<!-- m -->", "<!-- m --> new")
    assert [comment.body for comment in adapter.comments(number)] == ["<!-- m --> new"]


def test_a_label_is_made_with_its_colour(place, adapter) -> None:
    number = place.file("Coloured")
    adapter.set_state_label(number, "factory:merged", among=("factory:merged",))
    assert place.api("GET", "/labels/factory:merged").json()["color"] == "0e8a16"


def test_a_half_done_label_change_is_completed_when_tried_again(place, adapter) -> None:
    number = place.file("Half done")
    states = ("factory:triage", "factory:accepted")
    adapter.set_state_label(number, "factory:triage", among=states)
    inject(place.forge, "error-before", method="DELETE", path=r".*/labels/.*")
    with pytest.raises(ForgeError):
        adapter.set_state_label(number, "factory:accepted", among=states)
    assert set(adapter.issue(number).labels) == set(states)
    adapter.set_state_label(number, "factory:accepted", among=states)
    assert adapter.issue(number).labels == ("factory:accepted",)


def test_a_check_of_somebody_else_does_not_stand_for_ours(place, adapter) -> None:
    """Another app may write our name, our words and our mark; its number it cannot choose."""
    sha = place.api("GET", "/branches/main").json()["commit"]["sha"]
    other = place.admin.create_user(f"{place.prefix}-ci[bot]", role="write", kind="Bot")
    mark = WantedRun("factory/size", "success", "t", "s", ()).external_id
    forged = place.api(
        "POST",
        "/check-runs",
        by=other,
        json={
            "name": "factory/size",
            "head_sha": sha,
            "conclusion": "success",
            "external_id": mark,
            "output": {"title": "t", "summary": "s"},
        },
    )
    assert forged.status_code == 201, forged.text
    adapter.set_check(sha, "factory/size", conclusion="success", title="t", summary="s")
    runs = place.api("GET", f"/commits/{sha}/check-runs").json()["check_runs"]
    assert sorted(run["app"]["id"] for run in runs) == sorted([other.id, place.factory.id])


@contextmanager
def a_forge_that_answers(body: bytes):
    """A forge of one answer: its API's address, and the ports that requests came from."""
    seen = []

    def answer(request: Request) -> None:
        seen.append(request.client_address[1])
        request.reply(200, body)

    with serving(answer, keep_alive=True) as server:
        yield f"http://localhost:{server.server_port}/api/v3", seen


def test_threads_share_no_connection() -> None:
    """PyGithub keeps the request under way in its connection: with one client for all, 24 threads
    that asked for 60 things each were given another's answer once."""
    with a_forge_that_answers(b'{"default_branch": "main"}') as (api, ports):
        adapter = GitHubForge(Access("a/b", "token", api))
        adapter.default_branch()
        other = threading.Thread(target=adapter.default_branch)
        other.start()
        other.join()
        adapter.default_branch()
    ours, theirs, ours_again = ports
    assert ours == ours_again != theirs


@pytest.mark.parametrize(
    ("repository", "branch", "found"),
    [(1, "factory/issue-7", 5), (2, "factory/issue-7", None), (1, "theirs", None)],
)
def test_a_pull_request_from_a_forks_branch_is_not_ours(repository, branch, found) -> None:
    """An organisation may fork into itself: the owner that the forge filters by is the same."""
    head, base = {"ref": branch, "repo": {"id": repository}}, {"ref": "main", "repo": {"id": 1}}
    listed = json.dumps([{"number": 5, "head": head, "base": base}]).encode()
    with a_forge_that_answers(listed) as (api, _):
        adapter = GitHubForge(Access("a/b", "token", api))
        assert adapter._open_from("factory/issue-7", "main") == found


@pytest.mark.parametrize(
    ("answer", "permission"),
    [
        ({"permission": "read", "role_name": "triage", "user": {"id": 7}}, "triage"),
        ({"permission": "write", "role_name": "maintain", "user": {"id": 7}}, "maintain"),
        ({"permission": "write", "role_name": "release-captain", "user": {"id": 7}}, "write"),
        ({"permission": "admin", "role_name": "admin", "user": {"id": 8}}, "none"),
        ({"permission": "owner-ish", "user": {"id": 7}}, "none"),
        ({"permission": "admin", "user": None}, "none"),
    ],
)
def test_what_an_answer_on_permission_means(answer, permission) -> None:
    assert permission_from(answer, Actor(7, "kim")) == permission
