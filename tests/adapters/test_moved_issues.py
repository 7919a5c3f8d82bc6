"""An issue that was transferred to another repository is not ours any more: the forge sends whoever
asks for it there, and nothing is read or written in that repository."""

import httpx
import pytest

from harness.domain.errors import ForgeError
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from tests.fakes.faulty_forge import faults_of, inject

MARKER = "<!-- lights-out-factory:issue -->"


@pytest.fixture
def adapter(place):
    return GitHubForge(Access(place.name, place.factory.token, place.forge.api))


@pytest.fixture
def moved(place):
    """The number of a moved issue, and the address of what it is now; the factory's account may
    write there as well."""
    place.file("A neighbour")
    number = place.file("Transferred")
    name = place.admin.create_repository(place.owner.login, f"other-{number}").full_name
    there = f"/api/v3/repos/{name}/issues"
    made = place.ask("POST", there, by=place.owner, json={"title": "Transferred", "body": "Here."})
    assert made.status_code == 201, made.text
    address = f"{there}/{made.json()['number']}"
    for ending in ("", "/comments", "/labels"):
        inject(
            place.forge,
            "moved",
            path=f"/api/v3/repos/{place.name}/issues/{number}{ending}",
            headers={"location": f"{place.forge.url}{address}{ending}"},
            count=99,
        )
    yield number, address
    faults_of(place.forge, "DELETE")


@pytest.mark.parametrize(
    "ask",
    [
        lambda adapter, number: adapter.issue(number),
        lambda adapter, number: adapter.set_state_label(number, "factory:triage", among=()),
        lambda adapter, number: adapter.upsert_comment(number, MARKER, f"{MARKER}\nhello"),
        lambda adapter, number: adapter.close_issue(number, completed=True),
        lambda adapter, number: adapter.reopen_issue(number),
        lambda adapter, number: adapter.pin_issue(number),
    ],
    ids=["issue", "set_state_label", "upsert_comment", "close_issue", "reopen_issue", "pin_issue"],
)
def test_nothing_is_read_of_it_or_written_there(place, adapter, moved, ask) -> None:
    number, address = moved
    before = place.ask("GET", address, by=place.owner).json()
    with pytest.raises(ForgeError, match=f"#{number} .*another repository") as refused:
        ask(adapter, number)
    assert not refused.value.retryable
    assert place.ask("GET", address, by=place.owner).json() == before


def test_its_old_comment_of_ours_is_not_edited_there(place, adapter, moved) -> None:
    number, address = moved
    said = {"body": f"{MARKER}\nas it was"}
    place.ask("POST", f"{address}/comments", by=place.factory, json=said)
    with pytest.raises(ForgeError, match="another repository"):
        adapter.upsert_comment(number, MARKER, f"{MARKER}\nanew")
    found: httpx.Response = place.ask("GET", f"{address}/comments", by=place.owner)
    assert [one["body"] for one in found.json()] == [said["body"]]


def test_no_comment_there_is_read_as_one_of_it(place, adapter, moved) -> None:
    number, address = moved
    place.ask("POST", f"{address}/comments", by=place.owner, json={"body": "/factory retry"})
    with pytest.raises(ForgeError, match="another repository"):
        adapter.comments(number)


def test_a_repository_that_was_renamed_keeps_its_issues(place, adapter) -> None:
    """Whoever asks by the old name is sent on, and finds the same repository."""
    number = place.file("Reading")
    old = f"/api/v3/repos/{place.name.partition('/')[0]}/before"
    renamed = GitHubForge(
        Access(old.removeprefix("/api/v3/repos/"), place.factory.token, place.forge.api)
    )
    for ending in ("", f"/issues/{number}"):
        inject(
            place.forge,
            "moved",
            path=f"{old}{ending}",
            headers={"location": f"{place.forge.url}/api/v3/repos/{place.name}{ending}"},
            count=9,
        )
    assert renamed.issue(number).title == "Reading"
    renamed.close_issue(number, completed=True)
    assert place.api("GET", f"/issues/{number}").json()["state"] == "closed"
    faults_of(place.forge, "DELETE")
