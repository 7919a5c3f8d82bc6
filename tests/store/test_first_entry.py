"""Killed within its very first entry, a ledger has a file and nothing in it. It was taken for one
that somebody had emptied."""

import sqlite3

import pytest

from harness.domain.errors import LedgerError
from harness.store.ledger.signing import Signer
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of
from tests.fakes.clock import FakeClock


@pytest.fixture
def home(tmp_path):
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
    return tmp_path


def test_a_ledger_that_was_never_begun_has_no_fault_and_begins(home) -> None:
    ledger = SqliteLedger(home, FakeClock())
    assert ledger.fault() is None
    assert ledger.append(event_of("issue", {}), "issue/1", issue=1).seq == 1
    assert ledger.fault() is None
    ledger.close()


def test_a_ledger_that_was_emptied_beside_its_signed_head_has_one(home) -> None:
    ledger = SqliteLedger(home, FakeClock())
    ledger.append(event_of("issue", {}), "issue/1", issue=1)
    ledger.close()
    for path in home.glob("ledger.db*"):
        path.unlink()
    sqlite3.connect(home / "ledger.db").execute("PRAGMA journal_mode = WAL")
    assert SqliteLedger(home, FakeClock()).fault() is not None


def test_a_ledger_that_nobody_can_look_at_is_not_an_empty_one(tmp_path) -> None:
    (tmp_path / "ledger.db").symlink_to("ledger.db")
    ledger = SqliteLedger(tmp_path, FakeClock())
    with pytest.raises(LedgerError, match="cannot be looked at"):
        ledger.entries()
    fault = ledger.fault()
    assert fault is not None
    assert "cannot be looked at" in fault.message


def test_no_new_key_is_made_where_nobody_can_look_at_the_old_one(tmp_path) -> None:
    (tmp_path / "key").symlink_to("key")
    with pytest.raises(LedgerError, match="cannot be looked at"):
        Signer(tmp_path / "key").create()
    assert (tmp_path / "key").is_symlink()
