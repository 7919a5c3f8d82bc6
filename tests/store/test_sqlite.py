from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.domain.errors import LedgerError
from harness.domain.events import UnknownEvent
from harness.domain.ledger import GENESIS, Head, NewEntry, chained
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of

ROOT, SECONDS = (
    Path(__file__).parents[2],
    300,
)  # longer than any of the programs here takes on a busy machine


class Ticking:
    """A clock that moves a second each time it is asked."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return SqliteLedger(tmp_path / "home", Ticking())


@pytest.fixture
def written(ledger: SqliteLedger) -> SqliteLedger:
    """Five entries, closed."""
    for number in range(1, 6):
        ledger.append(
            event_of("note", {"text": f"words {number}"}),
            f"key-{number}",
            issue=number % 2,
            run=f"run-{number}",
        )
    ledger.close()
    return ledger


@pytest.fixture
def together(ledger: SqliteLedger) -> SqliteLedger:
    """One entry, then five that were written together, then one more; closed."""
    ledger.append(event_of("note", {}), "key-1")
    ledger.append_all(
        NewEntry(event_of("note", {"text": f"words {number}"}), f"key-{number}")
        for number in range(2, 7)
    )
    ledger.append(event_of("note", {}), "key-7")
    ledger.close()
    return ledger


def home_of(ledger: SqliteLedger) -> Path:
    return ledger._home


def forced(home: Path, *statements: str) -> None:
    """What somebody does who has the file and no respect: the guards go first."""
    with sqlite3.connect(home / "ledger.db") as store:
        for (name,) in store.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            store.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            store.execute(statement)


def guards(home: Path) -> list[str]:
    with sqlite3.connect(home / "ledger.db") as store:
        return [
            sql for (sql,) in store.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        ]


def test_an_entry_comes_back_as_it_was_written(ledger) -> None:
    entry = ledger.append(
        event_of("note", {"text": "naïve \ud800 \u0000 🌊", "deep": [{"n": 1.5}]}),
        "k",
        issue=7,
        run="r",
    )
    assert (entry.seq, entry.kind, entry.key, entry.issue, entry.run, entry.prev) == (
        1,
        "note",
        "k",
        7,
        "r",
        GENESIS,
    )
    assert entry.at == "2026-11-21T00:00:01+00:00"
    assert ledger.entries() == (entry,)
    assert ledger.find("k") == entry
    assert ledger.find("other") is None
    assert ledger.fault() is None


def test_a_ledger_that_was_never_written_to_is_empty_and_leaves_no_file(ledger) -> None:
    assert (ledger.entries(), ledger.find("k"), ledger.fault()) == ((), None, None)
    assert not home_of(ledger).exists()


def test_the_same_key_is_the_same_entry(ledger) -> None:
    first = ledger.append(event_of("note", {"n": 1}), "k")
    assert ledger.append(event_of("note", {"n": 2}), "k") == first
    assert len(ledger.entries()) == 1


def test_entries_are_found_by_issue_and_by_kind(ledger) -> None:
    for number, kind in enumerate(("a", "b", "a", "b"), 1):
        ledger.append(event_of(kind, {}), f"k{number}", issue=number // 3)
    assert [entry.key for entry in ledger.entries(issue=1)] == ["k3", "k4"]
    assert [entry.key for entry in ledger.entries(issue=0)] == ["k1", "k2"]
    assert [entry.key for entry in ledger.entries(kind="b")] == ["k2", "k4"]
    assert [entry.key for entry in ledger.entries(issue=1, kind="b")] == ["k4"]


def test_what_follows_an_entry_is_found_by_its_number(written) -> None:
    assert [entry.seq for entry in written.entries(after=3)] == [4, 5]
    assert written.entries(after=5) == ()
    assert [entry.seq for entry in written.entries(issue=1, after=1)] == [3, 5]


def test_what_was_found_sound_is_not_verified_again_and_what_follows_is(written) -> None:
    first = written.entries()[1]
    since = Head(first.seq, first.hash)
    assert written.fault_after(since) is None
    written.append(event_of("note", {}), "key-6")
    written.close()
    assert written.fault_after(since) is None
    forced(home_of(written), "UPDATE entries SET data = '{}' WHERE seq = 1")
    assert written.fault_after(since) is None, "that is `fault`'s to find"
    assert written.fault() is not None


@pytest.mark.parametrize(
    ("statement", "seq"),
    [
        ("UPDATE entries SET data = '{}' WHERE seq = 4", 4),
        ("DELETE FROM entries WHERE seq = 5", 5),
        ("DELETE FROM entries WHERE seq = 3", 3),
        ("UPDATE entries SET hash = 'x' WHERE seq = 2", 2),
        ("DELETE FROM entries WHERE seq >= 2", 2),
        ("UPDATE entries SET signature = '00' WHERE seq = 4", 4),
    ],
)
def test_what_is_wrong_after_a_sound_entry_is_found(written, statement, seq) -> None:
    sound = written.entries()[1]
    written.close()
    forced(home_of(written), statement)
    fault = written.fault_after(Head(sound.seq, sound.hash))
    assert (fault or pytest.fail("no fault")).seq == seq


def test_a_head_that_went_back_is_a_fault(written, tmp_path) -> None:
    kept = (home_of(written) / "ledger.head").read_bytes()
    for number in (6, 7):
        last = written.append(event_of("note", {}), f"key-{number}")
    written.close()
    (home_of(written) / "ledger.head").write_bytes(kept)
    assert written.fault_after(Head(last.seq, last.hash)) is not None


def test_a_ledger_goes_on_where_it_was_left(written) -> None:
    again = SqliteLedger(home_of(written), Ticking())
    entry = again.append(event_of("note", {}), "key-6")
    assert (entry.seq, entry.prev) == (6, written.entries()[4].hash)
    assert again.fault() is None


WRITER = """
import json, sys
from pathlib import Path
from harness.domain.events import UnknownEvent
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
home, name = Path(sys.argv[1]), sys.argv[2]
ledger = SqliteLedger(home, SystemClock())
for number in range(40):
    for key in (f"{name}-{number}", f"shared-{number}"):
        entry = ledger.append(UnknownEvent("note", {}), key)
        head = json.loads((home / "ledger.head").read_text())
        assert head["seq"] >= entry.seq, "the head went back"
"""


def test_many_writers_make_one_chain_and_the_head_never_goes_back(ledger) -> None:
    """`factory stop` writes while `factory tick` runs."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(home_of(ledger)), name],
            cwd=ROOT,
            text=True,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"]},
        )
        for name in "abc"
    ]
    assert [writer.communicate(timeout=SECONDS)[1] for writer in writers] == ["", "", ""]
    assert len(ledger.entries()) == 160
    assert ledger.fault() is None


@pytest.mark.parametrize("data", [{"x": {1, 2}}, {"x": float("inf")}, {"x": b"bytes"}])
def test_what_is_not_json_is_refused_and_not_written(ledger, data) -> None:
    with pytest.raises(LedgerError, match="not JSON"):
        ledger.append_all(
            (NewEntry(event_of("note", {}), "j"), NewEntry(event_of("note", data), "k"))
        )
    assert ledger.entries() == ()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET kind = 'other' WHERE seq = 3",
        "DELETE FROM entries WHERE seq = 5",
        (
            "INSERT OR REPLACE INTO entries SELECT seq, at, 'other', key, issue, run, data, prev,"
            " hash, signature FROM entries WHERE seq = 5"
        ),
        (
            "INSERT OR REPLACE INTO entries SELECT 6, at, kind, key, issue, run, data, prev, hash,"
            " signature FROM entries WHERE seq = 5"
        ),
        (
            "INSERT INTO entries SELECT 9, at, kind, 'k', issue, run, data, prev, hash, signature"
            " FROM entries WHERE seq = 5"
        ),
    ],
)
def test_the_store_itself_refuses_all_but_the_next_entry(written, statement) -> None:
    with (
        sqlite3.connect(home_of(written) / "ledger.db") as store,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        store.execute(statement)
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
            "UPDATE entries SET data = replace(data, ':', ': ') WHERE seq = 3",
            3,
            "not as it was written",
        ),
        ("UPDATE entries SET data = '{' WHERE seq = 2", 2, "entry 2 was changed"),
        (
            "UPDATE entries SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 1",
            1,
            "entry 1 was changed",
        ),
        ("UPDATE entries SET issue = 9 WHERE seq = 4", 4, "entry 4 was changed"),
        ("UPDATE entries SET run = NULL WHERE seq = 4", 4, "entry 4 was changed"),
        (
            (
                "UPDATE entries SET signature = replace(signature, substr(signature, 1, 1), 'z')"
                " WHERE seq = 2"
            ),
            2,
            "not signed",
        ),
        ("UPDATE entries SET signature = upper(signature) WHERE seq = 2", 2, "not signed"),
        ("UPDATE entries SET hash = lower(hex(zeroblob(32))) WHERE seq = 2", 2, "not signed"),
        ("DELETE FROM entries WHERE seq = 5", 5, "entry 5 is missing"),
        ("DELETE FROM entries WHERE seq >= 3", 3, "entry 3 is missing"),
        ("DELETE FROM entries", 1, "entry 1 is missing"),
        ("DELETE FROM entries WHERE seq = 1", 1, "entry 1 is missing"),
        ("DELETE FROM entries WHERE seq = 3", 3, "entry 3 is missing"),
    ],
)
def test_every_change_is_found_and_named_and_nothing_is_written_after_a_cut(
    written, statement, seq, message
) -> None:
    forced(home_of(written), statement)
    fault = written.fault()
    assert fault is not None
    assert (fault.seq, message in fault.message) == (seq, True), fault.message
    if statement.startswith("DELETE") and "seq =" not in statement.replace("seq = 5", ""):
        with pytest.raises(LedgerError, match="nothing is written"):
            written.append(event_of("note", {}), "key-6")


@pytest.mark.parametrize(
    ("statement", "seq", "message"),
    [
        (
            "UPDATE entries SET data = replace(data, 'words 4', 'words X') WHERE seq = 4",
            4,
            "entry 4 was changed",
        ),
        ("UPDATE entries SET prev = hash WHERE seq = 4", 4, "entry 4 does not chain"),
        ("UPDATE entries SET seq = 8 WHERE seq = 4", 4, "entry 4 is missing"),
        ("DELETE FROM entries WHERE seq = 4", 4, "entry 4 is missing"),
        ("DELETE FROM entries WHERE seq = 2", 2, "entry 2 is missing"),
        ("DELETE FROM entries WHERE seq = 6", 6, "entry 6 is missing"),
        ("DELETE FROM entries WHERE seq >= 4", 2, "entries 2 to 3 were not signed"),
        ("UPDATE entries SET signature = '' WHERE seq = 7", 7, "entry 7 was not signed"),
        ("UPDATE entries SET signature = '' WHERE seq = 6", 2, "entries 2 to 7 were not signed"),
        (
            (
                "UPDATE entries SET signature = replace(signature, substr(signature, 1, 1), 'z')"
                " WHERE seq = 6"
            ),
            2,
            "entries 2 to 6 were",
        ),
        (
            (
                "UPDATE entries SET signature = (SELECT signature FROM entries WHERE seq = 6) WHERE"
                " seq = 5"
            ),
            2,
            "entries 2 to 5 were",
        ),
        (
            (
                "UPDATE entries SET signature = (SELECT signature FROM entries WHERE seq = 7) WHERE"
                " seq = 4"
            ),
            2,
            "entries 2 to 4 were",
        ),
    ],
)
def test_every_change_of_what_was_written_together_is_found(
    together, statement, seq, message
) -> None:
    first = together.entries()[0]
    together.close()
    forced(home_of(together), statement)
    for fault in (together.fault(), together.fault_after(Head(first.seq, first.hash))):
        assert fault is not None
        assert (fault.seq, message in fault.message) == (seq, True), fault.message


@pytest.mark.parametrize(
    ("seq", "message"), [(4, "entries 2 to 6 were not signed"), (7, "entry 7 was not signed")]
)
def test_who_can_compute_a_hash_and_cannot_sign_changes_nothing(together, seq, message) -> None:
    """From that entry on the chain is made anew, as an intruder would who has the file and not the
    key."""
    before, *rest = together.entries()[seq - 2 :]
    last, changes = Head(before.seq, before.hash), []
    for entry in rest:
        new = NewEntry(UnknownEvent("other", entry.data), entry.key)
        made = chained(last, new, at=entry.at, data=entry.data)
        last = Head(made.seq, made.hash)
        changes.append(
            f"UPDATE entries SET kind = 'other', prev = '{made.prev}', hash = '{made.hash}' WHERE"
            f" seq = {made.seq}"
        )
    together.close()
    forced(home_of(together), *changes)
    assert message in (together.fault() or pytest.fail("no fault")).message


def test_a_part_of_what_was_written_together_never_passes_for_the_whole(ledger) -> None:
    """Cut within it, and the older head put back: a crash may leave something beyond a head, and
    never this."""
    older = beyond_the_head(
        ledger,
        NewEntry(event_of("note", {}), "k2"),
        NewEntry(event_of("note", {}), "k3"),
        NewEntry(event_of("note", {}), "k4"),
    )
    assert ledger.fault() is None, "the whole of it is what a crash may leave"
    ledger.close()
    forced(home_of(ledger), "DELETE FROM entries WHERE seq = 4")
    for fault in (ledger.fault(), ledger.fault_after(older)):
        assert fault is not None
        assert (fault.seq, fault.message) == (
            2,
            "entries 2 to 3 were not signed by this home's key",
        )
    with pytest.raises(LedgerError, match="nothing is written"):
        ledger.append(event_of("note", {}), "k5")


def test_an_entry_forged_onto_the_end_is_not_taken_for_one_that_a_crash_left(written) -> None:
    last = written.entries()[-1]
    forged = chained(
        Head(last.seq, last.hash),
        NewEntry(UnknownEvent("other", {}), "forged", 1),
        at=last.at,
        data={"outcome": "passed"},
    )
    forced(
        home_of(written),
        "INSERT INTO entries SELECT 6, at, 'other', 'forged', 1, NULL,"
        f" '{json.dumps(forged.data, separators=(',', ':'))}', '{last.hash}', '{forged.hash}',"
        " signature FROM entries WHERE seq = 5",
    )
    fault = written.fault()
    assert fault is not None
    assert (fault.seq, fault.message) == (6, "entry 6 was not signed by this home's key")


def test_a_crash_between_the_entry_and_the_head_is_no_fault_and_is_mended(ledger) -> None:
    head = home_of(ledger) / "ledger.head"
    ledger.append(event_of("note", {}), "k1")
    older = head.read_bytes()
    second = ledger.append(event_of("note", {}), "k2")
    head.write_bytes(older)
    assert ledger.fault() is None
    assert ledger.append(event_of("note", {}), "k2") == second
    assert (
        json.loads(head.read_text())["seq"] == 2
    )  # before anything is written: a second crash would leave it two behind
    assert ledger.append(event_of("note", {}), "k3").seq == 3
    assert json.loads(head.read_text())["seq"] == 3
    assert ledger.fault() is None


def beyond_the_head(ledger: SqliteLedger, *new: NewEntry) -> Head:
    """An entry, and these together where a crash left them: beyond the head, which names the
    one."""
    head, first = home_of(ledger) / "ledger.head", ledger.append(event_of("note", {}), "k1")
    older = head.read_bytes()
    ledger.append_all(new)
    head.write_bytes(older)
    return Head(first.seq, first.hash)


def test_a_crash_after_what_was_written_together_is_no_fault_and_is_mended(ledger) -> None:
    new = tuple(NewEntry(event_of("note", {}), f"k{number}") for number in range(2, 6))
    beyond_the_head(ledger, *new)
    entries = ledger.entries()
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    last = Head(5, entries[-1].hash)
    assert (ledger.fault(), ledger.fault_after(last)) == (None, None), (
        "who has read so far reads on"
    )
    assert ledger.append_all(new) == entries[1:], "nothing twice"
    assert json.loads((home_of(ledger) / "ledger.head").read_text())["seq"] == 5
    assert ledger.append_all((*new, NewEntry(event_of("note", {}), "k6"))) == (
        *entries[1:],
        ledger.find("k6"),
    )
    assert (ledger.fault(), ledger.fault_after(last)) == (None, None)


def test_nothing_follows_what_a_crash_left_beyond_the_head(ledger) -> None:
    beyond_the_head(
        ledger, NewEntry(event_of("note", {}), "k2"), NewEntry(event_of("note", {}), "k3")
    )
    older = (home_of(ledger) / "ledger.head").read_bytes()
    read = ledger.entries()[-1]
    ledger.append_all((NewEntry(event_of("note", {}), "k4"), NewEntry(event_of("note", {}), "k5")))
    (home_of(ledger) / "ledger.head").write_bytes(older)
    for fault in (ledger.fault(), ledger.fault_after(Head(read.seq, read.hash))):
        assert fault is not None
        assert (fault.seq, fault.message) == (4, "the signed head names 1 entries, 5 are here")


def test_a_crash_before_the_first_head_is_no_fault(ledger) -> None:
    ledger.append(event_of("note", {}), "k1")
    (home_of(ledger) / "ledger.head").unlink()
    assert ledger.fault() is None
    assert ledger.append(event_of("note", {}), "k2").seq == 2
    assert ledger.fault() is None


def test_no_crash_leaves_two_entries_beyond_the_head(ledger) -> None:
    head = home_of(ledger) / "ledger.head"
    ledger.append(event_of("note", {}), "k1")
    older = head.read_bytes()
    ledger.append(event_of("note", {}), "k2")
    ledger.append(event_of("note", {}), "k3")
    head.write_bytes(older)
    fault = ledger.fault()
    assert fault is not None
    assert (fault.seq, fault.message) == (3, "the signed head names 1 entries, 3 are here")
    with pytest.raises(LedgerError, match="the signed head names 1"):
        ledger.append(event_of("note", {}), "k4")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda head: head.unlink(), "names 0 entries, 5 are here"),
        (
            lambda head: head.write_text(head.read_text().replace('"seq": 5', '"seq": 4')),
            "not signed by this home's key",
        ),
        (lambda head: head.write_text(head.read_text() + " "), "not signed by this home's key"),
        (
            lambda head: head.write_text("{}"),
            "ledger.head lacks 'seq': it is not what was written; restore `ledger.db`",
        ),
        (lambda head: head.write_text("[]"), "is not what was written (list indices"),
        (lambda head: head.write_bytes(b"\xff"), "cannot be read"),
    ],
)
def test_a_head_that_was_tampered_with_is_named(written, spoil, message) -> None:
    spoil(home_of(written) / "ledger.head")
    fault = written.fault()
    assert fault is not None
    assert message in fault.message


def test_a_head_without_its_ledger_is_a_fault_and_begins_no_new_one(written) -> None:
    (home_of(written) / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="there is no ledger"):
        written.append(event_of("note", {}), "k")
    assert written.fault() is not None


def test_no_new_key_is_made_for_an_old_ledger(written) -> None:
    shutil.rmtree(home_of(written) / "keys")
    again = SqliteLedger(home_of(written), Ticking())
    with pytest.raises(LedgerError, match="cannot be read as a key"):
        again.append(event_of("note", {}), "k")
    assert not (home_of(written) / "keys").exists()
    assert again.fault() is not None


def test_guards_that_were_taken_away_are_missed(written) -> None:
    before = guards(home_of(written))
    assert len(before) == 3
    forced(home_of(written))
    fault = written.fault()
    assert fault is not None
    assert "guards" in fault.message


def test_one_byte_of_the_file_anywhere_is_found_or_changed_no_entry(written) -> None:
    path = home_of(written) / "ledger.db"
    whole, entries = path.read_bytes(), written.entries()
    written.close()
    words = {whole.index(b"words %d" % n): n for n in range(1, 6)}
    for place in [*words, *range(0, len(whole), 401)]:
        spoiled = bytearray(whole)
        spoiled[place] ^= 0x15
        path.write_bytes(spoiled)
        fault = written.fault()
        if place in words:
            assert fault is not None
            assert fault.seq == words[place]
        if fault is None:
            assert written.entries() == entries, place
        written.close()


def test_a_file_that_is_no_ledger_is_refused_by_name(written) -> None:
    (home_of(written) / "ledger.db").write_bytes(b"no ledger at all " * 200)
    assert "not a database" in (written.fault() or pytest.fail("no fault")).message
    with pytest.raises(LedgerError, match="could not be read"):
        written.entries()


FULL_DISK = """
import resource, sys
from pathlib import Path
from harness.domain.errors import LedgerError
from harness.domain.events import UnknownEvent
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
home = Path(sys.argv[1])
ledger = SqliteLedger(home, SystemClock())
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
try:
    ledger.append(UnknownEvent("note", {"text": "x" * 1024 * 1024}), "big")
except LedgerError as error:
    print("refused:", error, error.retryable)
print("found:", ledger.find("big"), "fault:", ledger.fault())
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print("then:", ledger.append(UnknownEvent("note", {"text": "small"}), "big").seq, ledger.fault())
"""


def test_a_disk_that_takes_no_more_leaves_no_half_of_an_entry(written) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(home_of(written))],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=SECONDS,
        env={"PATH": os.environ["PATH"]},
    )
    refused, found, then = done.stdout.splitlines() or [done.stderr]
    assert refused.startswith("refused: the ledger could not be written")
    assert refused.endswith("nothing was changed True")
    assert found == "found: None fault: None"
    assert then == "then: 6 None"


def test_a_ledger_that_cannot_be_begun_is_not_half_begun(ledger) -> None:
    key = home_of(ledger) / "keys" / "ledger.key"
    key.parent.mkdir(parents=True)
    key.write_text("not a key")
    with pytest.raises(LedgerError, match="cannot be read as a key"):
        ledger.append(event_of("note", {}), "k")
    with sqlite3.connect(home_of(ledger) / "ledger.db") as store:
        assert store.execute("SELECT name FROM sqlite_master").fetchall() == []
    key.unlink()
    assert ledger.append(event_of("note", {}), "k").seq == 1


def test_the_key_is_its_owners_alone(written) -> None:
    key = home_of(written) / "keys" / "ledger.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from harness.store.clock import SystemClock
from harness.domain.events import UnknownEvent
from harness.domain.ledger import NewEntry
from harness.store.ledger.sqlite import SqliteLedger
ledger, size = SqliteLedger(Path(sys.argv[1]), SystemClock()), int(sys.argv[3])
n = first = len(ledger.entries())
while True:
    ledger.append_all(NewEntry(UnknownEvent("note", {"n": one}), f"key-{one}") for one in range(n, n + size))
    if n == first:
        threading.Timer(float(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    n += size
    print(n, flush=True)
"""


@pytest.mark.parametrize("size", [1, 40])
def test_killed_while_writing_nothing_that_was_said_to_be_written_is_lost_or_halved(
    tmp_path, size
) -> None:
    said = 0
    for seconds in ("0.05", "0.021", "0.033")[: 3 if size == 1 else 2]:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), seconds, str(size)],
            cwd=ROOT,
            text=True,
            capture_output=True,
            timeout=SECONDS,
            env={"PATH": os.environ["PATH"]},
        )
        assert done.returncode == -9, done.stderr
        said = int(done.stdout.split()[-1]) if done.stdout.split() else said
        ledger = SqliteLedger(tmp_path, Ticking())
        assert ledger.fault() is None
        assert len(ledger.entries()) in (said, said + size)
        ledger.close()
    assert said > 0


def test_an_anchor_names_where_the_chain_ends_for_one_run_and_nobody_else_can_write_one(
    ledger, tmp_path
) -> None:
    assert ledger.anchor("merge-1-1") == ""
    last = ledger.append(event_of("note", {}), "k")
    anchor = ledger.anchor("merge-1-1")
    assert ledger.anchored("merge-1-1", anchor) == Head(last.seq, last.hash)
    assert ledger.anchored("merge-1-2", anchor) is None
    other = SqliteLedger(tmp_path / "other", Ticking())
    other.append(event_of("note", {}), "k")
    seq, digest, signature = anchor.split()
    for forged in (
        "",
        "1 2",
        anchor + " ",
        f"2 {digest} {signature}",
        f"{seq} {digest[::-1]} {signature}",
        f"{seq} {digest} {'0' * 128}",
        other.anchor("merge-1-1"),
    ):
        assert ledger.anchored("merge-1-1", forged) is None
