"""One factory on one database, and what its death or the loss of its session gives away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from harness.domain.errors import Busy, LedgerError
from harness.store.durable.executors import DatabaseExecutors
from harness.store.lease import AdvisoryLock, sole_factory_on
from tests.fakes.decorated import Decorated

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from harness.store.lease import sole_factory_on
with sole_factory_on(sys.argv[1], command="factory tick"):
    print("holds", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def address(postgres) -> str:
    return postgres.database()


@pytest.fixture
def holder(address):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, address],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_factory_on_one_database_learns_the_holder(address, holder) -> None:
    with pytest.raises(Busy) as caught, sole_factory_on(address, command="factory run"):
        pytest.fail("there were two")
    assert f"factory tick on {os.uname().nodename}, pid {holder.pid} works on PostgreSQL" in str(
        caught.value
    )
    assert caught.value.exit_code == 5


def test_who_waits_takes_over_when_the_holder_is_killed(address, holder) -> None:
    holders: list[str] = []

    def waiting(who: str) -> None:
        holders.append(who)
        if len(holders) == 2:
            holder.send_signal(signal.SIGKILL)
            holder.wait()

    with sole_factory_on(address, command="factory up", patience=3600, waiting=waiting) as lease:
        lease.held()
    assert f"pid {holder.pid}" in holders[0]


def test_who_stands_by_waits_for_a_database_that_goes_away_and_comes_back(
    address, holder, postgres
) -> None:
    """A restart of the server ends neither; a factory that finds no server learns so at once."""
    name = conninfo_to_dict(address)["dbname"]
    server = postgres.address("postgres")
    holders: list[str] = []

    def waiting(who: str) -> None:
        holders.append(who)
        if len(holders) == 1:
            holder.kill()
            holder.wait()
            postgres.sql(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            with (
                pytest.raises(LedgerError, match="does not answer"),
                sole_factory_on(address, command="factory up", patience=3600),
            ):
                pytest.fail("nobody can be asked")
        if len(holders) == 3:
            postgres.sql(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    with sole_factory_on(address, command="factory up", patience=3600, waiting=waiting) as lease:
        lease.held()
    assert [f"pid {holder.pid}" in who for who in holders] == [True, True, True]


def test_another_database_is_another_factory(address, holder, postgres) -> None:
    with sole_factory_on(postgres.database(), command="factory tick") as lease:
        lease.held()


def test_a_holder_whose_session_ended_knows_that_it_holds_nothing_and_may_take_it_again(
    address, postgres
) -> None:
    with sole_factory_on(address, command="factory up") as lease:
        lease.held()
        assert postgres.end_sessions(address, "factory up%") == 1
        with pytest.raises(LedgerError, match="no longer the one at work"):
            lease.held()
        lease.ensure()
        lease.held()
        postgres.end_sessions(address, "factory up%")
        with (
            sole_factory_on(address, command="factory run"),
            pytest.raises(Busy, match="factory run"),
        ):
            lease.ensure()
        with pytest.raises(LedgerError):
            lease.held()


def test_the_lease_is_free_when_the_block_ends_and_after_an_error(address) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), sole_factory_on(address, command="factory tick"):
            raise ZeroDivisionError


def test_a_lock_that_is_let_go_is_free_although_the_server_is_slow_to_end_the_session(
    address,
) -> None:
    class Slow(psycopg.Connection):
        def close(self) -> None:
            open_still.append(self)

    open_still: list[Slow] = []
    lock, next_one = (
        AdvisoryLock(address, "a name", holder="factory tick", connect=Slow.connect)
        for _ in range(2)
    )
    assert lock.take()
    lock.release()
    assert open_still
    assert next_one.take()
    next_one.release()
    for session in open_still:
        psycopg.Connection.close(session)


def test_a_lease_may_be_asked_from_many_threads(address) -> None:
    with (
        sole_factory_on(address, command="factory tick") as lease,
        ThreadPoolExecutor(4) as threads,
    ):
        for done in [threads.submit(lease.held) for _ in range(80)]:
            done.result()


def test_only_the_dead_are_inherited_from_also_across_machines(address, postgres) -> None:
    mine, another = DatabaseExecutors(address), DatabaseExecutors(address)
    name = mine.claim()
    assert not another.is_dead(name)
    assert another.is_dead("nobody-ever")
    postgres.end_sessions(address, "factory engine%")
    deadline = time.monotonic() + 300
    while not another.is_dead(name):
        assert time.monotonic() < deadline, "the server never let go"
        time.sleep(0.05)
    mine.release()


def test_a_lock_that_another_session_holds_is_not_ours(address) -> None:
    """As behind a pool that hands sessions round: the session that asks is not the one that took
    it."""
    sessions: list[psycopg.Connection] = []

    def pooled(where: str, **how: Any) -> Any:
        sessions.append(psycopg.connect(where, **how))
        return Decorated(sessions[0], execute=lambda *asked: sessions[-1].execute(*asked))

    lock = AdvisoryLock(address, "a name", holder="first", connect=pooled)
    assert lock.take()
    with psycopg.connect(address, autocommit=True) as another:
        sessions.append(another)
        assert not lock.is_held()
    sessions.pop()
    assert lock.is_held()
    assert lock.who().startswith("first on ")
    lock.release()
    assert not lock.is_held()
