"""What REST has no word for: pins, as GitHub's GraphQL takes them."""

import pytest

from harness.programs.local_forge.api.graphql_text import Unreadable, operation_in
from tests.forge.apps import installation_token
from tests.forge.conftest import a_place

PIN = (
    "mutation Pin($input: PinIssueInput!) { pinIssue(input: $input) { issue { id number isPinned }"
    " clientMutationId } }"
)
PINNED = """query ($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) { pinnedIssues(first: 3) { totalCount nodes { issue { number title } } } }
}"""


@pytest.fixture
def place(forge, client, template, tmp_path):
    return a_place(forge, client, template, tmp_path)


def asked(place, query, *, by, **variables):
    answer = place.ask("POST", "/api/graphql", by=by, json={"query": query, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()


def node(place, number):
    return place.api("GET", f"/issues/{number}").json()["node_id"]


def pinned(place):
    owner, name = place.name.split("/")
    result = asked(place, PINNED, by=place.person("ana"), owner=owner, name=name)["data"][
        "repository"
    ]["pinnedIssues"]
    return [one["issue"]["number"] for one in result["nodes"]]


def test_an_issue_is_pinned_and_unpinned_by_its_node_id(place) -> None:
    number = place.file("Dashboard")
    result = asked(
        place,
        PIN,
        by=place.factory,
        input={"issueId": node(place, number), "clientMutationId": "7"},
    )
    assert result == {
        "data": {
            "pinIssue": {
                "issue": {"id": node(place, number), "number": number, "isPinned": True},
                "clientMutationId": "7",
            }
        }
    }
    asked(place, PIN, by=place.factory, input={"issueId": node(place, number)})
    assert pinned(place) == [number]
    assert [one["event"] for one in place.api("GET", f"/issues/{number}/timeline").json()] == [
        "pinned"
    ]
    asked(
        place,
        PIN.replace("pinIssue", "unpinIssue"),
        by=place.factory,
        input={"issueId": node(place, number)},
    )
    assert pinned(place) == []


def test_the_fourth_pin_is_refused(place) -> None:
    numbers = [place.file(f"Issue {number}") for number in range(4)]
    answers = [
        asked(place, PIN, by=place.factory, input={"issueId": node(place, number)})
        for number in numbers
    ]
    assert "errors" not in answers[2]
    assert answers[3]["data"] == {"pinIssue": None}
    assert "Maximum 3 pinned issues" in answers[3]["errors"][0]["message"]
    assert pinned(place) == numbers[:3]


def test_a_stranger_pins_nothing(place) -> None:
    number = place.file("Mine", by="ana")
    result = asked(place, PIN, by=place.person("ana"), input={"issueId": node(place, number)})
    assert (result["data"], result["errors"][0]["type"], result["errors"][0]["path"]) == (
        {"pinIssue": None},
        "FORBIDDEN",
        ["pinIssue"],
    )
    assert pinned(place) == []
    assert place.ask("POST", "/api/graphql", json={"query": PINNED}).status_code == 401


REVIEWS = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { reviews(%s) {
    totalCount nodes { body } pageInfo { hasPreviousPage hasNextPage startCursor endCursor } } } }
}"""


def test_reviews_are_listed_by_state_and_in_pages_from_either_end(place) -> None:
    owner, name = place.name.split("/")
    place.push({"app.py": "tide = 1\n"}, branch="work")
    proposed = {"title": "t", "head": "work", "base": "main"}
    number = place.api("POST", "/pulls", by=place.factory, json=proposed).json()["number"]
    for event, body in zip(["REQUEST_CHANGES", "COMMENT"] * 3, "abcdef", strict=True):
        place.api(
            "POST",
            f"/pulls/{number}/reviews",
            by=place.person("ben"),
            json={"event": event, "body": body},
        )

    def page(arguments, **more):
        found = asked(
            place,
            REVIEWS % arguments,
            by=place.person("ana"),
            owner=owner,
            name=name,
            number=number,
            **more,
        )
        if "errors" in found:
            return found["errors"][0]["message"]
        page = found["data"]["repository"]["pullRequest"]["reviews"]
        words = "".join(node["body"] for node in page["nodes"])
        return words, page["totalCount"], *page["pageInfo"].values()

    asking = ["CHANGES_REQUESTED"]
    assert page("states: $s, last: 2", s=asking) == ("ce", 3, True, False, "2", "3")
    assert page('states: $s, last: 2, before: "2"', s=asking) == ("a", 3, False, True, "1", "1")
    assert page('first: 2, after: "3"') == ("de", 6, True, True, "4", "5")
    assert page('last: 1, before: "1"') == ("", 6, False, True, None, None)
    assert "`first` or `last`" in page("states: $s", s=asking)
    assert "of at most 100" in page("last: 101")
    assert "valid cursor" in page('last: 1, before: "x"')


@pytest.mark.parametrize("issue", ["", "SXNzdWU6OTk5OTk5", "VXNlcjox", "not base64", None, 7])
def test_a_node_id_that_names_no_issue_is_not_found(museum, issue) -> None:
    result = asked(museum, PIN, by=museum.factory, input={"issueId": issue})
    assert result["errors"][0]["type"] == "NOT_FOUND"


def test_an_app_needs_its_permission_to_pin(place) -> None:
    app = place.admin.create_app(
        place.owner.login,
        {
            "name": f"Pins {place.prefix}",
            "url": "http://localhost/x",
            "default_permissions": {"contents": "write"},
        },
    )
    number = place.file("Any")
    token = installation_token(
        place, app | {"installation": place.admin.install_app(app["slug"], place.owner.login)}
    )
    answer = place.ask(
        "POST",
        "/api/graphql",
        headers={"Authorization": f"bearer {token}"},
        json={"query": PIN, "variables": {"input": {"issueId": node(place, number)}}},
    ).json()
    assert answer["errors"][0]["message"] == "Resource not accessible by integration"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{ viewer { login }",
        "{ nothing { id } }",
        "{ viewer }",
        "{ viewer { secret } }",
        "subscription { x }",
        "{ viewer { login } } { viewer { login } }",
        "mutation { deleteRepository(input: {}) { id } }",
        "{ viewer { ...F } }",
        "{ a(b: @c) }",
        "{" * 50 + "}" * 50,
        "{ x(y: " + "[" * 50,
        "é",
        "x" * 30_000,
    ],
)
def test_what_is_not_spoken_here_is_said(museum, text) -> None:
    result = asked(museum, text, by=museum.factory)
    assert result["errors"][0]["message"]
    assert "data" not in result


def test_a_document_is_read_with_its_variables_and_fragments() -> None:
    read = operation_in(
        'query Q($n: Int = 3, $x: [String!]!) { a: issue(number: $n, on: {k: ["v", $x, null,'
        " true]}) { ... on Issue { id } } } # end",
        {"x": ["y"]},
    )
    (field,) = read.fields
    assert (read.kind, field.key, field.name) == ("query", "a", "issue")
    assert field.arguments == {"number": 3, "on": {"k": ["v", ["y"], None, True]}}
    assert [(inner.name, inner.on) for inner in field.fields] == [("id", "Issue")]


def test_what_never_ends_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="ends too early"):
        operation_in("query { a(", {})
