"""What has not changed is not sent again: at the wire, and in the store behind it."""

import stat
import threading
import time

import pytest

from harness.forge import http_cache
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.http_cache import HttpCache
from tests.adapters.spent import spent, spent_before

HEADERS = {
    "etag": 'W/"1"',
    "link": '<http://localhost/x?page=2>; rel="next"',
    "x-ratelimit-remaining": "7",
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache" / "forge.sqlite"


def adapter(place, file, *, by=None):
    return GitHubForge(
        Access(place.name, (by or place.factory).token, place.forge.api, cache_file=file)
    )


def test_what_one_process_heard_costs_the_next_nothing(place, file) -> None:
    """An answer of 304 is free on GitHub, as it is here."""
    number = place.file("Heard", "Once.")
    place.api("POST", f"/issues/{number}/comments", by=place.factory, json={"body": "Hello."})
    first = adapter(place, file)
    heard = (first.issues(), first.issue(number), first.comments(number), first.pull_requests())
    before, second = spent_before(place), adapter(place, file)
    assert (
        second.issues(),
        second.issue(number),
        second.comments(number),
        second.pull_requests(),
    ) == heard
    assert spent(place) == before


def test_a_change_is_heard_at_once(place, file) -> None:
    number = place.file("Before")
    reader = adapter(place, file)
    assert reader.issue(number).title == reader.issues()[0].title == "Before"
    place.api("PATCH", f"/issues/{number}", by=place.owner, json={"title": "After"})
    assert reader.issue(number).title == reader.issues()[0].title == "After"


def test_a_list_of_many_pages_is_whole_when_none_of_them_is_sent(place, file) -> None:
    for number in range(101):
        place.file(f"Issue {number}")
    adapter(place, file).issues()
    before = spent_before(place)
    assert len(adapter(place, file).issues()) == 101
    assert spent(place) == before


def test_no_token_is_in_the_file_and_only_this_account_may_read_it(place, file) -> None:
    reader = adapter(place, file)
    place.file("Something")
    reader.issues()
    reader.upsert_comment(1, "<!-- m -->", "<!-- m --> x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert place.factory.token.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "damage", [b"", b"not a database at all", b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_damaged_store_costs_a_transfer_and_nothing_else(place, file, damage) -> None:
    place.file("There")
    adapter(place, file).issues()
    for path in file.parent.iterdir():
        path.unlink()
    file.write_bytes(damage)
    reader = adapter(place, file)
    assert len(reader.issues()) == 1
    assert len(reader.issues()) == 1
    before = spent_before(place)
    assert len(adapter(place, file).issues()) == 1
    assert spent(place) == before


def test_a_store_that_cannot_be_made_is_done_without(place, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    place.file("There")
    assert len(adapter(place, tmp_path / "file" / "forge.sqlite").issues()) == 1


def test_an_answer_belongs_to_the_account_that_heard_it(file) -> None:
    store = HttpCache(file)
    store.keep("ours", "/a?", headers=HEADERS, body="secret")
    assert store.find("theirs", "/a?") is None
    store.keep("theirs", "/a?", headers=HEADERS, body="another")
    assert store.find("theirs", "/a?").body == "another"
    found = store.find("ours", "/a?")
    assert (found.body, found.etag, found.headers.get("link")) == (
        "secret",
        'W/"1"',
        HEADERS["link"],
    )
    assert "x-ratelimit-remaining" not in found.headers


def test_what_has_no_etag_or_is_too_long_is_not_kept() -> None:
    store = HttpCache()
    store.keep("a", "/none?", headers={}, body="x")
    store.keep("a", "/long?", headers=HEADERS, body="x" * (http_cache.MOST_BYTES_EACH + 1))
    store.keep("a", "/odd?", headers=HEADERS, body="half \ud83d of a pair")
    assert [store.find("a", path) is None for path in ("/none?", "/long?", "/odd?")] == [
        True,
        True,
        False,
    ]


def test_the_store_is_bounded_and_what_was_used_longest_ago_goes_first(file) -> None:
    store = HttpCache(file, most_bytes=20_000)
    store.keep("a", "/liked?", headers=HEADERS, body="the first")
    for number in range(500):
        store.keep("a", f"/{number}?", headers=HEADERS, body=f"{number}")
        store.used("a", "/liked?")
    there = [number for number in range(500) if store.find("a", f"/{number}?")]
    assert store.find("a", "/liked?").body == "the first"
    assert 20 < len(there) < 100
    assert there == list(range(there[0], 500))


def test_many_threads_and_two_openings_share_one_store(file) -> None:
    stores = (HttpCache(file), HttpCache(file))

    def work(number) -> None:
        for turn in range(20):
            kept_at_last(stores[number % 2], f"/{number}/{turn}?", f"{number}/{turn}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [stores[0].find("a", f"/{number}/{turn}?") for number in range(6) for turn in range(20)]
    assert [one.body for one in found] == [
        f"{number}/{turn}" for number in range(6) for turn in range(20)
    ]


def kept_at_last(store, address, body) -> None:
    """A store that another holds for two seconds is done without, and on a busy machine one does:
    it is said again."""
    give_up = time.monotonic() + 120
    while store.find("a", address) is None:
        assert time.monotonic() < give_up
        store.keep("a", address, headers=HEADERS, body=body)
