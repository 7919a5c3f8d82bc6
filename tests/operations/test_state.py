"""Where a home keeps what must last, and how that moves. The command line itself, on a real
PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.home.document import HomeFile, read_home, write_home
from harness.home.state import ledger_at, secret_in_environment
from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import Tokens, prices
from harness.store.clock import SystemClock
from harness.store.database import postgres_address, shown
from harness.store.ledger.sqlite import SqliteLedger
from tests import warm
from tests.events import event_of

ELSEWHERE = HomeFile(
    owner="tidehouse",
    name="tidebook",
    forge="https://github.com",
    port=0,
    number=0,
    token_file="keys/forge.token",
)


def factory(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return warm.run(
        arguments,
        timeout=600,
        env={
            "PATH": os.environ["PATH"],
            "FACTORY_HOME": str(home),
            "HOME": os.environ.get("HOME", "/"),
            **environment,
        },
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two entries and one call that cost something."""
    home = tmp_path / "home"
    write_home(home, ELSEWHERE)
    ledger = SqliteLedger(home, SystemClock())
    ledger.append(event_of("note", {"text": "naïve"}), "a", issue=1)
    ledger.append(event_of("note", {}), "b")
    ledger.close()
    (home / "broker").mkdir()
    meter = Meter(home / "broker" / "broker.sqlite", prices())
    who, caps = (
        SessionIdentity("s", "run", "implementer", 1, 1, "claude-opus-4-8"),
        SessionCaps(9, Decimal(5)),
    )
    meter.open(who, caps)
    meter.reserve(who, caps, Tokens(output=1000)).settle(Tokens(output=10))
    meter.close()
    return home


def spent(home: Path, database: str = "") -> int:
    meter = Meter(home / "broker" / "broker.sqlite", prices(), database=database)
    try:
        return meter.spent_on_issue(1).cost
    finally:
        meter.close()


def test_a_secret_is_taken_out_of_the_environment_when_it_is_asked_for_and_known_from_then_on(
    monkeypatch,
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THIS_TEST", "sk-1")
    assert (
        secret_in_environment("A_SECRET_OF_THIS_TEST"),
        "A_SECRET_OF_THIS_TEST" in os.environ,
    ) == (
        "sk-1",
        False,
    )
    assert (
        secret_in_environment("A_SECRET_OF_THIS_TEST"),
        secret_in_environment("NO_SECRET_OF_THIS_TEST"),
    ) == ("sk-1", "")


def test_a_home_moves_to_a_database_and_back_with_every_entry_and_every_cent(
    home, postgres
) -> None:
    address, before, cost = (
        postgres.database(),
        SqliteLedger(home, SystemClock()).entries(),
        spent(home),
    )
    there = factory(home, "home", "move", "postgresql", "--json", FACTORY_DATABASE=address)
    assert there.returncode == 0, there.stderr
    assert {name: value for name, value in json.loads(there.stdout).items() if name != "where"} == {
        "ok": True,
        "entries": 2,
        "calls": 1,
    }
    assert read_home(home).database == "postgresql"
    assert not (home / "ledger.db").exists()
    assert (
        ledger_at(home, postgres_address(address)).entries(),
        spent(home, postgres_address(address)),
    ) == (before, cost)
    assert cost > 0
    status = factory(home, "status", "--json", FACTORY_DATABASE=address)
    assert status.returncode == 0, status.stderr
    (home / "ledger.db.moved").unlink()
    for name in ("broker.sqlite.moved", "broker.sqlite"):
        (home / "broker" / name).unlink(missing_ok=True)
    back = factory(home, "home", "move", "sqlite", FACTORY_DATABASE=address)
    assert back.returncode == 0, back.stderr
    here = SqliteLedger(home, SystemClock())
    assert (read_home(home).database, here.entries(), here.fault(), spent(home)) == (
        "sqlite",
        before,
        None,
        cost,
    )


def test_a_home_that_has_done_nothing_yet_moves_with_a_key_that_its_copies_share(
    tmp_path, postgres
) -> None:
    first, address = tmp_path / "first", postgres.database()
    write_home(first, ELSEWHERE)
    assert factory(first, "home", "move", "postgresql", FACTORY_DATABASE=address).returncode == 0
    shutil.copytree(first, tmp_path / "second")
    for home in (first, tmp_path / "second"):
        assert factory(home, "stop", FACTORY_DATABASE=address).returncode == 0
        ledger = ledger_at(home, postgres_address(address))
        assert ledger.fault() is None
        ledger.close()


def test_a_call_after_the_move_gets_a_number_of_its_own(home, postgres) -> None:
    address = postgres_address(postgres.database())
    new, old = (
        Meter(home / "x", prices(), database=address),
        Meter(home / "broker" / "broker.sqlite", prices()),
    )
    assert new.take(old) == 1
    who, caps = (
        SessionIdentity("t", "run", "implementer", 1, 1, "claude-opus-4-8"),
        SessionCaps(9, Decimal(5)),
    )
    new.open(who, caps)
    assert new.reserve(who, caps, Tokens(output=1)).id == 2
    with pytest.raises(ValueError, match="already"):
        new.take(old)


def test_a_ledger_that_was_tampered_with_is_not_moved(home, postgres) -> None:
    with sqlite3.connect(home / "ledger.db") as store:
        store.execute("DROP TRIGGER entries_are_never_changed")
        store.execute("UPDATE entries SET issue = 2 WHERE seq = 1")
    said = factory(home, "home", "move", "postgresql", FACTORY_DATABASE=postgres.database())
    assert (said.returncode, "entry 1 was changed" in said.stderr) == (5, True), said.stderr
    assert read_home(home).database == "sqlite"
    assert (home / "ledger.db").exists()


def test_a_database_that_has_a_ledger_is_not_moved_into(home, postgres, tmp_path) -> None:
    address = postgres.database()
    assert factory(home, "home", "move", "postgresql", FACTORY_DATABASE=address).returncode == 0
    other = tmp_path / "other"
    write_home(other, ELSEWHERE)
    SqliteLedger(other, SystemClock()).append(event_of("note", {}), "c")
    said = factory(other, "home", "move", "postgresql", FACTORY_DATABASE=address)
    assert (said.returncode, "there is a ledger already" in said.stderr) == (5, True), said.stderr
    assert SqliteLedger(other, SystemClock()).fault() is None


def test_nobody_begins_anew_because_the_database_was_not_named(home, postgres) -> None:
    address = postgres.database()
    assert factory(home, "home", "move", "postgresql", FACTORY_DATABASE=address).returncode == 0
    said = factory(home, "status")
    assert (said.returncode, "FACTORY_DATABASE" in said.stderr, "keys/database" in said.stderr) == (
        2,
        True,
        True,
    )
    assert not (home / "ledger.db").exists()
    kept = home / "keys" / "database"
    kept.write_text(address)
    kept.chmod(0o644)
    assert "others may read it" in factory(home, "status").stderr
    kept.chmod(0o600)
    assert factory(home, "status").returncode == 0


def test_a_database_that_is_named_to_a_home_that_has_none_is_refused(home, postgres) -> None:
    said = factory(home, "status", FACTORY_DATABASE=postgres.database())
    assert (said.returncode, "is in no database" in said.stderr) == (2, True)


def test_a_stop_at_one_machine_holds_at_another_and_a_resume_lifts_it(
    home, postgres, tmp_path
) -> None:
    address = postgres.database()
    assert factory(home, "home", "move", "postgresql", FACTORY_DATABASE=address).returncode == 0
    second = tmp_path / "second"
    shutil.copytree(home, second)
    assert factory(home, "stop", "look", FACTORY_DATABASE=address).returncode == 0
    (home / "STOP").unlink()
    assert (
        json.loads(factory(second, "status", "--json", FACTORY_DATABASE=address).stdout)["stopped"]
        is True
    )
    assert factory(second, "resume", FACTORY_DATABASE=address).returncode == 0
    assert (
        json.loads(factory(home, "status", "--json", FACTORY_DATABASE=address).stdout)["stopped"]
        is False
    )


def test_a_stop_without_its_database_is_set_here_and_warns_that_it_is_not_everywhere(
    home, postgres
) -> None:
    assert (
        factory(home, "home", "move", "postgresql", FACTORY_DATABASE=postgres.database()).returncode
        == 0
    )
    said = factory(home, "stop", FACTORY_DATABASE="postgresql://x:hunter2@127.0.0.1:1/none")
    assert (said.returncode, (home / "STOP").exists(), "hunter2" in said.stderr) == (
        5,
        True,
        False,
    ), said.stderr


@pytest.mark.parametrize(
    ("text", "query"),
    [
        (
            "postgresql://me:pw@db.example.org/factory",
            {"sslmode": "verify-full", "sslrootcert": "system"},
        ),
        ("postgres://me:pw@db.example.org/factory?sslmode=require", {"sslmode": "require"}),
        ("postgresql://me@localhost/factory?host=db.example.org", {"sslmode": "verify-full"}),
        ("postgresql://me@localhost/factory?hostaddr=192.0.2.1", {"sslmode": "verify-full"}),
    ],
)
def test_away_from_this_machine_the_line_is_encrypted_and_the_server_verified(text, query) -> None:
    from sqlalchemy import make_url

    found = make_url(postgres_address(text)).query
    assert query.items() <= dict(found).items()


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me@localhost/factory",
        "postgresql:///factory?host=/run/postgresql",
        "postgresql://me@[::1]/factory",
        "postgresql:///factory?host=localhost:5433",
    ],
)
def test_on_this_machine_it_need_not_be(text) -> None:
    assert "sslmode" not in postgres_address(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mysql://me:hunter2@h/d", "begins with mysql"),
        ("postgresql://me:hunter2@h", "names no database"),
        ("hunter2", "cannot be read"),
        ("postgresql://me:hunter2@h/d?sslmode=prefer", "reads along"),
        ("postgresql://me:hunter2@h/d?sslmode=disable", "reads along"),
    ],
)
def test_an_address_that_is_none_or_unsafe_is_refused_without_its_password(text, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        postgres_address(text)
    assert "hunter2" not in str(caught.value)


def test_where_a_database_is_can_be_said_without_its_secrets() -> None:
    assert (
        shown(postgres_address("postgresql://me:hunter2@db.example.org/shop"))
        == "PostgreSQL shop on db.example.org"
    )
