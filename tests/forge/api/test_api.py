"""The REST API as GitHub's clients know it: pages, ETags, limits, rights, and how it refuses."""

import json
import time

import pytest

from tests.fakes.hours import HOUR, within_one


def labels_of(place, number):
    return [label["name"] for label in place.api("GET", f"/issues/{number}").json()["labels"]]


def test_an_unchanged_answer_is_not_sent_again(place) -> None:
    number = place.file("Same")
    first = place.api("GET", f"/issues/{number}")
    again = place.api("GET", f"/issues/{number}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    place.api("POST", f"/issues/{number}/comments", by=place.person("ana"), json={"body": "news"})
    assert (
        place.api(
            "GET", f"/issues/{number}", headers={"If-None-Match": first.headers["etag"]}
        ).status_code
        == 200
    )


def test_an_unchanged_answer_costs_nothing(museum) -> None:
    within_one(HOUR)
    tag = museum.api("GET", "/issues", by=museum.factory).headers["etag"]
    left = [
        museum.api("GET", "/issues", by=museum.factory, headers={"If-None-Match": tag}).headers[
            "x-ratelimit-remaining"
        ]
        for _ in range(3)
    ]
    assert len(set(left)) == 1


def test_a_review_says_what_it_did_and_where_the_lines_stand(place) -> None:
    place.api(
        "POST",
        "/git/refs",
        by=place.factory,
        json={
            "ref": "refs/heads/work",
            "sha": place.api("GET", "/branches/main").json()["commit"]["sha"],
        },
    )
    head = place.push({"app.py": "print('high')\nprint('tide')\n"}, branch="work")
    opened = place.api(
        "POST", "/pulls", by=place.factory, json={"title": "t", "head": "work", "base": "main"}
    ).json()
    here = f"/pulls/{opened['number']}"
    ana = place.person("ana")

    def reviewed(by=ana, event="REQUEST_CHANGES", body="Not yet.", **more):
        return place.api(
            "POST", f"{here}/reviews", by=by, json={"event": event, "body": body, **more}
        )

    lines = [
        {"path": "app.py", "line": 1, "side": "LEFT", "body": "Keep it."},
        {"path": "app.py", "line": 2, "body": "Why?"},
    ]
    made = reviewed(comments=lines).json()
    assert (made["state"], made["commit_id"], made["user"]["id"]) == (
        "CHANGES_REQUESTED",
        head,
        ana.id,
    )
    found = place.api("GET", f"{here}/reviews/{made['id']}/comments").json()
    assert [(one["side"], one["line"], one["diff_hunk"].split("\n")[-1]) for one in found] == [
        ("LEFT", 1, "-print('low tide')"),
        ("RIGHT", 2, "+print('tide')"),
    ]
    assert place.api("GET", here).json()["review_comments"] == 2
    # A review of nothing that is there is refused whole.
    count = len(place.api("GET", f"{here}/reviews").json())
    for refused in (
        reviewed(by=place.factory),
        reviewed(body=" "),
        reviewed(event="PENDING"),
        reviewed(comments=[{"path": "app.py", "line": 9, "body": "x"}]),
        reviewed(comments=[{"path": "none.py", "line": 1, "body": "x"}]),
        reviewed(comments=[{"path": "app.py", "line": True, "body": "x"}]),
        reviewed(comments={"path": "app.py"}),
        reviewed(comments=[{"path": "app.py", "line": 1, "body": "x"}] * 101),
        reviewed(commit_id="main"),
        reviewed(commit_id="0" * 40),
    ):
        assert refused.status_code == 422, refused.text
    assert reviewed(by=None).status_code == 401
    assert len(place.api("GET", f"{here}/reviews").json()) == count
    # On a newer head the lines are where they were.
    place.push({"app.py": "print('other')\n"}, branch="work")
    (first, _) = place.api("GET", f"{here}/comments").json()
    assert (first["line"], first["original_line"], first["position"]) == (None, 1, None)
    assert reviewed(commit_id=head, event="APPROVE", body="").json()["commit_id"] == head


def test_a_list_comes_in_pages_that_lead_to_each_other(place) -> None:
    for number in range(7):
        place.file(f"Issue {number}")
    seen, address = [], "/issues?per_page=3&direction=asc"
    pages = 0
    while address:
        answer = place.api("GET", address)
        seen += [issue["number"] for issue in answer.json()]
        pages += 1
        address = (
            answer.links["next"]["url"].partition(place.name)[2] if "next" in answer.links else ""
        )
    assert (seen, pages) == (list(range(1, 8)), 3)
    last = place.api("GET", "/issues?per_page=3&page=3")
    assert set(last.links) == {"prev", "first"}
    assert place.api("GET", "/issues?per_page=1").links["last"]["url"].endswith("page=7")


@pytest.mark.parametrize("nonsense", ["0", "-1", "x", "999999999999", "1e3", "٣"])
def test_nonsense_in_paging_is_the_default(place, nonsense) -> None:
    place.file("One")
    answer = place.api("GET", "/issues", params={"per_page": nonsense, "page": "1"})
    assert (answer.status_code, len(answer.json())) == (200, 1)


def test_issues_are_found_by_state_label_author_and_time(place) -> None:
    first, second = place.file("First", by="ana"), place.file("Second", by="ben")
    place.api(
        "POST",
        f"/issues/{first}/labels",
        by=place.owner,
        json={"labels": ["kind:bug", "priority:high"]},
    )
    place.api(
        "PATCH",
        f"/issues/{second}",
        by=place.owner,
        json={"state": "closed", "state_reason": "not_planned"},
    )

    def found(**params):
        return [issue["number"] for issue in place.api("GET", "/issues", params=params).json()]

    assert found() == [first]
    assert found(state="all") == [second, first]
    assert found(state="closed") == [second]
    assert found(labels="kind:bug,priority:high") == [first]
    assert found(labels="kind:bug,other") == []
    assert found(state="all", creator=place.person("ben").login) == [second]
    assert found(state="all", since="2001-01-01T00:00:00Z", sort="updated", direction="asc") != []
    assert found(state="all", since="2099-01-01T00:00:00Z") == []
    assert place.api("GET", "/issues", params={"since": "yesterday"}).status_code == 422


def test_since_includes_the_second_of_the_change(place) -> None:
    """Times are whole seconds; who polls with the last update it saw must not miss what
    came in the same second."""
    number = place.file("Just now")
    updated = place.api("GET", f"/issues/{number}").json()["updated_at"]
    assert [
        issue["number"] for issue in place.api("GET", "/issues", params={"since": updated}).json()
    ] == [number]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 257),
        ("title", ""),
        ("title", "   "),
        ("title", None),
        ("title", 7),
        ("title", "nul\x00"),
        ("body", "x" * 65_537),
        ("body", "half \ud800 a character"),
        ("body", ["list"]),
    ],
)
def test_what_cannot_be_kept_is_refused_by_field(museum, field, value) -> None:
    sent = {"title": "A title", "body": "A body"} | {field: value}
    refused = museum.api("POST", "/issues", by=museum.person("ana"), content=json.dumps(sent))
    assert refused.status_code == 422
    assert refused.json()["message"] == "Validation Failed"
    assert [error["field"] for error in refused.json()["errors"]] == [field]


def test_a_body_of_exactly_the_limit_is_kept(place) -> None:
    number = place.file("Long", "ä" * 65_536)
    assert len(place.api("GET", f"/issues/{number}").json()["body"]) == 65_536


def test_a_request_without_end_is_cut_off(museum) -> None:
    answer = museum.api(
        "POST", "/issues", by=museum.person("ana"), content=b'{"title": "' + b"x" * 3_000_000
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_named(museum, content) -> None:
    answer = museum.api("POST", "/issues", by=museum.person("ana"), content=content)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["message"]


def test_nobody_and_a_stranger_get_different_answers(museum) -> None:
    assert museum.api("POST", "/issues", json={"title": "x"}).status_code == 401
    assert museum.ask("GET", "/api/v3/user").status_code == 401
    assert (
        museum.ask("GET", "/api/v3/user", headers={"Authorization": "token lof_wrong"}).json()[
            "message"
        ]
        == "Bad credentials"
    )
    assert museum.ask("GET", "/api/v3/user", by=museum.owner).json()["id"] == museum.owner.id
    assert museum.ask("GET", "/api/v3/nothing/here").status_code == 404
    assert museum.api("GET", "/issues/99999999999999999999").status_code == 404


STRANGERS_MAY_NOT = [
    ("POST", "/issues/1/labels", {"labels": ["factory:accepted"]}),
    ("PUT", "/issues/1/labels", {"labels": []}),
    ("DELETE", "/issues/1/labels", None),
    ("DELETE", "/issues/1/labels/factory:triage", None),
    ("POST", "/labels", {"name": "x"}),
    ("PATCH", "/labels/factory:triage", {"color": "000000"}),
    ("DELETE", "/labels/factory:triage", None),
    ("PATCH", "/issues/1", {"labels": []}),
    ("PATCH", "/issues/1", {"title": "mine"}),
    ("PATCH", "/issues/1", {"state": "closed"}),
    ("PATCH", "/issues/comments/{comment}", {"body": "x"}),
    ("DELETE", "/issues/comments/{comment}", None),
    ("POST", "/pulls", {"title": "x", "head": "main", "base": "main"}),
    ("PUT", "/pulls/2/merge", {}),
    ("PATCH", "/pulls/2", {"state": "closed"}),
    ("POST", "/git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}),
    ("PATCH", "/git/refs/heads/main", {"sha": "0" * 40}),
    ("DELETE", "/git/refs/heads/main", None),
    ("POST", "/check-runs", {"name": "x", "head_sha": "0" * 40}),
    ("PATCH", "/check-runs/{check}", {"conclusion": "success"}),
    ("POST", f"/statuses/{'0' * 40}", {"state": "success"}),
    ("PUT", "/collaborators/{me}", {"permission": "admin"}),
    ("GET", "/collaborators/{owner}/permission", None),
]


@pytest.fixture(scope="module")
def guarded(museum):
    """One of everything that a stranger may want to change, and what to call it."""
    number = museum.file("Not mine", by="ben")
    museum.api(
        "POST", f"/issues/{number}/labels", by=museum.owner, json={"labels": ["factory:triage"]}
    )
    comment = museum.api(
        "POST", f"/issues/{number}/comments", by=museum.owner, json={"body": "mine"}
    ).json()["id"]
    main = museum.api("GET", "/branches/main").json()["commit"]["sha"]
    museum.api("POST", "/git/refs", by=museum.owner, json={"ref": "refs/heads/work", "sha": main})
    museum.push({"app.py": "print(2)\n"}, branch="work")
    opened = museum.api(
        "POST", "/pulls", by=museum.owner, json={"title": "t", "head": "work", "base": "main"}
    )
    check = museum.api(
        "POST", "/check-runs", by=museum.factory, json={"name": "x", "head_sha": main}
    ).json()["id"]
    assert (number, opened.json()["number"]) == (1, 2)
    return {
        "comment": comment,
        "me": museum.person("mallory").login,
        "owner": museum.owner.login,
        "check": check,
    }


@pytest.mark.parametrize(
    ("method", "path", "body"), STRANGERS_MAY_NOT, ids=[f"{m} {p}" for m, p, _ in STRANGERS_MAY_NOT]
)
def test_a_stranger_may_file_and_comment_and_nothing_else(
    museum, guarded, method, path, body
) -> None:
    before = museum.api("GET", "/issues/1").text, museum.api("GET", "/pulls/2").text
    sent = {} if body is None else {"json": body}
    refused = museum.api(method, path.format(**guarded), by=museum.person("mallory"), **sent)
    assert refused.status_code == 403, refused.text
    assert museum.api(method, path.format(**guarded), **sent).status_code == 401
    assert (museum.api("GET", "/issues/1").text, museum.api("GET", "/pulls/2").text) == before


def test_a_strangers_labels_are_dropped_when_filing(place) -> None:
    ana = place.person("ana")
    answer = place.api(
        "POST", "/issues", by=ana, json={"title": "x", "labels": ["factory:accepted"]}
    )
    assert answer.json()["labels"] == []
    assert answer.json()["author_association"] == "NONE"


def test_who_wrote_an_issue_may_edit_and_close_it(place) -> None:
    number, ana = place.file("Mine"), place.person("ana")
    edited = place.api(
        "PATCH", f"/issues/{number}", by=ana, json={"title": "Still mine", "state": "closed"}
    )
    assert (edited.json()["title"], edited.json()["state"]) == ("Still mine", "closed")
    kinds = [event["event"] for event in place.api("GET", f"/issues/{number}/events").json()]
    assert kinds == ["renamed", "closed"]


def test_events_name_their_actor_by_number(place) -> None:
    number = place.file("Watched")
    place.api(
        "POST", f"/issues/{number}/labels", by=place.owner, json={"labels": ["factory:accepted"]}
    )
    place.api("DELETE", f"/issues/{number}/labels/factory:accepted", by=place.factory)
    for address in (f"/issues/{number}/events", f"/issues/{number}/timeline"):
        result = [
            (one["event"], one["actor"]["id"], one["label"]["name"])
            for one in place.api("GET", address).json()
        ]
        assert result == [
            ("labeled", place.owner.id, "factory:accepted"),
            ("unlabeled", place.factory.id, "factory:accepted"),
        ]
    newest = place.api("GET", "/issues/events").json()[0]
    assert newest["event"] == "unlabeled"


def test_labels_are_set_added_taken_and_renamed(place) -> None:
    number, owner = place.file("Labelled"), place.owner
    place.api(
        "POST",
        "/labels",
        by=owner,
        json={"name": "kind/bug", "color": "D73A4A", "description": "wrong"},
    )
    assert place.api("GET", "/labels/kind%2Fbug").json()["color"] == "d73a4a"
    place.api(
        "POST",
        f"/issues/{number}/labels",
        by=owner,
        json={"labels": ["kind/bug", "KIND/BUG", "new"]},
    )
    assert labels_of(place, number) == ["kind/bug", "new"]
    place.api("PUT", f"/issues/{number}/labels", by=owner, json=["new", {"name": "other"}])
    assert labels_of(place, number) == ["new", "other"]
    place.api("PATCH", "/labels/other", by=owner, json={"new_name": "renamed"})
    assert labels_of(place, number) == ["new", "renamed"]
    assert place.api("DELETE", f"/issues/{number}/labels/absent", by=owner).status_code == 404
    assert place.api("POST", "/labels", by=owner, json={"name": "NEW"}).status_code == 422
    assert place.api("POST", "/labels", by=owner, json={"name": "a,b"}).status_code == 422
    assert (
        place.api("POST", "/labels", by=owner, json={"name": "x", "color": "reddish"}).status_code
        == 422
    )
    place.api("DELETE", "/labels/new", by=owner)
    assert labels_of(place, number) == ["renamed"]


def test_refs_move_forward_only_unless_forced(place) -> None:
    base = place.api("GET", "/git/ref/heads/main").json()["object"]["sha"]
    place.api("POST", "/git/refs", by=place.factory, json={"ref": "refs/heads/work", "sha": base})
    ahead = place.push({"app.py": "print(3)\n"}, branch="work")

    def move(branch, sha, **more):
        return place.api(
            "PATCH", f"/git/refs/heads/{branch}", by=place.factory, json={"sha": sha, **more}
        ).status_code

    assert move("work", base) == 422
    assert move("work", base, force=True) == 200
    assert move("main", ahead) == 200
    assert move("main", base, force=True) == 422
    assert move("absent", base) == 422
    assert move("work", "f" * 40) == 422
    assert place.api("DELETE", "/git/refs/heads/main", by=place.owner).status_code == 422
    assert place.api("DELETE", "/git/refs/heads/work", by=place.factory).status_code == 204


def test_contents_trees_and_commits_agree(place) -> None:
    tip = place.push({"docs/how to.md": "# How\n"}, message="Docs")
    commit = place.api("GET", "/commits/main").json()
    assert (commit["sha"], [one["filename"] for one in commit["files"]]) == (
        tip,
        ["docs/how to.md"],
    )
    tree = place.api("GET", f"/git/trees/{tip}?recursive=1").json()
    assert [one["path"] for one in tree["tree"]] == [
        "README.md",
        "app.py",
        "docs",
        "docs/how to.md",
    ]
    assert place.api("GET", "/contents/docs/how%20to.md").json()["sha"] == tree["tree"][3]["sha"]
    assert place.api("GET", f"/git/blobs/{tree['tree'][3]['sha']}").json()["size"] == 6
    assert [one["name"] for one in place.api("GET", "/contents").json()] == [
        "docs",
        "README.md",
        "app.py",
    ]
    assert [one["commit"]["message"] for one in place.api("GET", "/commits").json()] == [
        "Docs",
        "Import",
    ]
    assert place.api("GET", f"/git/commits/{tip}").json()["tree"]["sha"] == tree["sha"]


def test_statuses_fold_to_what_they_come_to(place) -> None:
    sha = place.api("GET", "/branches/main").json()["commit"]["sha"]
    assert place.api("GET", f"/commits/{sha}/status").json()["state"] == "pending"
    for context, state in (("ci", "failure"), ("ci", "success"), ("lint", "success")):
        place.api(
            "POST", f"/statuses/{sha}", by=place.factory, json={"state": state, "context": context}
        )
    result = place.api("GET", "/commits/main/status").json()
    assert (result["state"], result["total_count"]) == ("success", 2)
    assert len(place.api("GET", "/commits/main/statuses").json()) == 3
    bad = place.api(
        "POST",
        f"/statuses/{sha}",
        by=place.factory,
        json={"state": "success", "target_url": "javascript:alert(1)"},
    )
    assert bad.status_code == 422


def test_a_check_completes_by_its_conclusion(place) -> None:
    sha = place.api("GET", "/branches/main").json()["commit"]["sha"]
    made = place.api(
        "POST",
        "/check-runs",
        by=place.factory,
        json={"name": "gate", "head_sha": sha, "status": "in_progress"},
    )
    assert made.json()["conclusion"] is None
    path = f"/check-runs/{made.json()['id']}"
    done = place.api(
        "PATCH",
        path,
        by=place.factory,
        json={"conclusion": "failure", "output": {"title": "t", "summary": "s"}},
    )
    assert (done.json()["status"], done.json()["output"]["summary"]) == ("completed", "s")
    assert done.json()["app"]["id"] == place.factory.id
    assert (
        place.api("PATCH", path, by=place.factory, json={"conclusion": "perhaps"}).status_code
        == 422
    )
    absent = place.api(
        "POST", "/check-runs", by=place.factory, json={"name": "gate", "head_sha": "a" * 40}
    )
    assert absent.status_code == 422


def test_who_maintains_may_more_than_write_and_less_than_administer(museum) -> None:
    """The older word knows neither, so that only `role_name` tells a maintainer from a writer."""
    mia = museum.person("mia", role="maintain")
    result = museum.api("GET", f"/collaborators/{mia.login}/permission", by=museum.factory).json()
    rights = result["user"]["permissions"]
    assert (result["permission"], result["role_name"]) == ("write", "maintain")
    assert (rights["push"], rights["maintain"], rights["admin"]) == (True, True, False)
    assert museum.api("DELETE", "", by=mia).status_code == 403


def test_the_triage_role_has_its_own_name(museum) -> None:
    kim = museum.person("kim", role="triage")
    result = museum.api("GET", f"/collaborators/{kim.login}/permission", by=museum.factory).json()
    assert (result["permission"], result["role_name"], result["user"]["id"]) == (
        "read",
        "triage",
        kim.id,
    )
    itself = museum.api("GET", f"/collaborators/{kim.login}/permission", by=kim)
    assert itself.status_code == 200


def test_the_administrators_api_is_for_the_administrator(museum) -> None:
    token = museum.forge.admin_token.read_text().strip()
    body = {"login": f"{museum.prefix}-new", "role": "admin"}
    assert museum.ask("POST", "/admin/users", json=body).status_code == 401
    assert museum.ask("POST", "/admin/users", by=museum.owner, json=body).status_code == 401
    assert (
        museum.ask(
            "POST", "/admin/users", json=body, headers={"Authorization": f"Bearer {token}"}
        ).status_code
        == 201
    )
    assert (
        museum.ask("GET", "/api/v3/user", headers={"Authorization": f"Bearer {token}"}).status_code
        == 401
    )


def test_every_answer_tells_what_is_left_of_the_hour(museum) -> None:
    within_one(HOUR)
    first, second = (museum.api("GET", "", by=museum.owner) for _ in range(2))
    assert int(first.headers["x-ratelimit-remaining"]) - 1 == int(
        second.headers["x-ratelimit-remaining"]
    )
    assert int(first.headers["x-ratelimit-reset"]) > time.time() - 1
    result = museum.ask("GET", "/api/v3/rate_limit", by=museum.owner).json()["resources"]["core"]
    assert result["remaining"] == int(second.headers["x-ratelimit-remaining"])
