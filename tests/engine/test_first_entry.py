"""Killed within its very first entry, a ledger has a file and nothing in it. It was taken for one that somebody had emptied."""

import sqlite3

import pytest

from harness.engine.ledger import SqliteLedger
from tests.fakes.clock import FakeClock


@pytest.fixture
def home(tmp_path):
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
    return tmp_path


def test_a_ledger_that_was_never_begun_has_no_fault_and_begins(home) -> None:
    ledger = SqliteLedger(home, FakeClock())
    assert ledger.fault() is None
    assert ledger.append("issue", "issue/1", issue=1).seq == 1
    assert ledger.fault() is None
    ledger.close()


def test_a_ledger_that_was_emptied_beside_its_signed_head_has_one(home) -> None:
    ledger = SqliteLedger(home, FakeClock())
    ledger.append("issue", "issue/1", issue=1)
    ledger.close()
    for path in home.glob("ledger.db*"):
        path.unlink()
    sqlite3.connect(home / "ledger.db").execute("PRAGMA journal_mode = WAL")
    assert SqliteLedger(home, FakeClock()).fault() is not None
