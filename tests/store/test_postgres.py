"""What only a ledger in a shared database can suffer; what every ledger promises is in
test_contract.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from harness.domain.errors import LedgerError
from harness.store.clock import SystemClock
from harness.store.ledger.postgres import PostgresLedger
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of

ROOT = Path(__file__).parents[2]
UNGUARDED = "ALTER TABLE entries DISABLE TRIGGER USER"


@pytest.fixture
def address(postgres) -> str:
    return postgres.database()


@pytest.fixture
def written(tmp_path: Path, address: str) -> PostgresLedger:
    """Five entries."""
    ledger = PostgresLedger(tmp_path / "home", SystemClock(), address)
    for number in range(1, 6):
        ledger.append(
            event_of("note", {"text": f"words {number} \x00\ud800"}),
            f"key-{number}",
            issue=number % 2,
            run=f"run-{number}",
        )
    return ledger


def test_a_ledger_that_was_never_written_to_leaves_nothing(tmp_path, address, postgres) -> None:
    ledger = PostgresLedger(tmp_path / "home", SystemClock(), address)
    assert (ledger.entries(), ledger.find("k"), ledger.fault()) == ((), None, None)
    assert postgres.sql(address, "SELECT to_regclass('entries')") == [(None,)]
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET kind = 'other' WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 5",
        "TRUNCATE entries",
        (
            "INSERT INTO entries SELECT 9, at, kind, 'k', issue, run, data, prev, hash, signature"
            " FROM entries WHERE seq = 5"
        ),
        (
            "INSERT INTO entries SELECT 6, at, kind, key, issue, run, data, prev, hash, signature"
            " FROM entries WHERE seq = 5"
        ),
        (
            "INSERT INTO entries SELECT seq, at, 'other', key, issue, run, data, prev, hash,"
            " signature FROM entries WHERE seq = 5 ON CONFLICT (seq) DO UPDATE SET kind = 'other'"
        ),
    ],
)
def test_the_store_itself_refuses_all_but_the_next_entry(
    written, address, postgres, statement
) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        postgres.sql(address, statement)
    assert written.fault() is None


@pytest.mark.parametrize(
    ("statement", "seq", "message"),
    [
        (
            "UPDATE entries SET data = replace(data, 'words 3', 'words X') WHERE seq = 3",
            3,
            "entry 3 was changed",
        ),
        (
            "UPDATE entries SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 1",
            1,
            "entry 1 was changed",
        ),
        ("UPDATE entries SET issue = 9 WHERE seq = 4", 4, "entry 4 was changed"),
        ("UPDATE entries SET signature = upper(signature) WHERE seq = 2", 2, "not signed"),
        ("DELETE FROM entries WHERE seq = 5", 5, "entry 5 is missing"),
        ("DELETE FROM entries", 1, "entry 1 is missing"),
        (
            "UPDATE ledger_head SET text = replace(text, '\"seq\": 5', '\"seq\": 4')",
            6,
            "not signed by this home's key",
        ),
        ("DELETE FROM ledger_head", 2, "names 0 entries, 5 are here"),
        ("DROP TABLE ledger_head", 1, "cannot be read"),
    ],
)
def test_every_change_is_found_and_named_and_nothing_is_written_on_a_cut(
    written, address, postgres, statement, seq, message
) -> None:
    postgres.sql(address, UNGUARDED, statement, "ALTER TABLE entries ENABLE TRIGGER USER")
    fault = written.fault()
    assert fault is not None
    assert (fault.seq, message in fault.message) == (seq, True), fault.message
    if "DELETE" in statement or "ledger_head" in statement:
        with pytest.raises(LedgerError):
            written.append(event_of("note", {}), "key-6")


@pytest.mark.parametrize(
    "statement",
    [
        UNGUARDED,
        "ALTER TABLE entries DISABLE TRIGGER entries_are_never_emptied",
        "DROP TRIGGER entries_are_append_only ON entries",
        (
            "CREATE OR REPLACE FUNCTION entries_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
            " RETURN NEW; END'"
        ),
        "CREATE RULE quietly AS ON INSERT TO entries DO INSTEAD NOTHING",
        "ALTER TABLE entries ENABLE ROW LEVEL SECURITY",
    ],
)
def test_guards_that_were_taken_away_or_gone_around_are_missed(
    written, address, postgres, statement
) -> None:
    assert written.fault() is None
    postgres.sql(address, statement)
    assert "guards" in (written.fault() or pytest.fail("no fault")).message


def test_a_database_that_was_put_back_is_refused_by_every_home_that_has_seen_more(
    written, address, postgres, tmp_path
) -> None:
    """Rows and head of an older copy belong together: only what this home has seen tells."""
    old = tmp_path / "old"
    shutil.copytree(tmp_path / "home", old)
    head = postgres.sql(address, "SELECT text FROM ledger_head")[0][0]
    written.append(event_of("note", {}), "key-6")
    postgres.sql(
        address,
        UNGUARDED,
        "DELETE FROM entries WHERE seq = 6",
        f"UPDATE ledger_head SET text = '{head}'",
        "ALTER TABLE entries ENABLE TRIGGER USER",
    )
    fault = written.fault()
    assert fault is not None
    assert (fault.seq, "older copy" in fault.message) == (6, True)
    with pytest.raises(LedgerError, match="has seen entry 6"):
        written.append(event_of("note", {}), "another")
    assert PostgresLedger(old, SystemClock(), address).fault() is None, (
        "it had seen five, and five are here"
    )
    (tmp_path / "home" / "ledger.head").unlink()
    assert written.append(event_of("note", {}), "another").seq == 6, (
        "a person said that it was meant"
    )


def test_an_empty_database_is_no_beginning_for_a_home_that_has_a_ledger(
    written, postgres, tmp_path
) -> None:
    other = PostgresLedger(tmp_path / "home", SystemClock(), postgres.database())
    assert "older copy, or is another one" in (other.fault() or pytest.fail("no fault")).message
    with pytest.raises(LedgerError, match="has seen entry 5"):
        other.append(event_of("note", {}), "k")
    assert other.entries() == ()


def test_two_homes_with_one_key_write_one_chain_and_a_home_with_another_key_writes_nothing(
    written, address, tmp_path
) -> None:
    (tmp_path / "second").mkdir()
    shutil.copytree(tmp_path / "home" / "keys", tmp_path / "second" / "keys")
    second = PostgresLedger(tmp_path / "second", SystemClock(), address)
    assert second.append(event_of("note", {}), "key-6").seq == 6
    assert written.append(event_of("note", {}), "key-6").seq == 6
    assert written.append(event_of("note", {}), "key-7").seq == 7
    assert (second.fault(), written.fault()) == (None, None)
    (tmp_path / "third" / "keys").mkdir(parents=True)
    for name, text in (("ledger.key", "ab" * 32), ("ledger.pub", "cd" * 32)):
        (tmp_path / "third" / "keys" / name).write_text(text)
    third = PostgresLedger(tmp_path / "third", SystemClock(), address)
    with pytest.raises(LedgerError, match="not signed by this home's key"):
        third.append(event_of("note", {}), "key-8")
    assert len(written.entries()) == 7


WRITER = """
import json, sys, time
from pathlib import Path
from harness.domain.events import UnknownEvent
from harness.store.ledger import postgres
from harness.store.clock import SystemClock
home, name, highest, soon = Path(sys.argv[1]), sys.argv[3], 0, postgres.write_head
# This writer's head is written late, so that the others get in between if nothing stops them.
if name == "a":
    postgres.write_head = lambda *given, **named: (time.sleep(0.02), soon(*given, **named))
ledger = postgres.PostgresLedger(home, SystemClock(), sys.argv[2])
for number in range(25):
    for key in (f"{name}-{number}", f"shared-{number}"):
        ledger.append(UnknownEvent("note", {}), key)
        before, highest = highest, json.loads((home / "ledger.head").read_text())["seq"]
        assert highest >= before, "the head went back"
"""


def test_many_writers_on_one_database_make_one_chain_and_no_head_goes_back(
    written, address, tmp_path
) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "home"), address, name],
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        for name in "abc"
    ]
    assert [writer.communicate(timeout=300)[1] for writer in writers] == ["", "", ""]
    assert len(written.entries()) == 5 + 25 * 4
    assert written.fault() is None


def test_a_database_that_goes_away_loses_nothing_and_is_found_again(
    written, address, postgres
) -> None:
    assert postgres.end_sessions(address) >= 1
    assert written.append(event_of("note", {}), "key-6").seq == 6, "the next session is another one"
    assert written.fault() is None


def test_no_password_is_in_what_is_said(tmp_path) -> None:
    ledger = PostgresLedger(
        tmp_path, SystemClock(), "postgresql://me:hunter2@127.0.0.1:1/none?connect_timeout=2"
    )
    with pytest.raises(LedgerError) as caught:
        ledger.append(event_of("note", {}), "k")
    assert caught.value.retryable
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in (ledger.fault() or pytest.fail("no fault")).message


def test_a_ledger_moves_between_stores_entry_by_entry_and_arrives_whole(
    written, tmp_path, postgres
) -> None:
    rows = written.rows()
    here = SqliteLedger(tmp_path / "home", SystemClock())
    end = here.take(rows)
    assert (end.seq, here.entries(), here.fault()) == (5, written.entries(), None)
    assert here.append(event_of("note", {}), "key-6").seq == 6
    back = PostgresLedger(tmp_path / "home", SystemClock(), postgres.database())
    assert back.take(here.rows()).seq == 6
    assert (back.entries(), back.fault()) == (here.entries(), None)
    with pytest.raises(LedgerError, match="already"):
        back.take(rows)


def test_a_copy_that_was_changed_on_the_way_is_not_taken(written, tmp_path, postgres) -> None:
    rows = [dict(row) for row in written.rows()]
    rows[2]["data"] = json.dumps({"text": "else"})
    target = PostgresLedger(tmp_path / "home", SystemClock(), postgres.database())
    with pytest.raises(LedgerError, match="entry 3"):
        target.take(rows)
    assert target.entries() == ()
    assert written.fault() is None
