"""What the inbox promises, asked of both stores and of the fake."""

import threading

import pytest

from harness.domain.errors import PortError
from harness.ports.inbox import Delivery
from harness.store.inbox import SqlInbox
from tests.fakes.clock import FakeClock
from tests.fakes.inbox import FakeInbox


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgres", "fake"])
def inbox(request, tmp_path, clock):
    if request.param == "fake":
        yield FakeInbox(clock)
        return
    address = request.getfixturevalue("postgres").database() if request.param == "postgres" else ""
    store = SqlInbox(tmp_path, clock, address=address)
    yield store
    store.close()


def delivery(name, number=None, *, digest=""):
    return Delivery(name, "issues", number, digest or f"digest of {name}")


def numbers(inbox):
    return [one.number for _, one in inbox.waiting()]


def test_what_was_put_waits_in_its_order_until_somebody_acted_on_it(inbox) -> None:
    assert inbox.waiting() == ()
    assert [inbox.put(delivery(f"d-{number}", number)) for number in (8, 7, 9)] == [True] * 3
    assert numbers(inbox) == [8, 7, 9]
    inbox.settle(tuple(place for place, one in inbox.waiting() if one.number != 7))
    assert numbers(inbox) == [7]
    inbox.settle(())
    assert inbox.waiting()[0][1] == delivery("d-7", 7)


@pytest.mark.parametrize("is_settled", [False, True])
@pytest.mark.parametrize(
    "double",
    [delivery("a", 9), delivery("b", 9, digest="digest of a")],
    ids=["same id", "same bytes"],
)
def test_a_double_is_not_kept_whatever_became_of_the_first(inbox, double, is_settled) -> None:
    inbox.put(delivery("a", 7))
    if is_settled:
        inbox.settle((inbox.waiting()[0][0],))
    assert inbox.put(double) is False
    assert numbers(inbox) == ([] if is_settled else [7])


def test_what_is_old_and_was_acted_on_is_forgotten_and_what_waits_is_not(inbox, clock) -> None:
    inbox.put(delivery("a", 7))
    inbox.put(delivery("b", 8))
    inbox.settle((inbox.waiting()[0][0],))
    between = clock.now()
    inbox.put(delivery("c", 9))
    inbox.settle((inbox.waiting()[1][0],))
    inbox.forget(between)
    assert numbers(inbox) == [8]
    assert inbox.put(delivery("a", 7)), (
        "a double of what was forgotten is taken for new, and only looked at"
    )
    assert not inbox.put(delivery("c", 9))


def test_two_that_come_at_once_under_one_id_are_one(inbox) -> None:
    kept = []
    threads = [
        threading.Thread(target=lambda: kept.append(inbox.put(delivery("a", 7)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept) == [False] * 7 + [True]
    assert numbers(inbox) == [7]


def test_it_is_there_after_a_crash_and_a_store_that_fails_is_said_to(tmp_path, clock) -> None:
    SqlInbox(tmp_path, clock).put(delivery("a", 7))
    assert numbers(SqlInbox(tmp_path, clock)) == [7]
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "engine.db").write_bytes(b"this is no database, and never was one" * 100)
    with pytest.raises(PortError) as failed:
        SqlInbox(tmp_path / "broken", clock).put(delivery("a", 7))
    assert failed.value.retryable
